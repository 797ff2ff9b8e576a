"""HTTPS listeners of the rehearsal's balancer, with certificates that were imported into ACM."""

from __future__ import annotations

import datetime
import http.client
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rehearsal.alb.routing import HSTS
from rehearsal.scenario.local import free_port
from tests.rehearsal.alb.site import Shared, says
from tests.rehearsal.boto3_stack import until

HOST = "shop.example.com"


def self_signed(*addresses: str) -> tuple[bytes, bytes]:
    """Certificate and key for HOST, and these addresses, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName(HOST), *(x509.IPAddress(ipaddress.ip_address(one)) for one in addresses)]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(serialization.Encoding.PEM), pem


def test_https_listener_serves_its_certificate(cloud: Shared, tmp_path: Path) -> None:
    certificate, key = self_signed()
    acm, elbv2 = cloud.stack.cloud.client("acm"), cloud.stack.cloud.client("elbv2")
    arn = acm.import_certificate(Certificate=certificate, PrivateKey=key)["CertificateArn"]
    port = free_port()
    with cloud.site("https") as site:
        targets = site.targets("green", says("over TLS"))
        made = elbv2.create_listener(
            LoadBalancerArn=cloud.stack.balancer,
            Protocol="HTTPS",
            SslPolicy="ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
            Port=port,
            Certificates=[{"CertificateArn": arn}],
            DefaultActions=[{"Type": "forward", "TargetGroupArn": targets}],
        )
        trusted = tmp_path / "certificate.pem"
        trusted.write_bytes(certificate)
        context = ssl.create_default_context(cafile=str(trusted))
        context.check_hostname = False  # it is reached by its address

        seen: dict[str, str | None] = {}

        def get() -> bytes:
            connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=60)
            try:
                connection.request("GET", "/", headers={"Host": HOST})
                answer = connection.getresponse()
                seen["hsts"] = answer.headers["Strict-Transport-Security"]
                return answer.read()
            except ConnectionError:
                return b""
            finally:
                connection.close()

        until(lambda: get() == b"over TLS", what="an answer over TLS")
        assert seen == {"hsts": None}
        elbv2.modify_listener_attributes(
            ListenerArn=made["Listeners"][0]["ListenerArn"], Attributes=[{"Key": HSTS, "Value": "max-age=300"}]
        )
        until(lambda: get() == b"over TLS" and seen["hsts"] == "max-age=300", what="the header of the listener")
