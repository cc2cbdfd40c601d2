"""Compiles the .proto files into a temporary folder and imports what comes out."""

import importlib
import pathlib
import sys
import tempfile
from types import SimpleNamespace

from grpc_tools import protoc

PROTO = pathlib.Path(__file__).resolve().parents[3] / "proto"
FILES = ["sealed", "exchange", "log"]


def load():
    out = tempfile.mkdtemp(prefix="tollgate-stubs-")
    include = pathlib.Path(protoc.__file__).parent / "_proto"
    args = ["protoc", f"-I{PROTO}", f"-I{include}", f"--python_out={out}", f"--grpc_python_out={out}"]
    if protoc.main(args + [f"tollgate/v1/{name}.proto" for name in FILES]) != 0:
        raise SystemExit("the .proto files do not compile")
    sys.path.insert(0, out)
    messages = {}
    for name in FILES:
        module = importlib.import_module(f"tollgate.v1.{name}_pb2")
        messages.update({k: v for k, v in vars(module).items() if not k.startswith("_")})
    services = importlib.import_module("tollgate.v1.exchange_pb2_grpc")
    return SimpleNamespace(**messages), services
