// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";

import {Wallet} from "./Wallet.sol";

/// @notice Addresses of wallets. A wallet proves itself: its code ends with its owner, and only the factory can have
/// created that code at that address. So Settlement asks nobody, and reads code that it is about to call anyway.
library WalletCode {
    uint256 private constant LENGTH = 65; // 45 bytes of EIP-1167 code, then the owner

    function addressFor(address factory, address implementation, address owner)
        internal
        pure
        returns (address)
    {
        return Clones.predictDeterministicAddressWithImmutableArgs(
            implementation, abi.encodePacked(owner), bytes32(0), factory
        );
    }

    /// @dev Asks whether the factory could have put this very code at this address: the creation code of a clone is a
    /// fixed head and the code itself.
    function isWallet(address factory, address wallet) internal view returns (bool) {
        if (wallet.code.length != LENGTH) return false;
        bytes32 created;
        assembly ("memory-safe") {
            let work := mload(0x40)
            mstore(work, shl(176, 0x6100413d81600a3d39f3)) // returns the 65 bytes that follow these ten
            extcodecopy(wallet, add(work, 10), 0, 65)
            created := keccak256(work, 75)
        }
        return wallet == Create2.computeAddress(bytes32(0), created, factory);
    }
}

/// @title Makes one wallet per owner
contract WalletFactory {
    /// @notice The code behind every wallet.
    address public immutable implementation;

    event WalletCreated(address indexed owner, address indexed wallet);

    error WalletExists(address wallet);
    error NoAddress();

    constructor(address settlement, IERC20 token, uint32 holdLength, uint32 weekLength) {
        implementation = address(new Wallet(settlement, token, holdLength, weekLength));
    }

    /// @notice Creates the wallet of `owner`. Anybody may pay for that: an operator at home has no coin.
    function createWallet(address owner) external returns (address wallet) {
        if (owner == address(0)) revert NoAddress();
        wallet = walletOf(owner);
        if (wallet.code.length != 0) revert WalletExists(wallet);
        Clones.cloneDeterministicWithImmutableArgs(implementation, abi.encodePacked(owner), bytes32(0));
        emit WalletCreated(owner, wallet);
    }

    /// @notice The address of the owner's wallet, whether it has been created or not.
    function walletOf(address owner) public view returns (address) {
        return WalletCode.addressFor(address(this), implementation, owner);
    }

    /// @notice Whether this address is a wallet that this factory has created.
    function isWallet(address wallet) external view returns (bool) {
        return WalletCode.isWallet(address(this), wallet);
    }
}
