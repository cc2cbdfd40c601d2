// The script that verifies proofs in a browser, against the same vectors as every other client. Run by `cargo test` under
// node; prints one line a case and ends with 1 if one fails.
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";
import { argv, exit } from "node:process";
import assert from "node:assert/strict";

const [, , root] = argv;
const from = (path) => pathToFileURL(`${root}/${path}`).href;
const proof = await import(from("src/web/console/assets/proof.mjs"));
const json = (name) => JSON.parse(readFileSync(`${root}/tests/vectors/${name}`, "utf8"));
const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));

const good = json("receipt.json");
const bad = json("fail_receipt.json");
// The key list names the log's verifier key; it stands in it as text.
const list = Buffer.from(good.key_list.key_list, "hex").toString("latin1");
const verifierKey = list.match(/own\.test\/log\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}/)[0];

let [passed, failed] = [0, 0];
async function test(name, run) {
  try {
    await run();
    passed += 1;
  } catch (error) {
    failed += 1;
    console.log(`failed: ${name}: ${error.stack}`);
  }
}

/** What the page does: with the leaf in the proof, as the console writes it. */
async function check(receipt, key = verifierKey) {
  const text = receipt.proof.replace("\n", `\nextra ${proof.toBase64(bytes(receipt.leaf))}\n`);
  const read = proof.parseProof(text);
  const note = proof.parseNote(read.checkpoint);
  const root = await proof.rootOf(await proof.leafHash(read.leaf), read.index, note.size, read.proof);
  assert(proof.same(root, note.root), "the root is another");
  assert(await proof.isSigned(note, await proof.parseVerifierKey(key)), "not signed by the log");
  const leaf = proof.readLeaf(read.leaf);
  assert.equal(leaf.seq ?? "0", read.index.toString(), "the index is not the leaf's");
  return leaf;
}

await test("the good receipt", async () => {
  const leaf = await check(good.receipt);
  assert.equal(leaf.method, good.method);
  assert.equal(leaf.partner, good.partner);
  assert.equal(leaf.agreement, good.agreement);
  assert.equal(leaf.time, String(good.now_ms));
  assert.equal(leaf.class, "1");
  assert.match(leaf.policyHash, /^[0-9a-f]{64}$/);
});

// What the leaf commits to is the partner's to check, with its request: a leaf alone is right there.
const ofCommitments = "the leaf does not commit to this request and this answer";
assert(bad.cases.length > 5);
for (const one of bad.cases) {
  const fails = one.error !== ofCommitments;
  await test(`fail_receipt: ${one.name}`, () =>
    fails ? assert.rejects(check(one.receipt)) : check(one.receipt));
}

await test("every bit of the leaf counts", async () => {
  const leaf = bytes(good.receipt.leaf);
  for (let at = 0; at < leaf.length; at += 1) {
    const changed = Uint8Array.from(leaf);
    changed[at] ^= 1 << (at % 8);
    await assert.rejects(check({ ...good.receipt, leaf: Buffer.from(changed).toString("hex") }));
  }
});

await test("another key, and texts that are none", async () => {
  const parts = verifierKey.split("+");
  for (const key of ["", "a+b+c", `other.test+${parts.slice(1).join("+")}`, `${verifierKey}=`, verifierKey.slice(0, -4)]) {
    await assert.rejects(check(good.receipt, key), key);
  }
  const text = good.receipt.proof;
  for (const changed of [
    text.replace("index 3", "index 03"), text.replace("index 3", "index -3"), text.replace("@v1", "@v2"),
    text.replace("\n\n", "\n"), text.replace("own.test/log\n4\n", "own.test/log\n4\nmore\n"), `${text}\n`,
    text.replace("\u2014 own.test/log ", "- own.test/log "), "",
  ]) {
    await assert.rejects(check({ ...good.receipt, proof: changed }), changed);
  }
});

await test("signatures of witnesses are tolerated", async () => {
  const line = `\u2014 witness.test ${proof.toBase64(new Uint8Array(72).fill(1))}\n`;
  await check({ ...good.receipt, proof: good.receipt.proof + line });
});

await test("of two keys one must have signed, and none wrongly", async () => {
  const makes = () => crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const [name, body] = ["log.test", "log.test\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"];
  const utf8 = new TextEncoder();
  const made = await Promise.all([makes(), makes()].map(async (making) => {
    const { privateKey, publicKey } = await making;
    const key = [1, ...new Uint8Array(await crypto.subtle.exportKey("raw", publicKey))];
    const id = sha256(utf8.encode(`${name}\n`), Uint8Array.from(key)).slice(0, 4);
    const line = async (text) => {
      const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, utf8.encode(text)));
      return `\u2014 ${name} ${proof.toBase64(Uint8Array.from([...id, ...signature]))}\n`;
    };
    return { key: `${name}+${Buffer.from(id).toString("hex")}+${proof.toBase64(Uint8Array.from(key))}`, line };
  }));
  const [old, next] = made;
  const note = (...lines) => proof.parseNote(`${body}\n${lines.join("")}`);
  const [byOld, byNext] = [await old.line(body), await next.line(body)];
  const [one, both] = [await proof.parseVerifierKey(old.key), await proof.parseVerifierKey(`${old.key}\n${next.key}`)];
  for (const signed of [note(byOld), note(byNext), note(byNext, byOld)]) assert(await proof.isSigned(signed, both));
  assert(await proof.isSigned(note(byNext, byOld), one));
  assert(!(await proof.isSigned(note(byNext), one)));
  const wrong = note(byOld, await next.line(`${body}more\n`));
  assert(!(await proof.isSigned(wrong, both)));
  assert(await proof.isSigned(wrong, one));
  await assert.rejects(proof.parseVerifierKey(`${old.key} ${verifierKey}`));
  await assert.rejects(proof.parseVerifierKey(Array(33).fill(old.key).join(" ")));
});

