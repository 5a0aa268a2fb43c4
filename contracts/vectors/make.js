#!/usr/bin/env node
// Writes the vectors that the Solidity tests and the C tests read. Shares no code with either: hashes and curve come
// from @noble, encodings are spelled out here. Run it only when a format changes; the output is committed.
'use strict';

const fs = require('fs');
const path = require('path');
const { createRequire } = require('module');

const need = createRequire(path.join(__dirname, '..', 'solidity', 'package.json'));
const { keccak_256 } = need('@noble/hashes/sha3');
const { secp256k1 } = need('@noble/curves/secp256k1');

const hex = (b) => '0x' + Buffer.from(b).toString('hex');
const raw = (h) => Buffer.from(h.slice(2), 'hex');
const keccak = (...parts) => Buffer.from(keccak_256(Buffer.concat(parts)));
const text = (s) => Buffer.from(s, 'utf8');

function uint(value, size) {
  const h = BigInt(value).toString(16).padStart(size * 2, '0');
  if (h.length !== size * 2) throw new Error(`${value} does not fit ${size} bytes`);
  return Buffer.from(h, 'hex');
}

// --- EIP-712 ---

const TYPES = {
  EIP712Domain: 'string name,string version,uint256 chainId,address verifyingContract',
  Grant:
    'address publisher,address house,address node,uint32 week,uint32 notBefore,uint32 notAfter,bytes16 serial,' +
    'bytes10 site,bytes32 scope,uint8 depth,bytes32 anchor,uint64 maxBytes,uint32 tickBytes,uint16 passiveBps,' +
    'uint16 flags,uint64 pricePerGiB',
  Statement:
    'address node,address house,uint32 week,uint32 round,uint32 rev,bytes32 root,uint32 leaves,uint128 bytesSum,' +
    'uint128 units,bytes32 prev',
  Voucher:
    'address house,address payee,uint32 week,uint32 seq,uint128 cumBytes,uint128 cumUnits,bytes32 covers',
  NodeConsent: 'address operator,address node,bytes32 boxKey',
};

const typeText = (name) => `${name}(${TYPES[name]})`;
const typeHash = (name) => keccak(text(typeText(name)));

function word(type, value) {
  if (type === 'string') return keccak(text(value));
  if (type === 'address') return Buffer.concat([Buffer.alloc(12), raw(value)]);
  if (type.startsWith('bytes')) {
    const size = Number(type.slice(5));
    const b = raw(value);
    if (b.length !== size) throw new Error(`${value} is not ${type}`);
    return Buffer.concat([b, Buffer.alloc(32 - size)]);
  }
  const bits = Number(type.slice(4));
  if (BigInt(value) >> BigInt(bits)) throw new Error(`${value} is not ${type}`);
  return uint(value, 32);
}

function structHash(name, values) {
  const fields = TYPES[name].split(',').map((f) => f.split(' '));
  return keccak(typeHash(name), ...fields.map(([type, field]) => word(type, values[field])));
}

const digestOf = (separator, hash) => keccak(Buffer.from('1901', 'hex'), separator, hash);

function addressOf(key) {
  return hex(keccak(Buffer.from(secp256k1.getPublicKey(raw(key), false)).subarray(1)).subarray(12));
}

function sign(key, digest) {
  const s = secp256k1.sign(digest, raw(key)); // RFC 6979, low s
  return hex(Buffer.concat([Buffer.from(s.toCompactRawBytes()), Buffer.from([27 + s.recovery])]));
}

// --- test data, the same on every run ---

const seeded = (label, size) => hex(keccak(text(`fogbank vector ${label}`)).subarray(0, size));
const KEYS = {
  grant: seeded('grant key', 32),
  voucher: seeded('voucher key', 32),
  node: seeded('node key', 32),
};
const PUBLISHER = seeded('publisher', 20);
const HOUSE = seeded('house', 20);
const OPERATOR = seeded('operator', 20);
const PAYEE = seeded('payee', 20);
const NODE = addressOf(KEYS.node);
const DOMAIN = { name: 'Fog', version: '1', chainId: 31337, verifyingContract: seeded('settlement', 20) };
const MAX = { u32: 0xffffffff, u64: (1n << 64n) - 1n, u128: (1n << 128n) - 1n };
const zero = (n) => '0x' + '00'.repeat(n);
const ones = (n) => '0x' + 'ff'.repeat(n);

