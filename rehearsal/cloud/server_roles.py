"""The roles of the local cloud's servers: their credentials, and what they may do with them. moto checks neither.

Whoever else calls (the engine, the steps, tests) may do everything here; docs/iam is held by tests of its own.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moto.autoscaling.models import autoscaling_backends
from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.ssm.models import ssm_backends
from moto.sts.models import sts_backends

from rehearsal.cloud import policies
from rehearsal.cloud.calls import Call, Refusal
from rehearsal.cloud.policies import Statement
from rehearsal.servers.metadata_service import RoleCredentials
from rehearsal.state.cloud_state import ACCOUNT, CloudState

_HOURS = 6
# What a service says of a key that it may not use for the caller.
KMS_WORDS = {
    "ssm": "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you"
    " are not allowed to access.",
    "secretsmanager": "Access to KMS is not allowed",
}


@dataclass(frozen=True)
class _Need:
    action: str
    resource: str
    context: policies.Context


class ServerRoles:
    """Gives credentials to servers, and knows whose they are."""

    def __init__(self, state: CloudState) -> None:
        self._state = state
        self._bearers: dict[str, tuple[str, str]] = {}  # access key -> role's name, instance id

    def credentials(self, instance_id: str) -> RoleCredentials | None:
        """Fresh ones of the instance's role; None when it has none."""
        with self._state.lock:
            profile = ec2_backends[ACCOUNT][self._state.region].iam_instance_profile_associations.get(instance_id)
            if profile is None or not profile.iam_instance_profile.roles:
                return None
            role = profile.iam_instance_profile.roles[0]
            made = sts_backends[ACCOUNT]["aws"].assume_role(
                region_name=self._state.region,
                role_session_name=instance_id,
                role_arn=role.arn,
                policy="",
                duration=_HOURS * 3600,
                external_id="",
            )
            self._bearers[made.access_key_id] = (role.name, instance_id)
        return RoleCredentials(
            role=role.name,
            access_key=made.access_key_id,
            secret_key=made.secret_access_key,
            token=made.session_token,
            expires=made.expiration,
        )

    def issued(self, access_key: str) -> bool:
        """Whether STS of this cloud gave the key, to a server or to whoever may assume a role."""
        with self._state.lock:
            regions = (backend for account in sts_backends.values() for backend in account.values())
            return any(backend.get_assumed_role_from_access_key(access_key) for backend in regions)

    def refusal(self, call: Call) -> Refusal | None:
        """Why a server's call is refused; None when it is not, or is nobody's server's."""
        bearer = self._bearers.get(call.access_key)
        if bearer is None:
            return None
        with self._state.lock:
            grants, bounds = statements_of(bearer[0])
            for need in _needs(call, self._state.region):
                if any(
                    not policies.allowed(said, need.action, need.resource, need.context)
                    for said in (grants, bounds)
                    if said is not None
                ):
                    return Refusal(status=400, code="AccessDeniedException", message=_action_of(call, need, *bearer))
        return None


def _action_of(call: Call, need: _Need, role: str, instance_id: str) -> str:
    if need.action != call.name:
        return KMS_WORDS[call.service]
    return (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{instance_id} is not authorized to perform:"
        f" {need.action} on resource: {need.resource}"
    )


def statements_of(name: str) -> tuple[list[Statement], list[Statement] | None]:
    """What a role's policies say, and what its permissions boundary does, if it has one."""
    iam = iam_backends[ACCOUNT]["aws"]
    role = iam.get_role(name)
    documents = [*role.policies.values(), *(_document(policy) for policy in role.managed_policies.values())]
    bounds = None
    if role.permissions_boundary_arn:
        bounds = policies.statements(json.loads(_document(iam.get_policy(role.permissions_boundary_arn))))
    return [said for document in documents for said in policies.statements(json.loads(document))], bounds


def _document(policy: Any) -> str:
    """That of a managed policy's default version."""
    return next(str(one.document) for one in policy.versions if one.version_id == policy.default_version_id)


def _needs(call: Call, region: str) -> Iterator[_Need]:
    """The permissions that AWS asks for: the call's own, and to decrypt what a key of the account's own encrypts.

    AWS's own keys (aws/ssm, aws/secretsmanager) are for everybody in the account who may call the service.
    """
    said: dict[str, Any] = json.loads(call.body) if call.body[:1] == "{" else {}
    if call.service == "ssm" and call.operation.startswith("GetParameter"):
        for name in said.get("Names") or [said.get("Name") or said.get("Path", "")]:
            arn = f"arn:aws:ssm:{region}:{ACCOUNT}:parameter/{name.lstrip('/')}"
            yield _Need(call.name, arn, {})
            versions = ssm_backends[ACCOUNT][region]._parameters.get(name)
            if versions and versions[-1].parameter_type == "SecureString" and said.get("WithDecryption"):
                yield from _decrypt("ssm", region, versions[-1].keyid, {"PARAMETER_ARN": arn})
    elif call.service == "secretsmanager" and call.operation == "GetSecretValue":
        known = secretsmanager_backends[ACCOUNT][region].secrets.get(said["SecretId"])
        arn = known.arn if known else f"arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:{said['SecretId']}-AbCdEf"
        yield _Need(call.name, arn, {})
        yield from _decrypt("secretsmanager", region, known.kms_key_id if known else "", {"SecretARN": arn})
    elif call.service == "dynamodb":
        arn = f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/{said['TableName']}"
        yield _Need(call.name, arn, policies.leading_keys(said))
    elif call.name == "autoscaling:CompleteLifecycleAction":
        [name] = urllib.parse.parse_qs(call.body)["AutoScalingGroupName"]
        group = autoscaling_backends[ACCOUNT][region].autoscaling_groups.get(name)
        tags = {f"aws:ResourceTag/{tag['Key']}": tag["Value"] for tag in (group.tags if group else [])}
        yield _Need(call.name, group.arn if group else "*", tags)
    else:
        yield _Need(call.name, "*", {})


def _decrypt(service: str, region: str, key: str | None, context: Mapping[str, str]) -> Iterator[_Need]:
    if not key or "alias/aws/" in key:
        return
    kms = kms_backends[ACCOUNT][region]
    arn = kms.keys[kms.any_id_to_key_id(key.rpartition("key/")[2])].arn
    yield _Need(
        "kms:Decrypt",
        arn,
        {
            "kms:ViaService": f"{service}.{region}.amazonaws.com",
            **{f"kms:EncryptionContext:{name}": value for name, value in context.items()},
        },
    )
