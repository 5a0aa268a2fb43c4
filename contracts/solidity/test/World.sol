// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {Escrow} from "../src/Escrow.sol";
import {FogDeploy} from "../src/FogDeploy.sol";
import {HouseRegistry} from "../src/HouseRegistry.sol";
import {NodeRegistry} from "../src/NodeRegistry.sol";
import {Params} from "../src/Params.sol";
import {Settlement} from "../src/Settlement.sol";
import {TestToken} from "../src/TestToken.sol";
import {Row, Types, Voucher} from "../src/Types.sol";
import {Wallet} from "../src/Wallet.sol";
import {WalletFactory} from "../src/WalletFactory.sol";
import {Checks} from "./Vm.sol";

/// @notice Types.hash takes calldata; this makes a call of it.
contract VoucherHash {
    function hash(Voucher calldata v) external pure returns (bytes32) {
        return Types.hash(v);
    }
}

/// @notice One deployment with the real windows, one house, two publishers, three operators with wallets.
abstract contract World is Checks {
    uint32 internal constant WEEK = 604800;
    uint32 internal constant POST = 172800;
    uint32 internal constant MATURE = 259200;
    uint32 internal constant THAW = 1814400;
    uint32 internal constant HOLD = 1209600;
    uint32 internal constant BOND_DELAY = 604800;
    uint32 internal constant SETTLE = POST + 2 * MATURE;
    uint32 internal constant W0 = 2812; // even, so it begins with a hold period
    uint96 internal constant CAP = 1000e6;
    uint96 internal constant BOND = 2000e6;

    uint256 internal constant VOUCHER_KEY = 0x5160;
    uint256 internal constant GRANT_KEY = 0x6160;
    uint256 internal constant NODE_KEY = 0x7160;
    uint8 internal constant GRANT = 1;
    uint8 internal constant VOUCHER = 2;

    TestToken internal token;
    Settlement internal settlement;
    Escrow internal escrow;
    HouseRegistry internal houses;
    NodeRegistry internal nodes;
    WalletFactory internal factory;
    VoucherHash internal voucherHash;
    bytes32 internal separator;

    address internal house = vm.addr(0x1001);
    address internal ana = vm.addr(0x2001);
    address internal eva = vm.addr(0x2002);
    address internal bo = vm.addr(0x3001);
    address internal cem = vm.addr(0x3002);
    address internal dee = vm.addr(0x3003);
    address internal stranger = vm.addr(0x4001);
    address internal treasury = vm.addr(0x5001);
    address internal boWallet;
    address internal cemWallet;
    address internal deeWallet;

    function setUp() public virtual {
        vm.warp(uint256(W0) * WEEK);
        // From the artifacts: `new` would compile all of them into every test contract again.
        token = TestToken(create("out/TestToken.sol/TestToken.json", ""));
        FogDeploy fog = FogDeploy(create("out/FogDeploy.sol/FogDeploy.json", abi.encode(params())));
        settlement = fog.settlement();
        escrow = fog.escrow();
        houses = fog.houses();
        nodes = fog.nodes();
        factory = fog.factory();
        voucherHash = new VoucherHash();
        separator = settlement.domainSeparator();

        openHouse(house, BOND, VOUCHER_KEY);
        openPublisher(ana, 10 * CAP, house, CAP);
        openPublisher(eva, 10 * CAP, house, CAP);
        boWallet = factory.createWallet(bo);
        cemWallet = factory.createWallet(cem);
        deeWallet = factory.createWallet(dee);
    }

    function params() internal view returns (Params memory) {
        return Params({
            token: address(token),
            treasury: treasury,
            weekLength: WEEK,
            postWindow: POST,
            matureWindow: MATURE,
            thawWindow: THAW,
            holdLength: HOLD,
            bondDelay: BOND_DELAY
        });
    }

    function create(string memory what, bytes memory args) internal returns (address made) {
        bytes memory code = bytes.concat(vm.getCode(what), args);
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
            if iszero(made) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }

    // --- actors ---

    function openHouse(address who, uint96 bonded, uint256 voucherKey) internal {
        vm.startPrank(who);
        houses.registerHouse();
        houses.setSigner(VOUCHER, vm.addr(voucherKey), week(), week() + 52, type(uint96).max);
        vm.stopPrank();
        if (bonded != 0) addBond(who, bonded);
    }

    function addBond(address who, uint96 amount) internal {
        give(stranger, amount, address(houses));
        vm.prank(stranger);
        houses.bond(who, amount);
    }

    function openPublisher(address who, uint96 amount, address with, uint96 cap) internal {
        depositFor(who, amount);
        vm.prank(who);
        escrow.openDeal(with, cap, week() + 51);
    }

    function depositFor(address who, uint96 amount) internal {
        give(who, amount, address(escrow));
        vm.prank(who);
        escrow.deposit(who, amount);
    }

    function topUp(uint96 amount) internal {
        give(stranger, amount, address(settlement));
        vm.prank(stranger);
        settlement.topUp(house, amount);
    }

    function give(address who, uint256 amount, address spender) internal {
        token.mint(who, amount);
        vm.prank(who);
        token.approve(spender, type(uint256).max);
    }

    // --- time ---

    function week() internal view returns (uint32) {
        return uint32(block.timestamp / WEEK);
    }

    function later(uint256 sec) internal {
        vm.warp(block.timestamp + sec);
    }

    function toWeek(uint32 w) internal {
        vm.warp(uint256(w) * WEEK);
    }

    // --- a week ---

    function row(address publisher, uint256 money) internal pure returns (Row memory) {
        return Row(publisher, uint128(money * 1e6), uint128(money << 30), 3, keccak256(abi.encode(publisher)));
    }

    function rows(address a, uint256 moneyA) internal pure returns (Row[] memory list) {
        list = new Row[](1);
        list[0] = row(a, moneyA);
    }

    function rows(address a, uint256 moneyA, address b, uint256 moneyB)
        internal
        pure
        returns (Row[] memory list)
    {
        list = new Row[](2);
        (list[0], list[1]) = a < b ? (row(a, moneyA), row(b, moneyB)) : (row(b, moneyB), row(a, moneyA));
    }

    function post(uint32 w, Row[] memory list) internal {
        vm.prank(house);
        settlement.postWeek(house, w, list);
    }

    /// @dev Ends week `w`, posts it for one publisher, and lets it mature.
    function matured(uint32 w, address publisher, uint256 money) internal {
        toWeek(w + 1);
        post(w, rows(publisher, money));
        later(MATURE);
        settlement.mature(house);
    }

    function voucher(address payee, uint32 w, uint256 money) internal view returns (Voucher memory) {
        return Voucher({
            house: house,
            payee: payee,
            week: w,
            seq: 1,
            cumBytes: uint128(money * 1e6),
            cumUnits: uint128(money << 30),
            covers: bytes32(0)
        });
    }

    function sign(Voucher memory v, uint256 key) internal view returns (bytes memory) {
        return signDigest(voucherHash.hash(v), key);
    }

    function signDigest(bytes32 structHash, uint256 key) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, MessageHashUtils.toTypedDataHash(separator, structHash));
        return abi.encodePacked(r, s, v);
    }

    function cash(address payee, uint32 w, uint256 money) internal returns (uint256) {
        Voucher memory v = voucher(payee, w, money);
        return settlement.cash(v, sign(v, VOUCHER_KEY));
    }

    /// @dev Expects `reason` from cashing.
    function cashFails(Voucher memory v, uint256 key, bytes memory reason) internal {
        bytes memory signature = sign(v, key);
        vm.expectRevert(reason);
        settlement.cash(v, signature);
    }

    // --- what a payment comes to ---

    function netOf(uint256 gross) internal pure returns (uint256) {
        return gross - (gross * 50 + 9999) / 10000;
    }

    function heldOf(uint256 gross) internal pure returns (uint256) {
        return netOf(gross) * 3000 / 10000;
    }
}
