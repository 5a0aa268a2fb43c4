#!/bin/sh
# Installs the pinned compiler and compiles the contracts into out/. Does nothing when nothing changed.
set -eu
cd "$(dirname "$0")"

if command -v flock >/dev/null && [ "${FOG_SOL_LOCKED:-}" != 1 ]; then
    FOG_SOL_LOCKED=1 exec flock .gitignore "./build.sh" "$@"
fi

want=$(sha256sum package-lock.json package.json)
if [ ! -f node_modules/.fog-lock ] || [ "$(cat node_modules/.fog-lock)" != "$want" ]; then
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
    printf '%s\n' "$want" >node_modules/.fog-lock
fi

if [ ! -f out/.built ] || [ -n "$(find src foundry.toml solc.js node_modules/.fog-lock -newer out/.built)" ]; then
    ./node_modules/.bin/forge build --skip test
    touch out/.built
fi
