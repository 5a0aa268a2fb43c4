// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {HouseRegistry} from "./HouseRegistry.sol";
import {Row, Units} from "./Types.sol";

/// @title Publishers' prepaid money and their deals with houses
/// @notice A deal sets aside one week's cap, and only its own house can debit it: a cap is never promised twice. What
/// is not set aside is free; free money leaves after a thaw that is longer than any week can stay unsettled.
contract Escrow {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    struct Account {
        uint96 free;
        uint96 thawing;
        uint40 thawEnd;
        uint32 id;
        bytes32 publisherId;
        address[] houses;
    }

    struct Deal {
        uint96 cap;
        uint96 funded;
        uint32 from;
        uint32 until;
        uint32 lastDebited;
    }

    uint256 public constant MAX_DEALS = 16;

    IERC20 public immutable token;
    address public immutable settlement;
    HouseRegistry public immutable houses;
    uint32 public immutable thawWindow;
    uint32 public immutable weekLength;
    /// @notice How long after its end a week can still be debited.
    uint32 public immutable settleWindow;

    /// @notice Publisher of a registry id, 0 when unknown.
    mapping(uint32 id => address publisher) public publisherOf;
    mapping(address publisher => Account) private _accounts;
    mapping(address publisher => mapping(address house => Deal)) private _deals;
    uint32 private _publishers;

    event PublisherRegistered(uint32 indexed id, address indexed publisher);
    event PublisherBound(address indexed publisher, bytes32 indexed publisherId);
    event Deposited(address indexed publisher, address indexed from, uint96 amount);
    event DealOpened(
        address indexed publisher, address indexed house, uint96 capPerWeek, uint32 from, uint32 until
    );
    event DealClosed(address indexed publisher, address indexed house, uint32 until);
    event DealReleased(address indexed publisher, address indexed house, uint96 amount);
    event Thawing(address indexed publisher, uint96 amount, uint40 end);
    event Withdrawn(address indexed publisher, address indexed to, uint96 amount);
    event Debited(
        address indexed publisher, address indexed house, uint32 indexed week, uint96 amount, uint96 taken
    );

    error NoAddress();
    error NoAmount();
    error UnknownPublisher(address publisher);
    error UnknownHouse(address house);
    error NotSettlement();
    error NotFree(uint256 wanted, uint256 free);
    error NothingThawing();
    error StillThawing(uint40 end);
    error BadUntil(uint32 until, uint32 current);
    error DealShrinks();
    error DealUnsettled(uint256 releaseAt);
    error TooManyDeals();
    error NoDeal(address publisher, address house, uint32 week);
    error NotYourDeal();
    error AboveCap(address publisher, uint256 amount, uint96 cap);
    error WeekDebited(address publisher, uint32 week);

    constructor(
        IERC20 token_,
        address settlement_,
        HouseRegistry houses_,
        uint32 thawWindow_,
        uint32 weekLength_,
        uint32 settleWindow_
    ) {
        token = token_;
        settlement = settlement_;
        houses = houses_;
        thawWindow = thawWindow_;
        weekLength = weekLength_;
        settleWindow = settleWindow_;
    }

    // --- money ---

    /// @notice Pays in for a publisher, opens his account on first use, and fills deals that lack money.
    function deposit(address publisher, uint96 amount) public {
        if (publisher == address(0)) revert NoAddress();
        if (amount == 0) revert NoAmount();
        Account storage a = _accounts[publisher];
        if (a.id == 0) {
            a.id = ++_publishers;
            publisherOf[a.id] = publisher;
            emit PublisherRegistered(a.id, publisher);
        }
        a.free += amount;
        uint32 current = _week();
        for (uint256 i = 0; i < a.houses.length; i++) {
            Deal storage d = _deals[publisher][a.houses[i]];
            if (d.until >= current) _fill(a, d);
        }
        emit Deposited(publisher, msg.sender, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @notice Same, with the token's signed approval of the caller in one transaction.
    function depositWithPermit(
        address publisher,
        uint96 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        // A permit that somebody else has already submitted is no reason to fail: the approval is there.
        try IERC20Permit(address(token)).permit(msg.sender, address(this), amount, deadline, v, r, s) {}
            catch {}
        deposit(publisher, amount);
    }

    /// @notice Names the content identity (hash of the publisher's key document) that this account pays for.
    function bindPublisher(bytes32 publisherId) external {
        _own().publisherId = publisherId;
        emit PublisherBound(msg.sender, publisherId);
    }

    /// @notice Moves free money towards the exit. A second call adds to the first and starts the wait again.
    function thaw(uint96 amount) external {
        Account storage a = _own();
        if (amount == 0) revert NoAmount();
        if (amount > a.free) revert NotFree(amount, a.free);
        a.free -= amount;
        a.thawing += amount;
        a.thawEnd = uint40(block.timestamp + thawWindow);
        emit Thawing(msg.sender, a.thawing, a.thawEnd);
    }

    /// @notice Makes thawing money free again.
    function cancelThaw() external {
        Account storage a = _own();
        if (a.thawing == 0) revert NothingThawing();
        a.free += a.thawing;
        a.thawing = 0;
        a.thawEnd = 0;
        emit Thawing(msg.sender, 0, 0);
    }

    /// @notice Takes out what has thawed.
    function withdraw(address to) external {
        if (to == address(0)) revert NoAddress();
        Account storage a = _own();
        uint96 amount = a.thawing;
        if (amount == 0) revert NothingThawing();
        if (block.timestamp < a.thawEnd) revert StillThawing(a.thawEnd);
        a.thawing = 0;
        a.thawEnd = 0;
        emit Withdrawn(msg.sender, to, amount);
        token.safeTransfer(to, amount);
    }

    // --- deals ---

    /// @notice Lets `house` debit up to `capPerWeek` per week, from this week to week `until`.
    /// @dev On a running deal it raises cap or end, never lowers: the house may have promised service on them. One that
    /// has ended must be released first, so that nothing in between becomes payable afterwards.
    function openDeal(address house, uint96 capPerWeek, uint32 until) external {
        Account storage a = _own();
        Deal storage d = _deals[msg.sender][house];
        uint32 current = _week();
        if (capPerWeek == 0) revert NoAmount();
        if (until < current) revert BadUntil(until, current);
        if (d.from == 0) {
            if (houses.houseIdOf(house) == 0) revert UnknownHouse(house);
            if (a.houses.length == MAX_DEALS) revert TooManyDeals();
            a.houses.push(house);
            d.from = current;
        } else if (d.until < current) {
            revert DealUnsettled(_releaseAt(d));
        } else if (capPerWeek < d.cap || until < d.until) {
            revert DealShrinks();
        }
        uint256 needed = capPerWeek - d.funded;
        if (needed > a.free) revert NotFree(needed, a.free);
        d.cap = capPerWeek;
        d.until = until;
        _fill(a, d);
        emit DealOpened(msg.sender, house, capPerWeek, d.from, until);
    }

    /// @notice Makes the running week the last one. Either side may.
    function closeDeal(address publisher, address house) external {
        if (msg.sender != publisher && msg.sender != house) revert NotYourDeal();
        Deal storage d = _deals[publisher][house];
        uint32 current = _week();
        if (d.from == 0 || d.until <= current) revert NoDeal(publisher, house, current);
        d.until = current;
        emit DealClosed(publisher, house, current);
    }

    /// @notice Ends a deal whose last week can no longer be debited, and frees what it had set aside.
    function releaseDeal(address publisher, address house) external {
        Deal storage d = _deals[publisher][house];
        if (d.from == 0) revert NoDeal(publisher, house, 0);
        if (block.timestamp < _releaseAt(d)) revert DealUnsettled(_releaseAt(d));
        Account storage a = _accounts[publisher];
        uint96 amount = d.funded;
        a.free += amount;
        delete _deals[publisher][house];
        uint256 last = a.houses.length - 1;
        for (uint256 i = 0; i < last; i++) {
            if (a.houses[i] == house) {
                a.houses[i] = a.houses[last];
                break;
            }
        }
        a.houses.pop();
        emit DealReleased(publisher, house, amount);
    }

    /// @notice Takes one week's debits of a house and hands them to Settlement.
    /// @return total what the rows ask for
    /// @return taken what the accounts had
    function debit(address house, uint32 week, Row[] calldata rows)
        external
        returns (uint96 total, uint96 taken)
    {
        if (msg.sender != settlement) revert NotSettlement();
        for (uint256 i = 0; i < rows.length; i++) {
            uint96 amount = Units.ceil(rows[i].units).toUint96();
            total += amount;
            taken += _debitOne(rows[i].publisher, house, week, amount);
        }
        token.safeTransfer(settlement, taken);
    }

    // --- views ---

    /// @notice Registry id of a publisher, 0 when unknown.
    function publisherIdOf(address publisher) external view returns (uint32) {
        return _accounts[publisher].id;
    }

    /// @notice One publisher's money. `reserved` is the sum of what his deals have set aside.
    function account(address publisher)
        external
        view
        returns (uint32 id, bytes32 publisherId, uint96 free, uint96 reserved, uint96 thawing, uint40 thawEnd)
    {
        Account storage a = _accounts[publisher];
        for (uint256 i = 0; i < a.houses.length; i++) {
            reserved += _deals[publisher][a.houses[i]].funded;
        }
        return (a.id, a.publisherId, a.free, reserved, a.thawing, a.thawEnd);
    }

    /// @notice One deal; `from` is 0 when there is none, weeks are inclusive.
    function deal(address publisher, address house)
        external
        view
        returns (uint96 capPerWeek, uint96 funded, uint32 from, uint32 until, uint32 lastDebited)
    {
        Deal storage d = _deals[publisher][house];
        return (d.cap, d.funded, d.from, d.until, d.lastDebited);
    }

    /// @notice The houses that a publisher has deals with.
    function housesOf(address publisher) external view returns (address[] memory) {
        return _accounts[publisher].houses;
    }

    /// @notice Whether a house may grant on this publisher's account now: a deal of this week, fully set aside.
    function isLive(address publisher, address house) external view returns (bool) {
        Deal storage d = _deals[publisher][house];
        return d.from != 0 && _week() <= d.until && d.funded >= d.cap;
    }

    // --- inside ---

    function _week() private view returns (uint32) {
        return uint32(block.timestamp / weekLength);
    }

    function _own() private view returns (Account storage a) {
        a = _accounts[msg.sender];
        if (a.id == 0) revert UnknownPublisher(msg.sender);
    }

    function _releaseAt(Deal storage d) private view returns (uint256) {
        return (uint256(d.until) + 1) * weekLength + settleWindow;
    }

    function _fill(Account storage a, Deal storage d) private {
        uint96 lacks = d.cap - d.funded;
        uint96 some = lacks < a.free ? lacks : a.free;
        a.free -= some;
        d.funded += some;
    }

    function _debitOne(address publisher, address house, uint32 week, uint96 amount)
        private
        returns (uint96 taken)
    {
        Deal storage d = _deals[publisher][house];
        if (d.from == 0 || week < d.from || week > d.until) revert NoDeal(publisher, house, week);
        if (week <= d.lastDebited) revert WeekDebited(publisher, week);
        if (amount > d.cap) revert AboveCap(publisher, amount, d.cap);
        Account storage a = _accounts[publisher];
        _fill(a, d);
        taken = amount < d.funded ? amount : d.funded;
        d.funded -= taken;
        d.lastDebited = week;
        if (d.until > week) _fill(a, d);
        emit Debited(publisher, house, week, amount, taken);
    }
}
