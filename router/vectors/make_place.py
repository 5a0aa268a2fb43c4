#!/usr/bin/python3
"""Writes place.json: ranks and scores by the definition in docs/PROTOCOL.md 5, independent of the C code."""
import hashlib
import json
import pathlib

M64 = (1 << 64) - 1


def log_table():
    out = []
    for i in range(2048):
        y, bits = (2048 + i) << 52, 0
        for _ in range(48):
            y = y * y >> 63
            bits <<= 1
            if y >> 64:
                bits |= 1
                y >>= 1
        out.append(bits)
    return out + [1 << 48]


T = log_table()


def mix(z):
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & M64
    z = (z ^ z >> 27) * 0x94D049BB133111EB & M64
    return z ^ z >> 31


def minus_log2(v):
    e = 64 - v.bit_length()
    m = v << e
    i, f = m >> 52 & 2047, m >> 20 & 0xFFFFFFFF
    return (64 << 48) - (((63 - e) << 48) + T[i] + ((T[i + 1] - T[i]) * f >> 32))


def words(h):
    return int.from_bytes(h[:8], "big"), int.from_bytes(h[8:16], "big")


def score(box_id, weight, pg):
    (a, b), (p0, p1) = words(box_id), words(pg)
    return minus_log2(mix(mix(a ^ p0) ^ b ^ p1) | 1) // weight


def h(text):
    return hashlib.sha256(text.encode()).digest()


def main():
    boxes = [{"id": h(f"box {i}"), "weight": (0, 1, 100, 100, 1000, 65535)[i % 6]} for i in range(24)]
    groups = []
    for g in range(16):
        pg = h(f"group {g}")
        scored = sorted((score(b["id"], b["weight"], pg), words(b["id"]), i) for i, b in enumerate(boxes) if b["weight"])
        groups.append({"pg": pg.hex(), "rank": [i for _, _, i in scored], "scores": [str(s) for s, _, _ in scored]})
    doc = {"boxes": [{"id": b["id"].hex(), "weight": b["weight"]} for b in boxes], "groups": groups,
           "log_table_sha256": hashlib.sha256(b"".join(t.to_bytes(8, "big") for t in T)).hexdigest()}
    path = pathlib.Path(__file__).parent / "place.json"
    path.write_text(json.dumps(doc, indent=1) + "\n")


main()
