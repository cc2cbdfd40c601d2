#!/usr/bin/env bash
# Makes a development PKI in keys-example/dev (or in the folder that is given). Nothing is overwritten.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec cargo run --release --quiet -- pki init "${1:-keys-example/dev}"
