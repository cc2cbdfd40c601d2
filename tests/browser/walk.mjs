// Walks through the console as an officer does, in headless Chromium with a client certificate. Asserts on what a person
// would see and takes pictures. `cargo test` runs it: node walk.mjs PLAN NODE_MODULES.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createHash } from "node:crypto";
import { argv, exit } from "node:process";
import assert from "node:assert/strict";

const [, , planFile, modules] = argv;
const plan = JSON.parse(readFileSync(planFile, "utf8"));
const { chromium } = createRequire(`${modules}/`)("playwright-core");
const at = (path) => plan.url + path;

const browser = await chromium.launch({
  executablePath: plan.chromium,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-extensions",
  ],
});

/** A browser of its own, with the certificate of somebody. */
async function context(who, more = {}) {
  const { cert, key } = plan[who] ?? {};
  const certificates = cert ? { clientCertificates: [{ origin: plan.url, certPath: cert, keyPath: key }] } : {};
  const made = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB", ...certificates, ...more });
  open.push(made);
  return made;
}

/** A page that fails the test if it loads from elsewhere, breaks the policy or throws. */
async function pageOf(who, more) {
  const page = await (await context(who, more)).newPage();
  page.setDefaultTimeout(20_000);
  page.on("console", (said) => {
    // A refusal is a status that Chromium reports as an error of the page's.
    if (said.type() === "error" && !said.text().includes("Failed to load resource")) complaints.push(said.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(plan.url)) complaints.push(`asked elsewhere: ${request.url()}`);
    if ([plan.identity, ...plan.people].some((one) => request.url().includes(one))) complaints.push(`identity in an address: ${request.url()}`);
  });
  return page;
}

const complaints = [];
const open = [];
let [passed, failed] = [0, 0];
async function test(name, run) {
  try {
    await run();
    assert.deepEqual(complaints.splice(0), []);
    passed += 1;
    console.log(`held: ${name}`);
  } catch (error) {
    failed += 1;
    complaints.length = 0;
    console.log(`failed: ${name}: ${error.stack}`);
  }
  // One person has a few connections at once, not one for each test.
  for (const one of open.splice(0)) await one.close();
}

const picture = (page, name, fullPage = true) => page.screenshot({ path: `${plan.screenshots}/${name}.png`, fullPage });
const texts = (page, selector) => page.locator(selector).allTextContents();
const numbers = async (page) => (await texts(page, "tbody tr th a")).map(Number);
async function refused(page, path, status, code) {
  const answer = await page.goto(at(path));
  assert.equal(answer.status(), status, path);
  assert.equal(await page.locator(".reason").textContent(), code, path);
  assert((await page.locator(".trouble").textContent()).length > 60);
}
async function verified(page, path) {
  await page.goto(at(path));
  await page.waitForSelector("#verification[data-verified]");
  const marks = await texts(page, "#steps .mark");
  return { marks: marks.join(""), verdict: await page.locator("#verification").getAttribute("data-verified") };
}
/** What holds for every page. */
async function wellMade(page) {
  const found = await page.evaluate(() => {
    const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
    return {
      twice: ids.filter((id, i) => ids.indexOf(id) !== i),
      unlabelled: [...document.querySelectorAll("input:not([type=hidden]), select, textarea")]
        .filter((e) => e.labels.length === 0).map((e) => e.name || e.id),
      heads: [...document.querySelectorAll("th:not([scope])")].length,
      inline: document.querySelectorAll("[style], style, script:not([src])").length,
      title: document.title, h1: document.querySelectorAll("h1").length, lang: document.documentElement.lang,
      wide: document.documentElement.scrollWidth - window.innerWidth,
    };
  });
  assert.deepEqual([found.twice, found.unlabelled, found.heads, found.inline, found.h1], [[], [], 0, 0, 1], page.url());
  assert(found.title.length > 8 && found.lang && found.wide <= 0, JSON.stringify(found));
}

