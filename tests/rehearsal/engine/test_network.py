"""An existing network gets IPv6 in place: no subnet is another one, and servers' subnets stay as they are."""

from __future__ import annotations

import ipaddress
import shutil
from pathlib import Path

from rehearsal import PROJECT
from rehearsal.engine import choose
from tests.rehearsal.engine.test_aws import Account, account

__all__ = ["account"]


def test_a_network_gets_ipv6_in_place(account: Account, tmp_path: Path) -> None:
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text(
        "name: net\nruntime: python\nconfig:\n  ipv6: {type: boolean, default: false}\n"
    )
    shutil.copy(Path(__file__).parent / "programs" / "network.py", folder / "__main__.py")
    shutil.copytree(PROJECT / "components", folder / "components", ignore=shutil.ignore_patterns("__pycache__"))
    for room in ("core", "plan"):
        (folder / room).symlink_to(PROJECT / room)
    engine = choose(folder, "dev", tmp_path / "work", account.environment, {"aws:region": "eu-west-1"}, stand_in=True)
    first = engine.up()
    assert first.ok, first.text
    before = engine.outputs()
    engine.config_set("ipv6", "true")
    second = engine.up()
    assert second.ok, second.text
    assert engine.outputs() == before
    assert (second.changes["update"], second.changes["create"]) == (3, 1), "VPC and public subnets; a route"
    assert "replace" not in second.changes and "delete" not in second.changes
    ec2 = account.client("ec2")
    parts = {
        one["SubnetId"]: [part["Ipv6CidrBlock"] for part in one["Ipv6CidrBlockAssociationSet"]]
        for one in ec2.describe_subnets(SubnetIds=[*before["public"], *before["private"]])["Subnets"]
    }
    assert all(parts[subnet] == [] for subnet in before["private"])
    networks = [ipaddress.ip_network(part) for subnet in before["public"] for part in parts[subnet]]
    assert [one.prefixlen for one in networks] == [64, 64] and networks[0] != networks[1]
    routes = [
        route["GatewayId"]
        for table in ec2.describe_route_tables()["RouteTables"]
        for route in table["Routes"]
        if route.get("DestinationIpv6CidrBlock") == "::/0"
    ]
    assert len(routes) == 1 and routes[0].startswith("igw-")
    third = engine.up()
    assert third.ok and third.changes.keys() == {"same"}, third.text
