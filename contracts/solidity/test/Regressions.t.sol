// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {Escrow} from "../src/Escrow.sol";
import {FogDeploy} from "../src/FogDeploy.sol";
import {HouseRegistry} from "../src/HouseRegistry.sol";
import {Params} from "../src/Params.sol";
import {Wallet} from "../src/Wallet.sol";
import {WalletFactory} from "../src/WalletFactory.sol";
import {World} from "./World.sol";

/// @notice A token that says no instead of reverting.
contract SaysNo {
    function transfer(address, uint256) external pure returns (bool) {
        return false;
    }

    function transferFrom(address, address, uint256) external pure returns (bool) {
        return false;
    }

    function balanceOf(address) external pure returns (uint256) {
        return 100;
    }
}

/// @notice Bugs that the 2017 contracts of the system that ours descends from really had, each once more.
contract RegressionsTest is World {
    /// @dev A clean-up turned `if (now < end) throw` into `require(now < end)`: money came out only before the end of
    /// the wait, and was stuck afterwards. Every wait of ours, a second before and at its end.
    function test_no_guard_is_inverted() public {
        matured(W0, ana, 100e6);
        cash(boWallet, W0, 100e6);
        vm.prank(bo);
        Wallet(boWallet).goIdle();
        vm.prank(ana);
        escrow.thaw(1e6);
        vm.prank(house);
        houses.thawBond(1e6);

        later(HOLD - 1);
        uint256 all = token.balanceOf(boWallet);
        vm.prank(bo);
        vm.expectRevert();
        Wallet(boWallet).withdraw(bo, all);
        later(1);
        vm.prank(bo);
        Wallet(boWallet).withdraw(bo, all);

        later(THAW - HOLD - 1);
        vm.prank(ana);
        vm.expectRevert(abi.encodeWithSelector(Escrow.StillThawing.selector, uint40(block.timestamp + 1)));
        escrow.withdraw(ana);
        vm.prank(house);
        vm.expectRevert(
            abi.encodeWithSelector(HouseRegistry.StillThawing.selector, uint40(block.timestamp + 1))
        );
        houses.withdrawBond(house);
        later(1);
        vm.prank(ana);
        escrow.withdraw(ana);
        vm.prank(house);
        houses.withdrawBond(house);
        eq(token.balanceOf(ana), 1e6, "publisher");
        eq(token.balanceOf(house), 1e6, "house");
    }

    /// @dev The wallet looked at its owner's balance instead of its own.
    function test_a_wallet_looks_at_its_own_balance() public {
        matured(W0, ana, 100e6);
        cash(boWallet, W0, 10e6);
        token.mint(bo, 1000e6);
        uint256 free = netOf(10e6) - heldOf(10e6);
        vm.prank(bo);
        vm.expectRevert(abi.encodeWithSelector(Wallet.NotSpendable.selector, 500e6, free));
        Wallet(boWallet).withdraw(bo, 500e6);

        cash(cemWallet, W0, 10e6);
        vm.prank(cem); // has nothing himself
        Wallet(cemWallet).withdraw(cem, free);
        eq(token.balanceOf(cem), free, "taken out");
    }

    /// @dev A second payment overwrote the allowance of the first.
    function test_a_second_payment_adds_to_the_first() public {
        matured(W0, ana, 100e6);
        cash(boWallet, W0, 10e6);
        cash(boWallet, W0, 30e6);
        eq(token.balanceOf(boWallet), netOf(10e6) + netOf(20e6), "both");
        eq(Wallet(boWallet).held(), heldOf(10e6) + heldOf(20e6), "both are held");
    }

    /// @dev A payout that was run again after a failure paid again.
    function test_a_payment_run_again_pays_once() public {
        matured(W0, ana, 100e6);
        cash(boWallet, W0, 10e6);
        uint256 has = token.balanceOf(boWallet);
        cashFails(voucher(boWallet, W0, 10e6), VOUCHER_KEY, abi.encodeWithSignature("NothingOwed()"));
        matured(W0 + 1, ana, 100e6);
        cashFails(voucher(boWallet, W0 + 1, 10e6), VOUCHER_KEY, abi.encodeWithSignature("NothingOwed()"));
        eq(token.balanceOf(boWallet), has, "once");
    }

    /// @dev Results of token transfers were ignored.
    function test_a_token_that_says_no_is_heard() public {
        Params memory p = params();
        p.token = address(new SaysNo());
        FogDeploy fog = FogDeploy(create("out/FogDeploy.sol/FogDeploy.json", abi.encode(p)));
        bytes memory failed = abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, p.token);
        Escrow e = fog.escrow();
        vm.expectRevert(failed);
        e.deposit(ana, 1);
        HouseRegistry h = fog.houses();
        vm.prank(house);
        h.registerHouse();
        vm.expectRevert(failed);
        h.bond(house, 1);
        address wallet = fog.factory().createWallet(bo);
        vm.prank(bo);
        vm.expectRevert(failed);
        Wallet(wallet).withdraw(bo, 1);
    }

    /// @dev An owner could make a second wallet, and the first was lost from the map.
    function test_a_second_wallet_does_not_replace_the_first() public {
        vm.prank(bo);
        vm.expectRevert(abi.encodeWithSelector(WalletFactory.WalletExists.selector, boWallet));
        factory.createWallet(bo);
        eq(factory.walletOf(bo), boWallet, "still known");
    }

    /// @dev The fee was taken of a part only, and a whole registration stake with it.
    function test_the_fee_is_half_a_percent_of_all_and_nothing_else() public {
        matured(W0, ana, 100e6);
        cash(boWallet, W0, 100e6);
        eq(settlement.feePot(house), 0.5e6, "fee");
        eq(token.balanceOf(boWallet), 99.5e6, "the rest, held part included");
        (uint96 bonded,,) = houses.bondOf(house);
        eq(bonded, BOND, "no bond is taken for it");
    }
}
