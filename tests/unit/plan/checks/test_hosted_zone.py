"""A hosted zone is asked before the first record is made, and what AWS or users would trip over is told."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from moto import mock_aws

from plan.checks.hosted_zone import ZonePlan, problems, zone_plan
from plan.checks.permanent import PermanentResources, read_permanent
from plan.readers.hosted_zone import HostedZone, ZoneRecord, read_hosted_zone
from plan.readers.stack_state import Resource, StateInventory
from tests.support.factories import settings

HOST, BALANCER = "shop.example.com", "phoenix-dev-1.eu-west-1.elb.amazonaws.com"
PROOF = "_d930b28be6c5927595552b219965053e.shop.example.com"
HERE = ZoneRecord(HOST, "A", BALANCER)
NOTHING = PermanentResources()


def zone(**said: Any) -> HostedZone:
    return HostedZone(**{"id": "Z1", "name": "example.com", **said})


def told(found: HostedZone | None, before: PermanentResources = NOTHING, *, certifies: bool = True, **said: Any) -> str:
    wanted = settings(**{"hosted_zone_id": "Z1", "hostname": HOST, **said})
    return "\n".join(map(str, problems(wanted, found, before, balancer=BALANCER.upper(), certifies=certifies)))


@pytest.mark.parametrize(
    ("found", "code", "words"),
    [
        (zone(name=""), "PHX-362", "hostedZoneId = 'Z1': must be a hosted zone of this account; there is none such"),
        (zone(name="ample.com"), "PHX-363", "must be a name in the hosted zone Z1, which is ample.com's"),
        (zone(private=True), "PHX-364", "must be a public hosted zone without certificateArn"),
        (zone(delegated=HOST), "PHX-365", f"another one answers for {HOST}"),
        (zone(records=(ZoneRecord(HOST, "A"),)), "PHX-366", "must be a name without A records of somebody else's"),
        (zone(records=(ZoneRecord(HOST, "CNAME"),)), "PHX-366", "without CNAME records"),
        (zone(records=(ZoneRecord(HOST, "AAAA", "other.elb.amazonaws.com"),)), "PHX-366", "for other.elb.amazonaws"),
        (zone(records=(ZoneRecord(HOST, "A", BALANCER, "weighted"),)), "PHX-366", "A records"),
    ],
)
def test_a_zone_that_can_not_lead_users_here_is_refused(found: HostedZone, code: str, words: str) -> None:
    assert code in told(found)
    assert words in told(found)


def test_a_zone_that_can_is_not_refused() -> None:
    assert told(None) == told(zone()) == told(zone(name=HOST)) == ""
    assert told(zone(private=True), certifies=False) == "", "a name inside a network, with a certificate of one's own"
    mine = PermanentResources(records=frozenset({("Z1", HOST, "A", "")}))
    assert told(zone(records=(ZoneRecord(HOST, "A", "the one before.elb.amazonaws.com"),)), mine) == ""
    assert told(zone(records=(HERE,))) == "", "it leads here yet"


def test_a_record_that_leads_here_yet_is_taken_over_and_a_proof_of_somebody_elses_stays_theirs() -> None:
    proof = ZoneRecord(PROOF, "CNAME")
    there = zone(records=(HERE,), validations=(proof,))
    assert zone_plan(there, NOTHING, balancer=BALANCER) == ZonePlan(takes_over=True, validated=True)
    mine = PermanentResources(records=frozenset({HERE.within("Z1"), proof.within("Z1")}))
    assert zone_plan(there, mine, balancer=BALANCER) == ZonePlan()
    assert zone_plan(None, NOTHING, balancer=BALANCER) == zone_plan(zone(), NOTHING, balancer="") == ZonePlan()


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ({}, False),
        ({"hostname": "buy.example.com"}, True),
        ({"hosted_zone_id": "", "hostname": HOST}, True),
        ({"hosted_zone_id": "", "protect": False}, False),
    ],
)
def test_a_name_that_users_know_is_kept_while_the_stack_is_protected(said: dict[str, Any], refused: bool) -> None:
    known = told(None, PermanentResources(alias=HOST), **{"protect": True, **said})
    assert ("PHX-367" in known) == refused
    if refused:
        assert f"must not take {HOST} from its users while protect is true" in known


def test_the_state_says_which_records_are_the_stacks() -> None:
    urn = "urn:pulumi:dev::phoenix::aws::"
    proof = {"id": "x", "zoneId": "Z1", "name": f"{PROOF}.", "fqdn": PROOF, "type": "CNAME"}
    made = StateInventory(
        (
            Resource(f"{urn}phoenix-dev-a", "aws:route53/record:Record", {"zoneId": "Z1", "name": HOST, "type": "A"}),
            Resource(f"{urn}phoenix-dev-validation", "aws:route53/record:Record", proof),
            Resource(f"{urn}phoenix-dev-certificate", "aws:acm/certificate:Certificate", {"domainName": HOST}),
        )
    )
    before = read_permanent(made, owner="phoenix/dev", identity="phoenix/dev")
    assert (before.alias, before.certified) == (HOST, HOST)
    assert before.records == {HERE.within("Z1"), ZoneRecord(PROOF, "CNAME").within("Z1")}
    other = read_permanent(made, owner="phoenix/dev", identity="shop/dev")
    assert (other.alias, other.certified) == ("", ""), "those of another service of the program"


@pytest.fixture
def dns() -> Any:
    with mock_aws():
        yield boto3.Session(region_name="eu-west-1").client("route53")


def made_zone(dns: Any, name: str = "example.com", *records: dict[str, Any], private: bool = False) -> str:
    vpc: Any = {"VPC": {"VPCRegion": "eu-west-1", "VPCId": "vpc-0123456789abcdef0"}} if private else {}
    found = dns.create_hosted_zone(Name=name, CallerReference=name, HostedZoneConfig={"PrivateZone": private}, **vpc)
    ident = str(found["HostedZone"]["Id"].removeprefix("/hostedzone/"))
    changes = [{"Action": "CREATE", "ResourceRecordSet": one} for one in records]
    if changes:
        dns.change_resource_record_sets(HostedZoneId=ident, ChangeBatch={"Changes": changes})
    return ident


def plain(name: str, type: str, value: str = "192.0.2.1") -> dict[str, Any]:
    return {"Name": name, "Type": type, "TTL": 60, "ResourceRecords": [{"Value": value}]}


def read(dns: Any, ident: str, hostname: str = HOST) -> HostedZone:
    found = read_hosted_zone(dns, settings(hosted_zone_id=ident, hostname=hostname))
    assert found is not None
    return found


def test_a_zone_is_read_as_far_as_the_host_name_goes(dns: Any) -> None:
    alias = {"HostedZoneId": "Z32O12XQLNTSW2", "DNSName": f"dualstack.{BALANCER}.", "EvaluateTargetHealth": True}
    ident = made_zone(
        dns,
        "example.com",
        {"Name": HOST, "Type": "A", "AliasTarget": alias},
        plain(HOST, "TXT", '"x"'),
        plain(f"a.{HOST}", "A"),
        plain(f"_dmarc.{HOST}", "TXT", '"x"'),
        plain(PROOF, "CNAME", "_x.acm-validations.aws."),
        plain("_d930b28be6c5927595552b219965053e.example.com", "CNAME", "_y.acm-validations.aws."),
        plain("shop-a.example.com", "A"),
        plain("z.example.com", "A"),
    )
    found = read(dns, ident)
    assert (found.name, found.private, found.delegated) == ("example.com", False, "")
    assert found.records == (HERE,)
    assert [one.name for one in found.validations] == [PROOF]
    assert read(dns, ident, "nothing.example.com").records == ()
    assert [one.name for one in read(dns, ident, "example.com").validations] == [
        "_d930b28be6c5927595552b219965053e.example.com"
    ]


def test_a_zone_of_many_records_is_read_page_by_page(dns: Any) -> None:
    many = [plain(f"_{number:032x}.example.com", "CNAME", "_x.acm-validations.aws.") for number in range(301)]
    assert len(read(dns, made_zone(dns, "example.com", *many), "example.com").validations) == 301


def test_a_zone_that_is_not_there_is_private_or_leaves_the_name_to_another_is_known(dns: Any) -> None:
    assert read_hosted_zone(None, settings()) is None
    assert not read(dns, "Z0000000000000000000").name
    assert read(dns, made_zone(dns, "example.org")).holds(HOST) is False
    assert read(dns, made_zone(dns, "ple.com")).holds("example.com") is False
    assert read(dns, made_zone(dns, private=True)).private is True
    below = made_zone(dns, "example.com", plain(HOST, "NS", "ns.example.net."))
    assert read(dns, below, f"eu.{HOST}").delegated == read(dns, below).delegated == HOST
    assert read(dns, below, "other.example.com").delegated == ""
