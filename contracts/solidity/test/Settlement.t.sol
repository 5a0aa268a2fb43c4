// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {Escrow} from "../src/Escrow.sol";
import {Settlement} from "../src/Settlement.sol";
import {SumTree} from "../src/SumTree.sol";
import {Row, Voucher} from "../src/Types.sol";
import {Wallet} from "../src/Wallet.sol";
import {World} from "./World.sol";

contract SettlementTest is World {
    function _postFails(address who, uint32 w, Row[] memory list, bytes memory reason) private {
        vm.prank(who);
        vm.expectRevert(reason);
        settlement.postWeek(house, w, list);
    }

    // --- postWeek ---

    function test_post_computes_root_and_debits() public {
        toWeek(W0 + 1);
        Row[] memory list = rows(ana, 70e6, eva, 30e6);
        SumTree.Node memory want = SumTree.inner(_node(list[0]), _node(list[1]));
        vm.expectEmit(address(settlement));
        emit Settlement.WeekPosted(house, W0, want.hash, 100e12, uint128(100e6) << 30, 100e6, 100e6);
        post(W0, list);
        (bytes32 root, uint128 bytesSum, uint128 units, uint96 total, uint96 funded, uint40 postedAt) =
            settlement.post(house, W0);
        eq(root, want.hash, "root");
        eq(bytesSum, 100e12, "bytes");
        eq(units, uint256(100e6) << 30, "units");
        eq(total, 100e6, "total");
        eq(funded, 100e6, "funded");
        eq(postedAt, block.timestamp, "posted");
        eq(token.balanceOf(address(settlement)), 100e6, "the money has moved");
        (uint96 inPool, uint96 open,, uint32 last,, uint32 pending,) = settlement.pool(house);
        eq(uint256(inPool) + open, 0, "not matured");
        eq(last, W0, "last posted");
        eq(pending, W0, "pending");
    }

    function _node(Row memory r) private pure returns (SumTree.Node memory) {
        bytes32 h =
            keccak256(abi.encodePacked(uint8(2), r.publisher, r.bytesSum, r.units, r.leaves, r.subroot));
        return SumTree.Node(h, r.bytesSum, r.units);
    }

    function test_post_times() public {
        uint256 end = uint256(W0 + 1) * WEEK;
        vm.warp(end - 1);
        _postFails(house, W0, rows(ana, 1), abi.encodeWithSelector(Settlement.WeekNotOver.selector, W0));
        vm.warp(end + SETTLE);
        _postFails(house, W0, rows(ana, 1), abi.encodeWithSelector(Settlement.TooLate.selector, W0));
        vm.warp(end + SETTLE - 1);
        post(W0, rows(ana, 1));
    }

    function test_post_weeks_rise() public {
        toWeek(W0 + 2);
        post(W0 + 1, rows(ana, 1));
        bytes memory falling = abi.encodeWithSelector(Settlement.WeekNotRising.selector, W0, W0 + 1);
        _postFails(house, W0, rows(ana, 1), falling);
        bytes memory twice = abi.encodeWithSelector(Settlement.WeekNotRising.selector, W0 + 1, W0 + 1);
        _postFails(house, W0 + 1, rows(eva, 1), twice);
    }

    function test_post_by_whom() public {
        toWeek(W0 + 1);
        bytes memory not = abi.encodeWithSelector(Settlement.NotThePoster.selector, stranger);
        _postFails(stranger, W0, rows(ana, 1), not);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(Escrow.NoDeal.selector, ana, stranger, W0));
        settlement.postWeek(stranger, W0, rows(ana, 1));
        address signer = vm.addr(VOUCHER_KEY);
        vm.prank(signer);
        settlement.postWeek(house, W0, rows(ana, 1));
    }

    function test_post_by_a_signer_within_its_cap() public {
        address signer = vm.addr(0x77);
        vm.prank(house);
        houses.setSigner(VOUCHER, signer, W0 + 1, W0 + 2, 10e6);
        toWeek(W0 + 2);
        bytes memory above = abi.encodeWithSelector(Settlement.AboveSignerCap.selector, 10e6 + 1, 10e6);
        _postFails(signer, W0 + 1, rows(ana, 10e6 + 1), above);
        vm.prank(signer);
        settlement.postWeek(house, W0 + 1, rows(ana, 10e6));
        toWeek(W0 + 4);
        bytes memory not = abi.encodeWithSelector(Settlement.NotThePoster.selector, signer);
        _postFails(signer, W0 + 3, rows(ana, 1), not);
    }

    function test_post_rows_in_order() public {
        toWeek(W0 + 1);
        Row[] memory list = rows(ana, 1, eva, 1);
        (list[0], list[1]) = (list[1], list[0]);
        _postFails(house, W0, list, abi.encodeWithSelector(Settlement.RowsOutOfOrder.selector, 1));
        list[1] = list[0]; // the same publisher twice is a double debit
        _postFails(house, W0, list, abi.encodeWithSelector(Settlement.RowsOutOfOrder.selector, 1));
    }

    function test_post_row_count() public {
        toWeek(W0 + 1);
        _postFails(house, W0, new Row[](0), abi.encodeWithSelector(Settlement.BadRowCount.selector, 0));
        _postFails(house, W0, new Row[](257), abi.encodeWithSelector(Settlement.BadRowCount.selector, 257));
    }

    function test_post_a_publisher_without_a_deal() public {
        toWeek(W0 + 1);
        bytes memory none = abi.encodeWithSelector(Escrow.NoDeal.selector, stranger, house, W0);
        _postFails(house, W0, rows(stranger, 1), none);
    }

    function test_post_above_a_cap() public {
        toWeek(W0 + 1);
        bytes memory above = abi.encodeWithSelector(Escrow.AboveCap.selector, ana, CAP + 1, CAP);
        _postFails(house, W0, rows(ana, CAP + 1), above);
    }

    function test_post_needs_a_bond_behind_it() public {
        address poor = vm.addr(0x1002);
        openHouse(poor, 30e6 - 1, 0x5161);
        vm.prank(ana);
        escrow.openDeal(poor, CAP, W0 + 9);
        toWeek(W0 + 1);
        vm.prank(poor);
        vm.expectRevert(abi.encodeWithSelector(Settlement.BondTooLow.selector, 30e6, 30e6 - 1));
        settlement.postWeek(poor, W0, rows(ana, 100e6));
        addBond(poor, 1);
        vm.prank(poor);
        settlement.postWeek(poor, W0, rows(ana, 100e6));
    }

    // --- maturing ---

    function test_mature_after_the_window() public {
        toWeek(W0 + 1);
        post(W0, rows(ana, 100e6));
        later(MATURE - 1);
        settlement.mature(house);
        (,, uint32 last,,, uint32 pending,) = settlement.pool(house);
        eq(last, 0, "not yet");
        later(1);
        vm.expectEmit(address(settlement));
        emit Settlement.WeekMatured(house, W0);
        settlement.mature(house);
        uint96 inPool;
        uint96 open;
        (inPool, open, last,,, pending,) = settlement.pool(house);
        eq(inPool, 100e6, "pool");
        eq(open, 100e6, "open");
        eq(last, W0, "matured");
        eq(pending, 0, "nothing pending");
        settlement.mature(house);
    }

    function test_mature_in_order_with_gaps() public {
        toWeek(W0 + 1);
        post(W0, rows(ana, 1e6));
        toWeek(W0 + 4);
        post(W0 + 3, rows(ana, 2e6));
        settlement.mature(house);
        (uint96 inPool,, uint32 last,,, uint32 pending,) = settlement.pool(house);
        eq(inPool, 1e6, "the first");
        eq(last, W0, "the first");
        eq(pending, W0 + 3, "the second waits");
        later(MATURE);
        settlement.mature(house);
        (inPool,, last,,, pending,) = settlement.pool(house);
        eq(inPool, 3e6, "both");
        eq(last, W0 + 3, "both");
        eq(pending, 0, "none");
    }

    // --- cash ---

    function test_cash_pays_fee_and_hold() public {
        matured(W0, ana, 100e6);
        vm.expectEmit(address(settlement));
        emit Settlement.Paid(house, boWallet, W0, 0, 60e6, 0.3e6, 17.91e6, 0);
        eq(cash(boWallet, W0, 60e6), 60e6, "gross");
        eq(token.balanceOf(boWallet), 59.7e6, "net");
        eq(Wallet(boWallet).held(), 17.91e6, "held: 30 % of the net");
        eq(settlement.feePot(house), 0.3e6, "fee: 0.5 %");
        eq(settlement.paid(house, boWallet), 60e6, "settled");
        (,, uint32 seq,,) = settlement.account(house, boWallet);
        eq(seq, 1, "seq");
        eq(cash(cemWallet, W0, 40e6), 40e6, "the rest");
        (uint96 inPool, uint96 open,,,,,) = settlement.pool(house);
        eq(uint256(inPool) + open, 0, "empty");
    }

    function test_cash_matures_by_itself() public {
        toWeek(W0 + 1);
        post(W0, rows(ana, 100e6));
        later(MATURE);
        eq(cash(boWallet, W0, 100e6), 100e6, "gross");
        (,, uint32 last,,,,) = settlement.pool(house);
        eq(last, W0, "matured");
    }

    function test_cash_same_or_older_voucher_pays_nothing() public {
        matured(W0, ana, 100e6);
        cash(boWallet, W0, 60e6);
        bytes memory nothing = abi.encodeWithSelector(Settlement.NothingOwed.selector);
        cashFails(voucher(boWallet, W0, 60e6), VOUCHER_KEY, nothing);
        cashFails(voucher(boWallet, W0, 59e6), VOUCHER_KEY, nothing);
        cashFails(voucher(boWallet, W0, 0), VOUCHER_KEY, nothing);
        eq(cash(boWallet, W0, 61e6), 1e6, "only what is new");
    }

    function test_cash_rounds_the_sum_not_the_steps() public {
        toWeek(W0 + 1);
        Row[] memory list = rows(ana, 10);
        post(W0, list);
        later(MATURE);
        Voucher memory v = voucher(boWallet, W0, 0);
        v.cumUnits = (uint128(3) << 30) - 1;
        eq(settlement.cash(v, sign(v, VOUCHER_KEY)), 2, "2.99");
        v.cumUnits += 1;
        eq(settlement.cash(v, sign(v, VOUCHER_KEY)), 1, "3.00");
    }

    function test_cash_only_wallets_of_the_factory() public {
        matured(W0, ana, 100e6);
        bytes4 not = Settlement.NotAWallet.selector;
        cashFails(voucher(stranger, W0, 1), VOUCHER_KEY, abi.encodeWithSelector(not, stranger));
        address notYet = factory.walletOf(stranger);
        cashFails(voucher(notYet, W0, 1), VOUCHER_KEY, abi.encodeWithSelector(not, notYet));
        address code = factory.implementation();
        cashFails(voucher(code, W0, 1), VOUCHER_KEY, abi.encodeWithSelector(not, code));
        address fake = address(new LooksLikeAWallet(boWallet.code, 0));
        eq(fake.code.length, boWallet.code.length, "same code");
        cashFails(voucher(fake, W0, 1), VOUCHER_KEY, abi.encodeWithSelector(not, fake));
    }

    function test_a_box_can_accrue_before_its_wallet_exists() public {
        matured(W0, ana, 100e6);
        address wallet = factory.walletOf(stranger);
        factory.createWallet(stranger);
        eq(cash(wallet, W0, 5e6), 5e6, "paid");
    }

    function test_cash_signer_of_its_own_week() public {
        address next = vm.addr(0x77);
        vm.prank(house);
        houses.setSigner(VOUCHER, next, W0 + 1, W0 + 9, type(uint96).max);
        toWeek(W0 + 1);
        post(W0, rows(ana, 100e6));
        toWeek(W0 + 2);
        post(W0 + 1, rows(ana, 100e6));
        later(MATURE);
        bytes4 not = Settlement.NotASigner.selector;
        cashFails(voucher(boWallet, W0, 1e6), 0x77, abi.encodeWithSelector(not, next, W0));
        cashFails(
            voucher(boWallet, W0 + 1, 1e6),
            VOUCHER_KEY,
            abi.encodeWithSelector(not, vm.addr(VOUCHER_KEY), W0 + 1)
        );
        cash(boWallet, W0, 1e6);
        Voucher memory v = voucher(boWallet, W0 + 1, 3e6);
        eq(settlement.cash(v, sign(v, 0x77)), 2e6, "the new signer in its week");
        cashFails(voucher(boWallet, W0, 9e6), GRANT_KEY, abi.encodeWithSelector(not, vm.addr(GRANT_KEY), W0));
    }

    function test_cash_every_field_is_signed() public {
        matured(W0, ana, 100e6);
        Voucher memory v = voucher(boWallet, W0, 1e6);
        bytes memory signature = sign(v, VOUCHER_KEY);
        for (uint256 i = 0; i < 6; i++) {
            Voucher memory w = voucher(boWallet, W0, 1e6);
            if (i == 0) w.payee = cemWallet;
            if (i == 1) w.week = W0 - 1;
            if (i == 2) w.seq = 2;
            if (i == 3) w.cumBytes += 1;
            if (i == 4) w.cumUnits += 1;
            if (i == 5) w.covers = bytes32(uint256(1));
            vm.expectRevert(); // NotASigner with the address that the wrong digest recovers to
            settlement.cash(w, signature);
        }
        settlement.cash(v, signature);
    }

    function test_cash_not_valid_on_another_chain_or_contract() public {
        matured(W0, ana, 100e6);
        Voucher memory v = voucher(boWallet, W0, 1e6);
        bytes memory signature = sign(v, VOUCHER_KEY);
        vm.chainId(1);
        vm.expectRevert();
        settlement.cash(v, signature);
        vm.chainId(31337);
        separator = keccak256("another contract's");
        signature = sign(v, VOUCHER_KEY);
        vm.expectRevert();
        settlement.cash(v, signature);
    }

    function test_cash_malleable_and_short_signatures() public {
        matured(W0, ana, 100e6);
        Voucher memory v = voucher(boWallet, W0, 1e6);
        bytes memory good = sign(v, VOUCHER_KEY);
        bytes32 r;
        bytes32 s;
        assembly ("memory-safe") {
            r := mload(add(good, 0x20))
            s := mload(add(good, 0x40))
        }
        uint256 n = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        bytes32 high = bytes32(n - uint256(s));
        uint8 other = uint8(good[64]) == 27 ? 28 : 27;
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, high));
        settlement.cash(v, abi.encodePacked(r, high, other));
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, 64));
        settlement.cash(v, abi.encodePacked(r, s));
        settlement.cash(v, good);
    }

    function test_cash_unknown_house() public {
        Voucher memory v = voucher(boWallet, W0, 1e6);
        v.house = stranger;
        cashFails(
            v, VOUCHER_KEY, abi.encodeWithSelector(Settlement.NotASigner.selector, vm.addr(VOUCHER_KEY), W0)
        );
    }

    function test_cash_above_what_was_posted() public {
        matured(W0, ana, 100e6);
        Voucher memory v = voucher(boWallet, W0, 130e6);
        bytes memory signature = sign(v, VOUCHER_KEY);
        vm.expectEmit(address(settlement));
        emit Settlement.AbovePosted(house, boWallet, W0, 130e6, 100e6);
        eq(settlement.cash(v, signature), 100e6, "what is there");
        eq(settlement.paid(house, boWallet), 100e6, "the rest stays owed");
        bytes memory none = abi.encodeWithSelector(Settlement.NothingPosted.selector, 30e6);
        cashFails(v, VOUCHER_KEY, none);
        matured(W0 + 1, ana, 30e6);
        eq(settlement.cash(v, signature), 30e6, "once it is posted");
    }

    function test_relayer_is_paid_from_the_net() public {
        matured(W0, ana, 100e6);
        vm.prank(bo);
        Wallet(boWallet).setRelayerFee(100);
        Voucher memory v = voucher(boWallet, W0, 100e6);
        bytes memory signature = sign(v, VOUCHER_KEY);
        vm.prank(stranger);
        settlement.cash(v, signature);
        eq(token.balanceOf(stranger), 0.995e6, "1 % of 99.5");
        eq(token.balanceOf(boWallet), 99.5e6 - 0.995e6, "the rest");
        eq(Wallet(boWallet).held(), 29.85e6, "held is not touched");
    }

    function test_cashMany_skips_what_adds_nothing() public {
        matured(W0, ana, 100e6);
        Voucher[] memory list = new Voucher[](4);
        bytes[] memory signatures = new bytes[](4);
        list[0] = voucher(boWallet, W0, 10e6);
        list[1] = voucher(boWallet, W0, 10e6); // the same again
        list[2] = voucher(cemWallet, W0, 20e6);
        list[3] = voucher(boWallet, W0, 7e6); // older
        for (uint256 i = 0; i < 4; i++) {
            signatures[i] = sign(list[i], VOUCHER_KEY);
        }
        eq(settlement.cashMany(list, signatures), 30e6, "once each");
        eq(settlement.cashMany(list, signatures), 0, "nothing new");
        vm.expectRevert(Settlement.LengthMismatch.selector);
        settlement.cashMany(list, new bytes[](3));
        list[0] = voucher(boWallet, W0, 11e6);
        vm.expectRevert();
        settlement.cashMany(list, signatures);
    }

    function test_sweep_to_the_treasury_only() public {
        matured(W0, ana, 100e6);
        cash(boWallet, W0, 100e6);
        vm.prank(stranger);
        settlement.sweepFee(house);
        eq(token.balanceOf(treasury), 0.5e6, "fees");
        eq(token.balanceOf(address(settlement)), 0, "nothing is left");
        settlement.sweepFee(house);
        eq(token.balanceOf(treasury), 0.5e6, "once");
    }

    function test_views() public view {
        eq(settlement.weekNow(), W0, "week");
        eq(address(settlement.token()), address(token), "token");
        eq(address(settlement.escrow()), address(escrow), "escrow");
        eq(address(settlement.houses()), address(houses), "houses");
        eq(address(settlement.nodes()), address(nodes), "nodes");
        eq(address(settlement.factory()), address(factory), "factory");
        eq(settlement.treasury(), treasury, "treasury");
        (, string memory name, string memory version, uint256 chainId, address verifying,,) =
            settlement.eip712Domain();
        eq(keccak256(bytes(name)), keccak256("Fog"), "name");
        eq(keccak256(bytes(version)), keccak256("1"), "version");
        eq(chainId, 31337, "chain");
        eq(verifying, address(settlement), "contract");
    }

    /// @dev Whatever the vouchers and their order, a payee gets in the end what his highest one says.
    function testFuzz_order_of_vouchers(uint96[4] memory sums, uint8[4] memory order) public {
        matured(W0, ana, CAP);
        uint256 most = 0;
        for (uint256 i = 0; i < 4; i++) {
            uint256 money = bounded(sums[order[i] % 4], 1, CAP);
            if (money > most) most = money;
            Voucher[] memory v = new Voucher[](1);
            bytes[] memory s = new bytes[](1);
            v[0] = voucher(boWallet, W0, money);
            s[0] = sign(v[0], VOUCHER_KEY);
            settlement.cashMany(v, s);
            eq(settlement.paid(house, boWallet), most, "settled");
        }
        near(token.balanceOf(boWallet) + settlement.feePot(house), most, 4, "paid");
    }
}

/// @notice A contract that returns a copy of some code.
contract LooksLikeAWallet {
    constructor(bytes memory code, uint256) {
        assembly ("memory-safe") {
            return(add(code, 0x20), mload(code))
        }
    }
}
