"""The way in of a stack: its name in DNS, and the certificate that it is answered by."""

from __future__ import annotations

import http.client
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cloud import amazon_root
from tests.cycles.stack import ENGINES, Stack, until

HOST, OTHER = "shop.example.com", "buy.example.com"


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
        stack.set(active="auto", hostedZoneId=zone, hostname=HOST)
        done = stack.up()
        assert stack.engine.outputs()["url"] == f"https://{HOST}:{stack.port}"
        [(name, target)] = aliases(dns, zone)
        assert (name, target) == (HOST, stack.engine.outputs()["dnsName"])
        until(lambda: answers(stack.port, trusted, HOST), what="an answer over TLS")
        stack.idle()

        stack.set(hostname=OTHER)
        done = stack.up()
        assert f"{HOST} -> {OTHER}: by a record in hostedZoneId; users of {HOST} find nothing any more" in done.text
        assert f"-> one for {OTHER} that ACM issues, by its record in hostedZoneId: in place" in done.text
        assert [name for name, _ in aliases(dns, zone)] == [OTHER]
        until(lambda: answers(stack.port, trusted, OTHER), what="an answer for the new name")
        assert not answers(stack.port, trusted, HOST)
        [certificate] = stack.cloud.client("acm").list_certificates()["CertificateSummaryList"]
        assert certificate["DomainName"] == OTHER
        stack.idle()

        stack.destroy()
        kinds = {one["Type"] for one in dns.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]}
        assert kinds == {"NS", "SOA"}
        assert stack.cloud.client("acm").list_certificates()["CertificateSummaryList"] == []


def aliases(dns: Any, zone: str) -> list[tuple[str, str]]:
    found = dns.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    return [(one["Name"].rstrip("."), one["AliasTarget"]["DNSName"]) for one in found if "AliasTarget" in one]


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
