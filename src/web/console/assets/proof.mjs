// Proofs of the log, verified where they are shown. Nothing here asks the gateway anything: what goes in are the bytes of a
// proof and a key, what comes out is what they prove. RFC 6962 hashing; C2SP signed-note, tlog-checkpoint, tlog-proof.
// Whatever is not exactly in its form is refused. Tested under node against tests/vectors.

const ED25519 = 1;
const HASHES_MAX = 64;
const KEYS_MAX = 32;
const TEXT_MAX = 64 * 1024;
const utf8 = new TextEncoder();

/** Something is not what it should be; `message` says what, in English, for the record. */
export class Invalid extends Error {}

function must(holds, why) {
  if (!holds) throw new Invalid(why);
}

/** Canonical standard base64 only: one text for one value. */
export function fromBase64(text) {
  must(/^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0, "not base64");
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  must(toBase64(bytes) === text, "not canonical base64");
  return bytes;
}

export function toBase64(bytes) {
  let out = "";
  for (const byte of bytes) out += String.fromCharCode(byte);
  return btoa(out);
}

export function toHex(bytes) {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

export function same(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

async function sha256(...parts) {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all));
}

/** RFC 6962, section 2.1: SHA-256(0x00 || leaf). */
export function leafHash(leaf) {
  return sha256(Uint8Array.of(0), leaf);
}

function nodeHash(left, right) {
  return sha256(Uint8Array.of(1), left, right);
}

/** A decimal number written in the one way that there is. Sizes reach 2^64, so BigInt. */
function number(text) {
  must(/^(0|[1-9][0-9]{0,19})$/.test(text), "not a number");
  const n = BigInt(text);
  must(n < 1n << 64n, "not a number");
  return n;
}

function hash(text) {
  const bytes = fromBase64(text);
  must(bytes.length === 32, "not a hash");
  return bytes;
}

/** C2SP tlog-proof with the leaf in `extra`: { leaf, index, proof, checkpoint }. */
export function parseProof(text) {
  must(text.length <= TEXT_MAX, "the proof is too long");
  const at = text.indexOf("\n\n");
  must(at > 0, "the proof has no checkpoint");
  const lines = text.slice(0, at).split("\n");
  const checkpoint = text.slice(at + 2);
  must(lines.shift() === "c2sp.org/tlog-proof@v1", "not a tlog-proof");
  let leaf = null;
  if (lines[0]?.startsWith("extra ")) leaf = fromBase64(lines.shift().slice(6));
  must(leaf === null || leaf.length > 0, "the leaf is empty");
  must(lines[0]?.startsWith("index "), "the proof has no index");
  const index = number(lines.shift().slice(6));
  must(lines.length <= HASHES_MAX && checkpoint !== "", "the proof is malformed");
  return { leaf, index, proof: lines.map(hash), checkpoint };
}