await test("overview: charts, tables, health, headers", async () => {
  const page = await pageOf("officer");
  const answer = await page.goto(at("/"));
  assert.equal(answer.status(), 200);
  const headers = answer.headers();
  assert.match(headers["content-security-policy"], /default-src 'none'.*frame-ancestors 'none'/);
  assert.equal(headers["cache-control"], "no-store");
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.equal(headers["referrer-policy"], "no-referrer");
  assert.equal(headers["cross-origin-opener-policy"], "same-origin");
  assert(await page.locator("svg.chart").count() >= 1);
  assert(await page.locator("svg.chart rect").count() > 10);
  assert.deepEqual((await texts(page, ".health li")).length, 4);
  assert((await texts(page, ".bars a")).includes("bank-a"));
  assert((await texts(page, ".bars a")).includes("PURPOSE_UNKNOWN"));
  for (const summary of await page.locator("main details summary").all()) await summary.click();
  assert(await page.locator("main table").count() >= 3);
  await wellMade(page);
  await page.goto(at("/"));
  await picture(page, "overview");
  await page.getByRole("link", { name: "7 days" }).click();
  assert.match(page.url(), /\?from=/);
  await page.getByRole("link", { name: "PURPOSE_UNKNOWN" }).first().click();
  assert.match(page.url(), /refusal=PURPOSE_UNKNOWN/);
  assert(await page.locator("tbody tr").count() > 0);
});

await test("search: filters in the address, pages that do not overlap", async () => {
  const page = await pageOf("officer");
  await page.goto(at("/"));
  await page.getByRole("link", { name: "Search", exact: true }).click();
  const first = await numbers(page);
  assert.equal(first.length, 50);
  await picture(page, "search");
  await page.getByRole("link", { name: "Older entries" }).click();
  const second = await numbers(page);
  assert(Math.max(...second) < Math.min(...first));
  await page.getByLabel("Partner", { exact: true }).fill("bank-a");
  await page.getByLabel("Result").selectOption("sealed");
  await page.getByLabel("Signal", { exact: true }).fill("risk_band@1");
  await page.getByRole("button", { name: "Find entries" }).click();
  assert.match(page.url(), /class=sealed&partner=bank-a|partner=bank-a/);
  const partners = await texts(page, "tbody tr td:nth-of-type(4)");
  assert(partners.length > 3 && partners.every((p) => p === "bank-a"), partners.join());
  assert((await texts(page, "tbody tr td:nth-of-type(6)")).every((s) => s.includes("risk_band@1")));
  await wellMade(page);
  await picture(page, "search-filtered");
  // The address alone finds the same.
  const again = await pageOf("officer");
  await again.goto(page.url());
  assert.deepEqual((await numbers(again)).slice(-3), (await numbers(page)).slice(-3));
});

await test("a person travels in the body and stands as a handle", async () => {
  const page = await pageOf("officer");
  await page.goto(at("/search?partner=bank-a"));
  await page.getByText("A person", { exact: true }).click();
  await page.getByLabel("Identity", { exact: true }).fill(plan.identity);
  await page.getByRole("button", { name: "Find this person's entries" }).click();
  await page.waitForURL(/person=/);
  const handle = new URL(page.url()).searchParams.get("person");
  assert.match(handle, /^[A-Za-z0-9_-]{22}$/);
  assert.match(page.url(), /partner=bank-a/);
  assert(await page.locator("tbody tr").count() > 2);
  assert(!(await page.content()).includes(plan.identity));
  await picture(page, "person");
  // Nobody else's handle.
  const other = await pageOf("auditor");
  await refused(other, `/search?person=${handle}`, 400, "FIELD_INVALID");
});

await test("an entry is proven in the browser, step by step", async () => {
  const page = await pageOf("officer");
  assert.deepEqual(await verified(page, `/entry/${plan.answered}`), { marks: "✓✓✓✓✓", verdict: "yes" });
  assert.match(await page.locator("[data-step=seen] .said").textContent(), /has seen no checkpoint/);
  assert((await texts(page, ".words p")).join(" ").includes("bank-a"));
  assert((await page.locator("[data-step=note] .said").textContent()).includes(plan.verifierKey));
  await wellMade(page);
  await picture(page, "entry");
  // The log has grown by these very views; this browser has it proven.
  assert.deepEqual(await verified(page, `/entry/${plan.refused}`), { marks: "✓✓✓✓✓", verdict: "yes" });
  assert.match(await page.locator("[data-step=seen] .said").textContent(), /only grew since.* [0-9]+$/);
  await picture(page, "entry-refused");
  // A first and a second look in another tab: nothing is lost when pages are older than what was seen since.
  await page.reload();
  await page.waitForSelector("#verification[data-verified=yes]");
});

