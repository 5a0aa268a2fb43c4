#!/bin/bash
# Installs what a group of tasks needs and is missing: tools/deps.sh build|run|test|analysis|browser ...
# Debian packages through apt-get, npm packages through the lock files of this tree. Quick when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

build="build-essential autoconf automake pkg-config git ca-certificates python3 libevent-dev libnghttp2-dev libssl-dev
  librocksdb-dev libsodium-dev libzstd-dev zlib1g-dev libsecp256k1-dev libjansson-dev libmaxminddb-dev libjemalloc-dev
  libconfuse-dev libcmocka-dev libldns-dev"
run="ffmpeg procps python3-httpx python3-h2"
test="curl openssl iproute2 nftables nghttp2-client knot-dnsutils mmdb-bin nginx-light python3-httpx python3-h2 procps debootstrap"
analysis="clang clang-format clang-tidy cppcheck libclang-rt-14-dev"
browser="chromium libnss3-tools"

want=""
for group in "$@"; do
    case "$group" in
    build | run | test | analysis | browser) want="$want ${!group}" ;;
    *) echo "deps: unknown group '$group' (build, run, test, analysis, browser)" >&2; exit 2 ;;
    esac
done
# Node.js and npm come from Debian only where the machine has none.
command -v npm >/dev/null 2>&1 || want="$want nodejs npm"

missing=""
for package in $want; do
    [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing="$missing $package"
done
if [ -n "$missing" ]; then
    if [ "$(id -u)" != 0 ]; then
        echo "deps: these packages are missing, install them as root: apt-get install$missing" >&2
        exit 1
    fi
    echo "deps: installing$missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >&2
fi

# The country database of the router, through its lock file; contracts/solidity/build.sh does the same for the contracts.
dir=router/geo
if ! cmp -s "$dir/package-lock.json" "$dir/node_modules/.fog-lock"; then
    echo "deps: npm ci in $dir" >&2
    (cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
    cp "$dir/package-lock.json" "$dir/node_modules/.fog-lock"
fi
