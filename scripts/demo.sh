#!/bin/sh
# make demo: builds, then does the main job once. Nothing is left behind but target/.
set -eu
cd "$(dirname "$0")/.."
. scripts/need.sh

need cc build-essential "builds aws-lc and SQLite"
need openssl openssl "signs and serves TLS with a key it does not have"
need curl curl "fetches the page"
need_done
need_engine "OpenSSL's way to PKCS#11"
need_done
need_cargo

echo "building (the first time takes some minutes) ..."
log=$(mktemp)
if ! cargo build --release --workspace --locked >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    exit 1
fi
rm -f "$log"
exec target/release/softkeep run -- sh scripts/demo-inside.sh