await test("what was changed is found, and said", async () => {
  const page = await pageOf("officer");
  const again = async (change, argument) => {
    await verified(page, `/entry/${plan.answered}`);
    await page.evaluate(change, argument);
    await page.evaluate(() => delete document.getElementById("verification").dataset.verified);
    await page.getByRole("button", { name: "Verify again" }).click();
    await page.waitForSelector("#verification[data-verified=no]");
    assert.match(await page.locator("#verdict").textContent(), /do not rely/);
    return (await texts(page, "#steps .mark")).join("");
  };
  const swap = ([from, to]) => {
    const proof = document.getElementById("proof");
    const changed = proof.textContent.replace(new RegExp(from), to);
    if (changed === proof.textContent) throw new Error(`nothing to change: ${from}`);
    proof.textContent = changed;
  };
  // One byte of the leaf: it leads to another root, and is no longer what the page shows.
  assert.match(await again(() => {
    const proof = document.getElementById("proof");
    proof.textContent = proof.textContent.replace(/extra (\S+)/, (_, leaf) => {
      const bytes = atob(leaf);
      const i = bytes.indexOf("bank-a", bytes.indexOf("/partner/") + 16);
      return `extra ${btoa(`${bytes.slice(0, i)}bank-b${bytes.slice(i + 6)}`)}`;
    });
  }), /^✓✗✓✗–$/);
  await picture(page, "entry-tampered");
  // Another root, which then is not the one that was signed.
  assert.match(await again(swap, ["(tollgate.example/log\\n\\d+\\n)[A-Za-z0-9+/]{4}", "$1AAAA"]), /^✓✗✗✓–$/);
  // A signature's byte.
  assert.match(await again(swap, ["(\\u2014 \\S+ \\S{20})[A-Za-z0-9+/]{4}", "$1AAAA"]), /^✓✓✗✓–$/);
  // No proof at all.
  assert.match(await again(swap, ["^c2sp", "none"]), /^✗✗✗✗✗$/);
  // The page shows something else than is proven.
  assert.match(await again(() => {
    document.querySelector('[data-leaf="partner"]').dataset.value = "bank-b";
  }), /^✓✓✓✗✓$/);
  // A history that this browser remembers otherwise.
  assert.match(await again(() => {
    const name = Object.keys(localStorage).find((key) => key.startsWith("tollgate.seen."));
    const seen = JSON.parse(localStorage.getItem(name));
    localStorage.setItem(name, JSON.stringify({ ...seen, root: btoa("x".repeat(32)) }));
  }), /^✓✓✓✓✗$/);
  await picture(page, "entry-rewritten");
});

await test("the key that an officer was given another way wins", async () => {
  const page = await pageOf("officer");
  await page.goto(at("/log"));
  assert.equal(await page.locator("#vkey").textContent(), plan.verifierKey);
  assert.match(await page.locator("main").textContent(), /Unwitnessed/);
  await wellMade(page);
  await picture(page, "log");
  const [name] = plan.verifierKey.split("+");
  const key = Buffer.concat([Buffer.from([1]), Buffer.alloc(32, 9)]);
  const hash = createHash("sha256").update(`${name}\n`).update(key).digest("hex").slice(0, 8);
  await page.getByLabel("The key you were given another way").fill("not a key");
  await page.getByRole("button", { name: "Keep it in this browser" }).click();
  await page.getByText("That is no verifier key").waitFor();
  await page.getByLabel("The key you were given another way").fill(`${name}+${hash}+${key.toString("base64")}`);
  await page.getByRole("button", { name: "Keep it in this browser" }).click();
  await page.getByText("verifies with the key you gave it").waitFor();
  assert.match((await verified(page, `/entry/${plan.answered}`)).marks, /^✓✓✗✓–$/);
  await page.locator("#key-panel summary").click();
  await page.getByRole("button", { name: "Forget it" }).click();
  await page.waitForSelector("#verification[data-verified=yes]");
});