function grants() {
  const session = {
    publisher: PUBLISHER, house: HOUSE, node: NODE, week: 2948, notBefore: 1783000000, notAfter: 1783000300,
    serial: '0x0001' + seeded('serial 1', 14).slice(2), site: seeded('site', 10), scope: seeded('scope', 32), depth: 2,
    anchor: seeded('anchor', 32), maxBytes: '234375000', tickBytes: 915528, passiveBps: 2500, flags: 0,
    pricePerGiB: '2000',
  };
  const passive = { ...session, serial: '0x0001' + seeded('serial 2', 14).slice(2), anchor: zero(32), tickBytes: 0,
    passiveBps: 8000, flags: 1 };
  const file = { ...session, serial: '0x0002' + seeded('serial 3', 14).slice(2), depth: 5, maxBytes: '1181116007',
    notAfter: 1783003600, flags: 32769, pricePerGiB: '1999999999999999' };
  const low = { publisher: zero(20), house: zero(20), node: zero(20), week: 0, notBefore: 0, notAfter: 0,
    serial: zero(16), site: zero(10), scope: zero(32), depth: 0, anchor: zero(32), maxBytes: '0', tickBytes: 0,
    passiveBps: 0, flags: 0, pricePerGiB: '0' };
  const high = { publisher: ones(20), house: ones(20), node: ones(20), week: MAX.u32, notBefore: MAX.u32,
    notAfter: MAX.u32, serial: ones(16), site: ones(10), scope: ones(32), depth: 255, anchor: ones(32),
    maxBytes: String(MAX.u64), tickBytes: MAX.u32, passiveBps: 65535, flags: 65535, pricePerGiB: String(MAX.u64) };
  return [session, passive, file, low, high];
}

function statements() {
  const first = { node: NODE, house: HOUSE, week: 2948, round: 495264, rev: 0, root: seeded('root 1', 32), leaves: 41,
    bytesSum: '9609375000', units: '19218750000000', prev: zero(32) };
  const second = { ...first, round: 495265, rev: 3, root: seeded('root 2', 32), leaves: 1, bytesSum: '1', units: '2000',
    prev: seeded('statement 1', 32) };
  const high = { node: ones(20), house: ones(20), week: MAX.u32, round: MAX.u32, rev: MAX.u32, root: ones(32),
    leaves: MAX.u32, bytesSum: String(MAX.u128), units: String(MAX.u128), prev: ones(32) };
  return [first, second, high];
}

function vouchers() {
  const first = { house: HOUSE, payee: PAYEE, week: 2948, seq: 1, cumBytes: '9609375000', cumUnits: '19218750000000',
    covers: seeded('covers 1', 32) };
  const later = { ...first, week: 2949, seq: 170, cumBytes: '1099511627776', cumUnits: '2199023255552000',
    covers: seeded('covers 2', 32) };
  const high = { house: ones(20), payee: ones(20), week: MAX.u32, seq: MAX.u32, cumBytes: String(MAX.u128),
    cumUnits: String(MAX.u128), covers: ones(32) };
  return [first, later, high];
}

function typedData() {
  const separator = structHash('EIP712Domain', DOMAIN);
  const all = (name, key, list) => list.map((values) => {
    const hash = structHash(name, values);
    const digest = digestOf(separator, hash);
    return { ...values, structHash: hex(hash), digest: hex(digest), signature: sign(KEYS[key], digest) };
  });
  const types = {};
  for (const name of Object.keys(TYPES)) types[name] = { text: typeText(name), hash: hex(typeHash(name)) };
  const keys = {};
  for (const [name, secret] of Object.entries(KEYS)) keys[name] = { secret, address: addressOf(secret) };
  return {
    domain: DOMAIN,
    domainSeparator: hex(separator),
    types,
    keys,
    grants: all('Grant', 'grant', grants()),
    statements: all('Statement', 'node', statements()),
    vouchers: all('Voucher', 'voucher', vouchers()),
    consents: all('NodeConsent', 'node', [{ operator: OPERATOR, node: NODE, boxKey: seeded('box key', 32) }]),
  };
}

