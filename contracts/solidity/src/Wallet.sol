// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title An operator's wallet: the only kind of address that Settlement pays
/// @notice A part of every payment is held for one to two hold lengths: it is the owner's money, delayed. It sits in
/// two buckets, the running period's and the one before; a bucket is free one hold length after its period has closed.
/// An owner who stops (`goIdle`) gets everything after one hold length.
/// @dev EIP-1167 clone with the owner as immutable argument; all state is one slot, so a payment writes once.
contract Wallet {
    using SafeERC20 for IERC20;

    /// @notice The most that an owner can promise to whoever cashes for him: 1 %.
    uint8 public constant MAX_RELAYER_FEE_BPS = 100;

    address public immutable settlement;
    IERC20 public immutable token;
    uint32 public immutable holdLength;
    uint32 public immutable weekLength;

    uint88 private _heldCur;
    uint88 private _heldPrev;
    uint32 private _period; // block time / holdLength of the running bucket
    /// @notice When the owner went idle, in seconds; 0 while he works.
    uint32 public idleAt;
    /// @notice Share of a payment for whoever submits it, in 1/10000.
    uint8 public relayerFeeBps;

    event Idle(uint32 since);
    event Woke();
    event RelayerFeeSet(uint8 bps);
    event Withdrawn(address indexed to, uint256 amount);

    error NotOwner();
    error NotSettlement();
    error AlreadyIdle();
    error FeeTooHigh(uint8 bps);
    error NotSpendable(uint256 wanted, uint256 spendable);
    error PaymentToken();
    error NoAddress();

    modifier onlyOwner() {
        if (msg.sender != owner()) revert NotOwner();
        _;
    }

    constructor(address settlement_, IERC20 token_, uint32 holdLength_, uint32 weekLength_) {
        settlement = settlement_;
        token = token_;
        holdLength = holdLength_;
        weekLength = weekLength_;
    }

    /// @notice Books a payment that Settlement is about to transfer.
    /// @param amount what should be held of it
    /// @param week the accounting week that is paid; a week after the one in which the owner went idle wakes the wallet
    /// @param relayer who submitted the payment
    /// @return kept what is held of it, 0 once an idle wallet is free
    /// @return feeBps the relayer's share, 0 when the owner submitted
    function credit(uint256 amount, uint32 week, address relayer)
        external
        returns (uint256 kept, uint256 feeBps)
    {
        if (msg.sender != settlement) revert NotSettlement();
        uint32 idle = idleAt;
        kept = amount;
        if (idle != 0) {
            if (week > idle / weekLength) {
                idleAt = 0;
                emit Woke();
            } else if (block.timestamp >= uint256(idle) + holdLength) {
                kept = 0;
            }
        }
        (uint88 cur, uint88 prev, uint32 period) = _rolled();
        uint256 room = type(uint88).max - cur;
        if (kept > room) kept = room;
        _heldCur = cur + uint88(kept);
        _heldPrev = prev;
        _period = period;
        feeBps = relayerFeeBps;
        if (feeBps != 0 && relayer == owner()) feeBps = 0;
    }

    /// @notice The owner stops working: what is held now is free after one hold length.
    function goIdle() external onlyOwner {
        if (idleAt != 0) revert AlreadyIdle();
        idleAt = uint32(block.timestamp);
        emit Idle(uint32(block.timestamp));
    }

    /// @notice Promises a share of each later payment to whoever submits it, so that the owner needs no coin for gas.
    function setRelayerFee(uint8 bps) external onlyOwner {
        if (bps > MAX_RELAYER_FEE_BPS) revert FeeTooHigh(bps);
        relayerFeeBps = bps;
        emit RelayerFeeSet(bps);
    }

    /// @notice Takes out money that is not held.
    function withdraw(address to, uint256 amount) external onlyOwner {
        if (to == address(0)) revert NoAddress();
        uint256 free = spendable();
        if (amount > free) revert NotSpendable(amount, free);
        emit Withdrawn(to, amount);
        token.safeTransfer(to, amount);
    }

    /// @notice Takes out any other token that was sent here.
    function rescue(IERC20 other, address to, uint256 amount) external onlyOwner {
        if (address(other) == address(token)) revert PaymentToken();
        other.safeTransfer(to, amount);
    }

    /// @notice Who may take the money out.
    function owner() public view returns (address) {
        return address(bytes20(Clones.fetchCloneArgs(address(this))));
    }

    /// @notice What cannot be taken out yet.
    function held() public view returns (uint256) {
        if (idleAt != 0 && block.timestamp >= uint256(idleAt) + holdLength) return 0;
        (uint88 cur, uint88 prev,) = _rolled();
        return uint256(cur) + prev;
    }

    /// @notice What can be taken out now.
    function spendable() public view returns (uint256) {
        uint256 balance = token.balanceOf(address(this));
        uint256 locked = held();
        return balance > locked ? balance - locked : 0;
    }

    /// @dev The buckets as they are at this block's time.
    function _rolled() private view returns (uint88 cur, uint88 prev, uint32 period) {
        period = uint32(block.timestamp / holdLength);
        uint32 passed = period - _period;
        if (passed == 0) return (_heldCur, _heldPrev, period);
        if (passed == 1) return (0, _heldCur, period);
        return (0, 0, period);
    }
}
