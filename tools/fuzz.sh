#!/bin/bash
# Every fuzz target under libFuzzer with address and undefined-behaviour sanitizers: tools/fuzz.sh [SECONDS each, 10] [TARGET ...]
# Builds in build-fuzz/; what crashes a target stays there as fuzz/TARGET-crash-*. Put it into tests/fuzz/corpus/TARGET/ with the fix.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-10}
shift $(($# > 0 ? 1 : 0))
[ -x ./configure ] || ./autogen.sh
mkdir -p build-fuzz
cd build-fuzz
[ -f Makefile ] || ../configure CC=clang --enable-werror --enable-fuzz --with-sanitizer=address,undefined CFLAGS='-O1 -g'
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cd ../tests/fuzz && ls fuzz_*.c | sed 's/^fuzz_//; s/\.c$//')
make -j"$(nproc)" "${targets[@]/#/tests/fuzz/fuzz_}"

# stdout and stderr of one target go to its log; one line here says how it went.
one() {
    mkdir -p "fuzz/$1"
    if "tests/fuzz/fuzz_$1" -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="fuzz/$1-" \
        "fuzz/$1" "../tests/fuzz/corpus/$1" >"fuzz/$1.log" 2>&1; then
        echo "ok   $1 $(sed -n 's/^Done \([0-9]*\) runs.*/\1 runs/p' "fuzz/$1.log")"
    else
        echo "FAIL $1: build-fuzz/fuzz/$1.log"
        grep -E -A 12 'ERROR: |runtime error|SUMMARY' "fuzz/$1.log" | head -n 40
        return 1
    fi
}
export -f one
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'one {} '"$seconds"
