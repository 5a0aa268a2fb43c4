// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @notice What the registry must know before it gives a bond back.
interface IBondKeeper {
    /// @notice What a house's bond must not fall below.
    function bondLock(address house) external view returns (uint96);
    /// @notice What a house owes beyond its pool.
    function shortage(address house) external view returns (uint256);
}

/// @title Houses: bond and signers
/// @notice A house is the address that registered it, normally cold. Its hot keys are signers for whole weeks. The
/// history of signers is never erased and never changed for the past: a message is judged by the signer of its own
/// week, so a house cannot disown what it has signed.
contract HouseRegistry {
    using SafeERC20 for IERC20;

    struct Signer {
        uint32 from;
        uint32 to;
        uint96 cap;
    }

    struct Bond {
        uint96 total;
        uint96 thawing;
        uint40 thawEnd;
    }

    /// @notice Signs grants.
    uint8 public constant KIND_GRANT = 1;
    /// @notice Signs vouchers, and may post a week.
    uint8 public constant KIND_VOUCHER = 2;
    uint256 public constant MAX_GRANT_SIGNERS = 16;

    IERC20 public immutable token;
    address public immutable settlement;
    uint32 public immutable thawWindow;
    uint32 public immutable weekLength;

    /// @notice Registry id of a house, 0 when unknown.
    mapping(address house => uint32 id) public houseIdOf;
    /// @notice House of a registry id, 0 when unknown.
    mapping(uint32 id => address house) public houseOf;
    mapping(address house => Bond) private _bonds;
    mapping(address house => mapping(uint8 kind => mapping(address signer => Signer))) private _signers;
    mapping(address house => mapping(uint8 kind => address[])) private _history;
    uint32 private _houses;

    event HouseRegistered(uint32 indexed id, address indexed house);
    event SignerSet(
        address indexed house, uint8 indexed kind, address indexed signer, uint32 from, uint32 to, uint96 cap
    );
    event Bonded(address indexed house, address indexed from, uint96 amount);
    event BondThawing(address indexed house, uint96 amount, uint40 end);
    event BondWithdrawn(address indexed house, address indexed to, uint96 amount);
    event BondDrawn(address indexed house, uint96 amount);
    event BondRestored(address indexed house, uint96 amount);

    error HouseExists(uint32 id);
    error NotAHouse(address house);
    error NotSettlement();
    error NoAddress();
    error NoAmount();
    error BadKind(uint8 kind);
    error BadWeeks(uint32 from, uint32 to, uint32 current);
    error SignerUsed(address signer);
    error SignerShrinks(address signer);
    error UnknownSigner(address signer);
    error TooManySigners();
    error VoucherSignerActive(address signer, uint32 to);
    error BondTooSmall(uint256 wanted, uint256 available);
    error NothingThawing();
    error StillThawing(uint40 end);
    error HouseOwes(uint256 amount);

    modifier onlyHouse() {
        if (houseIdOf[msg.sender] == 0) revert NotAHouse(msg.sender);
        _;
    }

    modifier onlySettlement() {
        if (msg.sender != settlement) revert NotSettlement();
        _;
    }

    constructor(IERC20 token_, address settlement_, uint32 thawWindow_, uint32 weekLength_) {
        token = token_;
        settlement = settlement_;
        thawWindow = thawWindow_;
        weekLength = weekLength_;
    }

    /// @notice Makes the caller a house.
    function registerHouse() external returns (uint32 id) {
        if (houseIdOf[msg.sender] != 0) revert HouseExists(houseIdOf[msg.sender]);
        id = ++_houses;
        houseIdOf[msg.sender] = id;
        houseOf[id] = msg.sender;
        emit HouseRegistered(id, msg.sender);
    }

    // --- signers ---

    /// @notice Authorises a signer for the weeks `from` to `to`, both included.
    /// @dev A signer that is set again keeps its start; its end and cap can only grow, and not across a gap.
    /// @param kind KIND_GRANT or KIND_VOUCHER
    /// @param from not before the running week; 0 for the running week or, set again, the start that it has
    /// @param cap money per week: of grants for boxes to check, of posted weeks enforced by Settlement
    function setSigner(uint8 kind, address signer_, uint32 from, uint32 to, uint96 cap) external onlyHouse {
        if (kind != KIND_GRANT && kind != KIND_VOUCHER) revert BadKind(kind);
        if (signer_ == address(0)) revert NoAddress();
        uint32 current = _week();
        Signer storage s = _signers[msg.sender][kind][signer_];
        if (from == 0) from = s.from != 0 ? s.from : current;
        if (s.from != 0) {
            if (uint256(s.to) + 1 < current) revert SignerUsed(signer_);
            if (to < s.to || cap < s.cap || from != s.from) revert SignerShrinks(signer_);
        } else {
            if (from < current || to < from) revert BadWeeks(from, to, current);
        }
        if (kind == KIND_VOUCHER) _endVoucherSigner(signer_, from, current);
        else _countGrantSigners(signer_, from, to);

        if (s.from == 0) {
            _history[msg.sender][kind].push(signer_);
            s.from = from;
        }
        s.to = to;
        s.cap = cap;
        emit SignerSet(msg.sender, kind, signer_, from, to, cap);
    }

    /// @notice Ends a signer with the running week. What it signed for weeks until then stays valid.
    function revokeSigner(uint8 kind, address signer_) external onlyHouse {
        Signer storage s = _signers[msg.sender][kind][signer_];
        uint32 current = _week();
        if (s.from == 0) revert UnknownSigner(signer_);
        if (s.to <= current) revert BadWeeks(s.from, s.to, current);
        // One that has not begun yet never will: an empty range.
        s.to = s.from > current ? s.from - 1 : current;
        emit SignerSet(msg.sender, kind, signer_, s.from, s.to, s.cap);
    }

    /// @notice Whether this address signs for the house in that week.
    function isSigner(address house, uint8 kind, address signer_, uint32 week) external view returns (bool) {
        return _covers(_signers[house][kind][signer_], week);
    }

    /// @notice The newest signer of that week, 0 when there is none.
    function signerAt(address house, uint8 kind, uint32 week) external view returns (address) {
        address[] storage list = _history[house][kind];
        for (uint256 i = list.length; i > 0; i--) {
            if (_covers(_signers[house][kind][list[i - 1]], week)) return list[i - 1];
        }
        return address(0);
    }

    /// @notice All signers of that week, oldest first.
    function signersAt(address house, uint8 kind, uint32 week)
        external
        view
        returns (address[] memory found)
    {
        address[] storage list = _history[house][kind];
        found = new address[](list.length);
        uint256 n = 0;
        for (uint256 i = 0; i < list.length; i++) {
            if (_covers(_signers[house][kind][list[i]], week)) found[n++] = list[i];
        }
        assembly ("memory-safe") {
            mstore(found, n)
        }
    }

    /// @notice The weeks and the cap of a signer; zeros when unknown.
    function signer(address house, uint8 kind, address signer_)
        external
        view
        returns (uint32 from, uint32 to, uint96 cap)
    {
        Signer storage s = _signers[house][kind][signer_];
        return (s.from, s.to, s.cap);
    }

    // --- bond ---

    /// @notice Adds to a house's bond.
    function bond(address house, uint96 amount) external {
        if (houseIdOf[house] == 0) revert NotAHouse(house);
        if (amount == 0) revert NoAmount();
        _bonds[house].total += amount;
        emit Bonded(house, msg.sender, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @notice Asks for a part of the bond back. A second call replaces the first and starts the wait again; 0 cancels.
    function thawBond(uint96 amount) external onlyHouse {
        Bond storage b = _bonds[msg.sender];
        if (amount > b.total) revert BondTooSmall(amount, b.total);
        b.thawing = amount;
        b.thawEnd = amount == 0 ? 0 : uint40(block.timestamp + thawWindow);
        emit BondThawing(msg.sender, amount, b.thawEnd);
    }

    /// @notice Takes out what has thawed, as long as the house owes nothing and the lock stays covered.
    function withdrawBond(address to) external onlyHouse {
        if (to == address(0)) revert NoAddress();
        Bond storage b = _bonds[msg.sender];
        uint96 amount = b.thawing;
        if (amount == 0) revert NothingThawing();
        if (block.timestamp < b.thawEnd) revert StillThawing(b.thawEnd);
        uint256 owes = IBondKeeper(settlement).shortage(msg.sender);
        if (owes != 0) revert HouseOwes(owes);
        uint96 lock = IBondKeeper(settlement).bondLock(msg.sender);
        if (uint256(amount) + lock > b.total) revert BondTooSmall(uint256(amount) + lock, b.total);
        b.total -= amount;
        b.thawing = 0;
        b.thawEnd = 0;
        emit BondWithdrawn(msg.sender, to, amount);
        token.safeTransfer(to, amount);
    }

    /// @notice Settlement takes from a bond; only the caller's own rules limit what for.
    function draw(address house, uint96 amount) external onlySettlement {
        Bond storage b = _bonds[house];
        if (amount > b.total) revert BondTooSmall(amount, b.total);
        b.total -= amount;
        if (b.thawing > b.total) b.thawing = b.total;
        emit BondDrawn(house, amount);
        token.safeTransfer(settlement, amount);
    }

    /// @notice Settlement gives back what an advance had taken; it has transferred the money just before.
    function restore(address house, uint96 amount) external onlySettlement {
        _bonds[house].total += amount;
        emit BondRestored(house, amount);
    }

    /// @notice A house's bond, the part of it that is thawing, and when that may be taken out.
    function bondOf(address house) external view returns (uint96 total, uint96 thawing, uint40 thawEnd) {
        Bond storage b = _bonds[house];
        return (b.total, b.thawing, b.thawEnd);
    }

    /// @notice What a house may pay in advance: bond that neither thaws nor is locked.
    function freeBond(address house) external view returns (uint96) {
        Bond storage b = _bonds[house];
        uint256 taken = uint256(b.thawing) + IBondKeeper(settlement).bondLock(house);
        return b.total > taken ? uint96(b.total - taken) : 0;
    }

    // --- inside ---

    function _week() private view returns (uint32) {
        return uint32(block.timestamp / weekLength);
    }

    function _covers(Signer storage s, uint32 week) private view returns (bool) {
        return s.from != 0 && s.from <= week && week <= s.to;
    }

    /// @dev One voucher signer per week: the old one ends where the new one begins, but never before the week is over.
    function _endVoucherSigner(address next, uint32 from, uint32 current) private {
        address[] storage list = _history[msg.sender][KIND_VOUCHER];
        if (list.length == 0) return;
        address last = list[list.length - 1];
        if (last == next) return;
        if (_signers[msg.sender][KIND_VOUCHER][next].from != 0) revert SignerUsed(next);
        Signer storage s = _signers[msg.sender][KIND_VOUCHER][last];
        if (s.to < from) return;
        if (from <= current || from <= s.from) revert VoucherSignerActive(last, s.to);
        s.to = from - 1;
        emit SignerSet(msg.sender, KIND_VOUCHER, last, s.from, s.to, s.cap);
    }

    /// @dev Counts neighbours over the whole range, which is stricter than per week and simple.
    function _countGrantSigners(address next, uint32 from, uint32 to) private view {
        address[] storage list = _history[msg.sender][KIND_GRANT];
        uint256 n = 1;
        for (uint256 i = 0; i < list.length; i++) {
            Signer storage s = _signers[msg.sender][KIND_GRANT][list[i]];
            if (list[i] != next && s.from <= to && from <= s.to) n++;
        }
        if (n > MAX_GRANT_SIGNERS) revert TooManySigners();
    }
}
