"""What a plan sees of the way that requests come: names of certificates, the token in clear text, idle connections."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from plan.checks import certificates, clear_text, keep_alive
from plan.checks.permanent import Listener, PermanentResources
from plan.readers.certificates import Certificate, read_certificates
from plan.readers.existing_balancer import ExistingBalancer
from plan.readers.load_balancers import idle_seconds
from rehearsal import PROJECT
from tests.rehearsal.alb.test_tls import HOST, self_signed
from tests.support.account import moto_only
from tests.support.factories import reads, settings

ARN = "arn:aws:acm:eu-west-1:123456789012:certificate/0a"
LISTENER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/edge/0a/0b"
OWN = {"certificate_arn": ARN, "hostname": "shop.example.com"}
ADOPTED = {"listener_arn": LISTENER, "hostname": "shop.example.com"}


@pytest.mark.parametrize(
    ("names", "hostname", "good"),
    [
        (("shop.example.com",), "shop.example.com", True),
        (("example.com", "*.example.com"), "shop.example.com", True),
        (("*.example.com",), "example.com", False),
        (("*.example.com",), "a.shop.example.com", False),
        (("blog.example.com",), "shop.example.com", False),
        ((), "shop.example.com", False),
    ],
)
def test_a_certificate_is_for_its_names(names: tuple[str, ...], hostname: str, good: bool) -> None:
    assert Certificate(ARN, names).is_for(hostname) == good


@pytest.mark.parametrize(
    ("said", "found", "says"),
    [
        (OWN, (Certificate(ARN, ("*.example.com",)),), ""),
        (OWN, None, ""),
        ({}, (), ""),
        (
            OWN,
            (Certificate(ARN, ("blog.example.com",)),),
            "hostname = 'shop.example.com': must be a name that a certificate of the listener is for"
            " (blog.example.com)",
        ),
        (
            OWN,
            (Certificate(ARN, ("shop.example.com",), "PENDING_VALIDATION"),),
            "must be issued (ACM says PENDING_VALIDATION)",
        ),
        (OWN, (Certificate(ARN, status=""),), "must be a certificate of this account in eu-west-1; there is none such"),
        (ADOPTED, (Certificate(ARN, ("blog.example.com",)), Certificate(ARN, ("shop.example.com",))), ""),
        (
            ADOPTED,
            (Certificate(ARN, ("blog.example.com",)), Certificate(ARN, ("*.example.org",))),
            f"(blog.example.com, *.example.org): browsers refuse another, and probes do.\n    type: aws elbv2"
            f" add-listener-certificates --region eu-west-1 --listener-arn {LISTENER}",
        ),
        ({"listener_arn": LISTENER}, (Certificate(ARN, ("blog.example.com",)),), ""),
    ],
)
def test_a_host_name_is_one_that_browsers_accept(
    said: dict[str, str], found: tuple[Certificate, ...] | None, says: str
) -> None:
    problems = list(certificates.problems(settings(**said), found))
    assert len(problems) == bool(says)
    assert says in "".join(map(str, problems))


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    moto_only(monkeypatch)
    with mock_aws():
        yield boto3.Session(region_name="eu-west-1")


def edge(session: boto3.Session, **listener: Any) -> tuple[str, str]:
    """A load balancer of somebody else, and its listener."""
    ec2, elb = session.client("ec2"), session.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{i}.0/24", AvailabilityZone=f"eu-west-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for i, zone in enumerate("ab")
    ]
    balancer = elb.create_load_balancer(Name="edge", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    made = elb.create_listener(
        LoadBalancerArn=balancer,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
        **listener,
    )["Listeners"][0]
    return balancer, made["ListenerArn"]


def test_the_certificates_of_a_listener_are_read_until_one_is_for_the_host(session: boto3.Session) -> None:
    acm: Any = session.client("acm")
    elb, (certificate, key) = session.client("elbv2"), self_signed()
    mine = acm.import_certificate(Certificate=certificate, PrivateKey=key)["CertificateArn"]
    assert read_certificates(acm, reads(elb), settings(certificate_arn=mine, hostname=HOST)) == (
        Certificate(mine, (HOST,)),
    )
    assert read_certificates(acm, reads(elb), settings(certificate_arn=ARN, hostname=HOST)) == (
        Certificate(ARN, status=""),
    )
    assert read_certificates(acm, reads(elb), settings(hostname=HOST)) == ()
    _, secure = edge(session, Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": mine}])
    assert read_certificates(acm, reads(elb), settings(listener_arn=secure, hostname=HOST)) == (
        Certificate(mine, (HOST,)),
    )
    balancer = secure.replace(":listener/", ":loadbalancer/").rpartition("/")[0]
    plain = elb.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
    )["Listeners"][0]["ListenerArn"]
    assert read_certificates(acm, reads(elb), settings(listener_arn=plain, hostname=HOST)) == ()
    of_iam = "arn:aws:iam::123456789012:server-certificate/old"
    assert read_certificates(acm, reads(elb), settings(certificate_arn=of_iam, hostname=HOST)) is None, (
        "its names are not known"
    )


SHARED = ExistingBalancer(arn="balancer", listener=LISTENER, url="http://shop.example.com", is_public=True)
EDGE = PermanentResources(listeners=(Listener("plain", "a", 80, "HTTP"), Listener("secure", "b", 443, "HTTPS")))


@pytest.mark.parametrize(
    ("said", "shared", "port", "way"),
    [
        ({}, None, 80, "HTTP 80 is open to 0.0.0.0/0"),
        (
            {"listener_port": 8080, "allowed_cidrs": ("10.0.0.0/8", "203.0.113.0/24")},
            None,
            8080,
            "HTTP 8080 is open to 203.0.113.0/24",
        ),
        ({"allowed_cidrs": ("10.1.0.0/16", "100.64.0.0/10")}, None, 80, ""),
        ({"allowed_cidrs": ("10.1.0.0/16", "fd00::/8")}, None, 80, ""),
        ({"allowed_cidrs": ("10.1.0.0/16", "::/0")}, None, 80, "HTTP 80 is open to ::/0"),
        (OWN, None, 443, ""),
        (ADOPTED, SHARED, 80, f"the listener {LISTENER} is HTTP, and its load balancer internet-facing"),
        (ADOPTED, ExistingBalancer(listener=LISTENER, url="http://shop.example.com"), 80, ""),
        (ADOPTED, ExistingBalancer(listener=LISTENER, url="https://shop.example.com", is_public=True), 443, ""),
        ({"hostname": "shop.example.com"}, ExistingBalancer(arn="balancer"), 80, "HTTP 80 is open to the internet"),
        ({"hostname": "shop.example.com"}, ExistingBalancer(arn="balancer"), 443, ""),
        ({"hostname": "shop.example.com"}, ExistingBalancer(), 8000, ""),
    ],
)
def test_a_token_in_clear_text_is_seen_where_it_crosses_the_internet(
    said: dict[str, Any], shared: ExistingBalancer | None, port: int, way: str
) -> None:
    s = settings(**said)
    assert clear_text.token_path(s, shared, EDGE, port=port) == way
    assert len(list(clear_text.warning(s, way))) == bool(way)
    assert list(clear_text.problems(s, way)) == []
    held = list(clear_text.problems(settings(**said, protect=True), way))
    assert len(held) == bool(way), "what is protected is production"
    assert list(clear_text.warning(settings(**said, protect=True), way)) == [], "told once"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ('<Connector port="8080" keepAliveTimeout="75000" connectionTimeout="20000"/>', 75),
        ("<Connector\n  connectionTimeout='20000'\n/>", 20),
        ('<Connector port="8080"/>', 60),
        ('<Connector keepAliveTimeout="-1"/>', math.inf),
        ('<!-- <Connector keepAliveTimeout="5000"/> --><Connector keepAliveTimeout="90000"/>', 90),
        ("<Server/>", None),
    ],
)
def test_the_sample_application_says_how_long_it_keeps_a_connection(
    tmp_path: Path, text: str, seconds: float | None
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "server.xml").write_text(text)
    assert keep_alive.keep_alive_seconds(tmp_path) == seconds


def test_the_application_as_it_is_keeps_connections_longer_than_a_load_balancer_does_unasked(
    session: boto3.Session, tmp_path: Path
) -> None:
    kept, elb = keep_alive.keep_alive_seconds(PROJECT / "image"), session.client("elbv2")
    balancer, _ = edge(session, Protocol="HTTP", Port=80)

    def warned() -> list[str]:
        idle = idle_seconds(elb, balancer)
        return list(keep_alive.warning(kept, idle, image_dir="image", load_balancer=balancer))

    assert warned() == []
    for timeout in ("75", "600"):
        elb.modify_load_balancer_attributes(
            LoadBalancerArn=balancer, Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": timeout}]
        )
        [line] = warned()
        assert f"(server.xml of image, keepAliveTimeout), and the load balancer {timeout} s" in line
        assert f"keepAliveTimeout = {int(timeout) + 15}000" in line
        assert f"--load-balancer-arn {balancer} " in line
    [own] = keep_alive.warning(75, 75, image_dir="image", load_balancer="")
    assert own.endswith("or a shorter idleTimeoutSeconds)")
    assert idle_seconds(elb, "") is None
    assert keep_alive.keep_alive_seconds(tmp_path) is None, "another application says it elsewhere, or nowhere"
