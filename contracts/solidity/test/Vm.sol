// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The cheat codes that the tests use.
interface Vm {
    function addr(uint256 key) external pure returns (address);
    function assume(bool condition) external pure;
    function chainId(uint256 id) external;
    function expectEmit(address emitter) external;
    function expectRevert() external;
    function expectRevert(bytes4 reason) external;
    function expectRevert(bytes calldata reason) external;
    function getCode(string calldata artifact) external view returns (bytes memory);
    function keyExistsJson(string calldata json, string calldata key) external view returns (bool);
    function parseJsonAddress(string calldata json, string calldata key) external pure returns (address);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function parseJsonBytes32(string calldata json, string calldata key) external pure returns (bytes32);
    function parseJsonString(string calldata json, string calldata key) external pure returns (string memory);
    function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
    function prank(address sender) external;
    function readFile(string calldata path) external view returns (string memory);
    function revertToState(uint256 id) external returns (bool);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function snapshotState() external returns (uint256);
    function startPrank(address sender) external;
    function stopPrank() external;
    function toString(uint256 value) external pure returns (string memory);

    function snapshotGasLastCall(string calldata group, string calldata name) external returns (uint256);
    function warp(uint256 time) external;

    struct Gas {
        uint64 gasLimit;
        uint64 gasTotalUsed;
        uint64 gasMemoryUsed;
        int64 gasRefunded;
        uint64 gasRemaining;
    }
}

/// @notice Checks with a text, so that a failed test says what it expected.
abstract contract Checks {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    error Differs(string what, uint256 got, uint256 wanted);
    error DiffersBytes(string what, bytes32 got, bytes32 wanted);
    error DiffersAddress(string what, address got, address wanted);
    error IsFalse(string what);
    error TooBig(string what, uint256 got, uint256 most);

    function eq(uint256 got, uint256 wanted, string memory what) internal pure {
        if (got != wanted) revert Differs(what, got, wanted);
    }

    function eq(bytes32 got, bytes32 wanted, string memory what) internal pure {
        if (got != wanted) revert DiffersBytes(what, got, wanted);
    }

    function eq(address got, address wanted, string memory what) internal pure {
        if (got != wanted) revert DiffersAddress(what, got, wanted);
    }

    function ok(bool value, string memory what) internal pure {
        if (!value) revert IsFalse(what);
    }

    function atMost(uint256 got, uint256 most, string memory what) internal pure {
        if (got > most) revert TooBig(what, got, most);
    }

    function near(uint256 got, uint256 wanted, uint256 slack, string memory what) internal pure {
        if (got + slack < wanted || got > wanted + slack) revert Differs(what, got, wanted);
    }

    function bounded(uint256 value, uint256 least, uint256 most) internal pure returns (uint256) {
        return least + value % (most - least + 1);
    }
}
