"""The role of a server of the rehearsal as the program gives it, by the environment that its settings have."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from components.launch_template import TRUST
from plan.config import secret_references, systems_manager
from rehearsal.cloud.cloud import Cloud
from tests.support.factories import settings


def profile(cloud: Cloud, environment: Mapping[str, str], *, more: Sequence[str] = ()) -> dict[str, Any]:
    """The instance profile of a role, as RunInstances and templates take it.

    The role may read what `environment` names, and do what the statements in `more` say.
    """
    iam, name = cloud.client("iam"), f"servers-{uuid.uuid4().hex[:8]}"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName=name, PolicyName="ssm", PolicyDocument=systems_manager.POLICY)
    iam.put_role_policy(
        RoleName=name,
        PolicyName="references",
        PolicyDocument=secret_references.reference_policy(
            settings(environment=environment).references,
            account=cloud.account,
            region=cloud.region,
            partition="aws",
            more=more,
        ),
    )
    arn = iam.create_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Arn"]
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    return {"IamInstanceProfile": {"Arn": arn}}
