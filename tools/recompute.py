#!/usr/bin/env python3
"""Recomputes every payout from receipts, to the last unit, sharing no code with fogd.

Reads the export of a house (`fogd claim export`, JSON lines) and checks, leaf by leaf, what docs/PROTOCOL.md section 6
says: the grant's wire form and its digest, the house's signature over it (with --signer), the hash chain of the ticks,
the bytes that are paid, their worth. Then it adds up per wallet and week, and compares with what `fog earnings` shows
(--earnings, JSON): units and bytes always, and gross, fee, held and net of what was paid on chain.

    recompute.py --export FILE [--earnings FILE] [--signer 0xADDRESS] [--json]

Exit 0 when everything agrees, 1 when not (each difference on a line of its own), 2 for unusable input.
"""
import argparse
import collections
import hashlib
import json
import struct
import sys

MASK = (1 << 64) - 1
RC = [0x1, 0x8082, 0x800000000000808A, 0x8000000080008000, 0x808B, 0x80000001, 0x8000000080008081, 0x8000000000008009,
      0x8A, 0x88, 0x80008009, 0x8000000A, 0x8000808B, 0x800000000000008B, 0x8000000000008089, 0x8000000000008003,
      0x8000000000008002, 0x8000000000000080, 0x800A, 0x800000008000000A, 0x8000000080008081, 0x8000000000008080,
      0x80000001, 0x8000000080008008]
UNIT_SHIFT = 30
CLOSE_S = 600
LEASE = 1
FEE_BPS, HOLD_BPS, BPS = 50, 3000, 10000

GRANT_TYPE = ("Grant(address publisher,address house,address node,uint32 week,uint32 notBefore,uint32 notAfter,"
              "bytes16 serial,bytes10 site,bytes32 scope,uint8 depth,bytes32 anchor,uint64 maxBytes,uint32 tickBytes,"
              "uint16 passiveBps,uint16 flags,uint64 pricePerGiB)")
DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


# --- Keccak-256 and secp256k1 recovery, from their definitions ---

def rotate(v, by):
    return ((v << by) | (v >> (64 - by))) & MASK if by else v


