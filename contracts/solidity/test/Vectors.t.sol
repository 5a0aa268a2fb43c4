// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {SumTree} from "../src/SumTree.sol";
import {Grant, Row, Statement, Types, Units, Voucher} from "../src/Types.sol";
import {Checks} from "./Vm.sol";

/// @notice The library functions that take calldata, reachable from a test.
contract Open {
    function hash(Voucher calldata v) external pure returns (bytes32) {
        return Types.hash(v);
    }

    function row(Row calldata r) external pure returns (SumTree.Node memory) {
        return SumTree.row(r);
    }
}

/// @notice The vectors in contracts/vectors come from a third implementation; C reads the same files.
contract VectorsTest is Checks {
    string private _json;
    Open private immutable _open = new Open();

    function test_typed_data_type_hashes() public {
        _load("typed_data.json");
        eq(Types.GRANT_TYPEHASH, vm.parseJsonBytes32(_json, ".types.Grant.hash"), "Grant");
        eq(Types.STATEMENT_TYPEHASH, vm.parseJsonBytes32(_json, ".types.Statement.hash"), "Statement");
        eq(Types.VOUCHER_TYPEHASH, vm.parseJsonBytes32(_json, ".types.Voucher.hash"), "Voucher");
        eq(Types.NODE_CONSENT_TYPEHASH, vm.parseJsonBytes32(_json, ".types.NodeConsent.hash"), "NodeConsent");
        eq(_separator(), vm.parseJsonBytes32(_json, ".domainSeparator"), "separator");
    }

    function test_typed_data_grants() public {
        _load("typed_data.json");
        uint256 n = _count("grants");
        eq(n, 5, "grants in the file");
        for (uint256 i = 0; i < n; i++) {
            string memory where = _at("grants", i);
            _checkSigned(where, Types.hash(_grant(where)), ".keys.grant.address");
        }
    }

    function test_typed_data_statements() public {
        _load("typed_data.json");
        uint256 n = _count("statements");
        eq(n, 3, "statements in the file");
        for (uint256 i = 0; i < n; i++) {
            string memory where = _at("statements", i);
            Statement memory s = Statement({
                node: _address(where, "node"),
                house: _address(where, "house"),
                week: uint32(_uint(where, "week")),
                round: uint32(_uint(where, "round")),
                rev: uint32(_uint(where, "rev")),
                root: _bytes32(where, "root"),
                leaves: uint32(_uint(where, "leaves")),
                bytesSum: uint128(_uint(where, "bytesSum")),
                units: uint128(_uint(where, "units")),
                prev: _bytes32(where, "prev")
            });
            _checkSigned(where, Types.hash(s), ".keys.node.address");
        }
    }

    function test_typed_data_vouchers() public {
        _load("typed_data.json");
        uint256 n = _count("vouchers");
        eq(n, 3, "vouchers in the file");
        for (uint256 i = 0; i < n; i++) {
            string memory where = _at("vouchers", i);
            Voucher memory v = Voucher({
                house: _address(where, "house"),
                payee: _address(where, "payee"),
                week: uint32(_uint(where, "week")),
                seq: uint32(_uint(where, "seq")),
                cumBytes: uint128(_uint(where, "cumBytes")),
                cumUnits: uint128(_uint(where, "cumUnits")),
                covers: _bytes32(where, "covers")
            });
            _checkSigned(where, _open.hash(v), ".keys.voucher.address");
        }
    }

    function test_typed_data_consents() public {
        _load("typed_data.json");
        string memory where = _at("consents", 0);
        bytes32 h = Types.hashNodeConsent(
            _address(where, "operator"), _address(where, "node"), _bytes32(where, "boxKey")
        );
        _checkSigned(where, h, ".keys.node.address");
    }

    function test_sum_tree() public {
        _load("sum_tree.json");
        uint256 n = _count("");
        eq(n, 6, "trees in the file");
        for (uint256 i = 0; i < n; i++) {
            _checkTree(_at("", i));
        }
    }

    function test_week_root() public {
        _load("week_root.json");
        uint256 n = _count("");
        eq(n, 6, "weeks in the file");
        for (uint256 i = 0; i < n; i++) {
            _checkWeek(_at("", i));
        }
    }

    function test_units() public {
        _load("units.json");
        eq(Units.SHIFT, vm.parseJsonUint(_json, ".shift"), "shift");
        uint256 n = _count("sums");
        eq(n, 13, "sums in the file");
        for (uint256 i = 0; i < n; i++) {
            string memory where = _at("sums", i);
            uint128 units = uint128(_uint(where, "units"));
            eq(Units.floor(units), _uint(where, "floor"), where);
            eq(Units.ceil(units), _uint(where, "ceil"), where);
        }
        for (uint256 i = 0; i < _count("products"); i++) {
            string memory where = _at("products", i);
            eq(_uint(where, "bytes") * _uint(where, "pricePerGiB"), _uint(where, "units"), where);
        }
    }

    function test_sum_tree_overflow_reverts() public {
        SumTree.Node memory most = SumTree.Node(bytes32(uint256(1)), type(uint128).max, 0);
        SumTree.Node memory one = SumTree.Node(bytes32(uint256(2)), 1, 0);
        vm.expectRevert();
        this.inner(most, one);
    }

    function test_sum_tree_without_leaves_reverts() public {
        vm.expectRevert(SumTree.NoLeaves.selector);
        this.root(new SumTree.Node[](0));
    }

    /// @dev The stack in SumTree against the recursive definition, for any size.
    function testFuzz_sum_tree_shape(uint8 size, bytes32 seed) public pure {
        uint256 n = bounded(size, 1, 40);
        SumTree.Node[] memory nodes = new SumTree.Node[](n);
        for (uint256 i = 0; i < n; i++) {
            nodes[i] = SumTree.Node(keccak256(abi.encode(seed, i)), uint128(i), uint128(i * 7));
        }
        SumTree.Node memory want = _split(nodes, 0, n);
        SumTree.Node memory got = SumTree.root(nodes);
        eq(got.hash, want.hash, "hash");
        eq(got.bytesSum, want.bytesSum, "bytes");
        eq(got.units, want.units, "units");
    }

    function inner(SumTree.Node memory l, SumTree.Node memory r) external pure returns (SumTree.Node memory) {
        return SumTree.inner(l, r);
    }

    function root(SumTree.Node[] memory nodes) external pure returns (SumTree.Node memory) {
        return SumTree.root(nodes);
    }

    // --- inside ---

    function _load(string memory name) private {
        _json = vm.readFile(string.concat("../vectors/", name));
    }

    function _at(string memory list, uint256 i) private pure returns (string memory) {
        return bytes(list).length == 0
            ? string.concat("[", vm.toString(i), "]")
            : string.concat(".", list, "[", vm.toString(i), "]");
    }

    function _count(string memory list) private view returns (uint256 n) {
        while (vm.keyExistsJson(_json, _at(list, n))) n++;
    }

    function _uint(string memory where, string memory field) private view returns (uint256) {
        return vm.parseJsonUint(_json, string.concat(where, ".", field));
    }

    function _address(string memory where, string memory field) private view returns (address) {
        return vm.parseJsonAddress(_json, string.concat(where, ".", field));
    }

    function _bytes32(string memory where, string memory field) private view returns (bytes32) {
        return vm.parseJsonBytes32(_json, string.concat(where, ".", field));
    }

    function _short(string memory where, string memory field, uint256 size) private view returns (bytes32) {
        bytes memory b = vm.parseJsonBytes(_json, string.concat(where, ".", field));
        eq(b.length, size, field);
        return bytes32(b);
    }

    function _grant(string memory where) private view returns (Grant memory g) {
        g.publisher = _address(where, "publisher");
        g.house = _address(where, "house");
        g.node = _address(where, "node");
        g.week = uint32(_uint(where, "week"));
        g.notBefore = uint32(_uint(where, "notBefore"));
        g.notAfter = uint32(_uint(where, "notAfter"));
        g.serial = bytes16(_short(where, "serial", 16));
        g.site = bytes10(_short(where, "site", 10));
        g.scope = _bytes32(where, "scope");
        g.depth = uint8(_uint(where, "depth"));
        g.anchor = _bytes32(where, "anchor");
        g.maxBytes = uint64(_uint(where, "maxBytes"));
        g.tickBytes = uint32(_uint(where, "tickBytes"));
        g.passiveBps = uint16(_uint(where, "passiveBps"));
        g.flags = uint16(_uint(where, "flags"));
        g.pricePerGiB = uint64(_uint(where, "pricePerGiB"));
    }

    function _separator() private view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256(bytes(vm.parseJsonString(_json, ".domain.name"))),
                keccak256(bytes(vm.parseJsonString(_json, ".domain.version"))),
                vm.parseJsonUint(_json, ".domain.chainId"),
                vm.parseJsonAddress(_json, ".domain.verifyingContract")
            )
        );
    }

    function _checkSigned(string memory where, bytes32 structHash, string memory signer) private view {
        eq(structHash, _bytes32(where, "structHash"), string.concat(where, " struct hash"));
        bytes32 digest = MessageHashUtils.toTypedDataHash(_separator(), structHash);
        eq(digest, _bytes32(where, "digest"), string.concat(where, " digest"));
        bytes memory signature = vm.parseJsonBytes(_json, string.concat(where, ".signature"));
        eq(
            ECDSA.recover(digest, signature),
            vm.parseJsonAddress(_json, signer),
            string.concat(where, " signer")
        );
    }

    function _checkTree(string memory where) private view {
        uint256 n = _uint(where, "n");
        SumTree.Node[] memory nodes = new SumTree.Node[](n);
        for (uint256 i = 0; i < n; i++) {
            string memory leaf = string.concat(where, ".leaves[", vm.toString(i), "]");
            nodes[i] = SumTree.leaf(
                bytes16(_short(leaf, "serial", 16)),
                _bytes32(leaf, "grantDigest"),
                uint16(_uint(leaf, "ticks")),
                uint64(_uint(leaf, "bytes")),
                uint128(_uint(leaf, "units"))
            );
            eq(nodes[i].hash, _bytes32(leaf, "hash"), leaf);
        }
        _checkRoot(where, nodes);
    }

    function _checkWeek(string memory where) private view {
        uint256 n = _uint(where, "n");
        SumTree.Node[] memory nodes = new SumTree.Node[](n);
        for (uint256 i = 0; i < n; i++) {
            string memory one = string.concat(where, ".rows[", vm.toString(i), "]");
            nodes[i] = _open.row(
                Row({
                    publisher: _address(one, "publisher"),
                    bytesSum: uint128(_uint(one, "bytesSum")),
                    units: uint128(_uint(one, "units")),
                    leaves: uint32(_uint(one, "leaves")),
                    subroot: _bytes32(one, "subroot")
                })
            );
            eq(nodes[i].hash, _bytes32(one, "hash"), one);
        }
        _checkRoot(where, nodes);
    }

    function _checkRoot(string memory where, SumTree.Node[] memory nodes) private view {
        SumTree.Node memory top = SumTree.root(nodes);
        eq(top.hash, _bytes32(where, "root"), string.concat(where, " root"));
        eq(top.bytesSum, _uint(where, "bytesSum"), string.concat(where, " bytes"));
        eq(top.units, _uint(where, "units"), string.concat(where, " units"));
    }

    function _split(SumTree.Node[] memory nodes, uint256 from, uint256 n)
        private
        pure
        returns (SumTree.Node memory)
    {
        if (n == 1) return nodes[from];
        uint256 k = 1;
        while (k * 2 < n) k *= 2;
        return SumTree.inner(_split(nodes, from, k), _split(nodes, from + k, n - k));
    }
}
