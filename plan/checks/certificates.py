"""Whether a certificate is for the host name that users type: no browser, and no probe, takes another one's.

A load balancer's own DNS name is in no certificate that anybody but AWS could have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.errors import Problem, problem
from plan.config.settings import Settings
from plan.readers.certificates import ISSUED, Certificate


def problems(s: Settings, found: Sequence[Certificate] | None) -> Iterator[Problem]:
    """Why users of `https://hostname` would be refused, or AWS would refuse the listener."""
    if not found or not s.hostname:
        return
    own = found[0] if s.certificate_arn else None
    if own and not own.status:
        yield problem(
            "PHX-314",
            "certificateArn",
            own.arn,
            f"must be a certificate of this account in {s.region}; there is none such",
            f"aws acm list-certificates --region {s.region}, and pulumi config set certificateArn ARN",
        )
    elif own and own.status != ISSUED:
        yield problem(
            "PHX-315",
            "certificateArn",
            own.arn,
            f"must be issued (ACM says {own.status}): no listener takes another",
            f"aws acm describe-certificate --region {s.region} --certificate-arn {own.arn}   (it tells what"
            " is awaited)",
        )
    elif not any(one.is_for(s.hostname) for one in found):
        names = ", ".join(dict.fromkeys(name for one in found for name in one.names))
        yield problem(
            "PHX-316",
            "hostname",
            s.hostname,
            f"must be a name that a certificate of the listener is for ({names}): browsers"
            " refuse another, and probes do",
            "pulumi config set hostname NAME, or certificateArn ANOTHER"
            if own
            else f"aws elbv2 add-listener-certificates --region {s.region} --listener-arn {s.listener_arn}"
            " --certificates CertificateArn=ARN   (of one for it)",
        )
