"""The certificates that a listener has for the host name that users type, as AWS describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from core.aws import error_code
from plan.config.settings import Settings
from plan.readers.load_balancers import described_listener
from plan.readers.reads import QUICK, Reads

ISSUED = "ISSUED"


@dataclass(frozen=True)
class Certificate:
    """A certificate of ACM. `status` as ACM says it (API reference, CertificateDetail); empty: there is none such."""

    arn: str
    names: tuple[str, ...] = ()
    status: str = ISSUED

    def is_for(self, hostname: str) -> bool:
        """A `*` stands for one label, the first (RFC 6125, 6.4.3)."""
        return hostname in self.names or f"*.{hostname.partition('.')[2]}" in self.names


def read_certificates(acm: Any, reads: Reads, s: Settings) -> tuple[Certificate, ...] | None:
    """Those that the listener has for `hostname`, as many as it takes to find one that is for it; none without HTTPS.

    None when one is none of ACM's (an adopted listener's may be IAM's), so that its names are not known.
    """
    if not s.certificate_arn and not s.listener_arn:
        return ()
    found: list[Certificate] = []
    for arn in [s.certificate_arn] if s.certificate_arn else _of_listener(reads, s.listener_arn):
        if ":acm:" not in arn:
            return None
        found.append(_described(acm, arn))
        if found[-1].is_for(s.hostname):
            break
    return tuple(found)


def _of_listener(reads: Reads, listener: str) -> list[str]:
    """The default one, and those that are chosen by the name that a client asks for."""
    if reads.ask(described_listener, listener)["Protocol"] != "HTTPS":
        return []
    pages = (
        reads.client("elbv2", config=QUICK)
        .get_paginator("describe_listener_certificates")
        .paginate(ListenerArn=listener)
    )
    return list(dict.fromkeys(one["CertificateArn"] for page in pages for one in page["Certificates"]))


def _described(acm: Any, arn: str) -> Certificate:
    try:
        found = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        return Certificate(arn, status="")
    names = dict.fromkeys([found.get("DomainName", ""), *found.get("SubjectAlternativeNames", [])])
    return Certificate(arn, tuple(name.lower() for name in names if name), found.get("Status", ISSUED))
