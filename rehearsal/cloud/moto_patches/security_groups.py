"""A security group, a subnet or an internet gateway that something uses can't be deleted; a rule that is not there is
not found by its id.

Error codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import DependencyViolationError, EC2ClientError, InvalidPermissionNotFoundError
from moto.ec2.models.security_groups import SecurityGroupBackend
from moto.ec2.models.subnets import SubnetBackend
from moto.elbv2.models import elbv2_backends

from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState


@around(SecurityGroupBackend, "delete_security_group")
def not_while_in_use(
    cloud: CloudState, original: Correction, backend: Any, name: str | None = None, group_id: str | None = None
) -> None:
    if group_id and _used(backend, group_id):
        raise DependencyViolationError(f"resource {group_id} has a dependent object")
    original(backend, name, group_id)


def _used(backend: Any, group_id: str) -> bool:
    return (
        any(
            group_id in {group.id for group in instance.security_groups}
            for instance in backend.all_instances()
            if instance.state != "terminated"
        )
        or any(group_id in (balancer.security_groups or []) for balancer in _balancers(backend))
        or any(
            rule.source_group.get("GroupId") == group_id
            for groups in backend.groups.values()
            for group in groups.values()
            if group.id != group_id
            for rule in [*group.ingress_rules, *group.egress_rules]
        )
    )


@around(SubnetBackend, "delete_subnet")
def not_while_inhabited(cloud: CloudState, original: Correction, backend: Any, subnet_id: str) -> Any:
    inhabited = any(
        instance.subnet_id == subnet_id for instance in backend.all_instances() if instance.state != "terminated"
    ) or any(subnet_id in {subnet.id for subnet in balancer.subnets} for balancer in _balancers(backend))
    if inhabited:
        raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
    return original(backend, subnet_id)


def _balancers(backend: Any) -> list[Any]:
    return list(elbv2_backends[backend.account_id][backend.region_name].load_balancers.values())


@around(SecurityGroupBackend, "revoke_security_group_egress")
@around(SecurityGroupBackend, "revoke_security_group_ingress")
def missing_by_id(cloud: CloudState, original: Correction, backend: Any, *args: Any, **kwargs: Any) -> Any:
    """moto names the code for rules that are named by their contents."""
    try:
        return original(backend, *args, **kwargs)
    except InvalidPermissionNotFoundError as error:
        if asked := kwargs.get("security_rule_ids"):
            raise EC2ClientError(
                "InvalidSecurityGroupRuleId.NotFound",
                f"The specified security group rule '{', '.join(asked)}' does not exist",
            ) from error
        raise