def permute(a):
    for rc in RC:
        c = [a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4] for x in range(5)]
        d = [c[(x - 1) % 5] ^ rotate(c[(x + 1) % 5], 1) for x in range(5)]
        a = [[a[x][y] ^ d[x] for y in range(5)] for x in range(5)]
        b = [[0] * 5 for _ in range(5)]
        x, y, b[0][0] = 1, 0, a[0][0]
        for t in range(24):
            nx, ny = y, (2 * x + 3 * y) % 5
            b[nx][ny] = rotate(a[x][y], ((t + 1) * (t + 2) // 2) % 64)
            x, y = nx, ny
        a = [[b[x][y] ^ (~b[(x + 1) % 5][y] & b[(x + 2) % 5][y] & MASK) for y in range(5)] for x in range(5)]
        a[0][0] ^= rc
    return a


def keccak(data):
    rate = 136
    data = bytearray(data) + b"\x01"
    data += b"\x00" * (-len(data) % rate)
    data[-1] |= 0x80
    a = [[0] * 5 for _ in range(5)]
    for at in range(0, len(data), rate):
        for i in range(rate // 8):
            a[i % 5][i // 5] ^= int.from_bytes(data[at + 8 * i:at + 8 * i + 8], "little")
        a = permute(a)
    return b"".join(a[i % 5][i // 5].to_bytes(8, "little") for i in range(4))


P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
     0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8)


def add(p, q):
    if p is None or q is None:
        return p or q
    if p[0] == q[0]:
        if (p[1] + q[1]) % P == 0:
            return None
        m = 3 * p[0] * p[0] * pow(2 * p[1], -1, P)
    else:
        m = (q[1] - p[1]) * pow(q[0] - p[0], -1, P)
    x = (m * m - p[0] - q[0]) % P
    return x, (m * (p[0] - x) - p[1]) % P


def times(k, p):
    out = None
    while k:
        if k & 1:
            out = add(out, p)
        p, k = add(p, p), k >> 1
    return out


def recover(digest, sig):
    """The address that signed, or None."""
    r, s, v = int.from_bytes(sig[:32], "big"), int.from_bytes(sig[32:64], "big"), sig[64]
    if v not in (27, 28) or not 0 < r < N or not 0 < s <= N // 2:
        return None
    y = pow(r**3 + 7, (P + 1) // 4, P)
    if (y * y - r**3 - 7) % P:
        return None
    if y % 2 != v - 27:
        y = P - y
    inverse = pow(r, -1, N)
    q = add(times(s * inverse % N, (r, y)), times(-int.from_bytes(digest, "big") * inverse % N, G))
    return None if q is None else keccak(q[0].to_bytes(32, "big") + q[1].to_bytes(32, "big"))[12:]


# --- what a leaf is worth ---

Grant = collections.namedtuple("Grant", "flags week not_before ttl serial site scope depth anchor max_bytes tick_bytes "
                                        "passive_bps price sig")


def read_grant(wire):
    fields = struct.unpack(">BHIIIIII16s10s32sB32sQIHQ65s", wire)
    ver, flags, _pub, _house, _node = fields[:5]
    if ver != 1:
        raise ValueError("grant version %d" % ver)
    return Grant(flags, *fields[5:])


def word(v):
    return v.to_bytes(32, "big") if isinstance(v, int) else v.rjust(32, b"\0") if len(v) == 20 else v.ljust(32, b"\0")


def domain(chain_id, settlement):
    return keccak(b"".join([keccak(DOMAIN_TYPE.encode()), keccak(b"Fog"), keccak(b"1"), word(chain_id), word(settlement)]))


def grant_digest(separator, g, publisher, house, node):
    struct_hash = keccak(b"".join([
        keccak(GRANT_TYPE.encode()), word(publisher), word(house), word(node), word(g.week), word(g.not_before),
        word(g.not_before + g.ttl), word(g.serial), word(g.site), g.scope, word(g.depth), g.anchor, word(g.max_bytes),
        word(g.tick_bytes), word(g.passive_bps), word(g.flags), word(g.price)]))
    return keccak(b"\x19\x01" + separator + struct_hash)


def chain_holds(anchor, ticks, preimage):
    for _ in range(ticks):
        preimage = hashlib.sha256(preimage).digest()
    return ticks == 0 or preimage == anchor


def leaf_units(g, paid, pay_bps):
    full = paid * g.price
    if any(g.anchor):
        return full
    return full * max(pay_bps, g.passive_bps) // BPS


def hexed(text):
    return bytes.fromhex(text[2:])


class Recomputation:
    def __init__(self, signer):
        self.signer = signer
        self.week = None
        self.seen = set()
        self.bad = []
        self.sums = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, 0, 0]))  # week -> payee -> ...
        self.leaves = 0

    def complain(self, where, text):
        self.bad.append("%s: %s" % (where, text))

    def row(self, row):
        """One line of the export; statements are read by those who compare them with what a box signed."""
        if row["kind"] == "week":
            self.header(row)
        elif row["kind"] == "leaf":
            self.leaf(row)
        elif row["kind"] != "statement":
            raise ValueError("a line of kind %r" % row["kind"])

    def header(self, row):
        self.week = row
        self.separator = domain(int(row["chainId"]), hexed(row["settlement"]))

    def leaf(self, row):
        g = read_grant(hexed(row["grant"]))
        where = "grant %s" % g.serial.hex()
        ticks, paid, units = int(row["ticks"]), int(row["bytes"]), int(row["units"])
        close = g.not_before + g.ttl + CLOSE_S
        if g.serial in self.seen:
            self.complain(where, "settled twice")
        self.seen.add(g.serial)
        if close // int(self.week["weekLength"]) != g.week or int(row["week"]) != g.week:
            self.complain(where, "closes in another week")
        if any(g.anchor):
            if not chain_holds(g.anchor, ticks, hexed(row["w"])):
                self.complain(where, "ticks do not lead to the anchor")
            if paid > min(ticks * g.tick_bytes, g.max_bytes):
                self.complain(where, "paid for more than its ticks")
        elif ticks:
            self.complain(where, "ticks without an anchor")
        if paid > g.max_bytes or (g.flags & LEASE and paid != g.max_bytes):
            self.complain(where, "paid for other bytes than granted")
        if self.signer is not None:
            digest = grant_digest(self.separator, g, hexed(row["publisher"]), hexed(self.week["house"]), hexed(row["node"]))
            if recover(digest, g.sig) != self.signer:
                self.complain(where, "not signed by the house's grant signer")
        want = leaf_units(g, paid, int(self.week["passivePayBps"]))
        if want != units:
            self.complain(where, "worth %d units, books say %d" % (want, units))
        total = self.sums[g.week][row["payee"].lower()]
        total[0] += paid
        total[1] += want
        total[2] += 1
        self.leaves += 1

    def payments(self):
        """Per week and payee what cashing the vouchers week by week must give: (bytes, units, gross, fee, held, net)."""
        cumulative, settled = collections.Counter(), collections.Counter()
        out = {}
        for week in sorted(self.sums):
            for payee, (paid, units, _) in sorted(self.sums[week].items()):
                cumulative[payee] += units
                gross = (cumulative[payee] >> UNIT_SHIFT) - settled[payee]
                settled[payee] += gross
                fee = -(-gross * FEE_BPS // BPS)
                net = gross - fee
                out[week, payee] = {"bytes": paid, "units": units, "gross": gross, "fee": fee,
                                    "held": net * HOLD_BPS // BPS, "net": net}
        return out

    def compare(self, rows):
        want = self.payments()
        shown = {(int(r["week"]), r["payee"].lower()): r for r in rows}
        for key in sorted(want.keys() | shown.keys()):
            where = "week %d wallet %s" % key
            if key not in want or key not in shown:
                if key in want or int(shown[key]["units"]):
                    self.complain(where, "only in the " + ("receipts" if key in want else "earnings"))
                continue
            row = shown[key]
            names = ["bytes", "units"]
            if row.get("tx"):
                names += ["gross", "fee", "held"]
                if int(row["net"]) + int(row.get("relayerFee", 0)) != want[key]["net"]:
                    self.complain(where, "net %s and relayer %s, receipts say %d"
                                  % (row["net"], row.get("relayerFee", 0), want[key]["net"]))
            for name in names:
                if int(row[name]) != want[key][name]:
                    self.complain(where, "%s is %s, receipts say %d" % (name, row[name], want[key][name]))
        return want


# --- against a running fog (tools/fogdev.py) ---

class Mismatch(Exception):
    """Receipts, books and chain do not agree."""


PAID = "Paid(address,address,uint32,uint8,uint256,uint256,uint256,uint256)"


def paid_on_chain(fog, settlement):
    """Sums of the Paid events of a local chain: (week, payee) -> [gross, fee, held]."""
    logs = fog.chain.rpc("eth_getLogs", {"address": settlement, "fromBlock": "0x0", "toBlock": "latest",
                                         "topics": ["0x" + keccak(PAID.encode()).hex()]})
    sums = collections.defaultdict(lambda: [0, 0, 0])
    for log in logs:
        data = hexed(log["data"])
        key = int(log["topics"][3], 16), "0x" + log["topics"][2][-40:].lower()
        for n in range(3):
            sums[key][n] += int.from_bytes(data[32 * (n + 1):32 * (n + 2)], "big")
    return sums


def check(fog, weeks):
    """Exports these weeks and all that the books show, recomputes them, and compares with the books and with the chain's
    events. Raises Mismatch."""
    about = fog.api.get("/v1/fog")
    rows = fog.api.get("/v1/earnings")["rows"]
    r = Recomputation(hexed(fog.router.identity["grant_signer"].lower()))
    for week in sorted({*weeks, *(int(row["week"]) for row in rows)}):
        for line in fog.router.fogd("claim", "export", "--week", week).splitlines():
            row = json.loads(line)
            r.row(row)
    want = r.compare(rows)
    chain = paid_on_chain(fog, about["settlement"])
    for key in sorted(want.keys() | chain.keys()):
        receipts = [want[key][name] for name in ("gross", "fee", "held")] if key in want else [0, 0, 0]
        if chain[key] != receipts:
            r.complain("week %d wallet %s" % key, "chain paid %s, receipts say %s" % (chain[key], receipts))
    if r.bad:
        raise Mismatch("%d differences, first: %s" % (len(r.bad), r.bad[0]))
    if not r.leaves:
        raise Mismatch("no receipts")
    return {"payees": len(want), "leaves": r.leaves, "gross": sum(row["gross"] for row in want.values())}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--export", required=True)
    parser.add_argument("--earnings")
    parser.add_argument("--signer", help="address of the house's grant signer: signatures are checked too")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    r = Recomputation(hexed(args.signer.lower()) if args.signer else None)
    try:
        for line in open(args.export):
            row = json.loads(line)
            r.row(row)
        earnings = json.load(open(args.earnings)) if args.earnings else None
        if isinstance(earnings, dict):
            earnings = earnings["rows"]
    except (OSError, ValueError, KeyError, TypeError, struct.error, AttributeError) as e:
        print("recompute: unusable input: %s" % e, file=sys.stderr)
        return 2
    want = r.compare(earnings) if earnings is not None else r.payments()
    for line in r.bad:
        print("recompute: " + line, file=sys.stderr)
    gross = sum(row["gross"] for row in want.values())
    if args.json:
        print(json.dumps({"%d/%s" % k: v for k, v in want.items()}, indent=2))
    print("recompute: %d leaves, %d payouts, gross %d, %d differences" % (r.leaves, len(want), gross, len(r.bad)))
    return 1 if r.bad else 0


if __name__ == "__main__":
    sys.exit(main())
