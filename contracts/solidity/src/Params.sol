// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Everything that is fixed on the day of deployment. Lengths in seconds.
struct Params {
    address token;
    address treasury;
    uint32 weekLength;
    uint32 postWindow;
    uint32 matureWindow;
    uint32 thawWindow;
    uint32 holdLength;
    uint32 bondDelay;
}

/// @notice Lower bounds of the windows, and what follows from them.
library Bounds {
    /// @notice A development chain may run weeks of seconds.
    uint256 internal constant LOCAL_CHAIN = 31337;

    error NoAddress();
    error WindowTooShort(string window, uint256 given, uint256 least);

    /// @dev 48 h: forced inclusion on the main rollups takes up to 24 h, so nothing shorter is safe.
    function check(Params memory p) internal view {
        if (p.token == address(0) || p.treasury == address(0)) revert NoAddress();
        bool local = block.chainid == LOCAL_CHAIN;
        _atLeast("weekLength", p.weekLength, local ? 1 : 1 days);
        _atLeast("postWindow", p.postWindow, local ? 1 : 48 hours);
        _atLeast("matureWindow", p.matureWindow, local ? 1 : 48 hours);
        _atLeast("thawWindow", p.thawWindow, local ? 1 : uint256(p.weekLength) + settleWindow(p));
        _atLeast("holdLength", p.holdLength, local ? 1 : 7 days);
        _atLeast("bondDelay", p.bondDelay, local ? 1 : 48 hours);
    }

    /// @notice How long after its end a week can still be debited: posting, then a statement, then its answer.
    function settleWindow(Params memory p) internal pure returns (uint32) {
        return p.postWindow + 2 * p.matureWindow;
    }

    function _atLeast(string memory window, uint256 given, uint256 least) private pure {
        if (given < least) revert WindowTooShort(window, given, least);
    }
}
