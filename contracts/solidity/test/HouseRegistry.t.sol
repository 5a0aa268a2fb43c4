// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HouseRegistry} from "../src/HouseRegistry.sol";
import {World} from "./World.sol";

contract HouseRegistryTest is World {
    address private _a = vm.addr(0xa1);
    address private _b = vm.addr(0xa2);
    address private _first = vm.addr(VOUCHER_KEY);

    function _set(uint8 kind, address signer, uint32 from, uint32 to) private {
        vm.prank(house);
        houses.setSigner(kind, signer, from, to, 100);
    }

    function _setFails(uint8 kind, address signer, uint32 from, uint32 to, bytes memory reason) private {
        vm.prank(house);
        vm.expectRevert(reason);
        houses.setSigner(kind, signer, from, to, 100);
    }

    function test_house_ids() public {
        eq(houses.houseIdOf(house), 1, "id");
        eq(houses.houseOf(1), house, "back");
        vm.prank(house);
        vm.expectRevert(abi.encodeWithSelector(HouseRegistry.HouseExists.selector, 1));
        houses.registerHouse();
        vm.prank(_a);
        eq(houses.registerHouse(), 2, "next");
    }

    // --- signers ---

    function test_signer_of_its_weeks_only() public {
        _set(GRANT, _a, W0 + 1, W0 + 2);
        ok(!houses.isSigner(house, GRANT, _a, W0), "before");
        ok(houses.isSigner(house, GRANT, _a, W0 + 1), "first");
        ok(houses.isSigner(house, GRANT, _a, W0 + 2), "last");
        ok(!houses.isSigner(house, GRANT, _a, W0 + 3), "after");
        ok(!houses.isSigner(house, VOUCHER, _a, W0 + 1), "other kind");
        ok(!houses.isSigner(cem, GRANT, _a, W0 + 1), "other house");
        eq(houses.signerAt(house, GRANT, W0 + 1), _a, "at");
        eq(houses.signerAt(house, GRANT, W0), address(0), "none");
        (uint32 from, uint32 to, uint96 cap) = houses.signer(house, GRANT, _a);
        eq(from, W0 + 1, "from");
        eq(to, W0 + 2, "to");
        eq(cap, 100, "cap");
    }

    function test_history_is_never_erased() public {
        _set(GRANT, _a, W0, W0 + 1);
        toWeek(W0 + 10);
        _set(GRANT, _b, W0 + 10, W0 + 20);
        ok(houses.isSigner(house, GRANT, _a, W0 + 1), "the old one, in its week");
        ok(!houses.isSigner(house, GRANT, _a, W0 + 10), "not now");
        eq(houses.signerAt(house, GRANT, W0), _a, "then");
        eq(houses.signerAt(house, GRANT, W0 + 10), _b, "now");
    }

    function test_no_signer_for_the_past() public {
        _setFails(
            GRANT,
            _a,
            W0 - 1,
            W0 + 1,
            abi.encodeWithSelector(HouseRegistry.BadWeeks.selector, W0 - 1, W0 + 1, W0)
        );
        _setFails(
            GRANT,
            _a,
            W0 + 2,
            W0 + 1,
            abi.encodeWithSelector(HouseRegistry.BadWeeks.selector, W0 + 2, W0 + 1, W0)
        );
    }

    function test_signer_may_only_grow() public {
        _set(GRANT, _a, W0, W0 + 5);
        bytes memory shrinks = abi.encodeWithSelector(HouseRegistry.SignerShrinks.selector, _a);
        _setFails(GRANT, _a, W0, W0 + 4, shrinks);
        _setFails(GRANT, _a, W0 + 1, W0 + 6, shrinks);
        vm.prank(house);
        vm.expectRevert(shrinks);
        houses.setSigner(GRANT, _a, W0, W0 + 6, 99);
        _set(GRANT, _a, W0, W0 + 6);
        eq(houses.signersAt(house, GRANT, W0).length, 1, "once in the history");
        toWeek(W0 + 8);
        _setFails(GRANT, _a, W0, W0 + 9, abi.encodeWithSelector(HouseRegistry.SignerUsed.selector, _a));
    }

    function test_from_zero_is_now_or_as_it_was() public {
        _set(GRANT, _a, 0, W0 + 1);
        (uint32 from,,) = houses.signer(house, GRANT, _a);
        eq(from, W0, "now");
        toWeek(W0 + 1);
        _set(GRANT, _a, 0, W0 + 2);
        uint32 to;
        (from, to,) = houses.signer(house, GRANT, _a);
        eq(from, W0, "as it was");
        eq(to, W0 + 2, "longer");
    }

    function test_revoke_ends_with_the_running_week() public {
        _set(GRANT, _a, W0, W0 + 5);
        toWeek(W0 + 2);
        vm.expectEmit(address(houses));
        emit HouseRegistry.SignerSet(house, GRANT, _a, W0, W0 + 2, 100);
        vm.prank(house);
        houses.revokeSigner(GRANT, _a);
        ok(houses.isSigner(house, GRANT, _a, W0 + 2), "what it signed this week stays");
        ok(!houses.isSigner(house, GRANT, _a, W0 + 3), "nothing later");
        vm.prank(house);
        vm.expectRevert(abi.encodeWithSelector(HouseRegistry.BadWeeks.selector, W0, W0 + 2, W0 + 2));
        houses.revokeSigner(GRANT, _a);
        vm.prank(house);
        vm.expectRevert(abi.encodeWithSelector(HouseRegistry.UnknownSigner.selector, _b));
        houses.revokeSigner(GRANT, _b);
    }

    function test_revoke_before_it_begins() public {
        _set(GRANT, _a, W0 + 3, W0 + 5);
        vm.prank(house);
        houses.revokeSigner(GRANT, _a);
        for (uint32 w = W0; w < W0 + 7; w++) {
            ok(!houses.isSigner(house, GRANT, _a, w), "never");
        }
    }

    function test_sixteen_grant_signers_per_week() public {
        for (uint256 i = 0; i < 16; i++) {
            _set(GRANT, vm.addr(0xb000 + i), W0, W0 + 5);
        }
        eq(houses.signersAt(house, GRANT, W0).length, 16, "sixteen");
        bytes memory many = abi.encodeWithSelector(HouseRegistry.TooManySigners.selector);
        _setFails(GRANT, _a, W0 + 5, W0 + 9, many);
        _set(GRANT, _a, W0 + 6, W0 + 9);
        eq(houses.signersAt(house, GRANT, W0 + 6).length, 1, "afterwards one");
    }

    function test_one_voucher_signer_per_week() public {
        _setFails(
            VOUCHER,
            _a,
            W0,
            W0 + 60,
            abi.encodeWithSelector(HouseRegistry.VoucherSignerActive.selector, _first, W0 + 52)
        );
        _set(VOUCHER, _a, W0 + 1, W0 + 60);
        eq(houses.signerAt(house, VOUCHER, W0), _first, "this week the old one");
        eq(houses.signerAt(house, VOUCHER, W0 + 1), _a, "then the new one");
        ok(!houses.isSigner(house, VOUCHER, _first, W0 + 1), "not both");
        vm.prank(house);
        vm.expectRevert(abi.encodeWithSelector(HouseRegistry.SignerUsed.selector, _first));
        houses.setSigner(VOUCHER, _first, W0, W0 + 70, type(uint96).max);
        _set(VOUCHER, _a, W0 + 1, W0 + 61); // the newest may grow
    }

    function test_voucher_signer_after_a_revocation() public {
        vm.prank(house);
        houses.revokeSigner(VOUCHER, _first);
        _set(VOUCHER, _a, W0 + 1, W0 + 2);
        eq(houses.signersAt(house, VOUCHER, W0).length, 1, "old");
        eq(houses.signersAt(house, VOUCHER, W0 + 1).length, 1, "new");
    }

    function test_setSigner_refusals() public {
        _setFails(0, _a, W0, W0, abi.encodeWithSelector(HouseRegistry.BadKind.selector, 0));
        _setFails(3, _a, W0, W0, abi.encodeWithSelector(HouseRegistry.BadKind.selector, 3));
        _setFails(GRANT, address(0), W0, W0, abi.encodeWithSelector(HouseRegistry.NoAddress.selector));
        vm.startPrank(stranger);
        vm.expectRevert(abi.encodeWithSelector(HouseRegistry.NotAHouse.selector, stranger));
        houses.setSigner(GRANT, _a, W0, W0, 1);
        vm.expectRevert(abi.encodeWithSelector(HouseRegistry.NotAHouse.selector, stranger));
        houses.revokeSigner(GRANT, _a);
        vm.stopPrank();
    }

    // --- bond ---

    function test_bond_thaws_and_leaves() public {
        vm.startPrank(house);
        vm.expectRevert(HouseRegistry.NothingThawing.selector);
        houses.withdrawBond(house);
        houses.thawBond(500e6);
        eq(houses.freeBond(house), BOND - 500e6, "thawing is not free");
        later(THAW - 1);
        vm.expectRevert(
            abi.encodeWithSelector(HouseRegistry.StillThawing.selector, uint40(block.timestamp + 1))
        );
        houses.withdrawBond(house);
        later(1);
        vm.expectRevert(HouseRegistry.NoAddress.selector);
        houses.withdrawBond(address(0));
        houses.withdrawBond(treasury);
        vm.stopPrank();
        eq(token.balanceOf(treasury), 500e6, "received");
        (uint96 total, uint96 thawing, uint40 end) = houses.bondOf(house);
        eq(total, BOND - 500e6, "left");
        eq(thawing, 0, "thawing");
        eq(end, 0, "end");
    }

    function test_thaw_again_replaces_and_zero_cancels() public {
        vm.startPrank(house);
        houses.thawBond(500e6);
        later(THAW - 1);
        houses.thawBond(100e6);
        later(1);
        vm.expectRevert();
        houses.withdrawBond(house);
        houses.thawBond(0);
        vm.expectRevert(HouseRegistry.NothingThawing.selector);
        houses.withdrawBond(house);
        vm.expectRevert(abi.encodeWithSelector(HouseRegistry.BondTooSmall.selector, BOND + 1, BOND));
        houses.thawBond(BOND + 1);
        vm.stopPrank();
    }

    function test_bond_refusals() public {
        vm.expectRevert(abi.encodeWithSelector(HouseRegistry.NotAHouse.selector, stranger));
        houses.bond(stranger, 1);
        vm.expectRevert(HouseRegistry.NoAmount.selector);
        houses.bond(house, 0);
        vm.expectRevert(HouseRegistry.NotSettlement.selector);
        houses.draw(house, 1);
        vm.expectRevert(HouseRegistry.NotSettlement.selector);
        houses.restore(house, 1);
        vm.startPrank(stranger);
        vm.expectRevert(abi.encodeWithSelector(HouseRegistry.NotAHouse.selector, stranger));
        houses.thawBond(1);
        vm.expectRevert(abi.encodeWithSelector(HouseRegistry.NotAHouse.selector, stranger));
        houses.withdrawBond(stranger);
        vm.stopPrank();
    }

    function test_lock_after_a_posted_week() public {
        toWeek(W0 + 1);
        post(W0, rows(ana, 1000e6));
        eq(settlement.bondLock(house), 300e6, "30 % of the week");
        eq(houses.freeBond(house), BOND - 300e6, "free");
        vm.prank(house);
        houses.thawBond(BOND - 200e6);
        later(THAW);
        vm.prank(house);
        vm.expectRevert(abi.encodeWithSelector(HouseRegistry.BondTooSmall.selector, BOND + 100e6, BOND));
        houses.withdrawBond(house);
        later(1); // now the week is settled
        vm.prank(house);
        houses.withdrawBond(house);
        eq(token.balanceOf(house), BOND - 200e6, "received");
    }

    function test_lock_is_the_largest_week_of_an_active_house() public {
        toWeek(W0 + 1);
        post(W0, rows(ana, 1000e6));
        toWeek(W0 + 2);
        post(W0 + 1, rows(ana, 10e6));
        later(THAW);
        eq(settlement.bondLock(house), 300e6, "the small week keeps it alive");
        later(1);
        eq(settlement.bondLock(house), 0, "then it ends");
        toWeek(W0 + 6);
        post(W0 + 5, rows(ana, 10e6));
        eq(settlement.bondLock(house), 3e6, "and starts anew");
    }
}
