"""Certificates and records of the local cloud: what ACM and Route 53 wait for and refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.cloud.cloud import Cloud
from rehearsal.scenario.local import free_port
from tests.rehearsal.boto3_stack import Stack, stack
from tests.rehearsal.cloud.test_refusals import refused

HOST = "shop.example.com"


@pytest.fixture(scope="module")
def s(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Cloud(tmp_path_factory.mktemp("cloud"), boot_seconds=5, time_scale=0.02) as cloud:
        yield stack(cloud)


def zone(s: Stack, name: str, **said: Any) -> str:
    made = s.cloud.client("route53").create_hosted_zone(Name=name, CallerReference=f"{name}{len(said)}", **said)
    return str(made["HostedZone"]["Id"])


def put(s: Stack, zone: str, record: dict[str, Any], *, action: str = "CREATE") -> dict[str, Any]:
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    return {"HostedZoneId": zone, "ChangeBatch": batch}


def test_a_certificate_is_issued_by_a_public_record_and_no_sooner(s: Stack) -> None:
    acm, dns, elbv2 = (s.cloud.client(name) for name in ("acm", "route53", "elbv2"))
    change = dns.change_resource_record_sets
    refused(acm.request_certificate, "ValidationException", "64 characters", DomainName=f"{'a' * 60}.{HOST}")
    arn = acm.request_certificate(DomainName=HOST, ValidationMethod="DNS")["CertificateArn"]

    def described() -> Any:
        return acm.describe_certificate(CertificateArn=arn)["Certificate"]

    listen = {
        "LoadBalancerArn": s.balancer,
        "Protocol": "HTTPS",
        "Port": free_port(),
        "Certificates": [{"CertificateArn": arn}],
        "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
    }
    [asked] = described()["DomainValidationOptions"]
    record = asked["ResourceRecord"]
    proof = {
        "Name": record["Name"],
        "Type": record["Type"],
        "TTL": 60,
        "ResourceRecords": [{"Value": record["Value"]}],
    }
    network = {"VPC": {"VPCRegion": "eu-west-1", "VPCId": s.vpc}, "HostedZoneConfig": {"PrivateZone": True}}
    change(**put(s, zone(s, "example.com", **network), proof))
    assert described()["Status"] == "PENDING_VALIDATION", "ACM sees no private zone"
    refused(elbv2.create_listener, "UnsupportedCertificate", "fully-qualified domain name", **listen)
    public = zone(s, "example.com")
    wrong = {**proof, "ResourceRecords": [{"Value": "_other.acm-validations.aws."}]}
    change(**put(s, public, wrong))
    assert described()["Status"] == "PENDING_VALIDATION"
    change(**put(s, public, proof, action="UPSERT"))
    assert described()["Status"] == "ISSUED"
    listener = elbv2.create_listener(**listen)["Listeners"][0]["ListenerArn"]
    refused(acm.delete_certificate, "ResourceInUseException", "is in use", CertificateArn=arn)
    elbv2.delete_listener(ListenerArn=listener)
    acm.delete_certificate(CertificateArn=arn)


def test_a_zone_takes_one_set_of_records_of_a_name_and_no_alias_of_what_is_not_there(s: Stack) -> None:
    dns = s.cloud.client("route53")
    [balancer] = s.cloud.client("elbv2").describe_load_balancers(LoadBalancerArns=[s.balancer])["LoadBalancers"]
    own, change = zone(s, "example.org"), dns.change_resource_record_sets

    def alias(name: str, target: str, of: str = balancer["CanonicalHostedZoneId"]) -> dict[str, Any]:
        there = {"HostedZoneId": of, "DNSName": target, "EvaluateTargetHealth": False}
        return {"Name": name, "Type": "A", "AliasTarget": there}

    def no(record: dict[str, Any], words: str) -> None:
        refused(change, "InvalidChangeBatch", words, **put(s, own, record))

    here = alias("shop.example.org", balancer["DNSName"])
    no(alias("shop.example.org", "gone.elb.amazonaws.com"), "does not lie within the target zone")
    no(alias("shop.example.org", balancer["DNSName"], "Z0OTHER"), "does not lie within the target zone")
    no(alias("shopexample.org", balancer["DNSName"]), "not permitted in zone")
    change(**put(s, own, here))
    no(here, r"Tried to create resource record set \[name='shop.example.org.', type='A'\] but it already exists")
    change(**put(s, own, here, action="UPSERT"))
    cname = {"Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "example.net"}]}
    no({**cname, "Name": "shop.example.org"}, "conflicting RRSet of type A")
    change(**put(s, own, {**cname, "Name": "other.example.org"}))
    no(alias("other.example.org", balancer["DNSName"]), "conflicting RRSet of type CNAME")
    no({**cname, "Name": "example.org"}, "conflicting RRSet of type")
