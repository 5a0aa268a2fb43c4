// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A house's promise, signed before service, to pay for up to `maxBytes` served by one box.
struct Grant {
    address publisher;
    address house;
    address node;
    uint32 week;
    uint32 notBefore;
    uint32 notAfter;
    bytes16 serial;
    bytes10 site;
    bytes32 scope;
    uint8 depth;
    bytes32 anchor;
    uint64 maxBytes;
    uint32 tickBytes;
    uint16 passiveBps;
    uint16 flags;
    uint64 pricePerGiB;
}

/// @notice What a box says it served for one house in one round: the root and the sums of its leaves.
struct Statement {
    address node;
    address house;
    uint32 week;
    uint32 round;
    uint32 rev;
    bytes32 root;
    uint32 leaves;
    uint128 bytesSum;
    uint128 units;
    bytes32 prev;
}

/// @notice What a house owes one wallet, cumulative since the first day.
struct Voucher {
    address house;
    address payee;
    uint32 week;
    uint32 seq;
    uint128 cumBytes;
    uint128 cumUnits;
    bytes32 covers;
}

/// @notice One publisher's part of a house's week: both a leaf of the week's sum tree and a debit.
struct Row {
    address publisher;
    uint128 bytesSum;
    uint128 units;
    uint32 leaves;
    bytes32 subroot;
}

/// @notice EIP-712 struct hashes of the signed messages. The domain is ("Fog", "1", chain id, Settlement).
/// @dev The texts are frozen: contracts/vectors/typed_data.json holds their hashes, and C reads the same file.
library Types {
    bytes32 internal constant GRANT_TYPEHASH = keccak256(
        "Grant(address publisher,address house,address node,uint32 week,uint32 notBefore,uint32 notAfter,bytes16 serial,bytes10 site,bytes32 scope,uint8 depth,bytes32 anchor,uint64 maxBytes,uint32 tickBytes,uint16 passiveBps,uint16 flags,uint64 pricePerGiB)"
    );
    bytes32 internal constant STATEMENT_TYPEHASH = keccak256(
        "Statement(address node,address house,uint32 week,uint32 round,uint32 rev,bytes32 root,uint32 leaves,uint128 bytesSum,uint128 units,bytes32 prev)"
    );
    bytes32 internal constant VOUCHER_TYPEHASH = keccak256(
        "Voucher(address house,address payee,uint32 week,uint32 seq,uint128 cumBytes,uint128 cumUnits,bytes32 covers)"
    );
    bytes32 internal constant NODE_CONSENT_TYPEHASH =
        keccak256("NodeConsent(address operator,address node,bytes32 boxKey)");

    function hash(Grant memory g) internal pure returns (bytes32) {
        // In two halves: one abi.encode of seventeen values is too deep for the stack.
        bytes memory head = abi.encode(
            GRANT_TYPEHASH, g.publisher, g.house, g.node, g.week, g.notBefore, g.notAfter, g.serial, g.site
        );
        bytes memory tail = abi.encode(
            g.scope, g.depth, g.anchor, g.maxBytes, g.tickBytes, g.passiveBps, g.flags, g.pricePerGiB
        );
        return keccak256(bytes.concat(head, tail));
    }

    function hash(Statement memory s) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                STATEMENT_TYPEHASH,
                s.node,
                s.house,
                s.week,
                s.round,
                s.rev,
                s.root,
                s.leaves,
                s.bytesSum,
                s.units,
                s.prev
            )
        );
    }

    function hash(Voucher calldata v) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(VOUCHER_TYPEHASH, v.house, v.payee, v.week, v.seq, v.cumBytes, v.cumUnits, v.covers)
        );
    }

    function hashNodeConsent(address operator, address node, bytes32 boxKey) internal pure returns (bytes32) {
        return keccak256(abi.encode(NODE_CONSENT_TYPEHASH, operator, node, boxKey));
    }
}

/// @notice Money from units. A unit is 2^-30 of the token's smallest unit, so bytes x price per GiB is exact.
library Units {
    uint256 internal constant SHIFT = 30;

    /// @notice What a payee gets for a cumulative sum: rounded down, once, on the sum.
    function floor(uint128 units) internal pure returns (uint256) {
        return uint256(units) >> SHIFT;
    }

    /// @notice What a publisher is debited for one row: rounded up.
    function ceil(uint128 units) internal pure returns (uint256) {
        return (uint256(units) + ((1 << SHIFT) - 1)) >> SHIFT;
    }
}
