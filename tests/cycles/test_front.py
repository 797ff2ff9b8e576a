"""The way in of a stack, its name in DNS and the certificate that it is answered by; and sizes that times set."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cloud import amazon_root
from tests.cycles.stack import ENGINES, Stack, until

HOST, OTHER = "shop.example.com", "buy.example.com"
SCHEDULE: dict[str, Any] = {"morning": {"cron": "0 7 * * mon-fri", "minSize": 3, "maxSize": 6}}


@pytest.mark.thorough
@pytest.mark.parametrize("engine", ENGINES)
def test_a_name_comes_with_its_stack_and_goes_with_it(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted = tmp_path / "root.pem"
    trusted.write_bytes(amazon_root.root())
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with Stack(tmp_path, stand_in=engine == "stand-in") as stack:
        dns = stack.cloud.client("route53")
        zone = dns.create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]["Id"].rpartition("/")[2]
        stack.set(active="auto", hostedZoneId=zone, hostname=HOST, schedule=SCHEDULE)
        stack.set(ipAddressType="dualstack", allowedCidrs=["0.0.0.0/0", "::/0"], **network(stack))
        stack.up()
        assert stack.engine.outputs()["url"] == f"https://{HOST}:{stack.port}"
        here = stack.engine.outputs()["dnsName"]
        assert aliases(dns, zone) == [(HOST, "A", here), (HOST, "AAAA", here)]
        [balancer] = stack.cloud.client("elbv2").describe_load_balancers()["LoadBalancers"]
        assert balancer["IpAddressType"] == "dualstack"
        until(lambda: answers(stack.port, trusted, HOST), what="an answer over TLS")
        stack.idle()

        [live] = stack.groups().values()
        assert times(stack) == {(live.name, "phoenix-size-morning", "0 7 * * mon-fri", 3, 6)}
        # The morning comes, and in the middle of it another version.
        stack.cloud.client("autoscaling").update_auto_scaling_group(
            AutoScalingGroupName=live.name, MinSize=3, MaxSize=6, DesiredCapacity=3
        )
        until(lambda: stack.groups()[live.color].in_service == 3, what="three servers")
        stack.idle()
        stack.change()
        stack.up()
        [new] = stack.groups().values()
        assert (new.color != live.color, new.minimum, new.maximum, new.in_service) == (True, 3, 6, 3)
        assert times(stack) == {(new.name, "phoenix-size-morning", "0 7 * * mon-fri", 3, 6)}
        stack.set(schedule={"morning": {**SCHEDULE["morning"], "cron": "30 7 * * *"}})
        stack.up()
        assert times(stack) == {(new.name, "phoenix-size-morning", "30 7 * * *", 3, 6)}
        assert stack.groups() == {new.color: new}
        stack.idle()

        stack.set(hostname=OTHER)
        done = stack.up()
        assert f"{HOST} -> {OTHER}: by a record in hostedZoneId; users of {HOST} find nothing any more" in done.text
        assert f"-> one for {OTHER} that ACM issues, by its record in hostedZoneId: in place" in done.text
        assert aliases(dns, zone) == [(OTHER, "A", here), (OTHER, "AAAA", here)]
        until(lambda: answers(stack.port, trusted, OTHER), what="an answer for the new name")
        assert not answers(stack.port, trusted, HOST)
        [certificate] = stack.cloud.client("acm").list_certificates()["CertificateSummaryList"]
        assert certificate["DomainName"] == OTHER
        stack.idle()

        stack.destroy()
        kinds = {one["Type"] for one in dns.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]}
        assert kinds == {"NS", "SOA"}
        assert stack.cloud.client("acm").list_certificates()["CertificateSummaryList"] == []


def network(stack: Stack) -> dict[str, Any]:
    """Somebody's, with IPv6 in each of its two subnets."""
    ec2 = stack.cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    [table] = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    [found] = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
    parts = ipaddress.ip_network(found["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]).subnets(new_prefix=64)
    subnets = [
        ec2.create_subnet(
            VpcId=vpc,
            CidrBlock=f"10.9.{number}.0/24",
            Ipv6CidrBlock=str(part),
            AvailabilityZone=f"{stack.cloud.region}{zone}",
        )["Subnet"]["SubnetId"]
        for number, (zone, part) in enumerate(zip("ab", parts, strict=False))
    ]
    return {"vpcId": vpc, "albSubnetIds": subnets, "serverSubnetIds": subnets}


def times(stack: Stack) -> set[tuple[str, str, str, int, int]]:
    found = stack.cloud.client("autoscaling").describe_scheduled_actions()["ScheduledUpdateGroupActions"]
    keys = ("AutoScalingGroupName", "ScheduledActionName", "Recurrence", "MinSize", "MaxSize")
    return {tuple(one[key] for key in keys) for one in found}


def aliases(dns: Any, zone: str) -> list[tuple[str, str, str]]:
    found = dns.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    return sorted(
        (one["Name"].rstrip("."), one["Type"], one["AliasTarget"]["DNSName"]) for one in found if "AliasTarget" in one
    )


def answers(port: int, trusted: Path, host: str) -> bool:
    """Whether a browser that asks for a host would take who answers, and get a page."""
    context = ssl.create_default_context(cafile=str(trusted))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 60), server_hostname=host)
        connection.request("GET", "/", headers={"Host": host})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
