#!/bin/bash
# Runs chain_claim against a fresh anvil, then recomputes every payout from the exported receipts. Needs the npm
# packages of contracts/solidity (its build.sh installs them). Exit 0 when all holds, 77 (skipped) without them.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${FOG_BUILD:-$top/build}
anvil=$top/contracts/solidity/node_modules/.bin/anvil
artifacts=$top/contracts/solidity/out
if [ ! -x "$anvil" ] || [ ! -f "$artifacts/FogDeploy.sol/FogDeploy.json" ]; then
    echo "chain_claim: skipped, run contracts/solidity/build.sh first"
    exit 77
fi
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
"$anvil" --port 0 --silent --block-base-fee-per-gas 1000000000 >"$dir/anvil.log" 2>&1 &
pid=$!
# --silent hides the port that was chosen: the kernel knows it.
port=
for _ in $(seq 100); do
    port=$(ss -ltnp 2>/dev/null | awk -v p="pid=$pid," 'index($0, p) { n = split($4, a, ":"); print a[n]; exit }')
    [ -n "$port" ] && break
    sleep 0.1
done
[ -n "$port" ] || { echo "chain_claim: anvil did not start"; cat "$dir/anvil.log"; exit 1; }
"$build/tests/e2e/chain_claim" "http://127.0.0.1:$port" "$artifacts" "$dir"
"$top/tools/recompute.py" --export "$dir/export.jsonl" --earnings "$dir/earnings.json" --signer "$(cat "$dir/signer")"
# And it must notice one unit too many.
sed -E '0,/"units": *"[0-9]+"/s/("units": *")([0-9]+)"/\19\2"/' "$dir/earnings.json" >"$dir/wrong.json"
if "$top/tools/recompute.py" --export "$dir/export.jsonl" --earnings "$dir/wrong.json" >/dev/null 2>&1; then
    echo "chain_claim: the recomputation did not notice a wrong sum"
    exit 1
fi
