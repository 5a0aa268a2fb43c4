// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title Token for local chains: anybody may mint
/// @notice On a real chain fogbank is paid in an existing ERC-20; this one refuses to be deployed there.
contract TestToken is ERC20, ERC20Permit {
    error NotALocalChain(uint256 chainId);

    constructor() ERC20("Fog Test Token", "FOGT") ERC20Permit("Fog Test Token") {
        if (block.chainid != 31337) revert NotALocalChain(block.chainid);
    }

    /// @notice Makes `amount` out of nothing for `to`.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice Like most payment tokens: six decimals.
    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
