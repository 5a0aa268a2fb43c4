#!/bin/bash
# clang-tidy and cppcheck over our C sources, with the flags of build-test. Slower than check-source: part of tools/runtests.
set -uo pipefail
cd "$(dirname "$0")/.."
flags=$(pkg-config --cflags libevent libnghttp2 openssl libsodium libzstd zlib libsecp256k1 jansson libconfuse libmaxminddb ldns)
files=$(git ls-files -- 'core/*.c' 'storage/*.c' 'edge/*.c' 'router/*.c' 'contracts/claim/*.c' 'node/*.c' 'cli/*.c' | grep -v '_gen\.c$')
bad=0
# shellcheck disable=SC2086
printf '%s\n' $files | xargs -P "$(nproc)" -I{} clang-tidy --quiet {} -- -std=c11 -D_GNU_SOURCE -I. $flags \
    -DFOG_LIBEXECDIR='""' -DFOG_DATADIR='""' -DFOG_SRCDIR='""' 2>/dev/null | tee /tmp/fog-tidy.$$ | grep -E '(warning|error):' && bad=1
rm -f /tmp/fog-tidy.$$
# shellcheck disable=SC2086
cppcheck -q -j "$(nproc)" --enable=warning,portability,performance --inline-suppr --std=c11 --error-exitcode=2 \
    --suppress=missingInclude --suppress=unusedFunction -I. $files || bad=1
[ "$bad" = 0 ] && echo "lint: ok"
exit "$bad"