await test("live: rows appear, wait while paused, and go on", async () => {
  const page = await pageOf("officer");
  await page.goto(at("/live"));
  await page.locator("#rows tr").first().waitFor();
  const rows = () => page.locator("#rows tr").count();
  const [other, before] = [await page.context().newPage(), await rows()];
  await other.goto(at("/log"));
  await page.waitForFunction((n) => document.querySelectorAll("#rows tr").length > n, before);
  await page.getByRole("button", { name: "Pause" }).click();
  const paused = await rows();
  await other.goto(at("/log"));
  await page.getByText(/wait: [1-9]/).waitFor();
  assert.equal(await rows(), paused);
  await picture(page, "live", false);
  await page.getByRole("button", { name: "Go on" }).click();
  assert(await rows() > paused);
  await wellMade(page);
  const [newest, next] = await numbers(page);
  assert.equal(newest, next + 1);
});

await test("an export is a file, and one entry", async () => {
  const page = await pageOf("officer");
  await page.goto(at("/search?partner=bank-a&class=refused"));
  const shown = await page.locator("tbody tr").count();
  for (const [name, rows] of [["CSV", shown + 1], ["JSON Lines", shown]]) {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: `Export as ${name}` }).click(),
    ]);
    const text = readFileSync(await download.path(), "utf8");
    assert.equal(text.trimEnd().split("\n").length, rows, name);
    if (name === "CSV") assert(text.startsWith("\ufeff序号 entry,"));
    else for (const line of text.trimEnd().split("\n")) assert.equal(JSON.parse(line).partner, "bank-a");
  }
  await page.goto(at(`/entry/${plan.answered}`));
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download the proof" }).click(),
  ]);
  assert.equal(download.suggestedFilename(), `entry-${plan.answered}.tlog-proof`);
  assert(readFileSync(await download.path(), "utf8").startsWith("c2sp.org/tlog-proof@v1\nextra "));
});

await test("a report is a file that prints and proves", async () => {
  const page = await pageOf("officer");
  await page.goto(at("/"));
  await page.getByRole("link", { name: "Report", exact: true }).click();
  await wellMade(page);
  await page.getByLabel("Identity", { exact: true }).fill(plan.identity);
  await page.getByLabel("Reason").fill("asked at the counter");
  await picture(page, "report-form");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Make the report" }).click(),
  ]);
  assert.equal(download.suggestedFilename(), "report.html");
  const text = readFileSync(await download.path(), "utf8");
  assert(text.startsWith("<!DOCTYPE html>") && text.includes("bank-a") && !text.includes(plan.identity));
  const reader = await browser.newPage();
  await reader.setContent(text);
  await picture(reader, "report", false);
  await reader.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
  await picture(reader, "report-end", false);
  await reader.evaluate(() => window.scrollTo(0, 0));
  await reader.setViewportSize({ width: 390, height: 1600 });
  await picture(reader, "report-narrow", false);
  const wide = await reader.evaluate(() => [...document.querySelectorAll("body *")]
    .filter((e) => e.getBoundingClientRect().right > window.innerWidth + 1).map((e) => e.outerHTML.slice(0, 80)));
  assert.deepEqual(wide, []);
  await reader.pdf({ path: `${plan.screenshots}/report.pdf`, format: "A4" });
  await reader.close();
});