// --- sum trees: the recursive definition, word for word ---

function inner(l, r) {
  return {
    hash: keccak(Buffer.from([1]), l.hash, uint(l.bytes, 16), uint(l.units, 16), r.hash, uint(r.bytes, 16),
      uint(r.units, 16)),
    bytes: l.bytes + r.bytes,
    units: l.units + r.units,
  };
}

function tree(nodes) {
  if (nodes.length === 1) return nodes[0];
  let k = 1;
  while (k * 2 < nodes.length) k *= 2;
  return inner(tree(nodes.slice(0, k)), tree(nodes.slice(k)));
}

const SIZES = [1, 2, 3, 5, 8, 13];
const byHex = (field) => (a, b) => (a[field] < b[field] ? -1 : 1);

function sumTrees() {
  return SIZES.map((n) => {
    const leaves = [];
    for (let i = 0; i < n; i++) {
      const bytes = BigInt('0x' + seeded(`bytes ${n} ${i}`, 5).slice(2)) * (i === 2 ? 1n << 24n : 1n);
      const price = BigInt('0x' + seeded(`price ${n} ${i}`, 3).slice(2));
      leaves.push({ serial: seeded(`leaf ${n} ${i}`, 16), grantDigest: seeded(`digest ${n} ${i}`, 32),
        ticks: (i * 37) % 257, bytes, units: bytes * price });
    }
    leaves.sort(byHex('serial'));
    const nodes = leaves.map((l) => ({
      hash: keccak(Buffer.from([0]), raw(l.serial), raw(l.grantDigest), uint(l.ticks, 2), uint(l.bytes, 8),
        uint(l.units, 16)),
      bytes: l.bytes,
      units: l.units,
    }));
    const top = tree(nodes);
    return { n, leaves: leaves.map((l, i) => ({ ...l, hash: hex(nodes[i].hash) })), root: hex(top.hash),
      bytesSum: top.bytes, units: top.units };
  });
}

function weekRoots() {
  return SIZES.map((n) => {
    const rows = [];
    for (let i = 0; i < n; i++) {
      const bytes = BigInt('0x' + seeded(`row bytes ${n} ${i}`, 6).slice(2));
      rows.push({ publisher: seeded(`row ${n} ${i}`, 20), bytesSum: bytes, units: bytes * 2000n + BigInt(i),
        leaves: 1 + i * 1000, subroot: seeded(`subroot ${n} ${i}`, 32) });
    }
    rows.sort(byHex('publisher'));
    const nodes = rows.map((r) => ({
      hash: keccak(Buffer.from([2]), raw(r.publisher), uint(r.bytesSum, 16), uint(r.units, 16), uint(r.leaves, 4),
        raw(r.subroot)),
      bytes: r.bytesSum,
      units: r.units,
    }));
    const top = tree(nodes);
    return { n, rows: rows.map((r, i) => ({ ...r, hash: hex(nodes[i].hash) })), root: hex(top.hash),
      bytesSum: top.bytes, units: top.units };
  });
}

// --- rounding ---

function unitCases() {
  const G = 1n << 30n;
  const sums = [0n, 1n, G - 1n, G, G + 1n, 2n * G - 1n, 1000n * G + 7n, 19218750000000n, (1n << 64n) - 1n, 1n << 64n,
    (1n << 126n) + 1n, MAX.u128 - G + 1n, MAX.u128];
  const products = [[0n, 2000n], [1n, 1n], [65536n, 2000n], [G, 2000n], [G - 1n, 2000n], [G + 1n, 1999999n],
    [MAX.u64, MAX.u64]];
  return {
    shift: 30,
    sums: sums.map((units) => ({ units, floor: units / G, ceil: (units + G - 1n) / G })),
    products: products.map(([bytes, pricePerGiB]) => ({ bytes, pricePerGiB, units: bytes * pricePerGiB })),
  };
}

function write(name, value) {
  const json = JSON.stringify(value, (k, v) => (typeof v === 'bigint' ? String(v) : v), 2);
  fs.writeFileSync(path.join(__dirname, name), json + '\n');
}

write('typed_data.json', typedData());
write('sum_tree.json', sumTrees());
write('week_root.json', weekRoots());
write('units.json', unitCases());
