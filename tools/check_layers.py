#!/usr/bin/python3
"""Fail when a folder includes a header that it may not, or a foreign header away from its door.

The rules are in tools/layers.txt: one line per folder with the folders below it, and one `door` line per foreign
library with the path prefixes that may include it. A library without a door line may be included anywhere."""
import pathlib
import re
import sys

SKIP = ("build", "node_modules", ".git")


def read_rules(path):
    rules, doors = {}, []
    for line in pathlib.Path(path).read_text().splitlines():
        line = line.split("#")[0].strip()
        if line.startswith("door "):
            _, prefix, *allowed = line.split()
            doors.append((prefix, allowed))
        elif line:
            folder, allowed = line.split(":")
            rules[folder.strip()] = set(allowed.split())
    return rules, doors


def layer_of(path, rules):
    for n in range(len(path.parts), 0, -1):
        if "/".join(path.parts[:n]) in rules:
            return "/".join(path.parts[:n])
    return None


def main():
    rules, doors = read_rules("tools/layers.txt")
    bad = 0
    for src in sorted(pathlib.Path(".").rglob("*.[ch]")):
        if src.parts[0].startswith(SKIP) or "node_modules" in src.parts:
            continue
        here = layer_of(src.parent, rules)
        if here is None:
            print(f"{src}: folder has no line in tools/layers.txt")
            bad = 1
            continue
        everything = "*" in rules[here]
        for no, text in enumerate(src.read_text().splitlines(), 1):
            ours = re.match(r'\s*#\s*include\s*"([^"]+)"', text)
            there = ours and layer_of(pathlib.PurePath(ours[1]).parent, rules)
            if there and there != here and not everything and there not in rules[here]:
                print(f"{src}:{no}: {here} may not include {there}")
                bad = 1
            foreign = re.match(r"\s*#\s*include\s*<([^>]+)>", text)
            for prefix, allowed in doors if foreign and not everything else []:
                if foreign[1].startswith(prefix) and not str(src).startswith(tuple(allowed)):
                    print(f"{src}:{no}: <{foreign[1]}> is only for {' '.join(allowed)}")
                    bad = 1
    return bad


sys.exit(main())
