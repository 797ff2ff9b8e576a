"""Whether a certificate is for the host name that users type: no browser, and no probe, takes another one's.

A load balancer's own DNS name is in no certificate that anybody but AWS could have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from plan.config.constraints import problem
from plan.config.settings import Settings

if TYPE_CHECKING:
    from types_boto3_elbv2 import ElasticLoadBalancingv2Client

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


def read_certificates(acm: Any, balancers: ElasticLoadBalancingv2Client, s: Settings) -> tuple[Certificate, ...] | None:
    """Those that the listener has for `hostname`, as many as it takes to find one that is for it; none without HTTPS.

    None when one is none of ACM's (an adopted listener's may be IAM's), so that its names are not known.
    """
    if not s.certificate_arn and not s.listener_arn:
        return ()
    found: list[Certificate] = []
    for arn in [s.certificate_arn] if s.certificate_arn else _of_listener(balancers, s.listener_arn):
        if ":acm:" not in arn:
            return None
        found.append(_described(acm, arn))
        if found[-1].is_for(s.hostname):
            break
    return tuple(found)


def _of_listener(balancers: ElasticLoadBalancingv2Client, listener: str) -> list[str]:
    """The default one, and those that are chosen by the name that a client asks for."""
    if balancers.describe_listeners(ListenerArns=[listener])["Listeners"][0]["Protocol"] != "HTTPS":
        return []
    pages = balancers.get_paginator("describe_listener_certificates").paginate(ListenerArn=listener)
    return list(dict.fromkeys(one["CertificateArn"] for page in pages for one in page["Certificates"]))


def _described(acm: Any, arn: str) -> Certificate:
    try:
        found = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return Certificate(arn, status="")
    names = dict.fromkeys([found.get("DomainName", ""), *found.get("SubjectAlternativeNames", [])])
    return Certificate(arn, tuple(name.lower() for name in names if name), found.get("Status", ISSUED))


def problems(s: Settings, found: Sequence[Certificate] | None) -> Iterator[str]:
    """Why users of `https://hostname` would be refused, or AWS would refuse the listener."""
    if not found or not s.hostname:
        return
    own = found[0] if s.certificate_arn else None
    if own and not own.status:
        yield problem(
            "certificateArn",
            own.arn,
            f"must be a certificate of this account in {s.region}; there is none such",
            f"aws acm list-certificates --region {s.region}, and pulumi config set certificateArn ARN",
        )
    elif own and own.status != ISSUED:
        yield problem(
            "certificateArn",
            own.arn,
            f"must be issued (ACM says {own.status}): no listener takes another",
            f"aws acm describe-certificate --region {s.region} --certificate-arn {own.arn}   (it tells what"
            " is awaited)",
        )
    elif not any(one.is_for(s.hostname) for one in found):
        names = ", ".join(dict.fromkeys(name for one in found for name in one.names))
        yield problem(
            "hostname",
            s.hostname,
            f"must be a name that a certificate of the listener is for ({names}): browsers"
            " refuse another, and probes do",
            "pulumi config set hostname NAME, or certificateArn ANOTHER"
            if own
            else f"aws elbv2 add-listener-certificates --region {s.region} --listener-arn {s.listener_arn}"
            " --certificates CertificateArn=ARN   (of one for it)",
        )
