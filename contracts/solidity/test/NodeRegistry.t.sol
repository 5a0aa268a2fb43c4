// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {NodeRegistry} from "../src/NodeRegistry.sol";
import {Types} from "../src/Types.sol";
import {World} from "./World.sol";

contract NodeRegistryTest is World {
    bytes32 private constant BOX = keccak256("box");
    address private _key = vm.addr(NODE_KEY);

    function setUp() public override {
        super.setUp();
        vm.prank(bo);
        nodes.registerOperator();
    }

    function _consent(address operator, address key, bytes32 box, uint256 secret)
        private
        view
        returns (bytes memory)
    {
        return signDigest(Types.hashNodeConsent(operator, key, box), secret);
    }

    function _add() private returns (uint32) {
        bytes memory consent = _consent(bo, _key, BOX, NODE_KEY);
        vm.prank(bo);
        return nodes.addNode(_key, BOX, consent);
    }

    function test_operator_ids() public {
        eq(nodes.operatorIdOf(bo), 1, "first");
        eq(nodes.operatorOf(1), bo, "back");
        vm.prank(bo);
        vm.expectRevert(abi.encodeWithSelector(NodeRegistry.OperatorExists.selector, 1));
        nodes.registerOperator();
        vm.prank(cem);
        eq(nodes.registerOperator(), 2, "second");
        eq(nodes.operatorIdOf(dee), 0, "unknown");
    }

    function test_add_node() public {
        bytes memory consent = _consent(bo, _key, BOX, NODE_KEY);
        vm.expectEmit(address(nodes));
        emit NodeRegistry.NodeAdded(1, bo, _key, BOX);
        vm.prank(bo);
        nodes.addNode(_key, BOX, consent);
        (address key, address operator, bytes32 box, uint32 addedAt, uint32 revokedAt) = nodes.node(1);
        eq(key, _key, "key");
        eq(operator, bo, "operator");
        eq(box, BOX, "box key");
        eq(addedAt, block.timestamp, "added");
        eq(revokedAt, 0, "valid");
        eq(nodes.nodeIdOf(_key), 1, "id");
    }

    function test_add_node_needs_an_operator() public {
        bytes memory consent = _consent(cem, _key, BOX, NODE_KEY);
        vm.prank(cem);
        vm.expectRevert(NodeRegistry.NotAnOperator.selector);
        nodes.addNode(_key, BOX, consent);
    }

    function test_add_node_needs_the_keys_consent() public {
        bytes memory forged = _consent(bo, _key, BOX, NODE_KEY + 1);
        vm.prank(bo);
        vm.expectRevert(abi.encodeWithSelector(NodeRegistry.NoConsent.selector, vm.addr(NODE_KEY + 1)));
        nodes.addNode(_key, BOX, forged);
    }

    function test_consent_names_operator_and_box() public {
        vm.prank(cem);
        nodes.registerOperator();
        bytes memory forBo = _consent(bo, _key, BOX, NODE_KEY);
        vm.prank(cem);
        vm.expectRevert(); // NoConsent with whatever address the wrong digest recovers to
        nodes.addNode(_key, BOX, forBo);
        vm.prank(bo);
        vm.expectRevert();
        nodes.addNode(_key, keccak256("another box"), forBo);
        vm.prank(bo);
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, 3));
        nodes.addNode(_key, BOX, hex"010203");
    }

    function test_a_key_is_used_once_ever() public {
        uint32 id = _add();
        bytes memory consent = _consent(bo, _key, BOX, NODE_KEY);
        vm.prank(bo);
        vm.expectRevert(abi.encodeWithSelector(NodeRegistry.KeyUsed.selector, id));
        nodes.addNode(_key, BOX, consent);
        vm.prank(bo);
        nodes.revokeNode(id);
        vm.prank(bo);
        vm.expectRevert(abi.encodeWithSelector(NodeRegistry.KeyUsed.selector, id));
        nodes.addNode(_key, BOX, consent);
    }

    function test_revoke() public {
        uint32 id = _add();
        vm.prank(cem);
        vm.expectRevert(abi.encodeWithSelector(NodeRegistry.NotYourNode.selector, id));
        nodes.revokeNode(id);
        vm.prank(bo);
        vm.expectRevert(abi.encodeWithSelector(NodeRegistry.NotYourNode.selector, id + 1));
        nodes.revokeNode(id + 1);

        vm.expectEmit(address(nodes));
        emit NodeRegistry.NodeRevoked(id);
        vm.prank(bo);
        nodes.revokeNode(id);
        (,,,, uint32 revokedAt) = nodes.node(id);
        eq(revokedAt, block.timestamp, "revoked");
        eq(nodes.nodeIdOf(_key), id, "never erased");
        vm.prank(bo);
        vm.expectRevert(abi.encodeWithSelector(NodeRegistry.AlreadyRevoked.selector, id));
        nodes.revokeNode(id);
    }

    function test_who_may_sign_statements() public {
        ok(!nodes.mayState(_key, _key), "unknown node");
        uint32 id = _add();
        ok(nodes.mayState(_key, _key), "the node");
        ok(nodes.mayState(_key, bo), "its operator");
        ok(!nodes.mayState(_key, cem), "somebody else");
        vm.prank(bo);
        nodes.revokeNode(id);
        ok(!nodes.mayState(_key, _key), "a revoked node");
        ok(nodes.mayState(_key, bo), "its operator still");
    }
}