/** RFC 9162, section 2.1.3.2: the root that leaf and proof lead to, or an error. */
export async function rootOf(hashOfLeaf, index, size, proof) {
  must(index < size, "the entry lies past the tree");
  let fn = index;
  let sn = size - 1n;
  let at = hashOfLeaf;
  for (const sibling of proof) {
    must(sn > 0n, "the proof is too long");
    if ((fn & 1n) === 1n || fn === sn) {
      at = await nodeHash(sibling, at);
      while ((fn & 1n) === 0n && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      at = await nodeHash(at, sibling);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  must(sn === 0n, "the proof is too short");
  return at;
}

/** RFC 9162, section 2.1.4.2: whether the tree of `newSize` begins with the tree of `oldSize`. */
export async function isContinuation(oldSize, oldRoot, newSize, newRoot, proof) {
  if (oldSize > newSize || oldSize === 0n || proof.length > HASHES_MAX) return false;
  if (oldSize === newSize) return proof.length === 0 && same(oldRoot, newRoot);
  if (proof.length === 0) return false;
  const path = [...proof];
  if ((oldSize & (oldSize - 1n)) === 0n) path.unshift(oldRoot);
  let fn = oldSize - 1n;
  let sn = newSize - 1n;
  while ((fn & 1n) === 1n) {
    fn >>= 1n;
    sn >>= 1n;
  }
  let older = path[0];
  let newer = path[0];
  for (const node of path.slice(1)) {
    if (sn === 0n) return false;
    if ((fn & 1n) === 1n || fn === sn) {
      older = await nodeHash(node, older);
      newer = await nodeHash(node, newer);
      while ((fn & 1n) === 0n && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      newer = await nodeHash(newer, node);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  return sn === 0n && same(older, oldRoot) && same(newer, newRoot);
}

/** `name+8 hex digits+base64` of an Ed25519 key; several where one followed another: { name, keys: [{ id, key }] }. */
export async function parseVerifierKey(text) {
  const read = await Promise.all(text.trim().split(/\s+/).map(oneKey));
  must(read.length <= KEYS_MAX && read.every(({ name }) => name === read[0].name), "keys of more than one log");
  return { name: read[0].name, keys: read.map(({ id, key }) => ({ id, key })) };
}

async function oneKey(text) {
  const [name, id, ...rest] = text.split("+");
  const key = fromBase64(rest.join("+"));
  must(name && key.length === 33 && key[0] === ED25519, "not a verifier key");
  const known = await sha256(utf8.encode(`${name}\n`), key);
  must(toHex(known.slice(0, 4)) === id, "the verifier key has another hash");
  return { name, id: known.slice(0, 4), key: key.slice(1) };
}

/** A checkpoint of exactly three lines, and the signature lines under it. */
export function parseNote(note) {
  must(note.length <= TEXT_MAX && note.endsWith("\n"), "the note is malformed");
  const at = note.lastIndexOf("\n\n");
  must(at > 0, "the note is malformed");
  const text = note.slice(0, at + 1);
  const lines = text.slice(0, -1).split("\n");
  must(lines.length === 3, "not a checkpoint of three lines");
  const signatures = note
    .slice(at + 2, -1)
    .split("\n")
    .map((line) => {
      const parts = line.split(" ");
      must(parts.length === 3 && parts[0] === "\u2014" && parts[1] !== "", "a signature line is malformed");
      const bytes = fromBase64(parts[2]);
      must(bytes.length > 4, "a signature line is malformed");
      return { name: parts[1], id: bytes.slice(0, 4), signature: bytes.slice(4) };
    });
  return { text, origin: lines[0], size: number(lines[1]), root: hash(lines[2]), signatures };
}

/** Whether this browser can verify Ed25519. */
export async function canVerify() {
  try {
    await crypto.subtle.importKey("raw", new Uint8Array(32).fill(1), "Ed25519", false, ["verify"]);
    return true;
  } catch (error) {
    return error.name !== "NotSupportedError" && !(error instanceof TypeError);
  }
}

/** Whether one of the log's keys signed this checkpoint. Signatures by others are tolerated, a wrong one by a key is not. */
export async function isSigned(note, verifierKey) {
  if (note.origin !== verifierKey.name) return false;
  const text = utf8.encode(note.text);
  let signed = false;
  for (const { name, id, signature } of note.signatures) {
    // The id is a hint: two keys may share one.
    const named = verifierKey.keys.filter((key) => name === verifierKey.name && same(id, key.id));
    if (named.length === 0) continue;
    const checked = await Promise.all(named.map(({ key }) => verifies(key, signature, text)));
    if (!checked.includes(true)) return false;
    signed = true;
  }
  return signed;
}

async function verifies(bytes, signature, text) {
  const key = await crypto.subtle.importKey("raw", bytes, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", key, signature, text);
}

/** The fields of a leaf (proto/tollgate/v1/log.proto) as the page shows them: texts by name. */
export function readLeaf(bytes) {
  const names = {
    1: "version", 2: "seq", 4: "kind", 5: "class", 6: "refusal", 7: "peer", 8: "partner",
    9: "agreement", 10: "method", 11: "policyHash", 12: "keyIds", 13: "xCommit", 14: "iCommit",
  };
  const out = { version: "0", seq: "0", kind: "0", class: "0" };
  for (const [field, value] of messageFields(bytes)) {
    if (field === 3) out.time = String(timestamp(value));
    else if (names[field] === undefined) throw new Invalid("the leaf has a field that this page does not know");
    else if (typeof value === "bigint") out[names[field]] = value.toString();
    else if (field === 11 || field >= 13) out[names[field]] = toHex(value);
    else if (field === 12) out.keyIds = [out.keyIds, text(value)].filter(Boolean).join(" ");
    else out[names[field]] = text(value);
  }
  return out;
}

function text(bytes) {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

/** google.protobuf.Timestamp in milliseconds. */
function timestamp(bytes) {
  const parts = { 1: 0n, 2: 0n };
  for (const [field, value] of messageFields(bytes)) parts[field] = value;
  return parts[1] * 1000n + parts[2] / 1000000n;
}

function messageFields(bytes) {
  const out = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      must(at < bytes.length, "the leaf is cut off");
      const byte = bytes[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new Invalid("a number is too long");
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Number(tag >> 3n);
    const kind = Number(tag & 7n);
    if (kind === 0) {
      out.push([field, varint()]);
    } else if (kind === 2) {
      const length = Number(varint());
      must(at + length <= bytes.length, "the leaf is cut off");
      out.push([field, bytes.slice(at, at + length)]);
      at += length;
    } else {
      throw new Invalid("the leaf is malformed");
    }
  }
  return out;
}