function sha256(...parts) {
  return new Uint8Array(createHash("sha256").update(Buffer.concat(parts)).digest());
}

// A tree of our own, by the recursive definition of RFC 6962, section 2.1: another way than the script's.
const sha = (...parts) => new Uint8Array(createHash("sha256").update(Buffer.concat(parts)).digest());
const leaves = Array.from({ length: 70 }, (_, n) => new Uint8Array(n + 1).fill(n));
const cut = (n) => 2 ** Math.ceil(Math.log2(n) - 1);
function tree(all) {
  if (all.length === 0) return sha();
  if (all.length === 1) return sha(Uint8Array.of(0), all[0]);
  const k = cut(all.length);
  return sha(Uint8Array.of(1), tree(all.slice(0, k)), tree(all.slice(k)));
}
function path(m, all) {
  if (all.length === 1) return [];
  const k = cut(all.length);
  return m < k ? [...path(m, all.slice(0, k)), tree(all.slice(k))] : [...path(m - k, all.slice(k)), tree(all.slice(0, k))];
}
function continuation(m, all, whole = true) {
  if (m === all.length) return whole ? [] : [tree(all)];
  const k = cut(all.length);
  return m <= k
    ? [...continuation(m, all.slice(0, k), whole), tree(all.slice(k))]
    : [...continuation(m - k, all.slice(k), false), tree(all.slice(0, k))];
}

await test("inclusion in trees of every size", async () => {
  for (const size of [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 64, 70]) {
    const all = leaves.slice(0, size);
    for (let m = 0; m < size; m += 1) {
      const hash = await proof.leafHash(all[m]);
      const root = await proof.rootOf(hash, BigInt(m), BigInt(size), path(m, all));
      assert(proof.same(root, tree(all)), `${m} of ${size}`);
      if (size > 1) {
        const short = path(m, all).slice(1);
        await assert.rejects(proof.rootOf(hash, BigInt(m), BigInt(size), short).then((r) => assert(proof.same(r, tree(all)))));
      }
    }
    await assert.rejects(proof.rootOf(await proof.leafHash(all[0]), BigInt(size), BigInt(size), []));
  }
});

await test("continuation between all sizes", async () => {
  for (let to = 1; to <= 40; to += 1) {
    const all = leaves.slice(0, to);
    for (let from = 1; from <= to; from += 1) {
      const [older, newer] = [tree(all.slice(0, from)), tree(all)];
      const hashes = continuation(from, all);
      const holds = (...rest) => proof.isContinuation(BigInt(from), ...rest);
      assert(await holds(older, BigInt(to), newer, hashes), `${from} to ${to}`);
      const other = Uint8Array.from(older);
      other[0] ^= 1;
      assert(!(await holds(other, BigInt(to), newer, hashes)), `another root, ${from} to ${to}`);
      assert(!(await holds(older, BigInt(to), other, hashes)), `another new root, ${from} to ${to}`);
      assert(!(await holds(older, BigInt(to), newer, [...hashes, older])), `a hash too many, ${from} to ${to}`);
      if (hashes.length > 0) assert(!(await holds(older, BigInt(to), newer, hashes.slice(1))), `a hash too few, ${from} to ${to}`);
    }
  }
  assert(!(await proof.isContinuation(0n, tree([]), 1n, tree(leaves.slice(0, 1)), [])));
  assert(!(await proof.isContinuation(3n, tree(leaves.slice(0, 3)), 2n, tree(leaves.slice(0, 2)), [])));
});

await test("hostile bytes are refused", async () => {
  for (const hostile of [[0xff], [0x0a, 0xff, 0x01], [0x32, 0x05, 0x41], [0x7a, 0x00], [0x32, 0x01, 0xff], [0x0d, 0, 0, 0, 0]]) {
    assert.throws(() => proof.readLeaf(Uint8Array.from(hostile)), `${hostile}`);
  }
  for (const text of ["A", "AA==A", "AB==", "A A=", "\u00e9AAA"]) assert.throws(() => proof.fromBase64(text), text);
});

console.log(`${passed} held, ${failed} failed`);
exit(failed === 0 && passed > 15 ? 0 : 1);
