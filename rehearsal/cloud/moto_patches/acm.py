"""ACM issues a certificate when public DNS has its record, not when a minute has passed; and whoever uses one keeps it.

Sources: "DNS validation" in the ACM user guide; DeleteCertificate in its API reference; the words of CreateListener for
a certificate that is not issued.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cryptography import x509
from moto.acm.exceptions import AWSValidationException
from moto.acm.models import AWSCertificateManagerBackend, CertBundle, acm_backends
from moto.core.exceptions import AWSError
from moto.elbv2.exceptions import ELBClientError
from moto.elbv2.models import ELBv2Backend, elbv2_backends
from moto.route53.models import route53_backends

from rehearsal.cloud import amazon_root
from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import ACCOUNT, CloudState

COMMON_NAME = 64


class ResourceInUseError(AWSError):  # type: ignore[misc]  # moto is not typed
    """A listener has the certificate."""

    TYPE = "ResourceInUseException"


@around(AWSCertificateManagerBackend, "request_certificate")
def signed_by_amazon(
    cloud: CloudState, original: Correction, backend: Any, domain_name: str, *args: Any, **kwargs: Any
) -> str:
    if len(domain_name) > COMMON_NAME:
        raise AWSValidationException(
            "The first domain name can't exceed 64 characters. The name you supplied can be added as a"
            " Subject Alternative Name."
        )
    arn: str = original(backend, domain_name, *args, **kwargs)
    made = backend._certificates[arn]
    names = list(dict.fromkeys([domain_name, *made.sans]))
    made.cert = amazon_root.sign(made._cert.public_key(), names)
    made._cert, made.chain = x509.load_pem_x509_certificate(made.cert), amazon_root.root()
    return arn


@around(CertBundle, "check")
def is_issued_by_its_records(cloud: CloudState, original: Correction, made: Any) -> None:
    if (made.type, made.status) != ("AMAZON_ISSUED", "PENDING_VALIDATION"):
        original(made)
        return
    asked = made.describe()["Certificate"]["DomainValidationOptions"]
    if all(_is_public(one["ResourceRecord"]) for one in asked):
        made.status = "ISSUED"


def _is_public(record: dict[str, str]) -> bool:
    return any(
        (one.name.rstrip("."), one.type) == (record["Name"].rstrip("."), record["Type"])
        and [value.rstrip(".") for value in one.records] == [record["Value"].rstrip(".")]
        for zone in route53_backends[ACCOUNT]["aws"].zones.values()
        if not zone.private_zone
        for one in zone.rrsets
    )


@around(AWSCertificateManagerBackend, "delete_certificate")
def kept_by_listeners(cloud: CloudState, original: Correction, backend: Any, arn: str) -> None:
    if arn in _in_use(backend.region_name):
        raise ResourceInUseError(f"Certificate {arn} in account {ACCOUNT} is in use.")
    original(backend, arn)


def _in_use(region: str) -> Iterator[str]:
    for balancer in elbv2_backends[ACCOUNT][region].load_balancers.values():
        yield from (one.certificate for one in balancer.listeners.values() if one.certificate)


@around(ELBv2Backend, "create_listener")
def listens_by_what_is_issued(cloud: CloudState, original: Correction, backend: Any, *args: Any, **kwargs: Any) -> Any:
    _check_issued(backend.region_name, kwargs.get("certificate"))
    return original(backend, *args, **kwargs)


@around(ELBv2Backend, "modify_listener")
def goes_on_by_what_is_issued(cloud: CloudState, original: Correction, backend: Any, *args: Any, **kwargs: Any) -> Any:
    for one in kwargs.get("certificates") or []:
        _check_issued(backend.region_name, one.get("CertificateArn") or one.get("certificate_arn"))
    return original(backend, *args, **kwargs)


def _check_issued(region: str, arn: str | None) -> None:
    known = acm_backends[ACCOUNT][region]._certificates
    if arn in known:
        known[arn].check()
        if known[arn].status != "ISSUED":
            raise ELBClientError(
                "UnsupportedCertificate",
                f"The certificate '{arn}' must have a fully-qualified domain name, a supported signature, and a"
                " supported key size.",
            )
