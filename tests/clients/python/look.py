"""What generic gRPC software sees of a listener: health and, if it is served, reflection. Prints one JSON object."""

import argparse
import json
import pathlib

import grpc


def field(number, payload):
    """A length-delimited protobuf field of under 128 bytes."""
    return bytes([number << 3 | 2, len(payload)]) + payload


def fields(message):
    """The fields of a message, as (number, value); enough of protobuf for two small replies."""

    def varint(at):
        value = shift = 0
        while True:
            byte = message[at]
            value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
            if byte < 0x80:
                return value, at

    at, found = 0, []
    while at < len(message):
        key, at = varint(at)
        value, at = varint(at)
        if key & 7 == 2:
            value, at = message[at : at + value], at + value
        found.append((key >> 3, value))
    return found


def health(channel):
    check = channel.unary_unary("/grpc.health.v1.Health/Check")
    status = dict(fields(check(b"", timeout=15))).get(1, 0)
    return ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"][status]


def services(channel):
    """ListServices of grpc.reflection.v1: request field 7, reply field 6 with names in field 1 of each service."""
    info = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
    reply = next(iter(info(iter([field(7, b"*")]), timeout=15)))
    listed = dict(fields(reply))[6]
    return [dict(fields(service))[1].decode() for number, service in fields(listed) if number == 1]


def seen(what, channel):
    try:
        return what(channel)
    except grpc.RpcError as error:
        return error.code().name


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True, help="host:port")
    parser.add_argument("--root", type=pathlib.Path, required=True, help="root certificate of the gateway")
    parser.add_argument("--folder", type=pathlib.Path, required=True, help="folder with tls.pem and tls.key")
    args = parser.parse_args()
    credentials = grpc.ssl_channel_credentials(
        root_certificates=args.root.read_bytes(),
        private_key=(args.folder / "tls.key").read_bytes(),
        certificate_chain=(args.folder / "tls.pem").read_bytes(),
    )
    options = [("grpc.ssl_target_name_override", "localhost")]
    with grpc.secure_channel(args.address, credentials, options) as channel:
        print(json.dumps({"health": seen(health, channel), "services": seen(services, channel)}))


if __name__ == "__main__":
    main()
