// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HouseRegistry} from "../src/HouseRegistry.sol";
import {Settlement} from "../src/Settlement.sol";
import {Voucher} from "../src/Types.sol";
import {World} from "./World.sol";

/// @notice A house whose pool is too small, its debts, and its bond.
contract ShortageTest is World {
    address private _poor = vm.addr(0x2101);
    address[3] private _wallets;

    function setUp() public override {
        super.setUp();
        _wallets = [boWallet, cemWallet, deeWallet];
    }

    /// @dev A matured post of `total` with only `funded` in the pool.
    function _short(uint32 w, uint96 total, uint96 funded) private {
        depositFor(_poor, total + funded);
        vm.prank(_poor);
        escrow.openDeal(house, total, w + 40);
        toWeek(w + 1);
        post(w, rows(_poor, total)); // leaves `funded` in the deal
        toWeek(w + 2);
        cash(deeWallet, w, total); // the first week is settled
        post(w + 1, rows(_poor, total)); // and the second is short
        later(MATURE);
        settlement.mature(house);
        (uint96 inPool, uint96 open,,,,, uint32 since) = settlement.pool(house);
        eq(inPool, funded, "pool");
        eq(open, total, "open");
        eq(since, block.timestamp, "short since");
    }

    function _debt(address payee) private view returns (uint256 debt, uint256 ready) {
        (,,, debt, ready) = settlement.account(house, payee);
    }

    // --- pro rata ---

    function test_short_pool_pays_everybody_the_same_share() public {
        _short(W0, 100e6, 50e6);
        eq(cash(boWallet, W0 + 1, 60e6), 30e6, "half");
        eq(cash(cemWallet, W0 + 1, 40e6), 20e6, "half");
        (uint256 debt,) = _debt(boWallet);
        eq(debt, 30e6, "the rest is owed");
        (debt,) = _debt(cemWallet);
        eq(debt, 20e6, "the rest is owed");
        eq(settlement.paid(house, boWallet), 60e6, "settled in full");
        eq(settlement.shortage(house), 50e6, "shortage");
        bytes memory nothing = abi.encodeWithSelector(Settlement.NothingOwed.selector);
        cashFails(voucher(boWallet, W0 + 1, 60e6), VOUCHER_KEY, nothing);
    }

    function test_empty_pool_turns_claims_into_debt() public {
        _short(W0, 100e6, 0);
        eq(cash(boWallet, W0 + 1, 100e6), 0, "nothing now");
        (uint256 debt,) = _debt(boWallet);
        eq(debt, 100e6, "but owed");
    }

    /// @dev Three payees, any order, late money at any moment: the same ratio for all, to a unit per step.
    function testFuzz_any_order_same_ratio(
        uint96[3] memory claims,
        uint8 order,
        uint96 funded,
        uint96 late,
        uint8 lateAfter
    ) public {
        uint256[3] memory owed;
        uint256 total = 0;
        for (uint256 i = 0; i < 3; i++) {
            owed[i] = bounded(claims[i], 1e3, 100e6);
            total += owed[i];
        }
        // dee already has `total` settled by _short
        uint256 inPool = bounded(funded, 0, total - 1);
        _short(W0, uint96(total), uint96(inPool));
        uint256 more = bounded(late, 1, total - inPool);
        uint256 when = lateAfter % 4;

        uint8[3] memory perm = _permutation(order % 6);
        for (uint256 k = 0; k < 4; k++) {
            if (k == when) topUp(uint96(more));
            if (k == 3) break;
            uint256 i = perm[k];
            uint256 base = i == 2 ? total : 0;
            cash(_wallets[i], W0 + 1, base + owed[i]);
            _tryCollect(_wallets[i]);
        }
        for (uint256 i = 0; i < 3; i++) {
            _tryCollect(_wallets[i]);
        }

        for (uint256 i = 0; i < 3; i++) {
            uint256 wanted = owed[i] * (inPool + more) / total;
            (uint256 debt,) = _debt(_wallets[i]);
            near(owed[i] - debt, wanted, 4, "share of the payee");
        }
        eq(settlement.shortage(house), total - inPool - more, "what is still missing");
        // Everything that came in was paid out, but for the units lost in rounding.
        atMost(settlement.debtPot(house), 8, "left in the pot");
    }

    function _tryCollect(address wallet) private {
        (, uint256 ready) = _debt(wallet);
        if (ready != 0) settlement.collect(house, wallet);
    }

    function _permutation(uint8 n) private pure returns (uint8[3] memory) {
        uint8[3][6] memory all = [
            [uint8(0), 1, 2],
            [uint8(0), 2, 1],
            [uint8(1), 0, 2],
            [uint8(1), 2, 0],
            [uint8(2), 0, 1],
            [uint8(2), 1, 0]
        ];
        return all[n];
    }

    // --- late money ---

    function test_late_money_is_shared_by_those_who_cashed_and_those_who_did_not() public {
        _short(W0, 100e6, 50e6);
        cash(boWallet, W0 + 1, 60e6); // got 30, is owed 30; cem has not come
        topUp(20e6);
        (uint256 debt, uint256 ready) = _debt(boWallet);
        eq(debt, 18e6, "12 of 30 are covered");
        eq(ready, 12e6, "and can be fetched");
        eq(settlement.collect(house, boWallet), 12e6, "fetched");
        eq(cash(cemWallet, W0 + 1, 40e6), 28e6, "7/10 as well");
        vm.expectRevert(Settlement.NothingToCollect.selector);
        settlement.collect(house, boWallet);
    }

    function test_topUp_takes_no_more_than_is_missing() public {
        _short(W0, 100e6, 50e6);
        cash(boWallet, W0 + 1, 60e6);
        topUp(500e6);
        eq(token.balanceOf(stranger), 450e6, "the rest stays");
        eq(settlement.shortage(house), 0, "whole");
        (,,,,,, uint32 since) = settlement.pool(house);
        eq(since, 0, "not short any more");
        eq(settlement.collect(house, boWallet), 30e6, "all of it");
        eq(cash(cemWallet, W0 + 1, 40e6), 40e6, "in full");
        vm.prank(stranger);
        vm.expectRevert(Settlement.NothingShort.selector);
        settlement.topUp(house, 1);
    }

    function test_topUp_of_nothing_is_refused() public {
        _short(W0, 100e6, 50e6);
        vm.expectRevert(Settlement.NoMoney.selector);
        settlement.topUp(house, 0);
    }

    function test_debts_of_two_shortages_share_by_what_is_open() public {
        _short(W0, 100e6, 0);
        cash(boWallet, W0 + 1, 100e6); // bo: 100 owed
        topUp(60e6); // bo: 40 owed
        toWeek(W0 + 3);
        post(W0 + 2, rows(_poor, 60e6)); // nothing behind it either
        later(MATURE);
        cash(cemWallet, W0 + 2, 60e6); // cem: 60 owed
        topUp(50e6);
        (uint256 bos,) = _debt(boWallet);
        (uint256 cems,) = _debt(cemWallet);
        eq(bos, 20e6, "half of 40");
        eq(cems, 30e6, "half of 60");
        eq(settlement.collect(house, boWallet), 80e6, "60 + 20");
        eq(settlement.collect(house, cemWallet), 30e6, "30");
        topUp(50e6);
        eq(settlement.collect(house, boWallet), 20e6, "the rest");
        eq(settlement.collect(house, cemWallet), 30e6, "the rest");
    }

    /// @dev Paid down again and again by all but a sliver: the book's factor changes scale and loses nobody's money.
    function test_debt_paid_down_to_slivers() public {
        _short(W0, 1000e6, 0);
        cash(boWallet, W0 + 1, 1000e6);
        uint256 got = 0;
        uint96 left = 1000e6;
        while (left > 1) {
            uint96 part = left - left / 1000 - 1;
            topUp(part);
            left -= part;
            got += settlement.collect(house, boWallet);
            (uint256 debt,) = _debt(boWallet);
            near(debt, left, 2, "still owed");
        }
        near(got, 1000e6, 5, "received");
    }

    // --- the bond pays debts ---

    function test_bond_pays_after_its_delay() public {
        _short(W0, 100e6, 50e6);
        cash(boWallet, W0 + 1, 60e6);
        uint256 due = block.timestamp + BOND_DELAY;
        vm.warp(due - 1);
        vm.expectRevert(abi.encodeWithSelector(Settlement.BondNotDue.selector, due));
        settlement.coverFromBond(house);
        vm.warp(due);
        settlement.coverFromBond(house);
        (uint96 total,,) = houses.bondOf(house);
        eq(total, BOND - 50e6, "bond");
        eq(settlement.collect(house, boWallet), 30e6, "paid");
        eq(cash(cemWallet, W0 + 1, 40e6), 40e6, "in full");
        vm.expectRevert(Settlement.NothingShort.selector);
        settlement.coverFromBond(house);
    }

    function test_thawing_does_not_save_a_bond() public {
        _short(W0, 100e6, 50e6);
        vm.prank(house);
        houses.thawBond(BOND);
        later(THAW + WEEK);
        vm.prank(house);
        vm.expectRevert(abi.encodeWithSelector(HouseRegistry.HouseOwes.selector, 50e6));
        houses.withdrawBond(house);
        settlement.coverFromBond(house);
        (uint96 total, uint96 thawing,) = houses.bondOf(house);
        eq(total, BOND - 50e6, "bond");
        eq(thawing, BOND - 50e6, "thawing is cut");
        vm.prank(house);
        houses.withdrawBond(house);
        eq(token.balanceOf(house), BOND - 50e6, "the rest");
    }

    function test_small_bond_covers_a_part() public {
        _short(W0, 100e6, 0);
        cash(boWallet, W0 + 1, 100e6);
        (uint96 total,,) = houses.bondOf(house);
        vm.prank(address(settlement));
        houses.draw(house, total - 25e6); // as if it had been used up before
        later(BOND_DELAY);
        settlement.coverFromBond(house);
        eq(settlement.collect(house, boWallet), 25e6, "what there was");
        vm.expectRevert(Settlement.NoMoney.selector);
        settlement.coverFromBond(house);
    }

    // --- the bond pays in advance ---

    function test_advance_before_maturity_and_repayment() public {
        toWeek(W0 + 1);
        post(W0, rows(ana, 100e6));
        uint96 free = houses.freeBond(house);
        eq(free, BOND - 30e6, "free");
        vm.expectEmit(address(settlement));
        emit Settlement.Paid(house, boWallet, W0, 1, 60e6, 0.3e6, 17.91e6, 0);
        eq(cash(boWallet, W0, 60e6), 60e6, "from the bond");
        eq(houses.freeBond(house), free - 60e6, "less bond");
        eq(settlement.paid(house, boWallet), 0, "not settled yet");
        cashFails(
            voucher(boWallet, W0, 60e6), VOUCHER_KEY, abi.encodeWithSelector(Settlement.NothingOwed.selector)
        );
        later(MATURE);
        uint256 before = token.balanceOf(boWallet);
        eq(cash(boWallet, W0, 60e6), 0, "all of it goes back");
        eq(token.balanceOf(boWallet), before, "not paid twice");
        eq(settlement.paid(house, boWallet), 60e6, "settled");
        eq(houses.freeBond(house), free, "bond is whole again");
        eq(token.balanceOf(address(houses)), BOND, "with its money");
        eq(cash(cemWallet, W0, 40e6), 40e6, "and nobody lost");
    }

    function test_advance_over_two_weeks() public {
        Voucher memory early = voucher(boWallet, W0, 50e6);
        toWeek(W0 + 1);
        settlement.cash(early, sign(early, VOUCHER_KEY)); // before anything is posted
        eq(cash(boWallet, W0 + 1, 90e6), 40e6, "only what is new");
        matured(W0, ana, 80e6);
        eq(cash(boWallet, W0, 50e6), 0, "repaid");
        (, uint112 advanced,,,) = settlement.account(house, boWallet);
        eq(advanced, 40e6, "the second week's part is still out");
        eq(cash(cemWallet, W0, 30e6), 30e6, "the pool is enough for him");
        matured(W0 + 1, ana, 45e6);
        eq(cash(boWallet, W0 + 1, 95e6), 5e6, "45, of which 40 go back");
        (uint96 total,,) = houses.bondOf(house);
        eq(total, BOND, "bond is whole again");
    }

    function test_advance_is_limited_to_the_free_bond() public {
        vm.prank(house);
        houses.thawBond(BOND - 10e6);
        toWeek(W0 + 1);
        eq(cash(boWallet, W0, 60e6), 10e6, "what is free");
        cashFails(
            voucher(boWallet, W0, 60e6),
            VOUCHER_KEY,
            abi.encodeWithSelector(Settlement.NotMatured.selector, W0, 0)
        );
        matured(W0, ana, 60e6);
        eq(cash(boWallet, W0, 60e6), 50e6, "the rest from the pool");
    }

    function test_advance_counts_against_a_shortage() public {
        toWeek(W0);
        _short(W0, 100e6, 50e6); // week W0 + 1 is posted and short
        toWeek(W0 + 3);
        cash(boWallet, W0 + 2, 60e6); // all in advance; of it 60 are for W0 + 1
        eq(cash(boWallet, W0 + 1, 60e6), 0, "30 from the pool go back to the bond");
        (, uint112 advanced,, uint256 debt,) = settlement.account(house, boWallet);
        eq(debt, 0, "he is not owed what he already has");
        eq(advanced, 0, "and the bond has paid the missing 30");
        eq(cash(cemWallet, W0 + 1, 40e6), 20e6, "the same half for cem");
        eq(settlement.shortage(house), 20e6, "cem's other half");
    }
}