/** Days ago, as a field of a date takes it. */
const daysAgo = (days) => new Date(plan.now - days * 86_400_000).toISOString().slice(0, 10);
/** Every page in both languages, at a narrow width, and on paper. */
async function everyWay(path, name) {
  for (const [language, more] of [["en", ""], ["zh", "-zh"]]) {
    const page = await pageOf("officer", { locale: language === "zh" ? "zh-CN" : "en-GB" });
    await page.goto(at(path));
    assert.equal(await page.evaluate(() => document.documentElement.lang), language);
    await wellMade(page);
    for (const summary of await page.locator("main details summary").all()) await summary.click();
    await wellMade(page);
    await page.setViewportSize({ width: 390, height: 800 });
    // Before any picture: to take one, Playwright writes styles into the page.
    await wellMade(page);
    await picture(page, `${name}-narrow${more}`);
    await page.setViewportSize({ width: 1280, height: 900 });
    await picture(page, `${name}${more}`);
    await page.emulateMedia({ media: "print" });
    assert(!(await page.locator("main form, main button").filter({ visible: true }).count()), "a form on paper");
    await picture(page, `${name}-print${more}`);
    await page.emulateMedia({ media: "screen", colorScheme: "dark" });
    await picture(page, `${name}-dark${more}`);
  }
}
async function takeIn(page, who, kind, days, text) {
  await page.goto(at("/cases"));
  await page.getByText("Take in a request").first().click();
  const form = page.locator('form[action="/cases"][method="post"]');
  await form.getByLabel("Identity", { exact: true }).fill(plan.people[who]);
  await form.getByLabel("Asks for").selectOption(kind);
  await form.getByLabel(/^Arrived on/).fill(daysAgo(days));
  await form.getByLabel("Where letters go").fill("1 Example Road\nExample Town");
  await form.getByLabel("In the person's words").fill(text);
  await form.getByRole("button", { name: "Take in a request" }).click();
  await page.waitForURL(/\/cases\/[0-9a-f]{32}$/);
  return new URL(page.url()).pathname;
}

await test("cases: taken in, whose clock runs out, worked and closed, without a script", async () => {
  const page = await pageOf("officer", { javaScriptEnabled: false });
  await page.goto(at("/cases"));
  assert.match(await page.locator("main").textContent(), /No case matches/);
  await picture(page, "cases-empty");
  const dispute = await takeIn(page, 0, "dispute", 21, "I never had this loan.\nPlease look again: the bank on Example Square closed that account in 2019 and wrote to me that nothing was left to pay.");
  assert.match(await page.locator("h2 .clock").textContent(), /overdue, days: \d/);
  assert.match(await page.locator("main").textContent(), /Notice of delay/);
  const correction = await takeIn(page, 1, "correction", 18, "My name is spelt with another character.");
  const deletion = await takeIn(page, 2, "deletion", 0, "请删除我的信息。");
  for (const path of [dispute, correction, deletion]) assert(!(await page.content()).includes(plan.people[0]), path);
  await page.goto(at("/cases"));
  const clocks = await texts(page, "tbody .clock");
  assert.deepEqual(clocks.map((c) => c.replace(/\d+/, "N")), ["overdue, days: N", "days left: N", "days left: N"]);
  await everyWay("/cases", "cases");
  await everyWay(dispute, "case");
  await page.getByLabel("only overdue ones").check();
  await page.getByRole("button", { name: "Show cases" }).click();
  assert.match(page.url(), /overdue=yes/);
  assert.equal(await page.locator("tbody tr").count(), 1);
  // From the list by keyboard to the case, to another state.
  await page.locator("tbody a").focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(new RegExp(dispute));
  await page.locator("#a-state").selectOption("waiting");
  await page.getByRole("button", { name: "Change" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("Waiting for others", { exact: true }).first().waitFor();
  // Without a reason it is not refused: the browser asks for one, and the gateway too.
  const close = page.locator(`form[action="${dispute}/close"]`).filter({ hasText: "Close with a reason" });
  await close.getByRole("button").click();
  assert.equal(new URL(page.url()).pathname, dispute);
  await close.getByLabel(/^Reason/).fill(" ");
  await close.getByLabel("How it ends").selectOption("refused");
  await close.getByRole("button").click();
  assert.equal(await page.locator(".reason").textContent(), "FIELD_INVALID");
  await picture(page, "case-not-closed");
  await page.goBack();
  await close.getByLabel("How it ends").selectOption("refused");
  await close.getByLabel(/^Reason/).fill("The record is right: the bank has confirmed it.");
  await close.getByRole("button").click();
  await page.getByText("Closed: Not fulfilled").waitFor();
  assert.equal(await page.locator(`form[action="${dispute}/close"]`).count(), 0);
  await picture(page, "case-closed");
  // A deletion that is granted asks twice.
  await page.goto(at(deletion));
  await picture(page, "case-deletion");
  await page.getByLabel(/cannot be taken back/).check();
  await page.getByRole("button", { name: "Grant the deletion" }).click();
  await page.getByText("Closed: Fulfilled").waitFor();
});

await test("a letter prints alone, and its file is what its entry proves", async () => {
  for (const [language, name, words] of [["en", "letter", /article 26/], ["zh", "letter-zh", /第二十六条/]]) {
    const page = await pageOf("officer", { locale: language === "zh" ? "zh-CN" : "en-GB" });
    await page.goto(at("/cases?state=closed&kind=dispute"));
    await page.locator("tbody a").first().click();
    await page.locator('form[action$="/letter"] select').selectOption(language);
    await page.locator('form[action$="/letter"] button').click();
    await page.waitForURL(/letter$/);
    assert.match(await page.locator("article").textContent(), words);
    await wellMade(page);
    await page.setViewportSize({ width: 390, height: 800 });
    await wellMade(page);
    await picture(page, `${name}-narrow`);
    await page.setViewportSize({ width: 1280, height: 900 });
    await picture(page, name);
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator("a[download]").click()]);
    const file = readFileSync(await download.path());
    const digest = createHash("sha256").update(file).digest("hex");
    assert.equal(await page.locator(".beside code").last().textContent(), digest);
    await page.emulateMedia({ media: "print" });
    for (const hidden of [".top", "footer", ".beside"]) assert(!(await page.locator(hidden).first().isVisible()), hidden);
    await picture(page, `${name}-print`);
    const reader = await browser.newPage();
    await reader.setContent(file.toString("utf8"));
    await picture(reader, `${name}-file`);
    await reader.close();
  }
});

