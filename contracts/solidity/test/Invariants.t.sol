// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Escrow} from "../src/Escrow.sol";
import {HouseRegistry} from "../src/HouseRegistry.sol";
import {Settlement} from "../src/Settlement.sol";
import {TestToken} from "../src/TestToken.sol";
import {Wallet} from "../src/Wallet.sol";
import {Actions} from "./Actions.sol";
import {Checks} from "./Vm.sol";

/// @notice What must hold after any steps of any actors. The double payments, refusals and caps of a single step are
/// checked in Actions.
contract InvariantsTest is Checks {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Actions private _a;
    TestToken private _token;
    Settlement private _settlement;
    Escrow private _escrow;
    HouseRegistry private _houses;

    function setUp() public {
        _a = new Actions();
        _a.setUp();
        (address t, address s, address e, address h) = _a.parts();
        (_token, _settlement, _escrow, _houses) = (TestToken(t), Settlement(s), Escrow(e), HouseRegistry(h));
    }

    function targetContracts() public view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(_a);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory list) {
        bytes4[28] memory all = [
            Actions.deposit.selector,
            Actions.openDeal.selector,
            Actions.closeDeal.selector,
            Actions.releaseDeal.selector,
            Actions.thaw.selector,
            Actions.withdraw.selector,
            Actions.addToBond.selector,
            Actions.thawBond.selector,
            Actions.withdrawBond.selector,
            Actions.postLastWeek.selector, // the main road more often than the side ways
            Actions.postLastWeek.selector,
            Actions.postLastWeek.selector,
            Actions.topUpHouse.selector,
            Actions.coverFromBond.selector,
            Actions.mature.selector,
            Actions.signVoucher.selector,
            Actions.signVoucher.selector,
            Actions.signVoucher.selector,
            Actions.cashAny.selector,
            Actions.cashAny.selector,
            Actions.cashAny.selector,
            Actions.cashAny.selector,
            Actions.collect.selector,
            Actions.collect.selector,
            Actions.sweep.selector,
            Actions.takeOut.selector,
            Actions.goIdle.selector,
            Actions.setRelayerFee.selector
        ];
        list = new FuzzSelector[](1);
        list[0].addr = address(_a);
        list[0].selectors = new bytes4[](all.length);
        for (uint256 i = 0; i < all.length; i++) {
            list[0].selectors[i] = all[i];
        }
    }

    /// @dev One campaign for all five: the seeds, and so the steps, would be the same in each.
    function invariant_money() public view {
        _moneyIsWhereTheBooksSay();
        _paidAtMostWhatCameIn();
        _reservesWithinCaps();
        _poolWithinOpen();
        _onlyWalletsArePaid();
    }

    /// @dev The same actors for a year, without the fuzzer: proves that the random steps do meet what is to be tested.
    function test_a_long_walk_meets_everything() public {
        bytes4[] memory all = targetSelectors()[0].selectors;
        for (uint256 i = 0; i < 800; i++) {
            uint256 r = uint256(keccak256(abi.encode("walk", i)));
            bytes4 action = all[(r >> 200) % all.length];
            bytes memory rest = abi.encode(r, uint96(r >> 160), uint96(r >> 130), uint96(r >> 100));
            if (action != Actions.postLastWeek.selector) rest = abi.encode(r, (r >> 170) % _width(action));
            (bool done, bytes memory reason) = address(_a).call(bytes.concat(action, rest));
            if (!done) {
                assembly ("memory-safe") {
                    revert(add(reason, 0x20), mload(reason))
                }
            }
            if (i % 100 == 99) this.invariant_money();
        }
        string[10] memory wanted =
            ["deal", "release", "withdraw", "post", "topUp", "cover", "cash", "advance", "collect", "idle"];
        for (uint256 i = 0; i < wanted.length; i++) {
            ok(_a.seen(bytes32(bytes(wanted[i]))) > 0, wanted[i]);
        }
        afterInvariant();
    }

    function _width(bytes4 action) private pure returns (uint256) {
        return action == Actions.setRelayerFee.selector ? 256 : 1 << 86;
    }

    /// @dev 1: every token that a contract holds belongs to somebody, and everything owed is there.
    function _moneyIsWhereTheBooksSay() private view {
        uint256 inEscrow = 0;
        for (uint256 i = 0; i < 3; i++) {
            (,, uint96 free, uint96 reserved, uint96 thawing,) = _escrow.account(_a.publishers(i));
            inEscrow += uint256(free) + reserved + thawing;
        }
        eq(_token.balanceOf(address(_escrow)), inEscrow, "escrow");

        uint256 inBonds = 0;
        uint256 inSettlement = _settlement.feePot(address(0));
        for (uint256 i = 0; i < 2; i++) {
            address h = _a.houseList(i);
            (uint96 total,,) = _houses.bondOf(h);
            inBonds += total;
            (uint96 money,,,,,,) = _settlement.pool(h);
            inSettlement += uint256(money) + _a.pending(h) + _settlement.debtPot(h);
            inSettlement += _settlement.feePot(h) - _settlement.feePot(address(0));
        }
        eq(_token.balanceOf(address(_houses)), inBonds, "bonds");
        uint256 has = _token.balanceOf(address(_settlement));
        ok(has >= inSettlement, "settlement is short");
        atMost(has - inSettlement, _a.payments(), "a unit of rounding per payment");

        for (uint256 i = 0; i < 3; i++) {
            Wallet w = Wallet(_a.wallets(i));
            ok(_token.balanceOf(address(w)) >= w.held(), "a wallet has what it holds");
        }
    }

    /// @dev 2: a house's payees never get more than its publishers, its bond and late money have paid.
    function _paidAtMostWhatCameIn() private view {
        for (uint256 i = 0; i < 2; i++) {
            address h = _a.houseList(i);
            (uint96 bond,,) = _houses.bondOf(h);
            uint256 fromBond = _a.bonded(h) - _a.bondWithdrawn(h) - bond;
            atMost(_a.gross(h), _a.fundedBy(h) + fromBond + _a.toppedUp(h), "gross");
        }
    }

    /// @dev 3: caps and once per week are checked at each step; here: a reserve is never more than its cap.
    function _reservesWithinCaps() private view {
        for (uint256 i = 0; i < 3; i++) {
            for (uint256 k = 0; k < 2; k++) {
                (uint96 cap, uint96 funded,,,) = _escrow.deal(_a.publishers(i), _a.houseList(k));
                atMost(funded, cap, "funded");
            }
        }
    }

    /// @dev 4: what is open covers the pool; settled never falls and no voucher pays twice (at each step).
    function _poolWithinOpen() private view {
        for (uint256 i = 0; i < 2; i++) {
            address h = _a.houseList(i);
            (uint96 money, uint96 open,,, uint96 debt,,) = _settlement.pool(h);
            atMost(money, open, "pool");
            uint256 debts = 0;
            uint256 ready = 0;
            for (uint256 k = 0; k < 3; k++) {
                (,,, uint256 d, uint256 r) = _settlement.account(h, _a.wallets(k));
                debts += d;
                ready += r;
            }
            near(debts, debt, 2 * _a.payments() + 3, "sum of debts");
            atMost(ready, uint256(_settlement.debtPot(h)) * 3, "each at most the pot");
        }
    }

    /// @dev 5: only wallets are paid. An operator has what he took out of his wallet; nobody else has anything new.
    function _onlyWalletsArePaid() private view {
        uint256 sum = 0;
        for (uint256 i = 0; i < 3; i++) {
            eq(_token.balanceOf(_a.operators(i)), _a.takenOut(_a.operators(i)), "operator");
            sum += _token.balanceOf(_a.operators(i)) + _token.balanceOf(_a.wallets(i));
            sum += _token.balanceOf(_a.publishers(i));
        }
        for (uint256 i = 0; i < 2; i++) {
            eq(_token.balanceOf(_a.houseList(i)), _a.bondWithdrawn(_a.houseList(i)), "house");
            sum += _token.balanceOf(_a.houseList(i));
        }
        (address stranger, address treasury) = _a.others();
        sum += _token.balanceOf(stranger) + _token.balanceOf(treasury) + _token.balanceOf(_a.relayer());
        sum += _token.balanceOf(address(_settlement)) + _token.balanceOf(address(_escrow));
        sum += _token.balanceOf(address(_houses));
        eq(sum, _token.totalSupply(), "somebody else has money");
    }

    /// @dev 5, the other half: an operator who stops gets everything after one hold length.
    function afterInvariant() public {
        for (uint256 i = 0; i < 3; i++) {
            Wallet w = Wallet(_a.wallets(i));
            if (w.idleAt() == 0) {
                vm.prank(_a.operators(i));
                w.goIdle();
            }
        }
        vm.warp(block.timestamp + 14 days);
        for (uint256 i = 0; i < 3; i++) {
            Wallet w = Wallet(_a.wallets(i));
            eq(w.spendable(), _token.balanceOf(address(w)), "all of it");
            eq(w.held(), 0, "nothing is held");
        }
    }
}
