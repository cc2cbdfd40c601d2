// An entry's page: verifies the proof that stands in it, and keeps the key that the officer was given another way.
import {
  Invalid, canVerify, fromBase64, isContinuation, isSigned, leafHash, parseNote, parseProof, parseVerifierKey, readLeaf,
  rootOf, same, toBase64, toHex,
} from "./proof.mjs";

const YES = "✓";
const NO = "✗";
const SKIP = "–";
const find = (id) => document.getElementById(id);
const kept = {
  key: (origin) => `tollgate.key.${origin}`,
  seen: (origin) => `tollgate.seen.${origin}`,
};

function tell(step, mark, detail = "", words = null) {
  const item = document.querySelector(`[data-step="${step}"]`);
  const said = words ?? { [YES]: item.dataset.yes, [NO]: item.dataset.no, [SKIP]: item.dataset.skip }[mark];
  item.className = { [YES]: "yes", [NO]: "no", [SKIP]: "unknown" }[mark];
  item.querySelector(".mark").textContent = mark;
  item.querySelector(".said").textContent = detail ? `${said} ${detail}` : said;
  return mark !== NO;
}

/** The key to check with: the officer's own where there is one, else the gateway's. */
async function verifierKey(panel) {
  const told = panel.dataset.vkey;
  const own = localStorage.getItem(kept.key((await parseVerifierKey(told)).name));
  return { text: own ?? told, isOwn: own !== null };
}

async function verify(panel) {
  for (const item of document.querySelectorAll("[data-step]")) item.className = "";
  const steps = [];
  let read;
  try {
    read = parseProof(find("proof").textContent);
    read.note = parseNote(read.checkpoint);
    read.leaf ?? (() => { throw new Invalid("the proof has no leaf"); })();
    read.hash = await leafHash(read.leaf);
    steps.push(tell("leaf", YES, toHex(read.hash)));
  } catch {
    for (const step of ["leaf", "root", "note", "shown", "seen"]) steps.push(tell(step, NO));
    return finish(steps);
  }
  const rooted = await leadsToRoot(read);
  steps.push(rooted);
  const signed = await noteIsSigned(panel, read);
  steps.push(signed);
  steps.push(shows(read.leaf));
  // What is not proven is not remembered.
  steps.push(rooted && signed === true ? await goesOn(panel, read.note) : tell("seen", SKIP));
  return finish(steps);
}

function finish(steps) {
  const verdict = find("verdict");
  const failed = steps.includes(false);
  verdict.textContent = failed ? `${NO} ${verdict.dataset.no}` : "";
  verdict.className = failed ? "verdict no" : "verdict";
  find("verification").dataset.verified = failed ? "no" : "yes";
}

async function leadsToRoot({ hash, index, note, proof }) {
  try {
    const root = await rootOf(hash, index, note.size, proof);
    return tell("root", same(root, note.root) ? YES : NO, same(root, note.root) ? toHex(root) : "");
  } catch {
    return tell("root", NO);
  }
}

async function noteIsSigned(panel, { note }) {
  try {
    const { text } = await verifierKey(panel);
    const key = await parseVerifierKey(text);
    if (!(await canVerify())) {
      tell("note", SKIP);
      return null;
    }
    return tell("note", (await isSigned(note, key)) ? YES : NO, text);
  } catch {
    return tell("note", NO);
  }
}

/** What the page shows as the leaf's must be what the leaf says: the proof is of the leaf, not of the page. */
function shows(leaf) {
  let said;
  try {
    said = readLeaf(leaf);
  } catch {
    return tell("shown", NO);
  }
  const shown = {};
  for (const fact of document.querySelectorAll("#leaf-facts [data-leaf]")) shown[fact.dataset.leaf] = fact.dataset.value;
  const names = new Set([...Object.keys(said), ...Object.keys(shown)]);
  const wrong = [...names].filter((name) => (said[name] ?? "") !== (shown[name] ?? ""));
  return tell("shown", wrong.length === 0 ? YES : NO, wrong.join(", "));
}

/** Compares with the last checkpoint that this browser saw, and remembers this one if it is later. */
async function goesOn(panel, note) {
  const place = kept.seen(note.origin);
  const remember = () =>
    localStorage.setItem(place, JSON.stringify({ size: note.size.toString(), root: toBase64(note.root) }));
  try {
    const seen = JSON.parse(localStorage.getItem(place) ?? "null");
    if (seen === null) {
      remember();
      return tell("seen", YES, "", panel.dataset.first);
    }
    const [from, root] = [BigInt(seen.size), fromBase64(seen.root)];
    // A page may be older than what was seen since.
    const [small, large] = from <= note.size ? [[from, root], [note.size, note.root]] : [[note.size, note.root], [from, root]];
    let proof = [];
    if (small[0] !== large[0]) {
      const answer = await fetch(`/continuation?from=${small[0]}&to=${large[0]}&period=${panel.dataset.period}`);
      // No answer is no proof: neither for the log nor against it.
      if (!answer.ok) return answer.status === 400 ? tell("seen", NO) : tell("seen", SKIP);
      proof = (await answer.json()).proof.map(fromBase64);
    }
    const holds = await isContinuation(...small, ...large, proof);
    if (holds && from < note.size) remember();
    return tell("seen", holds ? YES : NO, holds ? from.toString() : "");
  } catch {
    return tell("seen", SKIP);
  }
}

async function keyPanel(panel) {
  const place = kept.key((await parseVerifierKey(panel.dataset.vkey)).name);
  const [field, state] = [find("own-key"), find("key-state")];
  const show = () => {
    const own = localStorage.getItem(place);
    field.value = own ?? "";
    state.textContent = own === null ? panel.dataset.none : panel.dataset.kept;
  };
  find("key-form").hidden = false;
  find("keep-key").addEventListener("click", async () => {
    try {
      const key = field.value.trim();
      await parseVerifierKey(key);
      localStorage.setItem(place, key);
      show();
      await again();
    } catch {
      state.textContent = panel.dataset.bad;
    }
  });
  find("drop-key").addEventListener("click", async () => {
    localStorage.removeItem(place);
    show();
    await again();
  });
  show();
}

async function again() {
  const panel = find("verification");
  if (panel) await verify(panel);
}

const panel = find("key-panel");
if (panel) await keyPanel(panel);
find("again")?.addEventListener("click", again);
await again();
