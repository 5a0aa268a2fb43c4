// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Escrow} from "../src/Escrow.sol";
import {Settlement} from "../src/Settlement.sol";
import {Row, Voucher} from "../src/Types.sol";
import {Wallet} from "../src/Wallet.sol";
import {World} from "./World.sol";

/// @notice Random actors: two houses that promise more than they should, three publishers that run dry, three operators,
/// a relayer, and time that passes with each step. It writes down what went in, and checks what only a step can see.
contract Actions is World {
    struct Signed {
        Voucher voucher;
        bytes signature;
    }

    address[2] public houseList;
    address[3] public publishers;
    address[3] public operators;
    address[3] public wallets;
    address public relayer = vm.addr(0x6001);
    uint256[2] private _keys = [uint256(0x5160), uint256(0x5161)];

    Signed[] private _signed;
    mapping(address house => mapping(address payee => uint256)) private _promised;
    mapping(address house => mapping(address publisher => mapping(uint32 week => uint256))) public debits;
    mapping(address house => mapping(address payee => uint256)) private _settledSeen;

    mapping(address house => uint32[]) private _posted;
    mapping(address house => uint256) public toppedUp;
    mapping(address house => uint256) public bonded;
    mapping(address house => uint256) public bondWithdrawn;
    mapping(address house => uint256) public gross;
    mapping(address operator => uint256) public takenOut;
    uint256 public payments;

    /// @notice How often something worth testing has happened, so that a run without it is noticed.
    mapping(bytes32 what => uint256) public seen;

    function setUp() public override {
        super.setUp();
        houseList = [house, vm.addr(0x1002)];
        publishers = [ana, eva, vm.addr(0x2003)];
        operators = [bo, cem, dee];
        wallets = [boWallet, cemWallet, deeWallet];
        openHouse(houseList[1], 400e6, _keys[1]);
        bonded[houseList[0]] = BOND;
        bonded[houseList[1]] = 400e6;
        openPublisher(publishers[2], CAP, houseList[1], CAP / 2);
        // Poor enough to run dry.
        for (uint256 i = 0; i < 2; i++) {
            vm.prank(publishers[i]);
            escrow.thaw(8 * CAP);
        }
    }

    modifier step(uint256 seed) {
        later(uint256(keccak256(abi.encode(seed))) % 20 hours);
        _;
        for (uint256 h = 0; h < 2; h++) {
            for (uint256 i = 0; i < 3; i++) {
                uint256 settled = settlement.paid(houseList[h], wallets[i]);
                ok(settled >= _settledSeen[houseList[h]][wallets[i]], "settled never falls");
                _settledSeen[houseList[h]][wallets[i]] = settled;
            }
        }
    }

    // --- publishers ---

    function deposit(uint256 seed, uint96 amount) external step(seed) {
        depositFor(publishers[seed % 3], uint96(bounded(amount, 1, CAP / 4)));
    }

    function openDeal(uint256 seed, uint96 cap) external step(seed) {
        vm.prank(publishers[seed % 3]);
        try escrow.openDeal(houseList[(seed >> 8) % 2], uint96(bounded(cap, 1, CAP)), week() + 3) {
            seen["deal"]++;
        } catch {}
    }

    function closeDeal(uint256 seed) external step(seed) {
        if (seed % 4 != 0) return; // rarely, or nothing is ever posted
        address p = publishers[(seed >> 8) % 3];
        vm.prank(p);
        try escrow.closeDeal(p, houseList[(seed >> 16) % 2]) {} catch {}
    }

    function releaseDeal(uint256 seed) external step(seed) {
        try escrow.releaseDeal(publishers[seed % 3], houseList[(seed >> 8) % 2]) {
            seen["release"]++;
        } catch {}
    }

    function thaw(uint256 seed, uint96 amount) external step(seed) {
        vm.prank(publishers[seed % 3]);
        try escrow.thaw(uint96(bounded(amount, 1, CAP))) {} catch {}
    }

    function withdraw(uint256 seed) external step(seed) {
        address p = publishers[seed % 3];
        vm.prank(p);
        try escrow.withdraw(p) {
            seen["withdraw"]++;
        } catch {}
    }

    // --- houses ---

    function addToBond(uint256 seed, uint96 amount) external step(seed) {
        address h = houseList[seed % 2];
        uint96 a = uint96(bounded(amount, 1, 50e6));
        addBond(h, a);
        bonded[h] += a;
    }

    function thawBond(uint256 seed, uint96 amount) external step(seed) {
        vm.prank(houseList[seed % 2]);
        try houses.thawBond(uint96(bounded(amount, 0, 100e6))) {} catch {}
    }

    function withdrawBond(uint256 seed) external step(seed) {
        address h = houseList[seed % 2];
        uint256 had = token.balanceOf(h);
        vm.prank(h);
        try houses.withdrawBond(h) {
            bondWithdrawn[h] += token.balanceOf(h) - had;
        } catch {}
    }

    /// @dev Posts last week, or tries to: rows above the cap and second posts must fail.
    function postLastWeek(uint256 seed, uint96[3] calldata amounts) public step(seed) {
        address h = houseList[seed % 2];
        uint32 w = week() - 1;
        (Row[] memory list, bool above) = _rows(h, w, amounts);
        if (list.length == 0) return;
        vm.prank(h);
        try settlement.postWeek(h, w, list) {
            ok(!above, "a row above its cap was accepted");
            seen["post"]++;
            _posted[h].push(w);
            for (uint256 i = 0; i < list.length; i++) {
                ok(debits[h][list[i].publisher][w] == 0, "debited twice");
                debits[h][list[i].publisher][w] = 1;
            }
        } catch {}
    }

    function _rows(address h, uint32 w, uint96[3] calldata amounts)
        private
        view
        returns (Row[] memory list, bool above)
    {
        list = new Row[](3);
        uint256 n = 0;
        for (uint256 i = 0; i < 3; i++) {
            (uint96 cap,, uint32 from, uint32 until,) = escrow.deal(publishers[i], h);
            if (from == 0 || w < from || w > until) continue;
            uint256 money = bounded(amounts[i], 1, uint256(cap) + cap / 8);
            if (money > cap) above = true;
            uint256 k = n++;
            for (; k > 0 && list[k - 1].publisher > publishers[i]; k--) {
                list[k] = list[k - 1];
            }
            list[k] = row(publishers[i], money);
        }
        assembly ("memory-safe") {
            mstore(list, n)
        }
    }

    function topUpHouse(uint256 seed, uint96 amount) external step(seed) {
        address h = houseList[seed % 2];
        give(stranger, amount, address(settlement));
        uint256 had = token.balanceOf(stranger);
        vm.prank(stranger);
        try settlement.topUp(h, amount) {
            toppedUp[h] += had - token.balanceOf(stranger);
            seen["topUp"]++;
        } catch {}
    }

    function coverFromBond(uint256 seed) external step(seed) {
        try settlement.coverFromBond(houseList[seed % 2]) {
            seen["cover"]++;
        } catch {}
    }

    function mature(uint256 seed) external step(seed) {
        settlement.mature(houseList[seed % 2]);
    }

    // --- vouchers ---

    /// @dev A house promises some more for this or the last week, and the payee (or a relayer) cashes at some time.
    function signVoucher(uint256 seed, uint96 more) public step(seed) {
        uint256 h = seed % 2;
        address payee = wallets[(seed >> 8) % 3];
        _promised[houseList[h]][payee] += bounded(more, 1, CAP / 3);
        uint32 w = week() == W0 ? W0 : week() - uint32((seed >> 16) % 2);
        Voucher memory v = voucher(payee, w, 0);
        v.house = houseList[h];
        v.cumUnits = uint128(_promised[houseList[h]][payee] << 30) + uint128(seed % (1 << 30));
        _signed.push(Signed(v, sign(v, _keys[h])));
    }

    /// @dev Any voucher, old or new; then the same once more.
    function cashAny(uint256 seed, uint256 pick) public step(seed) {
        if (_signed.length == 0) return;
        Signed storage s = _signed[pick % _signed.length];
        Voucher memory v = s.voucher;
        bytes memory signature = s.signature;
        uint256 cum = v.cumUnits >> 30;
        uint256 before = settlement.paid(v.house, v.payee);
        uint256 had = token.balanceOf(v.payee);

        vm.prank(relayer);
        try settlement.cash(v, signature) returns (uint256 paid) {
            _paid(v.house, paid);
            ok(cum > before, "a voucher that adds nothing was paid");
            ok(token.balanceOf(v.payee) - had <= paid, "more than gross");
            ok(settlement.paid(v.house, v.payee) <= cum, "settled beyond the voucher");
            seen["cash"]++;
            if (paid != 0 && settlement.paid(v.house, v.payee) == before) seen["advance"]++;
        } catch {}

        if (settlement.paid(v.house, v.payee) < cum) return;
        try settlement.cash(v, signature) {
            revert IsFalse("a settled voucher was paid again");
        } catch (bytes memory reason) {
            ok(bytes4(reason) == Settlement.NothingOwed.selector, "another reason");
        }
    }

    function collect(uint256 seed) external step(seed) {
        address h = houseList[seed % 2];
        vm.prank(relayer);
        try settlement.collect(h, wallets[(seed >> 8) % 3]) returns (uint256 paid) {
            _paid(h, paid);
            seen["collect"]++;
        } catch {}
    }

    function sweep(uint256 seed) external step(seed) {
        settlement.sweepFee(houseList[seed % 2]);
    }

    function _paid(address h, uint256 amount) private {
        gross[h] += amount;
        payments++;
    }

    // --- wallets ---

    function takeOut(uint256 seed, uint256 amount) external step(seed) {
        uint256 i = seed % 3;
        Wallet w = Wallet(wallets[i]);
        uint256 free = w.spendable();
        vm.prank(operators[i]);
        try w.withdraw(operators[i], free + 1) {
            revert IsFalse("held money was taken out");
        } catch {}
        uint256 a = bounded(amount, 0, free);
        vm.prank(operators[i]);
        w.withdraw(operators[i], a);
        takenOut[operators[i]] += a;
    }

    function goIdle(uint256 seed) external step(seed) {
        if (seed % 4 != 0) return;
        vm.prank(operators[(seed >> 8) % 3]);
        try Wallet(wallets[(seed >> 8) % 3]).goIdle() {
            seen["idle"]++;
        } catch {}
    }

    function setRelayerFee(uint256 seed, uint8 bps) external step(seed) {
        vm.prank(operators[seed % 3]);
        try Wallet(wallets[seed % 3]).setRelayerFee(bps) {
            ok(bps <= 100, "above 1 %");
        } catch {}
    }

    // --- for the invariants ---

    function parts()
        external
        view
        returns (address token_, address settlement_, address escrow_, address houses_)
    {
        return (address(token), address(settlement), address(escrow), address(houses));
    }

    /// @notice Posted money of a house that has not matured.
    function pending(address h) external view returns (uint256 sum) {
        (,, uint32 lastMatured,,,,) = settlement.pool(h);
        for (uint256 i = 0; i < _posted[h].length; i++) {
            if (_posted[h][i] <= lastMatured) continue;
            (,,,, uint96 funded,) = settlement.post(h, _posted[h][i]);
            sum += funded;
        }
    }

    /// @notice What publishers have paid for a house's weeks.
    function fundedBy(address h) external view returns (uint256 sum) {
        for (uint256 i = 0; i < _posted[h].length; i++) {
            (,,,, uint96 f,) = settlement.post(h, _posted[h][i]);
            sum += f;
        }
    }

    function others() external view returns (address stranger_, address treasury_) {
        return (stranger, treasury);
    }
}
