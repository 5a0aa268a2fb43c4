// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title What a house still owes after its pool was too small
/// @notice Money that comes later is shared by all debts in proportion, whoever collects first. Nobody is visited for
/// that: a factor says what is left of each unit of debt since it was written down.
library DebtBook {
    struct Book {
        uint96 total; // still owed, exact
        uint96 pot; // paid in, not collected yet
        uint32 scale;
        uint128 factor; // 0 until first used, then in [FLOOR, ONE]
    }

    struct Debt {
        uint96 amount; // as of (scale, factor)
        uint96 ready; // paid in and not collected, as of the same moment
        uint32 scale;
        uint128 factor;
    }

    uint256 internal constant ONE = 1e36;
    /// @dev Below it the factor is multiplied by it and the scale counts one up, so it never loses its digits.
    uint256 internal constant FLOOR = 1e18;

    /// @notice What is still owed of a debt, rounded up.
    function outstanding(Book storage b, Debt storage d) internal view returns (uint256) {
        if (d.amount == 0) return 0;
        if (b.scale == d.scale) return Math.mulDiv(d.amount, b.factor, d.factor, Math.Rounding.Ceil);
        if (b.scale == d.scale + 1) {
            return Math.mulDiv(d.amount, b.factor, uint256(d.factor) * FLOOR, Math.Rounding.Ceil);
        }
        return 0; // paid in full, or to less than one part in FLOOR
    }

    /// @notice What its owner can collect now.
    function collectable(Book storage b, Debt storage d) internal view returns (uint256) {
        return Math.min(d.ready + (d.amount - outstanding(b, d)), b.pot);
    }

    /// @notice Writes down a new debt.
    function add(Book storage b, Debt storage d, uint96 amount) internal {
        if (b.factor == 0) b.factor = uint128(ONE);
        _update(b, d);
        d.amount += amount;
        b.total += amount;
    }

    /// @notice Shares `amount`, at most the total, among all debts.
    function payIn(Book storage b, uint96 amount) internal {
        if (amount == 0) return;
        uint96 total = b.total;
        b.total = total - amount;
        b.pot += amount;
        if (amount == total) {
            b.factor = uint128(ONE);
            b.scale += 2; // older debts read as zero from here on
            return;
        }
        uint256 f = Math.mulDiv(b.factor, total - amount, total, Math.Rounding.Ceil);
        if (f < FLOOR) {
            f *= FLOOR;
            b.scale += 1;
        }
        b.factor = uint128(f);
    }

    /// @notice Takes out what has been paid in for one debt.
    function collect(Book storage b, Debt storage d) internal returns (uint96 amount) {
        _update(b, d);
        // Debts are rounded up, so the last to collect may find a unit less.
        amount = d.ready < b.pot ? d.ready : b.pot;
        d.ready = 0;
        b.pot -= amount;
    }

    function _update(Book storage b, Debt storage d) private {
        uint96 left = uint96(outstanding(b, d));
        d.ready += d.amount - left;
        d.amount = left;
        d.scale = b.scale;
        d.factor = b.factor;
    }
}
