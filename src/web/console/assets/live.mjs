// The live view: rows appear as they are recorded. Paused, they wait; the oldest go when there are too many.
const ROWS_MAX = 500;
const live = document.getElementById("live");
const rows = document.getElementById("rows");
const button = document.getElementById("pause");
const state = document.getElementById("state");
let waiting = [];
let paused = false;

function cell(tag, ...content) {
  const out = document.createElement(tag);
  out.append(...content);
  return out;
}

function row(entry) {
  const link = cell("a", String(entry.seq));
  link.href = `/entry/${entry.seq}`;
  const head = cell("th", link);
  head.scope = "row";
  const badge = cell("span", entry.said);
  badge.className = `badge ${entry.class}`;
  const result = cell("td", badge);
  if (entry.refusal) result.append(" ", cell("code", entry.refusal));
  return cell("tr", head, cell("td", entry.time), cell("td", entry.kind), result, cell("td", entry.partner),
    cell("td", cell("code", entry.method)));
}

function show(entries) {
  for (const entry of entries) rows.prepend(row(entry));
  while (rows.rows.length > ROWS_MAX) rows.lastElementChild.remove();
}

function tell() {
  state.textContent = paused ? `${live.dataset.paused}: ${waiting.length}` : live.dataset.on;
  button.textContent = paused ? live.dataset.resume : live.dataset.pause;
  button.setAttribute("aria-pressed", String(paused));
}

const events = new EventSource("/live/events");
events.addEventListener("open", tell);
events.addEventListener("error", () => {
  state.textContent = live.dataset.lost;
});
events.addEventListener("message", (event) => {
  const entry = JSON.parse(event.data);
  if (paused) {
    waiting.push(entry);
    waiting = waiting.slice(-ROWS_MAX);
    tell();
  } else {
    show([entry]);
  }
});
button.addEventListener("click", () => {
  paused = !paused;
  if (!paused) {
    show(waiting);
    waiting = [];
  }
  tell();
});
button.hidden = false;
