#!/bin/sh
# make test-long: hours. The tests of forks, restarts, threads, loading and hand-over over and over, a minute of load, the
# property tests with many cases, and a GiB through Java.
set -eu
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-50}
export SOFTKEEP_TEST_LOAD_SECONDS="${SOFTKEEP_TEST_LOAD_SECONDS:-60}"
PROPTEST_CASES=100000 cargo nextest run --profile long --workspace --locked --no-fail-fast
cargo nextest run --profile long --locked --no-fail-fast -p softkeep-tests --run-ignored only -E 'test(gibibyte)'
# Timing means something in optimised code alone, and with nothing beside it.
cargo nextest run --profile long --release --locked --no-fail-fast -j 1 -p softkeep-daemon --run-ignored only -E 'test(timing)'
cargo nextest run --profile long --locked --no-fail-fast --stress-count "$rounds" -p softkeep-tests \
    -E 'test(fork) | test(restart) | test(nginx) | test(/^loading::/) | test(/^threads::/) | test(/^processes::/) | test(/^absent::/)'
cargo nextest run --profile long --locked --no-fail-fast --stress-count "$rounds" -p softkeep-pkcs11 -E 'test(transport)'
for seed in $(seq "$rounds"); do
    SOFTKEEP_TEST_WALK_SEED="$seed" SOFTKEEP_TEST_WALK_STEPS="${WALK_STEPS:-50000}" \
        cargo nextest run --profile long --locked --no-fail-fast -p softkeep-tests -E 'test(/^attacks::walk::/)'
done
