// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {Types} from "./Types.sol";

/// @title Operators and their boxes
/// @notice Only an operator adds boxes, and only boxes whose key agrees: nobody draws the pay of a stranger's key.
/// Records are never erased and keys never used again, so an old message can always be judged.
contract NodeRegistry {
    struct Node {
        address key;
        uint32 operatorId;
        uint32 addedAt;
        uint32 revokedAt;
        bytes32 boxKey;
    }

    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

    /// @notice The contract that names the EIP-712 domain of all signed messages.
    address public immutable settlement;

    /// @notice Registry id of an operator, 0 when unknown.
    mapping(address operator => uint32 id) public operatorIdOf;
    /// @notice Operator of a registry id, 0 when unknown.
    mapping(uint32 id => address operator) public operatorOf;
    /// @notice Registry id of a node key, 0 when unknown. Stays after a revocation.
    mapping(address key => uint32 id) public nodeIdOf;
    mapping(uint32 id => Node) private _nodes;

    uint32 private _operators;
    uint32 private _nodeCount;

    event OperatorRegistered(uint32 indexed id, address indexed operator);
    event NodeAdded(uint32 indexed id, address indexed operator, address indexed key, bytes32 boxKey);
    event NodeRevoked(uint32 indexed id);

    error OperatorExists(uint32 id);
    error NotAnOperator();
    error KeyUsed(uint32 id);
    error NoConsent(address signer);
    error NotYourNode(uint32 id);
    error AlreadyRevoked(uint32 id);

    constructor(address settlement_) {
        settlement = settlement_;
    }

    /// @notice Makes the caller an operator.
    function registerOperator() external returns (uint32 id) {
        if (operatorIdOf[msg.sender] != 0) revert OperatorExists(operatorIdOf[msg.sender]);
        id = ++_operators;
        operatorIdOf[msg.sender] = id;
        operatorOf[id] = msg.sender;
        emit OperatorRegistered(id, msg.sender);
    }

    /// @notice Adds a box of the caller.
    /// @param key the box's node key, which signs statements
    /// @param boxKey hash of the box's transport key
    /// @param consent signature of NodeConsent(operator, node, boxKey) by `key`
    function addNode(address key, bytes32 boxKey, bytes calldata consent) external returns (uint32 id) {
        uint32 operatorId = operatorIdOf[msg.sender];
        if (operatorId == 0) revert NotAnOperator();
        if (nodeIdOf[key] != 0) revert KeyUsed(nodeIdOf[key]);
        bytes32 digest =
            MessageHashUtils.toTypedDataHash(_domain(), Types.hashNodeConsent(msg.sender, key, boxKey));
        address signer = ECDSA.recover(digest, consent);
        if (signer != key) revert NoConsent(signer);

        id = ++_nodeCount;
        nodeIdOf[key] = id;
        _nodes[id] = Node(key, operatorId, uint32(block.timestamp), 0, boxKey);
        emit NodeAdded(id, msg.sender, key, boxKey);
    }

    /// @notice Ends a box's right to speak, for good. Its operator still may for what it did before.
    function revokeNode(uint32 id) external {
        Node storage n = _nodes[id];
        if (n.operatorId == 0 || operatorOf[n.operatorId] != msg.sender) revert NotYourNode(id);
        if (n.revokedAt != 0) revert AlreadyRevoked(id);
        n.revokedAt = uint32(block.timestamp);
        emit NodeRevoked(id);
    }

    /// @notice The record of a box; zeros when unknown, times in seconds.
    function node(uint32 id)
        external
        view
        returns (address key, address operator, bytes32 boxKey, uint32 addedAt, uint32 revokedAt)
    {
        Node storage n = _nodes[id];
        return (n.key, operatorOf[n.operatorId], n.boxKey, n.addedAt, n.revokedAt);
    }

    /// @notice Whether `signer` may sign statements of the box with node key `key`: that key, or its operator.
    function mayState(address key, address signer) external view returns (bool) {
        Node storage n = _nodes[nodeIdOf[key]];
        if (n.key == address(0)) return false;
        return signer == operatorOf[n.operatorId] || (signer == key && n.revokedAt == 0);
    }

    function _domain() private view returns (bytes32) {
        return
            keccak256(
                abi.encode(DOMAIN_TYPEHASH, keccak256("Fog"), keccak256("1"), block.chainid, settlement)
            );
    }
}
