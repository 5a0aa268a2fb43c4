#!/usr/bin/python3
"""Vectors of PROTOCOL 1-2, made without a line of our C: hashlib and the Ed25519 of RFC 8032 below.

Without arguments compares what is in the tree with what it makes (a test); --write writes it."""
import hashlib
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
CORPUS = HERE.parents[2] / "tests/fuzz/corpus"
LEAF, CHUNK, PAGE_MAX = 65536, 1 << 20, 65536


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# --- Ed25519, RFC 8032 section 5.1, slow and plain ---
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def recover_x(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P)
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return P - x if x & 1 != sign else x


BY = 4 * pow(5, P - 2, P) % P
B = (recover_x(BY, 0), BY)


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    k = D * x1 * x2 * y1 * y2
    return ((x1 * y2 + x2 * y1) * pow(1 + k, P - 2, P) % P, (y1 * y2 + x1 * x2) * pow(1 - k, P - 2, P) % P)


def mul(n, point):
    out = (0, 1)
    while n:
        if n & 1:
            out = add(out, point)
        point = add(point, point)
        n >>= 1
    return out


def pack(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def expand(seed):
    h = hashlib.sha512(seed).digest()
    a = int.from_bytes(h[:32], "little")
    return a & (1 << 254) - 8 | 1 << 254, h[32:]


def public(seed):
    return pack(mul(expand(seed)[0], B))


def ed25519(seed, message):
    a, prefix = expand(seed)
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
    big_r = pack(mul(r, B))
    h = int.from_bytes(hashlib.sha512(big_r + public(seed) + message).digest(), "little")
    return big_r + ((r + h * a) % L).to_bytes(32, "little")


def sign(seed, kind, fog_id, body):
    return ed25519(seed, b"fogbank1" + struct.pack(">H", kind) + fog_id + body)


# --- tree ---
def data(size):
    out = bytearray()
    while len(out) < size:
        out += sha(b"fogbank vector", struct.pack(">Q", len(out) // 32))
    return bytes(out[:size])


def leaf_hashes(b):
    return [sha(b"\0", b[i:i + LEAF]) for i in range(0, len(b), LEAF)] or [sha(b"\0")]


def root(h):
    if len(h) == 1:
        return h[0]
    k = 1
    while k * 2 < len(h):
        k *= 2
    return sha(b"\1", root(h[:k]), root(h[k:]))


def chunk_ids(b):
    return [root(leaf_hashes(b[i:i + CHUNK])) for i in range(0, len(b), CHUNK)] or [root(leaf_hashes(b""))]


# --- objects ---
def lp8(b):
    return bytes([len(b)]) + b


def lp16(b):
    return struct.pack(">H", len(b)) + b


def manifest(media, variants):
    out = b"\1" + lp8(media.encode()) + bytes([len(variants)])
    for encoding, b, plain in variants:
        out += bytes([encoding]) + root(leaf_hashes(b)) + struct.pack(">QB", len(b), plain)
        out += (hashlib.sha256(b).digest() if plain else b"") + b"".join(chunk_ids(b))
    return out


def page(level, items):
    out, last = b"", b""
    for path, payload in items:
        n = 0
        while n < min(len(last), len(path)) and last[n] == path[n]:
            n += 1
        out += struct.pack(">H", n) + lp16(path[n:]) + payload
        last = path
    return struct.pack(">BBH", 1, level, len(items)) + out


def release(entries):
    """entries: sorted (path, manifest id, slot, headers). Returns pages, children first."""
    items = [(p, m + struct.pack(">IB", slot, len(h)) + b"".join(lp8(n) + lp16(v) for n, v in h))
             for p, m, slot, h in entries]
    pages = []
    for level in range(3):
        whole = page(level, items)
        if len(whole) <= PAGE_MAX:
            return pages + [whole]
        groups = [[]]
        for it in items:
            cut = sha(bytes([level]), it[0])[0] & 0x7f == 0
            if groups[-1] and (cut or len(page(level, groups[-1] + [it])) > PAGE_MAX):
                groups.append([])
            groups[-1].append(it)
        made = [page(level, g) for g in groups]
        pages += made
        items = [(g[0][0], sha(b"\3", m) + struct.pack(">I", len(m))) for g, m in zip(groups, made)]
    raise ValueError("too deep")


def big_release():
    """2500 entries: two levels."""
    out = []
    for i in range(2500):
        path = b"seg/%03d/part-%05d.m4s" % (i // 100, i)
        headers = [(b"cache-control", b"max-age=60"), (b"x-demo", b"%d" % i)] if i % 50 == 0 else []
        out.append((path, sha(b"manifest", struct.pack(">I", i)), i // 75, headers))
    return out


def build():
    fog_id = sha(b"a fog for vectors")
    seeds = {n: sha(b"seed", n.encode()) for n in ("recovery", "release", "release2", "ingress", "hub", "box")}
    v = {"fog_id": fog_id}
    for n, s in seeds.items():
        v["seed." + n] = s
        v["pub." + n] = public(s)
    for size in (0, 1, 65535, 65536, 65537, CHUNK, CHUNK + 1, 5 * CHUNK):
        b = data(size)
        ids = chunk_ids(b)
        assert root(ids) == root(leaf_hashes(b))
        v["tree.%d.root" % size] = root(leaf_hashes(b))
        v["tree.%d.plain" % size] = hashlib.sha256(b).digest()
        v["tree.%d.first_leaf" % size] = leaf_hashes(b)[0]
        v["tree.%d.last_chunk" % size] = ids[-1]

    m = manifest("text/html; charset=utf-8", [(0, data(CHUNK + 1), 1), (2, data(65537), 1)])
    tiny = manifest("application/octet-stream", [(0, b"", 0)])
    v.update({"manifest": m, "manifest.id": sha(b"\2", m), "manifest.tiny": tiny, "manifest.tiny.id": sha(b"\2", tiny)})

    pages = release(big_release())
    v["release.pages"] = struct.pack(">I", len(pages))
    v["release.root"] = sha(b"\3", pages[-1])
    v["release.root.size"] = struct.pack(">I", len(pages[-1]))
    v["release.all"] = sha(*[sha(b"\3", p) for p in pages])
    small = release([(b"404.html", sha(b"m1"), 7, []), (b"index.html", sha(b"m2"), 7, [(b"x-a", b"1")])])
    v["release.small"] = small[0]
    v["release.small.id"] = sha(b"\3", small[0])
    v["release.empty"] = page(0, [])

    keys1 = [public(seeds["release"])]
    tail = public(seeds["recovery"]) + bytes(20)
    body = struct.pack(">BIB", 1, 1, 1) + keys1[0] + tail + lp16(b"")
    doc1 = body + sign(seeds["recovery"], 0x12, fog_id, body)
    publisher = sha(b"\4", body)
    keys2 = sorted([public(seeds["release"]), public(seeds["release2"])])
    body = struct.pack(">BIB", 1, 2, 2) + b"".join(keys2) + public(seeds["recovery"]) + b"\xee" * 20 + lp16(doc1)
    doc2 = body + sign(seeds["recovery"], 0x12, fog_id, body)
    v.update({"keydoc": doc1, "keydoc.2": doc2, "publisher_id": publisher})

    body = b"\1" + publisher + public(seeds["ingress"]) + lp8(b"live-") + struct.pack(">HIQ", 3, 2, 2000000000000)
    body += public(seeds["release2"])
    v["delegate"] = body + sign(seeds["release2"], 0x13, fog_id, body)

    body = b"\1" + publisher + lp8(b"demo") + struct.pack(">BIQ", 1, 1, 3) + sha(b"\3", pages[-1])
    body += struct.pack(">Q", len(pages[-1])) + sha(b"before") + struct.pack(">QI", 1800000000000, 604800)
    body += public(seeds["release"])
    v["pointer"] = body + sign(seeds["release"], 0x10, fog_id, body)
    v["pointer.id"] = sha(b"\6", body)
    body = b"\1" + publisher + lp8(b"live-cup") + struct.pack(">BIQ", 2, 2, 1) + sha(b"head")
    body += struct.pack(">Q", 100) + bytes(32) + struct.pack(">QI", 1800000000000, 10) + public(seeds["ingress"])
    v["pointer.delegated"] = body + sign(seeds["ingress"], 0x10, fog_id, body)
    body = b"\1" + publisher + lp8(b"demo") + struct.pack(">IQQ", 1, 3, 1800000030000)
    v["fresh"] = body + sign(seeds["hub"], 0x11, fog_id, body)

    site = sha(fog_id, publisher, b"demo")[:10]
    v["site.id"] = site
    v["box.id"] = sha(public(seeds["box"]))[:16]
    v["pg.7"] = sha(site, struct.pack(">I", 7))
    v["scope.video/seg.2"] = sha(lp16(b"video"), lp16(b"seg"))
    return v, pages


def files(v, pages):
    text = "# Made by make.py. name hex\n" + "".join("%s %s\n" % (k, b.hex()) for k, b in v.items())
    out = {HERE / "content.txt": text.encode()}
    for target, names in {"manifest": ["manifest", "manifest.tiny"], "keydoc": ["keydoc", "keydoc.2"],
                          "page": ["release.small", "release.empty"], "delegate": ["delegate"],
                          "pointer": ["pointer", "pointer.delegated"], "fresh": ["fresh"]}.items():
        for n in names:
            out[CORPUS / target / n] = v[n]
    out[CORPUS / "page/root"] = pages[-1]
    for i, host in enumerate(["api.fog.test", "fog.test:443", "aaaaaaaaaaaaaaaa.fog.test.",
                              "AAAAAAAAAAAAAAAA.aaaaaaaaaaaaaaaaaaaaaaaaaa.fog.test", "www.example.org"]):
        out[CORPUS / "host" / str(i)] = host.encode()
    for i, path in enumerate(["/", "/a%20b/c.html", "/dir/", "/%2e%2e/x", "/a//b", "/%c3%a9t%C3%A9", "/a%2fb", "/x%0"]):
        out[CORPUS / "path" / str(i)] = path.encode()
    return out


def main():
    want = files(*build())
    if sys.argv[1:] == ["--write"]:
        for path, content in want.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return 0
    bad = [p for p, content in want.items() if not p.exists() or p.read_bytes() != content]
    for p in bad:
        print("%s differs from what make.py makes" % p)
    print("%d vector files, %d differ" % (len(want), len(bad)))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
