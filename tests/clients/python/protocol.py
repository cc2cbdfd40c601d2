"""docs/protocol.md in Python: framing, HPKE, signatures, key list, one-shot mode, padding, receipt."""

import base64
import hashlib
import hmac
import struct

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

X25519_SUITE = (0x0020, 1, 2)
BLOCK = 4096
SKEW_S = 120
DAY_S = 86400


class NotProven(Exception):
    """Something that must hold does not."""


def require(holds, what):
    if not holds:
        raise NotProven(what)


def sha256(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


def lp(x):
    return struct.pack(">H", len(x)) + x


def ctx(label, *fields):
    out = lp(b"tollgate/v1 " + label.encode())
    for field in fields:
        field = field.encode() if isinstance(field, str) else field
        out += lp(field if len(field) <= 0xFFFF else sha256(field))
    return out


def be64(n):
    return struct.pack(">Q", n)


def suite_bytes(suite):
    return struct.pack(">HHH", *suite)


# --- HKDF (RFC 5869) -----------------------------------------------------------------------------------------------


def extract(salt, ikm):
    return hmac.new(salt or bytes(32), ikm, hashlib.sha256).digest()


def expand(prk, info, length):
    out, block, n = b"", b"", 1
    while len(out) < length:
        block = hmac.new(prk, block + info + bytes([n]), hashlib.sha256).digest()
        out, n = out + block, n + 1
    return out[:length]


def hkdf(salt, ikm, info, length):
    return expand(extract(salt, ikm), info, length)


# --- HPKE (RFC 9180), base mode, DHKEM(X25519), HKDF-SHA256, AES-256-GCM, empty aad ---------------------------------


def _labeled_extract(suite_id, salt, label, ikm):
    return extract(salt, b"HPKE-v1" + suite_id + label + ikm)


def _labeled_expand(suite_id, prk, label, info, length):
    return expand(prk, struct.pack(">H", length) + b"HPKE-v1" + suite_id + label + info, length)


def _kem_secret(dh, enc, public):
    suite_id = b"KEM" + struct.pack(">H", 0x0020)
    prk = _labeled_extract(suite_id, b"", b"eae_prk", dh)
    return _labeled_expand(suite_id, prk, b"shared_secret", enc + public, 32)


def _key_schedule(shared_secret, info):
    suite_id = b"HPKE" + struct.pack(">HHH", *X25519_SUITE)
    context = b"\x00" + _labeled_extract(suite_id, b"", b"psk_id_hash", b"")
    context += _labeled_extract(suite_id, b"", b"info_hash", info)
    secret = _labeled_extract(suite_id, shared_secret, b"secret", b"")
    key = _labeled_expand(suite_id, secret, b"key", context, 32)
    return key, _labeled_expand(suite_id, secret, b"base_nonce", context, 12)


def hpke_seal(public, info, plaintext):
    ephemeral = X25519PrivateKey.generate()
    enc = ephemeral.public_key().public_bytes_raw()
    dh = ephemeral.exchange(X25519PublicKey.from_public_bytes(public))
    key, nonce = _key_schedule(_kem_secret(dh, enc, public), info)
    return enc, AESGCM(key).encrypt(nonce, plaintext, b"")


def hpke_open(secret, enc, info, ciphertext):
    private = X25519PrivateKey.from_private_bytes(secret)
    dh = private.exchange(X25519PublicKey.from_public_bytes(enc))
    public = private.public_key().public_bytes_raw()
    key, nonce = _key_schedule(_kem_secret(dh, enc, public), info)
    return AESGCM(key).decrypt(nonce, ciphertext, b"")


# --- Signatures ----------------------------------------------------------------------------------------------------


def verify(public, message, signature, what):
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise NotProven(what) from None


def signed_message_input(gateway, partner, key_id, method, payload):
    return ctx("signed-message", gateway, partner, key_id, method, sha256(payload))


def canonical(message_class, raw, what):
    message = message_class.FromString(raw)
    require(message.SerializeToString(deterministic=True) == raw, f"{what} is not canonical")
    return message


# --- Key list ------------------------------------------------------------------------------------------------------


def seconds(timestamp):
    return timestamp.seconds + timestamp.nanos / 1e9


def verify_key_list(response, key_list_class, gateway, identity, now):
    delegation = response.delegation
    span = be64(delegation.not_before_s), be64(delegation.not_after_s)
    verify(
        identity,
        ctx("key-list-delegate", gateway, delegation.public_key, *span),
        delegation.signature,
        "the delegation is not signed by the gateway-identity key",
    )
    require(delegation.not_after_s - delegation.not_before_s <= 30 * DAY_S, "the delegation is longer than 30 days")
    require(delegation.not_before_s - SKEW_S <= now < delegation.not_after_s, "the delegation is not valid now")
    keys = canonical(key_list_class, response.key_list, "the key list")
    signed = ctx("key-list", gateway, be64(keys.serial), sha256(response.key_list))
    verify(delegation.public_key, signed, response.signature, "the key list is not signed by the delegate")
    require(keys.gateway == gateway, "the key list is another gateway's")
    not_before, not_after = seconds(keys.not_before), seconds(keys.not_after)
    require(not_before - SKEW_S <= now < not_after, "the key list is not valid now")
    require(not_after - not_before <= DAY_S, "the key list is longer than 24 hours")
    return keys


def exchange_key(keys, now):
    usable = [
        key
        for key in keys.exchange_keys
        if (key.suite.kem, key.suite.kdf, key.suite.aead) == X25519_SUITE
        and seconds(key.not_before) <= now < seconds(key.not_after)
    ]
    require(usable, "the key list has no X25519 key for now")
    return max(usable, key=lambda key: seconds(key.not_after))


# --- One-shot ------------------------------------------------------------------------------------------------------


def one_shot_info(gateway, partner, method, key_id):
    return ctx("one-shot-request", gateway, partner, method, suite_bytes(X25519_SUITE), key_id)


def open_one_shot_reply(gateway, partner, method, enc, ciphertext, reply_secret, reply):
    info = ctx("one-shot-reply", gateway, partner, method, suite_bytes(X25519_SUITE))
    okm = hkdf(enc + reply.nonce, reply_secret, info, 44)
    aad = ctx("one-shot-reply", sha256(enc, ciphertext))
    try:
        return unpad(AESGCM(okm[:32]).decrypt(okm[32:], reply.ciphertext, aad))
    except InvalidTag:
        raise NotProven("the reply does not open") from None


def unpad(padded):
    require(padded and len(padded) % BLOCK == 0, "the reply is not padded")
    stripped = padded.rstrip(b"\x00")
    require(stripped.endswith(b"\x80"), "the reply is not padded")
    require(len(padded) - len(stripped) < BLOCK, "the reply is padded with more than a block")
    return stripped[:-1]


# --- Receipt -------------------------------------------------------------------------------------------------------


def parse_vkey(text):
    name, key_id, encoded = text.split("+", 2)
    raw = base64.b64decode(encoded, validate=True)
    require(len(raw) == 33 and raw[0] == 1, "the log's key is not Ed25519")
    require(sha256(name.encode() + b"\n" + raw)[:4].hex() == key_id, "the log's key has another id")
    return name, bytes.fromhex(key_id), raw[1:]


def verify_note(note, keys):
    text, signatures = note.rsplit("\n\n", 1)
    text += "\n"
    lines = text.split("\n")
    require(len(lines) == 4 and lines[3] == "", "the checkpoint has not three lines")
    origin, size, root = lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
    require(str(size) == lines[1] and len(root) == 32, "the checkpoint is malformed")
    listed = [parse_vkey(key.verifier_key) for key in keys.log_keys if key.origin == origin]
    require(listed, "the checkpoint is of a log that the key list does not name")
    for line in signatures.strip("\n").split("\n"):
        require(line.startswith("— "), "a signature line is malformed")
        name, encoded = line[2:].split(" ", 1)
        raw = base64.b64decode(encoded, validate=True)
        for known, key_id, public in listed:
            if name == known and raw[:4] == key_id:
                verify(public, text.encode(), raw[4:], "the checkpoint is not signed by the log")
                return size, root
    raise NotProven("the checkpoint is not signed by the log")


def parse_proof(text):
    head, note = text.split("\n\n", 1)
    lines = head.split("\n")
    require(lines[0] == "c2sp.org/tlog-proof@v1" and lines[1].startswith("index "), "the proof is malformed")
    hashes = [base64.b64decode(line, validate=True) for line in lines[2:]]
    require(all(len(h) == 32 for h in hashes), "the proof is malformed")
    return int(lines[1][6:]), hashes, note


def root_from_path(leaf, index, size, path):
    """RFC 9162 section 2.1.3.2, which verifies RFC 6962 audit paths."""
    require(index < size, "the index lies beyond the log")
    fn, sn, r = index, size - 1, sha256(b"\x00" + leaf)
    for p in path:
        require(sn != 0, "the proof has a hash too many")
        if fn & 1 or fn == sn:
            r = sha256(b"\x01" + p + r)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha256(b"\x01" + r + p)
        fn, sn = fn >> 1, sn >> 1
    require(sn == 0, "the proof lacks a hash")
    return r


def verify_receipt(pb, receipt, keys, detail, now, partner, method, agreement, policy_hash):
    """All checks but the two that need an earlier checkpoint; gives leaf, size and root."""
    index, path, note = parse_proof(receipt.proof)
    size, root = verify_note(note, keys)
    leaf = canonical(pb.Leaf, receipt.leaf, "the leaf")
    require(index == leaf.seq, "the index is not the leaf's")
    require(root_from_path(receipt.leaf, index, size, path) == root, "the leaf is not in the log")
    require(leaf.partner == partner, "the leaf names another partner")
    require(leaf.method == method, "the leaf names another method")
    require(leaf.agreement == agreement, "the leaf names another agreement")
    require(leaf.policy_hash == policy_hash, "the leaf names another policy")
    require(getattr(leaf, "class") in (pb.ENTRY_CLASS_SEALED, pb.ENTRY_CLASS_ADMIN), "the leaf is of no answer")
    committed = ctx("x-detail", detail.SerializeToString(deterministic=True))
    mac = hmac.new(receipt.commitment_key, committed, hashlib.sha256).digest()
    require(len(receipt.commitment_key) == 32, "the commitment key is malformed")
    require(hmac.compare_digest(mac, leaf.x_commit), "the leaf does not commit to this exchange")
    require(abs(seconds(leaf.time) - now) <= SKEW_S, "the leaf is not of now")
    return leaf, size, root
