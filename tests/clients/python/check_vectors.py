"""The independent client against tests/vectors. Prints what it checked; exits 1 at the first thing that differs."""

import json
import pathlib
import sys
from types import SimpleNamespace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import protocol as p
import stubs

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "vectors"
checked = 0


def read(name):
    return json.loads((VECTORS / name).read_text())


def same(got, want, what):
    global checked
    got = got.hex() if isinstance(got, bytes) else got
    p.require(got == want, f"{what}: got {got}, want {want}")
    checked += 1


def must_fail(what, action):
    global checked
    try:
        action()
    except (p.NotProven, ValueError):
        checked += 1
        return
    raise p.NotProven(f"{what} was accepted")


def framing_and_padding():
    case = read("framing.json")["cases"][1]
    same(p.ctx(case["label"], *map(bytes.fromhex, case["fields"])), case["ctx"], "ctx")
    for case in read("padding.json")["cases"]:
        plain = bytes.fromhex(case["plaintext_byte"]) * case["plaintext_bytes"]
        padded = (plain + b"\x80").ljust(case["padded_bytes"], b"\x00")
        same(p.sha256(padded), case["padded_sha256"], "padding")
        same(p.unpad(padded), plain.hex(), "unpad")
    for case in read("fail_padding.json")["cases"]:
        padded = bytearray(case["padded_bytes"])
        if case["mark"]:
            padded[case["mark_at"]] = int(case["mark"], 16)
        must_fail("bad padding", lambda padded=bytes(padded): p.unpad(padded))


def signatures():
    vectors = read("signatures.json")
    common, signed, register = vectors["common"], vectors["signed_message"], vectors["register_key"]
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(common["signing_key_seed"]))
    public = key.public_key().public_bytes_raw()
    same(public, common["signing_public_key"], "public key")
    payload = bytes.fromhex(signed["payload"])
    made = p.signed_message_input(common["gateway"], common["partner"], common["signing_key_id"], signed["method"], payload)
    same(made, signed["input"], "signature input")
    same(key.sign(made), signed["signature"], "signature")
    made = p.ctx("register-key", common["gateway"], common["partner"], common["signing_key_id"], public)
    same(made, register["input"], "register-key input")
    same(key.sign(made), register["signature"], "register-key signature")
    for case in read("fail_signatures.json")["cases"]:
        payload = bytes.fromhex(case["payload"])
        made = p.signed_message_input(common["gateway"], common["partner"], case["signing_key_id"], case["method"], payload)
        signature = bytes.fromhex(case["signature"])
        must_fail(case["changed"], lambda made=made, signature=signature: p.verify(public, made, signature, "no"))


def one_shot():
    for case in read("one-shot.json")["cases"]:
        common, reply = case["common"], case["reply"]
        if common["suite"]["kem"] != 0x20:
            continue
        key_id = bytes.fromhex(common["exchange_key_id"])
        info = p.one_shot_info(common["gateway"], common["partner"], case["method"], key_id)
        same(info, case["info"], "one-shot info")
        enc, ciphertext = bytes.fromhex(case["enc"]), bytes.fromhex(case["ciphertext"])
        opened = p.hpke_open(bytes.fromhex(common["exchange_secret_key"]), enc, info, ciphertext)
        same(opened, case["signed_message"], "one-shot request")
        sealed = SimpleNamespace(nonce=bytes.fromhex(reply["nonce"]), ciphertext=bytes.fromhex(reply["ciphertext"]))
        secret = bytes.fromhex(reply["reply_secret"])
        args = (common["gateway"], common["partner"], case["method"], enc, ciphertext, secret)
        same(p.open_one_shot_reply(*args, sealed), reply["body"], "one-shot reply")


