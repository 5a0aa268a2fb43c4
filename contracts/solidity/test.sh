#!/bin/sh
# Runs every forge test. Last line: "N passed, N failed"; exit 0 when none failed.
set -eu
cd "$(dirname "$0")"
./build.sh
log=$(mktemp)
trap 'rm -f "$log"' EXIT
rc=0
FOUNDRY_PROFILE=test ./node_modules/.bin/forge test "$@" >"$log" 2>&1 || rc=$?
cat "$log"
sums=$(sed -n 's/.*: \([0-9]*\) tests passed, \([0-9]*\) failed.*/\1 passed, \2 failed/p' "$log" | tail -n 1)
if [ -z "$sums" ]; then
    sums="0 passed, 1 failed"
    rc=1
fi
echo "$sums"
exit "$rc"
