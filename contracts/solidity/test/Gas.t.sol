// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Voucher} from "../src/Types.sol";
import {World} from "./World.sol";

/// @notice What the frequent transactions cost, each as a transaction of its own: 21000, calldata and cold storage
/// included. The figures are kept in snapshots/Gas.json.
contract GasTest is World {
    uint256 private constant MUST = 92_000;

    /// @dev The second payment of a pair: every slot it touches is in use already.
    /// forge-config: test.isolate = true
    function test_gas_steady_cash() public {
        matured(W0, ana, 100e6);
        cash(boWallet, W0, 10e6);
        cash(cemWallet, W0, 10e6);
        toWeek(W0 + 2);
        Voucher memory v = voucher(boWallet, W0, 22345678);
        v.seq = 170;
        v.covers = keccak256("covers");
        bytes memory signature = sign(v, VOUCHER_KEY);
        vm.prank(stranger);
        settlement.cash(v, signature);
        atMost(vm.snapshotGasLastCall("Gas", "cash, steady"), MUST, "gas");
    }

    /// forge-config: test.isolate = true
    function test_gas_of_the_rest() public {
        vm.prank(stranger);
        factory.createWallet(vm.addr(0x9999));
        vm.snapshotGasLastCall("Gas", "createWallet");
        toWeek(W0 + 1);
        vm.prank(house);
        settlement.postWeek(house, W0, rows(ana, 50e6, eva, 50e6));
        vm.snapshotGasLastCall("Gas", "postWeek, first, 2 rows");
        later(MATURE);
        settlement.mature(house);
        vm.snapshotGasLastCall("Gas", "mature, first");
        Voucher memory v = voucher(boWallet, W0, 10e6);
        bytes memory signature = sign(v, VOUCHER_KEY);
        vm.prank(stranger);
        settlement.cash(v, signature);
        vm.snapshotGasLastCall("Gas", "cash, first of a wallet and of all");
    }
}
