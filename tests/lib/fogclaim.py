"""Receipts read and made from outside, with no code of fogbank: Keccak-256, secp256k1, EIP-712, sum trees, grants, statements.

An independent reading of contracts/README.md, checked against contracts/vectors when it is run by itself. Slow and not
constant-time on purpose: judges and liars of the shows use it, nobody's money depends on it.
"""
import base64
import hashlib
import hmac
import json
import pathlib
import struct
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent

# --- Keccak-256 ---

MASK = (1 << 64) - 1


def _round_constants():
    out, lfsr = [], 1
    for _ in range(24):
        word = 0
        for j in range(7):
            if lfsr & 1:
                word |= 1 << ((1 << j) - 1)
            lfsr = ((lfsr << 1) ^ ((lfsr >> 7) * 0x171)) & 0xFF
        out.append(word)
    return out


RC = _round_constants()


def _rotl(word, n):
    return ((word << n) | (word >> (64 - n))) & MASK if n else word


def _permute(a):
    for constant in RC:
        c = [a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4] for x in range(5)]
        d = [c[(x - 1) % 5] ^ _rotl(c[(x + 1) % 5], 1) for x in range(5)]
        a = [[a[x][y] ^ d[x] for y in range(5)] for x in range(5)]
        x, y, current = 1, 0, a[1][0]
        for t in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            current, a[x][y] = a[x][y], _rotl(current, (t + 1) * (t + 2) // 2 % 64)
        for y in range(5):
            row = [a[x][y] for x in range(5)]
            for x in range(5):
                a[x][y] = row[x] ^ (~row[(x + 1) % 5] & MASK & row[(x + 2) % 5])
        a[0][0] ^= constant
    return a


def keccak(data):
    rate = 136
    data = bytearray(data) + b"\x01"
    data += bytes(-len(data) % rate)
    data[-1] |= 0x80
    a = [[0] * 5 for _ in range(5)]
    for at in range(0, len(data), rate):
        for i in range(rate // 8):
            a[i % 5][i // 5] ^= int.from_bytes(data[at + 8 * i:at + 8 * i + 8], "little")
        a = _permute(a)
    return b"".join(a[i % 5][i // 5].to_bytes(8, "little") for i in range(4))


# --- secp256k1 ---

P = 2 ** 256 - 2 ** 32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
     0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8)


def _add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def _mul(point, k):
    out = None
    while k:
        if k & 1:
            out = _add(out, point)
        point = _add(point, point)
        k >>= 1
    return out


def _address(point):
    return keccak(point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big"))[12:]


class Key:
    """A secp256k1 account, from 32 bytes."""

    def __init__(self, secret):
        self.secret = int.from_bytes(secret, "big")
        self.address = _address(_mul(G, self.secret))

    def sign(self, digest):
        """65 bytes r || s || v, low s, nonce by RFC 6979."""
        z = int.from_bytes(digest, "big")
        v, k = b"\x01" * 32, b"\x00" * 32
        seed = self.secret.to_bytes(32, "big") + (z % N).to_bytes(32, "big")
        for mark in (b"\x00", b"\x01"):
            k = hmac.digest(k, v + mark + seed, "sha256")
            v = hmac.digest(k, v, "sha256")
        while True:
            v = hmac.digest(k, v, "sha256")
            nonce = int.from_bytes(v, "big")
            if 0 < nonce < N:
                x, y = _mul(G, nonce)
                r = x % N
                s = pow(nonce, -1, N) * (z + r * self.secret) % N
                if r and s:
                    odd = y & 1
                    if s > N // 2:
                        s, odd = N - s, odd ^ 1
                    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + odd])
            k = hmac.digest(k, v + b"\x00", "sha256")
            v = hmac.digest(k, v, "sha256")


def recover(digest, signature):
    """Address that signed, or None."""
    r, s, v = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]
    if v not in (27, 28) or not 0 < r < N or not 0 < s <= N // 2:
        return None
    square = (pow(r, 3, P) + 7) % P
    y = pow(square, (P + 1) // 4, P)
    if y * y % P != square:
        return None
    if y & 1 != v - 27:
        y = P - y
    z = int.from_bytes(digest, "big")
    inverse = pow(r, -1, N)
    point = _add(_mul((r, y), s * inverse % N), _mul(G, -z * inverse % N))
    return point and _address(point)


# --- EIP-712 ---

GRANT = ("Grant(address publisher,address house,address node,uint32 week,uint32 notBefore,uint32 notAfter,bytes16 serial,"
         "bytes10 site,bytes32 scope,uint8 depth,bytes32 anchor,uint64 maxBytes,uint32 tickBytes,uint16 passiveBps,"
         "uint16 flags,uint64 pricePerGiB)")
STATEMENT = ("Statement(address node,address house,uint32 week,uint32 round,uint32 rev,bytes32 root,uint32 leaves,"
             "uint128 bytesSum,uint128 units,bytes32 prev)")


def separator(chain_id, settlement):
    text = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    return keccak(keccak(text) + keccak(b"Fog") + keccak(b"1") + chain_id.to_bytes(32, "big") + bytes(12) + settlement)


def struct_hash(text, values):
    """`values` by field name: int or bytes. bytesN is padded on the right, everything else on the left."""
    out = keccak(text.encode())
    for field in text[text.index("(") + 1:-1].split(","):
        kind, name = field.split(" ")
        value = values[name]
        if isinstance(value, int):
            out += value.to_bytes(32, "big")
        else:
            out += value.ljust(32, b"\0") if kind.startswith("bytes") else value.rjust(32, b"\0")
    return keccak(out)


def digest(domain, text, values):
    return keccak(b"\x19\x01" + domain + struct_hash(text, values))


# --- grants ---

ROUND_S, CLOSE_S = 3600, 600
GRANT_WIRE = struct.Struct(">BHIIIIII16s10s32sB32sQIHQ65s")
GRANT_FIELDS = ("ver", "flags", "pubId", "houseId", "nodeId", "week", "notBefore", "ttl", "serial", "site", "scope", "depth",
                "anchor", "maxBytes", "tickBytes", "passiveBps", "pricePerGiB", "sig")


def parse_grant(wire):
    """Fields of the wire form; the three addresses come from the registries (`with_addresses`)."""
    grant = dict(zip(GRANT_FIELDS, GRANT_WIRE.unpack(wire)))
    grant["notAfter"] = grant["notBefore"] + grant["ttl"]
    grant["round"] = (grant["notAfter"] + CLOSE_S) // ROUND_S
    return grant


def grant_wire(grant):
    return GRANT_WIRE.pack(*(grant[name] for name in GRANT_FIELDS))


def grant_from_text(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def grant_text(wire):
    return base64.urlsafe_b64encode(wire).rstrip(b"=").decode()


def paid_bytes(grant, sent, ticks):
    """What counts: bytes that a viewer witnessed with ticks, or bytes sent under a grant without an anchor."""
    if any(grant["anchor"]):
        return min(sent, ticks * grant["tickBytes"], grant["maxBytes"])
    return min(sent, grant["maxBytes"])


def units(grant, paid, passive_bps):
    """Exact worth in 2^-30 of a token unit."""
    if any(grant["anchor"]):
        return paid * grant["pricePerGiB"]
    return paid * grant["pricePerGiB"] * passive_bps // 10000


# --- sum trees and statements ---

def leaf(serial, grant_digest, ticks, sent, worth):
    packed = b"\0" + serial + grant_digest + struct.pack(">HQ", ticks, sent) + worth.to_bytes(16, "big")
    return keccak(packed), sent, worth


def sum_root(nodes):
    """RFC 6962 shape; a node is (hash, bytes, units)."""
    if len(nodes) == 1:
        return nodes[0]
    split = 1 << ((len(nodes) - 1).bit_length() - 1)
    left, right = sum_root(nodes[:split]), sum_root(nodes[split:])
    pack = lambda node: node[0] + node[1].to_bytes(16, "big") + node[2].to_bytes(16, "big")
    return keccak(b"\x01" + pack(left) + pack(right)), left[1] + right[1], left[2] + right[2]


def statement_wire(s):
    return (s["node"] + s["house"] + struct.pack(">III", s["week"], s["round"], s["rev"]) + s["root"] + struct.pack(">I", s["leaves"])
            + s["bytesSum"].to_bytes(16, "big") + s["units"].to_bytes(16, "big") + s["prev"])


def leaf_row(wire, ticks, preimage, sent):
    """A leaf as it travels in a STATEMENT message, with the whole grant."""
    return b"\0" + wire + struct.pack(">H", ticks) + preimage + struct.pack(">Q", sent)


# --- against the shared vectors ---

def _raw(value):
    return bytes.fromhex(value[2:]) if isinstance(value, str) and value.startswith("0x") else int(value)


def _self_check():
    folder = TOP / "contracts" / "vectors"
    typed = json.loads((folder / "typed_data.json").read_text())
    domain = separator(typed["domain"]["chainId"], _raw(typed["domain"]["verifyingContract"]))
    keys = {name: Key(_raw(row["secret"])) for name, row in typed["keys"].items()}
    count = 0
    assert domain == _raw(typed["domainSeparator"])
    for text, rows, key in ((GRANT, typed["grants"], keys["grant"]), (STATEMENT, typed["statements"], keys["node"])):
        for row in rows:
            values = {name: _raw(value) for name, value in row.items()}
            assert digest(domain, text, values) == values["digest"], row
            assert key.sign(values["digest"]) == values["signature"], row
            assert recover(values["digest"], values["signature"]) == key.address
            count += 1
    for case in json.loads((folder / "sum_tree.json").read_text()):
        nodes = [leaf(_raw(x["serial"]), _raw(x["grantDigest"]), int(x["ticks"]), int(x["bytes"]), int(x["units"])) for x in case["leaves"]]
        assert all(node[0] == _raw(x["hash"]) for node, x in zip(nodes, case["leaves"]))
        assert sum_root(nodes) == (_raw(case["root"]), int(case["bytesSum"]), int(case["units"]))
        count += 1
    print(f"{count} vectors hold")
    return 0


if __name__ == "__main__":
    sys.exit(_self_check())
