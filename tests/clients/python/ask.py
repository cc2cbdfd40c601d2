"""Asks a running gateway one question in one-shot mode and proves the answer. See README.md."""

import argparse
import json
import os
import pathlib
import sys
import time
import tomllib

import grpc
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from google.rpc import error_details_pb2, status_pb2

import protocol as p
import stubs

QUERY = "/tollgate.v1.ExchangeService/Query"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pki", type=pathlib.Path, required=True, help="the folder that `tollgate pki init` made")
    parser.add_argument("--member", required=True, help="the partner that asks")
    parser.add_argument("--address", required=True, help="host:port")
    parser.add_argument("--gateway", required=True, help="the gateway's SPIFFE URI")
    parser.add_argument("--gateway-domain", required=True, help="its trust domain")
    parser.add_argument("--server-name", default="localhost", help="a DNS name in its certificate")
    parser.add_argument("--signing-key-id", help="default: what registration.toml says")
    parser.add_argument("--agreement", required=True)
    parser.add_argument("--purpose", required=True)
    parser.add_argument("--consent", required=True, help="16 bytes in hex")
    parser.add_argument("--signal", action="append", required=True)
    parser.add_argument("--scheme", choices=["cn-resident-id", "cn-mobile", "opaque"], required=True)
    parser.add_argument("--subject", required=True)
    return parser.parse_args()


def channel(args, folder):
    credentials = grpc.ssl_channel_credentials(
        root_certificates=(args.pki / "trust" / args.gateway_domain / "root.pem").read_bytes(),
        private_key=(folder / "tls.key").read_bytes(),
        certificate_chain=(folder / "tls.pem").read_bytes(),
    )
    return grpc.secure_channel(args.address, credentials, [("grpc.ssl_target_name_override", args.server_name)])


def signing_key_id(args, folder):
    if args.signing_key_id:
        return args.signing_key_id
    registration = tomllib.loads((folder / "registration.toml").read_text())
    return registration["members"][0]["signing_keys"][0]["id"]


def build_query(pb, args, now):
    header = pb.RequestHeader(request_id=os.urandom(16), blind=os.urandom(32), reply_secret=os.urandom(32))
    header.issued_at.FromMilliseconds(int(now * 1000))
    scheme = {
        "cn-resident-id": pb.SUBJECT_SCHEME_CN_RESIDENT_ID,
        "cn-mobile": pb.SUBJECT_SCHEME_CN_MOBILE,
        "opaque": pb.SUBJECT_SCHEME_OPAQUE,
    }[args.scheme]
    return pb.Query(
        header=header,
        subject=pb.Subject(scheme=scheme, value=args.subject),
        purpose=args.purpose,
        signals=args.signal,
        agreement_id=args.agreement,
        consent_id=bytes.fromhex(args.consent),
    )


def sign(pb, args, folder, payload):
    key = load_pem_private_key((folder / "signing.key").read_bytes(), None)
    key_id = signing_key_id(args, folder)
    signature = key.sign(p.signed_message_input(args.gateway, args.member, key_id, QUERY, payload))
    return pb.SignedMessage(payload=payload, signing_key_id=key_id, signature=signature)


def ask(pb, services, args):
    folder = args.pki / "partners" / args.member
    identity = load_pem_public_key((args.pki / "gateway" / "identity.pub").read_bytes()).public_bytes_raw()
    with channel(args, folder) as open_channel:
        stub = services.ExchangeServiceStub(open_channel)
        listed = stub.GetKeyList(pb.GetKeyListRequest(), timeout=15)
        keys = p.verify_key_list(listed, pb.KeyList, args.gateway, identity, time.time())
        key = p.exchange_key(keys, time.time())

        query = build_query(pb, args, time.time())
        payload = query.SerializeToString(deterministic=True)
        signed = sign(pb, args, folder, payload)
        info = p.one_shot_info(args.gateway, args.member, QUERY, key.key_id)
        enc, ciphertext = p.hpke_seal(key.public_key, info, signed.SerializeToString(deterministic=True))
        envelope = pb.OneShotRequest(suite=key.suite, key_id=key.key_id, enc=enc, ciphertext=ciphertext)
        request = pb.QueryRequest(sealed=pb.SealedRequest(one_shot=envelope))
        reply = stub.Query(request, timeout=15).sealed.one_shot

    opened = p.open_one_shot_reply(
        args.gateway, args.member, QUERY, enc, ciphertext, query.header.reply_secret, reply
    )
    body = pb.ReplyBody.FromString(opened)
    answer = p.canonical(pb.Answer, body.answer, "the answer")
    p.require(answer.request_id == query.header.request_id, "the answer is to another request")
    detail = pb.PartnerDetail(
        request_id=query.header.request_id,
        request_digest=p.sha256(payload),
        signing_key_id=signed.signing_key_id,
        signature=signed.signature,
        purpose=query.purpose,
        consent_id=query.consent_id,
        signals=query.signals,
        answer_digest=p.sha256(body.answer),
        reference=body.reference,
    )
    about = (args.member, QUERY, args.agreement, answer.policy_hash)
    leaf, size, root = p.verify_receipt(pb, body.receipt, keys, detail, time.time(), *about)
    return {
        "outcome": "answer",
        "reference": body.reference,
        "key_list_serial": keys.serial,
        "signals": [described(pb, signal) for signal in answer.signals],
        "fields_read": list(answer.fields_read),
        "fields_withheld": list(answer.fields_withheld),
        "receipt": {"index": leaf.seq, "size": size, "root": root.hex(), "partner": leaf.partner, "verified": True},
    }


def described(pb, signal):
    outcome = pb.SignalOutcome.Name(signal.outcome).removeprefix("SIGNAL_OUTCOME_").lower()
    described = {"signal": signal.signal, "outcome": outcome}
    if signal.outcome == pb.SIGNAL_OUTCOME_BAND:
        described.update(band=signal.band, band_index=signal.band_index, reason_codes=list(signal.reason_codes))
    return described


def refusal(error):
    """The stable code is in google.rpc.ErrorInfo; a status without it was not made by the gateway's request path."""
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        for detail in status_pb2.Status.FromString(value).details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                refused = {"outcome": "refused", "code": info.reason, "message": error.details()}
                return refused | {"reference": info.metadata.get("reference", "")}
    return None


def main():
    args = arguments()
    pb, services = stubs.load()
    try:
        print(json.dumps(ask(pb, services, args)))
        return 0
    except grpc.RpcError as error:
        refused = refusal(error)
        print(json.dumps(refused or {"outcome": "failed", "error": f"{error.code().name}: {error.details()}"}))
        return 3 if refused else 1
    except (p.NotProven, ValueError, OSError, LookupError) as error:
        print(json.dumps({"outcome": "failed", "error": str(error)}))
        return 1


if __name__ == "__main__":
    sys.exit(main())
