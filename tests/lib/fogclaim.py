"""Receipts made from outside, with no code of fogd: EIP-712 digests and signatures, sum trees, grants, statements.

Stands on tools/recompute.py (Keccak-256, curve, grants) and adds what a claim needs; checked against contracts/vectors when it
is run by itself. Slow and not constant-time: liars of the shows use it, nobody's money depends on it.
"""
import base64
import hmac
import json
import pathlib
import struct
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tools"))

from recompute import CLOSE_S, G, GRANT_TYPE, N, domain, keccak, recover, times  # noqa: E402

# --- keys ---


def _address(point):
    return keccak(point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big"))[12:]


class Key:
    """A secp256k1 account, from 32 bytes."""

    def __init__(self, secret):
        self.secret = int.from_bytes(secret, "big")
        self.address = _address(times(self.secret, G))

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
                x, y = times(nonce, G)
                r = x % N
                s = pow(nonce, -1, N) * (z + r * self.secret) % N
                if r and s:
                    odd = y & 1
                    if s > N // 2:
                        s, odd = N - s, odd ^ 1
                    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + odd])
            k = hmac.digest(k, v + b"\x00", "sha256")
            v = hmac.digest(k, v, "sha256")


# --- EIP-712 ---

GRANT = GRANT_TYPE
STATEMENT = ("Statement(address node,address house,uint32 week,uint32 round,uint32 rev,bytes32 root,uint32 leaves,"
             "uint128 bytesSum,uint128 units,bytes32 prev)")


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


def digest(separator, text, values):
    return keccak(b"\x19\x01" + separator + struct_hash(text, values))


# --- grants ---

ROUND_S = 3600
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
    separator = domain(typed["domain"]["chainId"], _raw(typed["domain"]["verifyingContract"]))
    keys = {name: Key(_raw(row["secret"])) for name, row in typed["keys"].items()}
    count = 0
    assert separator == _raw(typed["domainSeparator"])
    for text, rows, key in ((GRANT, typed["grants"], keys["grant"]), (STATEMENT, typed["statements"], keys["node"])):
        for row in rows:
            values = {name: _raw(value) for name, value in row.items()}
            assert digest(separator, text, values) == values["digest"], row
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