await test("legal holds: placed, listed, released", async () => {
  const page = await pageOf("officer", { javaScriptEnabled: false });
  await page.goto(at("/"));
  await page.getByRole("link", { name: "Holds", exact: true }).click();
  await picture(page, "holds-empty");
  for (const [held, number] of [["period 1", "court 12/2027"], ["everything about partner bank-a", "court 13/2027"]]) {
    await page.getByLabel("What is held").selectOption({ label: held });
    await page.getByLabel("Case number").fill(number);
    await page.getByRole("button", { name: "Place a hold" }).click();
    await page.getByText(number).waitFor();
  }
  await everyWay("/holds", "holds");
  await page.getByRole("button", { name: "Release: period 1" }).click();
  await page.getByText("court 12/2027").waitFor({ state: "detached" });
  assert.equal(await page.locator("tbody tr").count(), 1);
});

await test("erasures: who is named once, what stands against it, and until when", async () => {
  const page = await pageOf("officer", { javaScriptEnabled: false });
  await page.goto(at("/"));
  await page.getByRole("link", { name: "Erasures", exact: true }).click();
  await page.getByLabel("Identity", { exact: true }).fill(plan.people[1]);
  await page.getByRole("button", { name: "Show how it stands" }).click();
  await page.waitForURL(/person=[A-Za-z0-9_-]{22}$/);
  assert.match(await page.locator("main").textContent(), /nothing is held/);
  await picture(page, "erasure-nothing");
  await page.getByLabel(/^Reason/).selectOption("retention");
  await page.getByLabel(/^Until/).fill("2099-01-01T00:00");
  await page.getByLabel("Case number").fill("K-2026-7");
  await page.getByRole("button", { name: "Place a hold" }).click();
  await page.getByText("until 2099-01-01 00:00:00 UTC").waitFor();
  await page.getByLabel(/cannot be taken back/).check();
  await page.getByRole("button", { name: "Request the erasure" }).click();
  await page.getByText("stored and not used").waitFor();
  assert.equal(await page.getByRole("button", { name: "Request the erasure" }).count(), 0);
  await everyWay(new URL(page.url()).pathname + new URL(page.url()).search, "erasure");
  await everyWay("/erasures", "erasures");
  await page.goto(at("/erasures"));
  assert(!(await page.content()).includes(plan.people[1]));
  // From a case to its person's erasure and to its steps in the log.
  await page.goto(at("/cases?kind=correction"));
  await page.locator("tbody a").first().click();
  await page.getByRole("link", { name: "Erasure of this person" }).click();
  await page.getByText("K-2026-7").waitFor();
  await page.goBack();
  await page.getByRole("link", { name: /All steps/ }).click();
  assert(await page.locator("tbody tr").count() >= 2);
});

