#!/bin/bash
# Source rules that need no heavy compiling: layers and doors, formatting, headers that stand alone, names, banned calls,
# generated files, file and function sizes. Prints every finding, then fails if there was one.
set -uo pipefail
cd "$(dirname "$0")/.."
bad=0
sources() { git ls-files --cached --others --exclude-standard -- '*.c' '*.h' | grep -v -e node_modules; }

./tools/check_layers.py || bad=1

if command -v clang-format >/dev/null; then
    sources | grep -v '_gen\.[ch]$' | xargs clang-format --dry-run -Werror 2>/tmp/fog-format.$$ || {
        grep -E 'error:' /tmp/fog-format.$$ | cut -d: -f1 | sort | uniq -c | sed 's/^/format: /'
        bad=1
    }
    rm -f /tmp/fog-format.$$
fi

# Each header compiles alone, twice included.
check_header() {
    printf '#include "%s"\n#include "%s"\n' "$1" "$1" |
        ${CC:-cc} -std=c11 -D_GNU_SOURCE -I. -fsyntax-only -x c - 2>&1 | head -n 3 | sed "s|^|header $1: |"
}
export -f check_header
found=$(sources | grep '\.h$' | grep -v '^tests/' | xargs -P 2 -I{} bash -c 'check_header {}')
[ -z "$found" ] || { echo "$found"; bad=1; }

banned='\b(strcpy|strcat|sprintf|vsprintf|atoi|atol|strtok|gets|rand|srand|gettimeofday|localtime|gmtime|mktemp|tmpnam)\('
found=$(sources | grep -v -e '^tests/' -e '^bench/' | xargs grep -nE "$banned" | grep -v 'banned: ')
[ -z "$found" ] || { echo "$found" | sed 's/^/banned call: /'; bad=1; }

# Logic asks nobody for the time: clocks are read in core/io, node and cli only.
found=$(sources | grep -E '^(core/(base|wire|crypto|content|json)|edge|router|contracts|storage)/' | xargs grep -nE '\b(time|clock_gettime)\(' | grep -v 'clock: ')
[ -z "$found" ] || { echo "$found" | sed 's/^/clock in logic: /'; bad=1; }

# Unfinished work does not land.
found=$(git grep -nE '\b(TODO|FIXME|XXX)\b' -- '*.c' '*.h' '*.py' '*.sh' '*.sol' ':!tools/check_source.sh')
[ -z "$found" ] || { echo "$found" | sed 's/^/unfinished: /'; bad=1; }

# Money is not a number: amounts are opened only in amount.c unless the line says why.
found=$(sources | grep '^contracts/claim/' | grep -v '/amount\.[ch]$' | xargs -r grep -nE '\.raw_units\b' | grep -v 'raw: ')
[ -z "$found" ] || { echo "$found" | sed 's/^/money: /'; bad=1; }

# Generated files are what the generator writes.
if [ -x tools/gen_wire.py ]; then
    ./tools/gen_wire.py --check || bad=1
fi

# Reported, not refused: what has grown long.
sources | grep -v -e '_gen\.' | xargs wc -l | awk '$2 != "total" && $1 > 600 { print "long file (smell): " $2 " " $1 }'

[ "$bad" = 0 ] && echo "check-source: ok"
exit "$bad"