def session():
    for case in read("session.json")["cases"]:
        common, opened, accept, keys = case["common"], case["open"], case["accept"], case["keys"]
        who = (common["gateway"], common["partner"], bytes.fromhex(common["suite"]["bytes"]))
        open_bytes = bytes.fromhex(opened["enc"] + opened["ciphertext"])
        accept_bytes = bytes.fromhex(accept["enc"] + accept["ciphertext"])
        same(p.ctx("session-open", *who, bytes.fromhex(common["exchange_key_id"])), opened["info"], "open info")
        same(p.ctx("session-accept", *who, p.sha256(open_bytes)), accept["info"], "accept info")
        framed = b"".join(len(x).to_bytes(4, "big") + x for x in (open_bytes, accept_bytes))
        th = p.sha256(framed)
        same(th, keys["th"], "th")
        ikm = bytes.fromhex(opened["client_secret"] + accept["server_secret"])
        session_id = bytes.fromhex(accept["session_id"])
        for name in ("c2s", "s2c"):
            same(p.hkdf(th, ikm, p.ctx(f"session-{name}", *who, session_id), 32), keys[name], name)
        method = "/tollgate.v1.ExchangeService/Query"
        request_sha256 = p.sha256(bytes.fromhex(case["request"]["salt"] + case["request"]["ciphertext"]))
        for name, direction, extra in (("request", "c2s", []), ("reply", "s2c", [request_sha256])):
            message = case[name]
            seq = p.be64(message["seq"])
            salt, key = bytes.fromhex(message["salt"]), bytes.fromhex(keys[direction])
            okm = p.hkdf(salt, key, p.ctx(f"session-{name}", seq), 44)
            same(okm, message["key"] + message["aead_nonce"], f"{name} key")
            aad = p.ctx(f"session-{name}", session_id, seq, method, *extra)
            same(aad, message["aad"], f"{name} aad")
            plain = AESGCM(okm[:32]).decrypt(okm[32:], bytes.fromhex(message["ciphertext"]), aad)
            plain = p.unpad(plain) if name == "reply" else plain
            same(plain, message["plaintext_before_padding"], name)


def receipts(pb):
    good = read("receipt.json")
    now = good["now_ms"] / 1000
    listed = good["key_list"]
    response = pb.GetKeyListResponse(
        key_list=bytes.fromhex(listed["key_list"]),
        signature=bytes.fromhex(listed["signature"]),
        delegation=pb.KeyListDelegation.FromString(bytes.fromhex(listed["delegation"])),
    )
    identity = bytes.fromhex(listed["identity_public_key"])
    keys = p.verify_key_list(response, pb.KeyList, listed["gateway"], identity, now)
    must_fail("an expired list", lambda: p.verify_key_list(response, pb.KeyList, listed["gateway"], identity, now + p.DAY_S))
    must_fail("a foreign list", lambda: p.verify_key_list(response, pb.KeyList, "spiffe://x.test/g", identity, now))

    def check(case):
        answer = pb.Answer.FromString(bytes.fromhex(good["answer"]))
        detail = pb.PartnerDetail.FromString(bytes.fromhex(case["partner_detail"]))
        detail.answer_digest = p.sha256(bytes.fromhex(case["answer"]))
        receipt = pb.Receipt(
            leaf=bytes.fromhex(case["receipt"]["leaf"]),
            proof=case["receipt"]["proof"],
            commitment_key=bytes.fromhex(case["receipt"]["commitment_key"]),
        )
        about = (good["partner"], good["method"], good["agreement"], answer.policy_hash)
        return p.verify_receipt(pb, receipt, keys, detail, now, *about)

    same(check(good)[1], 4, "receipt")
    for case in read("fail_receipt.json")["cases"]:
        must_fail(case["name"], lambda case=case: check(case))


def hpke():
    for case in read("hpke.json")["cases"]:
        if case["kem"] == 0x20:
            args = [bytes.fromhex(case[name]) for name in ("secret_key", "enc", "info", "ciphertext")]
            same(p.hpke_open(*args), case["plaintext"], "hpke")


if __name__ == "__main__":
    pb, _ = stubs.load()
    try:
        framing_and_padding()
        signatures()
        hpke()
        one_shot()
        session()
        receipts(pb)
    except p.NotProven as error:
        print(json.dumps({"ok": False, "error": str(error)}))
        sys.exit(1)
    print(json.dumps({"ok": True, "checked": checked}))