await test("another role sees no form of an officer's", async () => {
  for (const who of ["auditor", "security"]) {
    const page = await pageOf(who);
    for (const path of ["/cases", "/holds", "/erasures"]) {
      await refused(page, path, 403, "METHOD_NOT_ALLOWED");
      assert.equal(await page.locator("form").count(), 0, path);
    }
    await picture(page, `${who}-refused`);
  }
});

await test("without a certificate there is no page", async () => {
  const page = await (await context("nobody", { ignoreHTTPSErrors: true })).newPage();
  await assert.rejects(page.goto(at("/")), /net::ERR_/);
});

await test("another role is told which it needs", async () => {
  const page = await pageOf("security");
  for (const path of ["/", "/search", "/live", "/log", `/entry/${plan.answered}`, "/export.csv"]) {
    await refused(page, path, 403, "METHOD_NOT_ALLOWED");
  }
  await page.goto(at("/"));
  assert.match(await page.locator(".trouble").textContent(), /compliance officer.*security\/officer.*TG-/s);
  await picture(page, "wrong-role");
});

await test("an auditor sees his scope", async () => {
  const page = await pageOf("auditor");
  await refused(page, `/entry/${plan.stranger}`, 403, "OUT_OF_SCOPE");
  await page.goto(at("/search"));
  const partners = await texts(page, "tbody tr td:nth-of-type(4)");
  assert(partners.length > 0 && partners.every((partner) => partner === "bank-a"), partners.join());
  await page.getByText("A person", { exact: true }).click();
  await page.getByLabel("Identity", { exact: true }).fill(plan.identity);
  await page.getByRole("button", { name: "Find this person's entries" }).click();
  assert.equal(await page.locator(".reason").textContent(), "OUT_OF_SCOPE");
});

await test("what no entry can have is refused, not ignored", async () => {
  const page = await pageOf("officer");
  await refused(page, "/entry/99999999", 400, "LOG_RANGE");
  await refused(page, "/entry/first", 400, "LOG_RANGE");
  await refused(page, "/search?page=AAAA", 400, "PAGE_TOKEN_INVALID");
  await refused(page, "/search?partner=Not%20One", 400, "FIELD_INVALID");
  await refused(page, "/search?unheard=of", 400, "FIELD_INVALID");
  await refused(page, "/?from=2026-02-01&until=2026-01-01", 400, "FIELD_INVALID");
  await refused(page, "/continuation?from=9&to=3", 400, "LOG_RANGE");
  await refused(page, "/search?person=AAAAAAAAAAAAAAAAAAAAAA", 400, "FIELD_INVALID");
  assert.match(await page.locator(".trouble").textContent(), /Name the person again/);
  await page.goto(at("/search"));
  await page.getByText("A person", { exact: true }).click();
  await page.getByLabel("Identity", { exact: true }).fill("11010119900307123X");
  await page.getByRole("button", { name: "Find this person's entries" }).click();
  assert.equal(await page.locator(".reason").textContent(), "SUBJECT_MALFORMED");
  assert(!(await page.content()).includes("11010119900307123X"));
  const lost = await page.goto(at("/nowhere"));
  assert.equal(lost.status(), 404);
});

