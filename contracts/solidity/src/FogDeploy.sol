// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Escrow} from "./Escrow.sol";
import {HouseRegistry} from "./HouseRegistry.sol";
import {NodeRegistry} from "./NodeRegistry.sol";
import {Bounds, Params} from "./Params.sol";
import {Settlement} from "./Settlement.sol";
import {WalletFactory} from "./WalletFactory.sol";

/// @title Creates one set of contracts in one transaction
/// @notice The contracts name each other, and nothing may be set afterwards. So their addresses are computed first: a
/// contract's n-th creation has an address that depends on nothing but n.
contract FogDeploy {
    Settlement public immutable settlement;
    Escrow public immutable escrow;
    HouseRegistry public immutable houses;
    NodeRegistry public immutable nodes;
    WalletFactory public immutable factory;

    event Deployed(address settlement, address escrow, address houses, address nodes, address factory);

    error WrongAddress(address predicted, address actual);

    constructor(Params memory p) {
        address predicted = _creation(5);
        factory = new WalletFactory(predicted, IERC20(p.token), p.holdLength, p.weekLength);
        nodes = new NodeRegistry(predicted);
        houses = new HouseRegistry(IERC20(p.token), predicted, p.thawWindow, p.weekLength);
        escrow = new Escrow(
            IERC20(p.token), predicted, houses, p.thawWindow, p.weekLength, Bounds.settleWindow(p)
        );
        settlement = new Settlement(p, escrow, houses, nodes, factory);
        if (address(settlement) != predicted) revert WrongAddress(predicted, address(settlement));
        emit Deployed(address(settlement), address(escrow), address(houses), address(nodes), address(factory));
    }

    /// @dev keccak256(rlp([this, nonce])) for a nonce below 128.
    function _creation(uint8 nonce) private view returns (address) {
        bytes32 h = keccak256(abi.encodePacked(hex"d694", address(this), nonce));
        return address(uint160(uint256(h)));
    }
}
