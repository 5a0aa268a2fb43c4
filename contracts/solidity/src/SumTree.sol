// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Row} from "./Types.sol";

/// @title Merkle trees that also add up
/// @notice Every inner node binds the sums of both sides, so a root says how many bytes and units there are below it.
/// Shape as in RFC 6962: the left side takes the largest power of two smaller than n.
library SumTree {
    struct Node {
        bytes32 hash;
        uint128 bytesSum;
        uint128 units;
    }

    error NoLeaves();

    /// @notice Leaf of a box's statement.
    function leaf(bytes16 serial, bytes32 grantDigest, uint16 ticks, uint64 bytesPaid, uint128 units)
        internal
        pure
        returns (Node memory)
    {
        bytes32 h = keccak256(abi.encodePacked(uint8(0), serial, grantDigest, ticks, bytesPaid, units));
        return Node(h, bytesPaid, units);
    }

    /// @notice Leaf of a house's week.
    function row(Row calldata r) internal pure returns (Node memory) {
        bytes32 h =
            keccak256(abi.encodePacked(uint8(2), r.publisher, r.bytesSum, r.units, r.leaves, r.subroot));
        return Node(h, r.bytesSum, r.units);
    }

    /// @notice Parent of two nodes. Sums beyond 2^128 revert.
    function inner(Node memory l, Node memory r) internal pure returns (Node memory) {
        bytes32 h =
            keccak256(abi.encodePacked(uint8(1), l.hash, l.bytesSum, l.units, r.hash, r.bytesSum, r.units));
        return Node(h, l.bytesSum + r.bytesSum, l.units + r.units);
    }

    /// @notice The root over `nodes`, whose array is used as the work space.
    /// @dev A stack of perfect subtrees: after leaf i, as many pairs merge as i + 1 has trailing zero bits; at the end
    /// the stack folds from the right. That is the recursive split without the recursion.
    function root(Node[] memory nodes) internal pure returns (Node memory) {
        uint256 n = nodes.length;
        if (n == 0) revert NoLeaves();
        uint256 top = 0;
        for (uint256 i = 0; i < n; i++) {
            Node memory cur = nodes[i];
            for (uint256 k = i + 1; k & 1 == 0; k >>= 1) {
                cur = inner(nodes[--top], cur);
            }
            nodes[top++] = cur;
        }
        Node memory acc = nodes[--top];
        while (top > 0) acc = inner(nodes[--top], acc);
        return acc;
    }
}
