// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FogDeploy} from "../src/FogDeploy.sol";
import {Bounds, Params} from "../src/Params.sol";
import {TestToken} from "../src/TestToken.sol";
import {World} from "./World.sol";

contract DeployTest is World {
    string private constant DEPLOY = "out/FogDeploy.sol/FogDeploy.json";

    function deploy(Params memory p) external returns (address) {
        return create(DEPLOY, abi.encode(p));
    }

    function _fails(Params memory p, string memory what, uint256 given, uint256 least) private {
        vm.expectRevert(abi.encodeWithSelector(Bounds.WindowTooShort.selector, what, given, least));
        this.deploy(p);
    }

    function test_real_windows_on_a_real_chain() public {
        vm.chainId(1);
        FogDeploy fog = FogDeploy(this.deploy(params()));
        eq(fog.settlement().matureWindow(), MATURE, "mature");
        eq(fog.settlement().settleWindow(), SETTLE, "settle");
        eq(fog.escrow().thawWindow(), THAW, "thaw");
        eq(fog.houses().thawWindow(), THAW, "bond thaw");
    }

    function test_short_windows_are_refused_on_a_real_chain() public {
        vm.chainId(1);
        Params memory p = params();
        p.weekLength = 1 days - 1;
        _fails(p, "weekLength", 1 days - 1, 1 days);
        p = params();
        p.postWindow = 48 hours - 1;
        _fails(p, "postWindow", 48 hours - 1, 48 hours);
        p = params();
        p.matureWindow = 48 hours - 1;
        _fails(p, "matureWindow", 48 hours - 1, 48 hours);
        p = params();
        p.thawWindow = WEEK + SETTLE - 1;
        _fails(p, "thawWindow", WEEK + SETTLE - 1, WEEK + SETTLE);
        p = params();
        p.holdLength = 7 days - 1;
        _fails(p, "holdLength", 7 days - 1, 7 days);
        p = params();
        p.bondDelay = 48 hours - 1;
        _fails(p, "bondDelay", 48 hours - 1, 48 hours);
    }

    function test_short_windows_on_a_development_chain() public {
        Params memory p = Params(address(token), treasury, 1, 1, 1, 1, 1, 1);
        this.deploy(p);
        p.weekLength = 0;
        vm.expectRevert();
        this.deploy(p);
    }

    function test_addresses_are_needed() public {
        Params memory p = params();
        p.token = address(0);
        vm.expectRevert(Bounds.NoAddress.selector);
        this.deploy(p);
        p = params();
        p.treasury = address(0);
        vm.expectRevert(Bounds.NoAddress.selector);
        this.deploy(p);
    }

    function test_everybody_knows_everybody() public view {
        eq(escrow.settlement(), address(settlement), "escrow");
        eq(houses.settlement(), address(settlement), "houses");
        eq(nodes.settlement(), address(settlement), "nodes");
        eq(address(escrow.houses()), address(houses), "escrow's houses");
    }

    function deployToken() external returns (address) {
        return create("out/TestToken.sol/TestToken.json", "");
    }

    function test_the_test_token_is_for_local_chains() public {
        eq(token.decimals(), 6, "decimals");
        vm.chainId(10);
        vm.expectRevert(abi.encodeWithSelector(TestToken.NotALocalChain.selector, 10));
        this.deployToken();
    }

    function test_creation_code_fits() public view {
        atMost(vm.getCode(DEPLOY).length + 256, 49152, "EIP-3860");
    }
}