await test("another site cannot use the officer's certificate", async () => {
  for (const [path, fields] of [
    ["/person", { scheme: "opaque", identity: "a" }],
    ["/holds", { held: "period 1", case: "forged" }],
    ["/cases", { kind: "deletion" }],
  ]) {
    const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`).join("");
    // A page that never was the console's.
    const page = await (await context("officer")).newPage();
    await page.setContent(`<form method="post" action="${at(path)}">${inputs}<button>Win</button></form>`);
    await page.getByRole("button").click();
    await page.waitForURL(new RegExp(path));
    assert.equal(await page.locator(".reason").textContent(), "CROSS_ORIGIN");
  }
  const officer = await pageOf("officer");
  await officer.goto(at("/holds"));
  assert(!(await officer.content()).includes("forged"));
});

await test("by keyboard alone", async () => {
  const page = await pageOf("officer");
  await page.goto(at("/"));
  const focused = () => page.evaluate(() => document.activeElement.textContent.trim() || document.activeElement.id);
  const tabTo = async (wanted) => {
    for (let i = 0; i < 60; i += 1) {
      await page.keyboard.press("Tab");
      if ((await focused()) === wanted) return;
    }
    throw new Error(`no way to ${wanted}`);
  };
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the content");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, "solid");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "content");
  await page.goto(at("/"));
  await tabTo("Search");
  await Promise.all([page.waitForURL(/search/), page.keyboard.press("Enter")]);
  await tabTo("f-partner");
  await page.keyboard.type("bank-b");
  await Promise.all([page.waitForURL(/partner=bank-b/), page.keyboard.press("Enter")]);
  const number = (await numbers(page))[0];
  await tabTo(String(number));
  await Promise.all([page.waitForURL(/entry/), page.keyboard.press("Enter")]);
  await page.waitForSelector("#verification[data-verified=yes]");
});

await test("in Chinese, and it stays", async () => {
  const page = await pageOf("officer");
  await page.goto(at("/"));
  await page.getByRole("link", { name: "中文" }).click();
  assert.equal(await page.locator("h1").textContent(), "概览");
  await picture(page, "overview-zh");
  await page.getByRole("link", { name: "检索", exact: true }).click();
  assert.equal(await page.evaluate(() => document.documentElement.lang), "zh");
  assert(!page.url().includes("lang"));
  const [cookie] = await page.context().cookies();
  assert.deepEqual([cookie.name, cookie.value, cookie.secure, cookie.httpOnly, cookie.sameSite],
    ["__Host-lang", "zh", true, true, "Strict"]);
  await verified(page, `/entry/${plan.answered}`);
  assert.match(await page.locator("[data-step=root] .said").textContent(), /推得检查点的根/);
  await wellMade(page);
  await picture(page, "entry-zh");
  // By the browser's own preference, without a choice.
  const preferring = await pageOf("security", { locale: "zh-CN" });
  await preferring.goto(at("/"));
  assert.equal(await preferring.locator("h1").textContent(), "无法显示");
});

await test("dark, narrow, on paper, and without scripts", async () => {
  const dark = await pageOf("officer", { colorScheme: "dark" });
  await dark.goto(at("/"));
  await picture(dark, "overview-dark");
  await verified(dark, `/entry/${plan.answered}`);
  await picture(dark, "entry-dark");
  const narrow = await pageOf("officer", { viewport: { width: 390, height: 800 } });
  for (const [path, name] of [["/", "overview"], ["/search", "search"], [`/entry/${plan.answered}`, "entry"], ["/live", "live"], ["/log", "log"], ["/report", "report-form"]]) {
    await narrow.goto(at(path));
    await wellMade(narrow);
    await picture(narrow, `${name}-narrow`);
  }
  const page = await pageOf("officer");
  await verified(page, `/entry/${plan.answered}`);
  const paper = await page.pdf({ path: `${plan.screenshots}/entry.pdf`, format: "A4" });
  assert(paper.length > 10_000 && paper.subarray(0, 5).toString() === "%PDF-");
  await page.emulateMedia({ media: "print" });
  assert(!(await page.locator("nav").isVisible()));
  await picture(page, "entry-print");
  await page.goto(at("/"));
  await picture(page, "overview-print");
  const plain = await pageOf("officer", { javaScriptEnabled: false });
  await plain.goto(at(`/entry/${plan.answered}`));
  assert((await plain.content()).includes("This part needs JavaScript"));
  assert((await plain.locator(".words").textContent()).includes("bank-a"));
  await plain.goto(at("/search?class=refused"));
  assert(await plain.locator("tbody tr").count() > 2);
});

await browser.close();
console.log(`${passed} held, ${failed} failed`);
exit(failed === 0 ? 0 : 1);
