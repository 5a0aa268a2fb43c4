// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TestToken} from "../src/TestToken.sol";
import {Wallet} from "../src/Wallet.sol";
import {WalletFactory} from "../src/WalletFactory.sol";
import {World} from "./World.sol";

contract WalletTest is World {
    Wallet private _wallet;

    function setUp() public override {
        super.setUp();
        _wallet = Wallet(boWallet);
    }

    /// @dev What Settlement does: book, then transfer.
    function _credit(uint256 amount, uint256 held) private {
        _credit(amount, held, week());
    }

    function _credit(uint256 amount, uint256 held, uint32 w) private {
        vm.prank(address(settlement));
        _wallet.credit(held, w, stranger);
        token.mint(boWallet, amount);
    }

    function test_factory_one_wallet_per_owner() public {
        address fresh = vm.addr(0x9999);
        address predicted = factory.walletOf(fresh);
        ok(!factory.isWallet(predicted), "not yet");
        vm.expectEmit(address(factory));
        emit WalletFactory.WalletCreated(fresh, predicted);
        eq(factory.createWallet(fresh), predicted, "address");
        ok(factory.isWallet(predicted), "now");
        eq(Wallet(predicted).owner(), fresh, "owner");
        vm.expectRevert(abi.encodeWithSelector(WalletFactory.WalletExists.selector, predicted));
        factory.createWallet(fresh);
    }

    function test_factory_refuses_nobody() public {
        vm.expectRevert(WalletFactory.NoAddress.selector);
        factory.createWallet(address(0));
    }

    function test_factory_knows_strangers() public {
        ok(!factory.isWallet(stranger), "no code");
        ok(!factory.isWallet(address(token)), "other code");
        bytes memory args = abi.encode(settlement, token, HOLD, WEEK);
        WalletFactory other = WalletFactory(create("out/WalletFactory.sol/WalletFactory.json", args));
        ok(!factory.isWallet(other.createWallet(bo)), "wallet of another factory");
    }

    function test_implementation_has_no_owner() public {
        Wallet code = Wallet(factory.implementation());
        vm.expectRevert();
        code.goIdle();
    }

    function test_credit_only_by_settlement() public {
        vm.expectRevert(Wallet.NotSettlement.selector);
        _wallet.credit(1, 1, stranger);
    }

    function test_held_part_is_not_spendable() public {
        _credit(100, 30);
        eq(_wallet.held(), 30, "held");
        eq(_wallet.spendable(), 70, "spendable");
        vm.prank(bo);
        vm.expectRevert(abi.encodeWithSelector(Wallet.NotSpendable.selector, 71, 70));
        _wallet.withdraw(bo, 71);
        vm.prank(bo);
        _wallet.withdraw(cem, 70);
        eq(token.balanceOf(cem), 70, "received");
        eq(_wallet.spendable(), 0, "left");
    }

    function test_bucket_is_free_one_hold_after_its_period() public {
        _credit(100, 30); // at the first second of a period
        later(HOLD - 1);
        _credit(100, 30); // at its last
        eq(_wallet.held(), 60, "one bucket");
        later(1);
        eq(_wallet.held(), 60, "previous bucket");
        _credit(100, 30);
        eq(_wallet.held(), 90, "two buckets");
        later(HOLD - 1);
        eq(_wallet.held(), 90, "last second");
        later(1);
        eq(_wallet.held(), 30, "first bucket is free");
        later(HOLD);
        eq(_wallet.held(), 0, "all free");
        eq(_wallet.spendable(), 300, "everything");
    }

    function test_idle_frees_everything_after_one_hold() public {
        later(HOLD - 2);
        _credit(100, 30);
        vm.prank(bo);
        _wallet.goIdle();
        later(HOLD - 1);
        eq(_wallet.held(), 30, "not yet");
        later(1);
        eq(_wallet.held(), 0, "free");
        _credit(100, 30, week() - 3);
        eq(_wallet.held(), 0, "late pay for work before going idle is free at once");
        eq(_wallet.spendable(), 200, "all of it");
    }

    function test_idle_ends_with_pay_for_a_later_week() public {
        vm.prank(bo);
        _wallet.goIdle();
        uint32 idleWeek = week();
        later(2 * HOLD);
        vm.expectEmit(boWallet);
        emit Wallet.Woke();
        _credit(100, 30, idleWeek + 1);
        eq(_wallet.idleAt(), 0, "awake");
        eq(_wallet.held(), 30, "held again");
    }

    function test_idle_twice_is_refused() public {
        vm.prank(bo);
        _wallet.goIdle();
        vm.prank(bo);
        vm.expectRevert(Wallet.AlreadyIdle.selector);
        _wallet.goIdle();
    }

    function test_relayer_fee() public {
        vm.prank(bo);
        vm.expectRevert(abi.encodeWithSelector(Wallet.FeeTooHigh.selector, 101));
        _wallet.setRelayerFee(101);
        vm.prank(bo);
        _wallet.setRelayerFee(100);
        vm.prank(address(settlement));
        (, uint256 bps) = _wallet.credit(0, 1, stranger);
        eq(bps, 100, "stranger");
        vm.prank(address(settlement));
        (, bps) = _wallet.credit(0, 1, bo);
        eq(bps, 0, "the owner himself");
    }

    function test_rescue_other_tokens_only() public {
        TestToken other = TestToken(create("out/TestToken.sol/TestToken.json", ""));
        other.mint(boWallet, 5);
        vm.prank(bo);
        vm.expectRevert(Wallet.PaymentToken.selector);
        _wallet.rescue(token, bo, 0);
        vm.prank(bo);
        _wallet.rescue(other, bo, 5);
        eq(other.balanceOf(bo), 5, "rescued");
    }

    function test_only_the_owner() public {
        vm.startPrank(stranger);
        vm.expectRevert(Wallet.NotOwner.selector);
        _wallet.goIdle();
        vm.expectRevert(Wallet.NotOwner.selector);
        _wallet.setRelayerFee(1);
        vm.expectRevert(Wallet.NotOwner.selector);
        _wallet.withdraw(stranger, 0);
        vm.expectRevert(Wallet.NotOwner.selector);
        _wallet.rescue(token, stranger, 0);
        vm.stopPrank();
    }

    function test_withdraw_to_nobody_is_refused() public {
        vm.prank(bo);
        vm.expectRevert(Wallet.NoAddress.selector);
        _wallet.withdraw(address(0), 0);
    }

    function test_more_than_fits_is_held_less_not_refused() public {
        uint256 most = type(uint88).max;
        vm.prank(address(settlement));
        (uint256 kept,) = _wallet.credit(most + 5, week(), stranger);
        eq(kept, most, "what fits");
        vm.prank(address(settlement));
        (kept,) = _wallet.credit(1, week(), stranger);
        eq(kept, 0, "full");
    }

    /// @dev Whatever comes when: never held for less than one hold length, never for more than two.
    function testFuzz_hold_time(uint32 start, uint32 wait) public {
        later(bounded(start, 0, 5 * HOLD));
        _credit(100, 30);
        uint256 w = bounded(wait, 0, 3 * HOLD);
        later(w);
        if (w < HOLD) eq(_wallet.held(), 30, "held");
        if (w >= 2 * HOLD) eq(_wallet.held(), 0, "free");
    }
}
