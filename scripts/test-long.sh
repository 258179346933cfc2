#!/bin/sh
# make test-long: hours. The fork, restart and hand-over tests over and over, and the property tests with many cases.
set -eu
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-50}
PROPTEST_CASES=100000 cargo nextest run --workspace --locked --no-fail-fast
cargo nextest run --locked --no-fail-fast --stress-count "$rounds" -p softkeep-tests -E 'test(fork) | test(restart) | test(nginx)'
cargo nextest run --locked --no-fail-fast --stress-count "$rounds" -p softkeep-pkcs11 -E 'test(transport)'
