#!/bin/bash
# clang-tidy and cppcheck over our C sources. Slower than check-source: part of tools/runtests. Arguments: files, else all.
set -uo pipefail
cd "$(dirname "$0")/.."
flags=$(pkg-config --cflags libevent libnghttp2 openssl libsodium libzstd zlib libsecp256k1 jansson libconfuse libmaxminddb ldns)
files=$*
[ -n "$files" ] || files=$(git ls-files -- 'core/*.c' 'storage/*.c' 'edge/*.c' 'router/*.c' 'contracts/claim/*.c' 'node/*.c' 'cli/*.c' |
    grep -v '_gen\.c$')
[ -n "$files" ] || { echo "lint: no sources (git ls-files found none)"; exit 1; }
bad=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# What clang-tidy counts and suppresses goes to its stderr; a run that fails shows it.
# shellcheck disable=SC2086
printf '%s\n' $files | xargs -P "$(nproc)" -I{} clang-tidy --quiet {} -- -std=c11 -D_GNU_SOURCE -I. $flags \
    -DPACKAGE_VERSION='""' -DFOG_LIBEXECDIR='""' -DFOG_DATADIR='""' -DFOG_SRCDIR='""' >"$log" 2>"$log.err" || bad=1
grep -E -A 2 '(warning|error):' "$log" && bad=1
[ "$bad" = 0 ] || grep -v 'warnings\? generated\|^Suppressed\|^Use -header-filter' "$log.err"
rm -f "$log.err"
# shellcheck disable=SC2086
cppcheck -q -j "$(nproc)" --enable=warning,portability,performance --inline-suppr --std=c11 --error-exitcode=2 \
    --suppress=missingInclude --suppress=unusedFunction -I. $files || bad=1
[ "$bad" = 0 ] && echo "lint: ok"
exit "$bad"
