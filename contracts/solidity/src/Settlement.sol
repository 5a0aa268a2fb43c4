// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {DebtBook} from "./DebtBook.sol";
import {Escrow} from "./Escrow.sol";
import {HouseRegistry, IBondKeeper} from "./HouseRegistry.sol";
import {NodeRegistry} from "./NodeRegistry.sol";
import {Bounds, Params} from "./Params.sol";
import {SumTree} from "./SumTree.sol";
import {Row, Types, Units, Voucher} from "./Types.sol";
import {Wallet} from "./Wallet.sol";
import {WalletCode, WalletFactory} from "./WalletFactory.sol";

/// @title From a house's week to money in operators' wallets
/// @notice A house posts each week the rows of its publishers; the rows are the debits. They mature, then form the pool
/// out of which anybody may have the house's vouchers paid. Only wallets of the factory are ever paid. Nobody owns this
/// contract: it cannot be stopped, changed or emptied.
contract Settlement is EIP712, ReentrancyGuardTransient, IBondKeeper {
    using SafeERC20 for IERC20;
    using DebtBook for DebtBook.Book;

    /// @dev One slot: all that a steady `cash` reads and writes of a house.
    struct Pool {
        uint96 money;
        uint96 open; // matured posts minus settled, never less than money
        uint32 lastMatured;
        uint32 lastPosted;
    }

    struct House {
        uint128 inflow; // into the pool so far, without what went back to the bond
        uint128 swept; // fees on payments from the pool that the treasury has had
        uint32 firstPending;
        uint32 shortSince;
        uint96 largestWeek;
        uint40 largestAt;
    }

    struct Post {
        bytes32 root;
        uint128 bytesSum;
        uint128 units;
        uint96 total;
        uint96 funded;
        uint32 next;
        uint40 postedAt;
    }

    struct Account {
        uint112 settled;
        uint112 advanced;
        uint32 seq;
    }

    uint256 public constant FEE_BPS = 50;
    uint256 public constant HOLD_BPS = 3000;
    uint256 public constant BOND_BPS = 3000;
    uint256 public constant MAX_ROWS = 256;
    uint256 private constant MATURE_AT_ONCE = 16;
    uint256 private constant BPS = 10000;

    uint8 private constant FROM_POOL = 0;
    uint8 private constant FROM_BOND = 1;
    uint8 private constant FROM_DEBT = 2;

    IERC20 public immutable token;
    address public immutable treasury;
    Escrow public immutable escrow;
    HouseRegistry public immutable houses;
    NodeRegistry public immutable nodes;
    WalletFactory public immutable factory;
    uint8 private immutable _voucherKind;
    uint32 public immutable weekLength;
    uint32 public immutable postWindow;
    uint32 public immutable matureWindow;
    uint32 public immutable thawWindow;
    uint32 public immutable holdLength;
    uint32 public immutable bondDelay;
    /// @notice How long after its end a week can still be posted.
    uint32 public immutable settleWindow;

    /// @dev Fees on what bonds and late money have paid. Those on payments from a pool follow from inflow and money, so
    /// that a steady `cash` need not write them down.
    uint256 private _otherFees;
    mapping(address house => Pool) private _pools;
    mapping(address house => House) private _houses;
    mapping(address house => mapping(uint32 week => Post)) private _posts;
    mapping(address house => mapping(address payee => Account)) private _accounts;
    mapping(address house => DebtBook.Book) private _books;
    mapping(address house => mapping(address payee => DebtBook.Debt)) private _debts;

    event WeekPosted(
        address indexed house,
        uint32 indexed week,
        bytes32 root,
        uint128 bytesSum,
        uint128 units,
        uint96 total,
        uint96 funded
    );
    event WeekMatured(address indexed house, uint32 indexed week);
    event Paid(
        address indexed house,
        address indexed payee,
        uint32 indexed week,
        uint8 source,
        uint256 gross,
        uint256 fee,
        uint256 held,
        uint256 relayerFee
    );
    event AbovePosted(
        address indexed house, address indexed payee, uint32 indexed week, uint256 owed, uint256 open
    );
    event DebtAdded(address indexed house, address indexed payee, uint256 amount);
    event AdvanceRepaid(address indexed house, address indexed payee, uint256 amount);
    event ShortageCovered(address indexed house, uint8 source, uint96 amount);
    event FeeSwept(address indexed house, uint256 amount);

    error NotThePoster(address caller);
    error AboveSignerCap(uint256 total, uint96 cap);
    error RowsOutOfOrder(uint256 index);
    error BadRowCount(uint256 count);
    error WeekNotOver(uint32 week);
    error TooLate(uint32 week);
    error WeekNotRising(uint32 week, uint32 lastPosted);
    error BondTooLow(uint256 needed, uint256 bonded);
    error NotAWallet(address payee);
    error NotASigner(address signer, uint32 week);
    error NothingOwed();
    error NotMatured(uint32 week, uint32 lastMatured);
    error NothingPosted(uint256 owed);
    error LengthMismatch();
    error NothingShort();
    error NoMoney();
    error BondNotDue(uint256 dueAt);
    error NothingToCollect();

    constructor(
        Params memory p,
        Escrow escrow_,
        HouseRegistry houses_,
        NodeRegistry nodes_,
        WalletFactory factory_
    ) EIP712("Fog", "1") {
        Bounds.check(p);
        token = IERC20(p.token);
        treasury = p.treasury;
        weekLength = p.weekLength;
        postWindow = p.postWindow;
        matureWindow = p.matureWindow;
        thawWindow = p.thawWindow;
        holdLength = p.holdLength;
        bondDelay = p.bondDelay;
        settleWindow = Bounds.settleWindow(p);
        escrow = escrow_;
        houses = houses_;
        nodes = nodes_;
        factory = factory_;
        _voucherKind = houses_.KIND_VOUCHER();
    }

    // --- a house's week ---

    /// @notice Posts a week and debits its rows.
    /// @dev The root is computed here, so what is debited is what the root says. The bond stands behind it.
    /// @param rows by publisher, strictly rising
    function postWeek(address house, uint32 week, Row[] calldata rows)
        external
        nonReentrant
        returns (bytes32 root)
    {
        Pool storage pool_ = _pools[house];
        House storage h = _houses[house];
        _checkPostTime(pool_.lastPosted, week);
        uint96 cap = _posterCap(house, week);
        SumTree.Node memory sum = _weekRoot(rows);
        (uint96 total, uint96 funded) = escrow.debit(house, week, rows);
        if (total > cap) revert AboveSignerCap(total, cap);
        _lockBond(h, house, total);

        if (h.firstPending == 0) h.firstPending = week;
        else _posts[house][pool_.lastPosted].next = week;
        pool_.lastPosted = week;
        _posts[house][week] =
            Post(sum.hash, sum.bytesSum, sum.units, total, funded, 0, uint40(block.timestamp));
        emit WeekPosted(house, week, sum.hash, sum.bytesSum, sum.units, total, funded);
        return sum.hash;
    }

    /// @notice Moves a house's posts that are old enough into its pool, at most sixteen at once.
    function mature(address house) external {
        _mature(house);
    }

    // --- payment ---

    /// @notice Pays what a voucher adds to what was settled before. Anybody may submit it.
    /// @return gross what was paid before the fee; 0 when all of it went back to a bond that had advanced it
    function cash(Voucher calldata voucher, bytes calldata signature)
        external
        nonReentrant
        returns (uint256 gross)
    {
        _checkVoucher(voucher, signature);
        if (_owed(voucher, _accounts[voucher.house][voucher.payee]) == 0) revert NothingOwed();
        return _cash(voucher);
    }

    /// @notice Several at once. One that adds nothing is skipped: somebody else may have cashed it a block earlier.
    function cashMany(Voucher[] calldata vouchers, bytes[] calldata signatures)
        external
        nonReentrant
        returns (uint256 gross)
    {
        if (vouchers.length != signatures.length) revert LengthMismatch();
        for (uint256 i = 0; i < vouchers.length; i++) {
            if (_owed(vouchers[i], _accounts[vouchers[i].house][vouchers[i].payee]) == 0) continue;
            _checkVoucher(vouchers[i], signatures[i]);
            gross += _cash(vouchers[i]);
        }
    }

    // --- a house that is short ---

    /// @notice Late money for a short house, at most what is missing; shared by everybody whom it fell short to.
    function topUp(address house, uint96 amount) external nonReentrant {
        uint96 used = _cover(house, amount);
        emit ShortageCovered(house, 0, used);
        token.safeTransferFrom(msg.sender, address(this), used);
    }

    /// @notice The same from the house's bond, thawing or not, once it has been short for `bondDelay`.
    function coverFromBond(address house) external nonReentrant {
        House storage h = _houses[house];
        if (h.shortSince == 0) revert NothingShort();
        uint256 dueAt = uint256(h.shortSince) + bondDelay;
        if (block.timestamp < dueAt) revert BondNotDue(dueAt);
        (uint96 bonded,,) = houses.bondOf(house);
        uint96 used = _cover(house, bonded);
        emit ShortageCovered(house, 1, used);
        houses.draw(house, used);
    }

    /// @notice Pays a payee what has come in for his debt.
    function collect(address house, address payee) external nonReentrant returns (uint256 gross) {
        gross = _books[house].collect(_debts[house][payee]);
        if (gross == 0) revert NothingToCollect();
        _pay(house, payee, 0, gross, FROM_DEBT);
    }

    /// @notice Sends the treasury the fees on this house's payments, and all fees on payments from bonds and late money.
    function sweepFee(address house) external nonReentrant returns (uint256 amount) {
        amount = feePot(house);
        _houses[house].swept += uint128(amount - _otherFees);
        _otherFees = 0;
        emit FeeSwept(house, amount);
        token.safeTransfer(treasury, amount);
    }

    // --- views ---

    /// @notice The running accounting week.
    function weekNow() external view returns (uint32) {
        return uint32(block.timestamp / weekLength);
    }

    /// @notice Money settled for a pair so far: what the next voucher is compared with.
    function paid(address house, address payee) external view returns (uint256) {
        return _accounts[house][payee].settled;
    }

    /// @notice All about a pair: settled money, money advanced from the bond and not repaid, the last cashed voucher's
    /// number, what the house still owes beyond its pool, and what of that can be collected.
    function account(address house, address payee)
        external
        view
        returns (uint112 settled, uint112 advanced, uint32 seq, uint256 debt, uint256 collectable)
    {
        Account storage a = _accounts[house][payee];
        DebtBook.Debt storage d = _debts[house][payee];
        DebtBook.Book storage b = _books[house];
        return (a.settled, a.advanced, a.seq, b.outstanding(d), b.collectable(d));
    }

    /// @notice A house's pool. `open` is what matured posts add up to minus what was settled; `debt` what it owes beyond.
    function pool(address house)
        external
        view
        returns (
            uint96 money,
            uint96 open,
            uint32 lastMatured,
            uint32 lastPosted,
            uint96 debt,
            uint32 firstPending,
            uint32 shortSince
        )
    {
        Pool storage p = _pools[house];
        House storage h = _houses[house];
        return
            (p.money, p.open, p.lastMatured, p.lastPosted, _books[house].total, h.firstPending, h.shortSince);
    }

    /// @notice A posted week; zeros when there is none. `funded` is what the publishers had of `total`.
    function post(address house, uint32 week)
        external
        view
        returns (bytes32 root, uint128 bytesSum, uint128 units, uint96 total, uint96 funded, uint40 postedAt)
    {
        Post storage p = _posts[house][week];
        return (p.root, p.bytesSum, p.units, p.total, p.funded, p.postedAt);
    }

    /// @inheritdoc IBondKeeper
    function shortage(address house) public view returns (uint256) {
        Pool storage p = _pools[house];
        return uint256(p.open) - p.money + _books[house].total;
    }

    /// @inheritdoc IBondKeeper
    function bondLock(address house) public view returns (uint96) {
        House storage h = _houses[house];
        if (block.timestamp > uint256(h.largestAt) + thawWindow) return 0;
        return uint96(Math.ceilDiv(uint256(h.largestWeek) * BOND_BPS, BPS));
    }

    /// @notice Money collected for debts that nobody has fetched yet.
    function debtPot(address house) external view returns (uint96) {
        return _books[house].pot;
    }

    /// @notice What `sweepFee` would send. Each payment's fee is rounded up and their sum down, so it is always there.
    function feePot(address house) public view returns (uint256) {
        House storage h = _houses[house];
        uint256 paidOut = uint256(h.inflow) - _pools[house].money;
        return paidOut * FEE_BPS / BPS - h.swept + _otherFees;
    }

    /// @notice The EIP-712 domain separator of all signed messages.
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    // --- inside: posting ---

    function _checkPostTime(uint32 lastPosted, uint32 week) private view {
        uint256 end = (uint256(week) + 1) * weekLength;
        if (block.timestamp < end) revert WeekNotOver(week);
        if (block.timestamp >= end + settleWindow) revert TooLate(week);
        if (week <= lastPosted) revert WeekNotRising(week, lastPosted);
    }

    /// @dev The most that the caller may post for this house: no limit for the house itself.
    function _posterCap(address house, uint32 week) private view returns (uint96 cap) {
        if (msg.sender == house) return type(uint96).max;
        if (!houses.isSigner(house, _voucherKind, msg.sender, week)) revert NotThePoster(msg.sender);
        (,, cap) = houses.signer(house, _voucherKind, msg.sender);
    }

    /// @dev 30 % of the largest week of a house that is active: the publishers' recourse.
    function _lockBond(House storage h, address house, uint96 total) private {
        if (bondLock(house) == 0 || total > h.largestWeek) h.largestWeek = total;
        h.largestAt = uint40(block.timestamp);
        (uint96 bonded,,) = houses.bondOf(house);
        uint256 needed = Math.ceilDiv(uint256(total) * BOND_BPS, BPS);
        if (bonded < needed) revert BondTooLow(needed, bonded);
    }

    function _weekRoot(Row[] calldata rows) private pure returns (SumTree.Node memory) {
        uint256 n = rows.length;
        if (n == 0 || n > MAX_ROWS) revert BadRowCount(n);
        SumTree.Node[] memory work = new SumTree.Node[](n);
        for (uint256 i = 0; i < n; i++) {
            if (i > 0 && rows[i].publisher <= rows[i - 1].publisher) revert RowsOutOfOrder(i);
            work[i] = SumTree.row(rows[i]);
        }
        return SumTree.root(work);
    }

    function _mature(address house) private {
        House storage h = _houses[house];
        Pool storage into = _pools[house];
        uint32 week = h.firstPending;
        for (uint256 i = 0; i < MATURE_AT_ONCE && week != 0; i++) {
            Post storage p = _posts[house][week];
            if (block.timestamp < uint256(p.postedAt) + matureWindow) break;
            into.money += p.funded;
            h.inflow += p.funded;
            into.open += p.total;
            into.lastMatured = week;
            if (p.funded < p.total && h.shortSince == 0) h.shortSince = uint32(block.timestamp);
            emit WeekMatured(house, week);
            week = p.next;
            h.firstPending = week;
        }
    }

    // --- inside: payment ---

    function _checkVoucher(Voucher calldata v, bytes calldata signature) private view {
        if (!WalletCode.isWallet(address(factory), v.payee)) revert NotAWallet(v.payee);
        address signer = ECDSA.recoverCalldata(_hashTypedDataV4(Types.hash(v)), signature);
        if (!houses.isSigner(v.house, _voucherKind, signer, v.week)) revert NotASigner(signer, v.week);
    }

    /// @dev What a voucher says beyond what was settled.
    function _owed(Voucher calldata v, Account memory a) private pure returns (uint256) {
        uint256 cum = Units.floor(v.cumUnits);
        return cum > a.settled ? cum - a.settled : 0;
    }

    function _cash(Voucher calldata v) private returns (uint256) {
        Pool memory p = _pools[v.house];
        if (v.week > p.lastMatured) {
            _mature(v.house);
            p = _pools[v.house];
            if (v.week > p.lastMatured) return _advance(v, p.lastMatured);
        }
        return _cashFromPool(v, p);
    }

    /// @dev Every payee gets the same share of what he is owed, in whatever order they come: money / open does not change
    /// when somebody is paid by it. All sums are at most `open`, so the casts hold.
    function _cashFromPool(Voucher calldata v, Pool memory p) private returns (uint256 gross) {
        Account memory a = _accounts[v.house][v.payee];
        uint256 owed = _owed(v, a);
        if (owed > p.open) {
            if (p.open == 0) revert NothingPosted(owed);
            emit AbovePosted(v.house, v.payee, v.week, owed, p.open);
            owed = p.open;
        }
        gross = p.money == p.open ? owed : Math.mulDiv(owed, p.money, p.open);
        uint256 missing = owed - gross;
        p.money -= uint96(gross);
        p.open -= uint96(owed);
        _pools[v.house] = p;
        a.settled += uint112(owed);
        a.seq = v.seq;
        if (a.advanced != 0) (gross, missing) = _repayAdvance(v, a, gross, missing);
        _accounts[v.house][v.payee] = a;
        if (missing != 0) {
            _books[v.house].add(_debts[v.house][v.payee], uint96(missing));
            emit DebtAdded(v.house, v.payee, missing);
        }
        if (gross != 0) _pay(v.house, v.payee, v.week, gross, FROM_POOL);
    }

    /// @dev What the bond has already paid goes back to it first; what it has paid is also not owed any more.
    function _repayAdvance(Voucher calldata v, Account memory a, uint256 gross, uint256 missing)
        private
        returns (uint256, uint256)
    {
        uint256 advanced = a.advanced;
        uint256 back = Math.min(advanced, gross);
        uint256 waived = Math.min(advanced - back, missing);
        a.advanced = uint112(advanced - back - waived);
        if (back != 0) {
            _houses[v.house].inflow -= uint128(back);
            emit AdvanceRepaid(v.house, v.payee, back);
            token.safeTransfer(address(houses), back);
            houses.restore(v.house, uint96(back));
        }
        if (waived != 0 && shortage(v.house) == 0) _houses[v.house].shortSince = 0;
        return (gross - back, missing - waived);
    }

    /// @dev The week is not matured: only the house's own free bond may pay, and the pool will repay it.
    function _advance(Voucher calldata v, uint32 lastMatured) private returns (uint256 gross) {
        Account memory a = _accounts[v.house][v.payee];
        uint256 owed = _owed(v, a);
        if (owed <= a.advanced) revert NothingOwed();
        gross = Math.min(owed - a.advanced, houses.freeBond(v.house));
        if (gross == 0) revert NotMatured(v.week, lastMatured);
        a.advanced += uint112(gross);
        a.seq = v.seq;
        _accounts[v.house][v.payee] = a;
        houses.draw(v.house, uint96(gross));
        _pay(v.house, v.payee, v.week, gross, FROM_BOND);
    }

    /// @dev The wallet books first and is paid then; the token is plain, so nothing can come in between.
    function _pay(address house, address payee, uint32 week, uint256 gross, uint8 source) private {
        uint256 fee = Math.ceilDiv(gross * FEE_BPS, BPS);
        uint256 net = gross - fee;
        (uint256 held, uint256 feeBps) = Wallet(payee).credit(net * HOLD_BPS / BPS, week, msg.sender);
        uint256 relayerFee = net * feeBps / BPS;
        if (source != FROM_POOL) _otherFees += fee;
        emit Paid(house, payee, week, source, gross, fee, held, relayerFee);
        token.safeTransfer(payee, net - relayerFee);
        if (relayerFee != 0) token.safeTransfer(msg.sender, relayerFee);
    }

    // --- inside: shortage ---

    /// @dev Shares money between those who have not cashed yet (through the pool) and those who have (through the debts)
    /// as they are short, so that it does not matter who came first.
    function _cover(address house, uint96 most) private returns (uint96 used) {
        Pool storage p = _pools[house];
        uint256 short_ = shortage(house);
        if (short_ == 0) revert NothingShort();
        used = uint96(Math.min(most, short_));
        if (used == 0) revert NoMoney();
        uint96 toPool = uint96(Math.mulDiv(used, p.open - p.money, short_));
        p.money += toPool;
        _houses[house].inflow += toPool;
        _books[house].payIn(used - toPool);
        if (used == short_) _houses[house].shortSince = 0;
    }
}
