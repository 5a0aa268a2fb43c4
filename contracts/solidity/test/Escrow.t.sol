// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Escrow} from "../src/Escrow.sol";
import {Row} from "../src/Types.sol";
import {World} from "./World.sol";

contract EscrowTest is World {
    address private _new = vm.addr(0x2101);
    address private _house2 = vm.addr(0x1002);

    function _account(address who)
        private
        view
        returns (uint96 free, uint96 reserved, uint96 thawing, uint40 thawEnd)
    {
        (,, free, reserved, thawing, thawEnd) = escrow.account(who);
    }

    function _openFails(address who, address with, uint96 cap, uint32 until, bytes memory reason) private {
        vm.prank(who);
        vm.expectRevert(reason);
        escrow.openDeal(with, cap, until);
    }

    // --- money ---

    function test_deposit_opens_an_account() public {
        eq(escrow.publisherIdOf(_new), 0, "unknown");
        give(stranger, 5, address(escrow));
        vm.expectEmit(address(escrow));
        emit Escrow.PublisherRegistered(3, _new);
        vm.expectEmit(address(escrow));
        emit Escrow.Deposited(_new, stranger, 5);
        vm.prank(stranger);
        escrow.deposit(_new, 5);
        eq(escrow.publisherOf(3), _new, "id");
        (uint96 free,,,) = _account(_new);
        eq(free, 5, "free");
        vm.expectRevert(Escrow.NoAmount.selector);
        escrow.deposit(_new, 0);
        vm.expectRevert(Escrow.NoAddress.selector);
        escrow.deposit(address(0), 1);
    }

    function _permit(uint256 key, uint96 amount, uint256 deadline)
        private
        view
        returns (uint8 v, bytes32 r, bytes32 s)
    {
        bytes32 h = keccak256(
            abi.encode(
                keccak256(
                    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
                ),
                vm.addr(key),
                address(escrow),
                amount,
                token.nonces(vm.addr(key)),
                deadline
            )
        );
        return vm.sign(key, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), h)));
    }

    function test_deposit_with_permit() public {
        uint256 key = 0x2101;
        token.mint(_new, 100);
        (uint8 v, bytes32 r, bytes32 s) = _permit(key, 100, block.timestamp);
        vm.prank(_new);
        escrow.depositWithPermit(_new, 100, block.timestamp, v, r, s);
        (uint96 free,,,) = _account(_new);
        eq(free, 100, "free");
    }

    function test_deposit_with_a_permit_that_somebody_else_submitted_first() public {
        token.mint(_new, 100);
        (uint8 v, bytes32 r, bytes32 s) = _permit(0x2101, 100, block.timestamp);
        token.permit(_new, address(escrow), 100, block.timestamp, v, r, s);
        vm.prank(_new);
        escrow.depositWithPermit(_new, 100, block.timestamp, v, r, s);
        (uint96 free,,,) = _account(_new);
        eq(free, 100, "free");
    }

    function test_bind_publisher() public {
        vm.expectEmit(address(escrow));
        emit Escrow.PublisherBound(ana, bytes32("key document"));
        vm.prank(ana);
        escrow.bindPublisher(bytes32("key document"));
        (, bytes32 bound,,,,) = escrow.account(ana);
        eq(bound, bytes32("key document"), "bound");
        vm.prank(_new);
        vm.expectRevert(abi.encodeWithSelector(Escrow.UnknownPublisher.selector, _new));
        escrow.bindPublisher(bytes32(0));
    }

    function test_thaw_and_withdraw() public {
        vm.startPrank(ana);
        vm.expectRevert(Escrow.NothingThawing.selector);
        escrow.withdraw(ana);
        vm.expectRevert(Escrow.NoAmount.selector);
        escrow.thaw(0);
        escrow.thaw(2 * CAP);
        later(THAW - 1);
        vm.expectRevert(abi.encodeWithSelector(Escrow.StillThawing.selector, uint40(block.timestamp + 1)));
        escrow.withdraw(ana);
        later(1);
        vm.expectRevert(Escrow.NoAddress.selector);
        escrow.withdraw(address(0));
        escrow.withdraw(treasury);
        vm.stopPrank();
        eq(token.balanceOf(treasury), 2 * CAP, "received");
        (uint96 free,, uint96 thawing,) = _account(ana);
        eq(free, 7 * CAP, "left");
        eq(thawing, 0, "thawing");
    }

    function test_thaw_cannot_take_what_a_deal_has_set_aside() public {
        vm.prank(ana);
        vm.expectRevert(abi.encodeWithSelector(Escrow.NotFree.selector, 9 * CAP + 1, 9 * CAP));
        escrow.thaw(9 * CAP + 1);
        vm.prank(ana);
        escrow.thaw(9 * CAP);
        later(THAW);
        vm.prank(ana);
        escrow.withdraw(ana);
        (, uint96 funded,,,) = escrow.deal(ana, house);
        eq(funded, CAP, "still there");
    }

    function test_thaw_again_waits_again() public {
        vm.startPrank(ana);
        escrow.thaw(1);
        later(THAW - 1);
        escrow.thaw(1);
        later(1);
        vm.expectRevert();
        escrow.withdraw(ana);
        escrow.cancelThaw();
        (uint96 free,, uint96 thawing, uint40 end) = _account(ana);
        eq(free, 9 * CAP, "free again");
        eq(thawing, 0, "thawing");
        eq(end, 0, "end");
        vm.expectRevert(Escrow.NothingThawing.selector);
        escrow.cancelThaw();
        vm.stopPrank();
    }

    function test_thaw_outlasts_any_unsettled_week() public view {
        atMost(uint256(WEEK) + escrow.settleWindow(), escrow.thawWindow(), "week + settle window");
    }

    // --- deals ---

    function test_open_deal_sets_one_cap_aside() public view {
        (uint96 cap, uint96 funded, uint32 from, uint32 until, uint32 last) = escrow.deal(ana, house);
        eq(cap, CAP, "cap");
        eq(funded, CAP, "funded");
        eq(from, W0, "from");
        eq(until, W0 + 51, "until");
        eq(last, 0, "nothing debited");
        (uint96 free, uint96 reserved,,) = _account(ana);
        eq(free, 9 * CAP, "free");
        eq(reserved, CAP, "reserved");
        ok(escrow.isLive(ana, house), "live");
        eq(escrow.housesOf(ana).length, 1, "listed");
    }

    function test_open_deal_refusals() public {
        bytes memory unknown = abi.encodeWithSelector(Escrow.UnknownPublisher.selector, _new);
        _openFails(_new, house, 1, W0, unknown);
        _openFails(ana, stranger, 1, W0, abi.encodeWithSelector(Escrow.UnknownHouse.selector, stranger));
        _openFails(ana, house, 0, W0, abi.encodeWithSelector(Escrow.NoAmount.selector));
        _openFails(ana, house, 1, W0 - 1, abi.encodeWithSelector(Escrow.BadUntil.selector, W0 - 1, W0));
        openHouse(_house2, 0, 0x5161);
        bytes memory notFree = abi.encodeWithSelector(Escrow.NotFree.selector, 9 * CAP + 1, 9 * CAP);
        _openFails(ana, _house2, 9 * CAP + 1, W0, notFree);
    }

    function test_sixteen_deals() public {
        for (uint256 i = 0; i < 16; i++) {
            address h = vm.addr(0x1100 + i);
            openHouse(h, 0, 0x5200 + i);
            if (i < 15) {
                vm.prank(ana);
                escrow.openDeal(h, 1, W0);
            } else {
                _openFails(ana, h, 1, W0, abi.encodeWithSelector(Escrow.TooManyDeals.selector));
            }
        }
        depositFor(ana, 1);
    }

    function test_a_deal_only_grows() public {
        bytes memory shrinks = abi.encodeWithSelector(Escrow.DealShrinks.selector);
        _openFails(ana, house, CAP - 1, W0 + 51, shrinks);
        _openFails(ana, house, CAP, W0 + 50, shrinks);
        vm.prank(ana);
        escrow.openDeal(house, 3 * CAP, W0 + 60);
        (uint96 cap, uint96 funded,, uint32 until,) = escrow.deal(ana, house);
        eq(cap, 3 * CAP, "cap");
        eq(funded, 3 * CAP, "funded");
        eq(until, W0 + 60, "until");
    }

    function test_close_and_release() public {
        vm.prank(stranger);
        vm.expectRevert(Escrow.NotYourDeal.selector);
        escrow.closeDeal(ana, house);
        vm.prank(house);
        escrow.closeDeal(ana, house);
        vm.prank(ana);
        vm.expectRevert(abi.encodeWithSelector(Escrow.NoDeal.selector, ana, house, W0));
        escrow.closeDeal(ana, house);
        ok(escrow.isLive(ana, house), "the running week is the last");
        toWeek(W0 + 1);
        ok(!escrow.isLive(ana, house), "then it is over");

        uint256 end = uint256(W0 + 1) * WEEK + SETTLE;
        bytes memory unsettled = abi.encodeWithSelector(Escrow.DealUnsettled.selector, end);
        _openFails(ana, house, CAP, W0 + 9, unsettled);
        vm.warp(end - 1);
        vm.expectRevert(unsettled);
        escrow.releaseDeal(ana, house);
        vm.warp(end);
        escrow.releaseDeal(ana, house);
        (uint96 free, uint96 reserved,,) = _account(ana);
        eq(free, 10 * CAP, "free");
        eq(reserved, 0, "reserved");
        eq(escrow.housesOf(ana).length, 0, "not listed");
        vm.expectRevert(abi.encodeWithSelector(Escrow.NoDeal.selector, ana, house, 0));
        escrow.releaseDeal(ana, house);
        vm.prank(ana);
        escrow.openDeal(house, CAP, week());
    }

    function test_release_in_the_middle_of_the_list() public {
        openHouse(_house2, 0, 0x5161);
        vm.startPrank(ana);
        escrow.openDeal(_house2, 1, W0 + 51);
        escrow.closeDeal(ana, house);
        vm.stopPrank();
        vm.warp(uint256(W0 + 1) * WEEK + SETTLE);
        escrow.releaseDeal(ana, house);
        address[] memory list = escrow.housesOf(ana);
        eq(list.length, 1, "one left");
        eq(list[0], _house2, "the other one");
    }

    function test_a_reserve_is_its_own() public {
        openHouse(_house2, 1000e6, 0x5161);
        vm.startPrank(ana);
        escrow.openDeal(_house2, 9 * CAP, W0 + 51);
        vm.stopPrank();
        toWeek(W0 + 1);
        post(W0, rows(ana, CAP));
        ok(!escrow.isLive(ana, house), "nothing left to fill with");
        toWeek(W0 + 2);
        post(W0 + 1, rows(ana, CAP)); // promised although not live
        (, uint96 funded,,,) = escrow.deal(ana, _house2);
        eq(funded, 9 * CAP, "the other deal is untouched");
        (,,, uint96 total, uint96 got,) = settlement.post(house, W0 + 1);
        eq(total, CAP, "asked");
        eq(got, 0, "taken");
        depositFor(ana, 2 * CAP);
        ok(escrow.isLive(ana, house), "a deposit fills it");
    }

    function test_expired_deals_are_not_filled() public {
        vm.prank(ana);
        escrow.closeDeal(ana, house);
        toWeek(W0 + 1);
        post(W0, rows(ana, CAP));
        (, uint96 funded,,,) = escrow.deal(ana, house);
        eq(funded, 0, "no later week");
        depositFor(ana, 5);
        (, funded,,,) = escrow.deal(ana, house);
        eq(funded, 0, "nor by a deposit");
    }

    // --- debits ---

    function test_debit_only_by_settlement() public {
        Row[] memory list = rows(ana, 1);
        vm.prank(house);
        vm.expectRevert(Escrow.NotSettlement.selector);
        escrow.debit(house, W0, list);
    }

    function _debitFails(uint32 w, Row[] memory list, bytes memory reason) private {
        vm.prank(address(settlement));
        vm.expectRevert(reason);
        escrow.debit(house, w, list);
    }

    function test_debit_refusals() public {
        _debitFails(
            W0, rows(ana, CAP + 1), abi.encodeWithSelector(Escrow.AboveCap.selector, ana, CAP + 1, CAP)
        );
        _debitFails(W0 - 1, rows(ana, 1), abi.encodeWithSelector(Escrow.NoDeal.selector, ana, house, W0 - 1));
        _debitFails(
            W0 + 52, rows(ana, 1), abi.encodeWithSelector(Escrow.NoDeal.selector, ana, house, W0 + 52)
        );
        _debitFails(W0, rows(_new, 1), abi.encodeWithSelector(Escrow.NoDeal.selector, _new, house, W0));
        vm.prank(address(settlement));
        escrow.debit(house, W0, rows(ana, 1));
        _debitFails(W0, rows(ana, 1), abi.encodeWithSelector(Escrow.WeekDebited.selector, ana, W0));
    }

    function test_debits_round_up_and_refill() public {
        Row[] memory list = rows(ana, 0);
        list[0].units = (uint128(7) << 30) + 1;
        vm.expectEmit(address(escrow));
        emit Escrow.Debited(ana, house, W0, 8, 8);
        vm.prank(address(settlement));
        (uint96 total, uint96 taken) = escrow.debit(house, W0, list);
        eq(total, 8, "asked");
        eq(taken, 8, "taken");
        (uint96 free, uint96 reserved,,) = _account(ana);
        eq(reserved, CAP, "filled again");
        eq(free, 9 * CAP - 8, "from the free money");
    }

    function test_debit_of_more_than_there_is() public {
        openPublisher(_new, 10, house, 10);
        vm.prank(address(settlement));
        escrow.debit(house, W0, rows(_new, 6));
        ok(!escrow.isLive(_new, house), "4 of 10");
        vm.expectEmit(address(escrow));
        emit Escrow.Debited(_new, house, W0 + 1, 9, 4);
        vm.prank(address(settlement));
        (uint96 total, uint96 taken) = escrow.debit(house, W0 + 1, rows(_new, 9));
        eq(total, 9, "asked");
        eq(taken, 4, "taken");
    }
}
