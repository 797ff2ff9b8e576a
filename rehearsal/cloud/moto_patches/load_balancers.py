"""Load balancers: reached at this machine's loopback, and refusing what AWS refuses."""

from __future__ import annotations

import copy
import fnmatch
import json
import re
import socket
from typing import Any

from moto.elbv2.exceptions import DuplicateListenerError, ELBClientError
from moto.elbv2.models import ELBv2Backend, FakeLoadBalancer
from moto.elbv2.responses import ELBV2Response as ELBResponse
from moto.elbv2.ssl_policies import SSL_POLICIES
from moto.s3.models import s3_backends

from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState


@around(FakeLoadBalancer, "__init__")
def lives_here(cloud: CloudState, original: Correction, balancer: Any, name: str, *args: Any, **kwargs: Any) -> None:
    original(balancer, name, *args, **kwargs)
    balancer.dns_name = "127.0.0.1"


@around(ELBv2Backend, "create_load_balancer")
def has_a_proper_name(
    cloud: CloudState, original: Correction, backend: Any, name: str, *args: Any, **kwargs: Any
) -> Any:
    if len(name) > 32:
        raise ELBClientError(
            "ValidationError", f"The load balancer name '{name}' cannot be longer than '32' characters"
        )
    if not re.fullmatch(r"(?!internal-)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", name):
        raise ELBClientError(
            "ValidationError",
            f"The load balancer name '{name}' can only contain characters that are alphanumeric characters and "
            "hyphens(-), cannot begin or end with a hyphen and cannot begin with 'internal-'",
        )
    if any(balancer.name == name for balancer in backend.load_balancers.values()):
        raise ELBClientError("DuplicateLoadBalancerName", "A load balancer with the specified name already exists.")
    return original(backend, name, *args, **kwargs)


@around(ELBv2Backend, "delete_load_balancer")
def may_be_protected(cloud: CloudState, original: Correction, backend: Any, arn: str) -> None:
    balancer = backend.load_balancers.get(arn)
    if balancer is not None and balancer.attrs.get("deletion_protection.enabled") == "true":
        raise ELBClientError(
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
        )
    original(backend, arn)


@around(ELBv2Backend, "create_listener")
def listens_on_a_free_port(
    cloud: CloudState,
    original: Correction,
    backend: Any,
    load_balancer_arn: str,
    protocol: str,
    port: Any,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """One listener a port; whoever asks for the same one again, since an answer was lost, gets that.

    The port is one of this machine's: say so at once when it can't be had, instead of never answering on it.
    """
    # moto makes what it is given its own; the order of tags is nobody's.
    tags = sorted(kwargs.get("tags") or (), key=lambda tag: str(tag["Key"]))
    asked = copy.deepcopy((protocol, int(port), args, {**kwargs, "tags": tags}))
    there = _on(backend.load_balancers.get(load_balancer_arn), port)
    if there is not None and cloud.idempotent_answers.get(there.arn) == asked:
        return there
    if there is not None:
        raise DuplicateListenerError
    _known_policy(protocol, args[0] if args else kwargs.get("ssl_policy"))
    _bindable(cloud, int(port))
    made = original(backend, load_balancer_arn, protocol, port, *args, **kwargs)
    cloud.idempotent_answers[made.arn] = asked
    return made


@around(ELBv2Backend, "modify_listener")
def moves_to_a_free_port(
    cloud: CloudState, original: Correction, backend: Any, arn: str, port: Any = None, *args: Any, **kwargs: Any
) -> Any:
    """A listener can't take the port of another one of its load balancer (ELB API reference, ModifyListener)."""
    balancer = next((one for one in backend.load_balancers.values() if arn in one.listeners), None)
    there = _on(balancer, port) if port is not None else None
    if there is not None and there.arn != arn:
        raise DuplicateListenerError
    if port is not None and there is None:
        _bindable(cloud, int(port))
    return original(backend, arn, port, *args, **kwargs)


@around(ELBResponse, "describe_ssl_policies")
def of_known_names(cloud: CloudState, original: Correction, response: Any) -> Any:
    """One that is asked for by a name that AWS does not have is an error (ELB API reference, DescribeSSLPolicies)."""
    for name in response._get_param("Names", []):
        _known_policy("HTTPS", name)
    return original(response)


@around(ELBv2Backend, "modify_listener_attributes")
def has_attributes_of_its_protocol(
    cloud: CloudState, original: Correction, backend: Any, listener_arn: str, attrs: list[dict[str, str]]
) -> Any:
    """Only what a listener of an application load balancer has, and a text that is not empty (ELB API reference)."""
    for one in attrs:
        if not one["Key"].startswith("routing.http."):
            raise ELBClientError("InvalidConfigurationRequest", f"Listener attribute key '{one['Key']}' is not valid")
        if one["Key"].endswith(".enabled") and one.get("Value") not in ("true", "false"):
            raise ELBClientError("InvalidConfigurationRequest", f"'{one['Key']}' must be 'true' or 'false'")
    return original(backend, listener_arn, attrs)


@around(ELBv2Backend, "modify_load_balancer_attributes")
def may_write_its_logs(cloud: CloudState, original: Correction, backend: Any, arn: str, attrs: dict[str, Any]) -> Any:
    """Access logs go to a bucket that is there, lets Elastic Load Balancing write, and has no key of KMS.

    Source: ELB user guide, "Enable access logs for your Application Load Balancer".
    """
    now = {**getattr(backend.load_balancers.get(arn), "attrs", {}), **attrs}
    if attrs.get("access_logs.s3.enabled") == "true" and not _takes_logs(backend, now):
        raise ELBClientError(
            "InvalidConfigurationRequest",
            f"Access Denied for bucket: {now.get('access_logs.s3.bucket')}. Please check S3bucket permission",
        )
    return original(backend, arn, attrs)


def _takes_logs(backend: Any, attrs: dict[str, Any]) -> bool:
    buckets = s3_backends[backend.account_id]["aws"].buckets
    bucket = buckets.get(attrs.get("access_logs.s3.bucket", ""))
    if bucket is None or bucket.region_name != backend.region_name:
        return False
    rule: Any = (bucket.encryption or {}).get("Rule") or {}
    first = rule[0] if isinstance(rule, list) else rule
    if first.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm", "AES256") != "AES256":
        return False
    text = bucket.policy.decode() if isinstance(bucket.policy, bytes) else bucket.policy
    below = f"{bucket.arn}/{attrs.get('access_logs.s3.prefix', '')}".rstrip("/") + f"/AWSLogs/{backend.account_id}/x"
    return any(
        one["Effect"] == "Allow"
        and one["Principal"] == {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
        and fnmatch.fnmatchcase(below, one["Resource"])
        for one in json.loads(text or '{"Statement": []}')["Statement"]
    )


def _known_policy(protocol: str, name: Any) -> None:
    if protocol == "HTTPS" and name not in SSL_POLICIES:
        raise ELBClientError("SSLPolicyNotFound", f"SSL policy '{name}' not found")


def _on(balancer: Any, port: Any) -> Any:
    ears = balancer.listeners.values() if balancer is not None else ()
    return next((one for one in ears if int(one.port) == int(port)), None)


def _bindable(cloud: CloudState, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", cloud.ports.get(port, port)))
        except OSError as error:
            raise ELBClientError(
                "InvalidConfigurationRequest",
                f"The rehearsal's balancer can't listen on 127.0.0.1:{port} of this machine: {error.strerror}. "
                "Choose another listener port.",
            ) from error
