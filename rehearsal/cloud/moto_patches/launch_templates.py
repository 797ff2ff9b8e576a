"""Launch templates: their tags are no part of their data, any version may carry user data, and one that is not there is
not found by its id.

Error codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

import base64
from typing import Any

from moto.core.types import Base64EncodedString
from moto.ec2.exceptions import EC2ClientError, InvalidLaunchTemplateIdNotFound
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateBackend

from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState


@around(LaunchTemplateBackend, "create_launch_template")
def tags_stay_outside(
    cloud: CloudState, original: Correction, backend: Any, name: str, description: str, data: Any, tags: Any
) -> Any:
    """moto copies the template's own tags into its data, where a provider reads them back as a difference."""
    own = [spec for spec in data.pop("TagSpecifications", []) if spec["ResourceType"] != "launch-template"]
    if own:
        data = {**data, "TagSpecifications": own}
    return original(backend, name, description, data, tags)


@around(LaunchTemplate, "create_version")
def user_data_is_base64(
    cloud: CloudState, original: Correction, template: Any, data: dict[str, Any], description: str
) -> Any:
    """moto wraps the user data of a new template only; that of a new version breaks CreateAutoScalingGroup.

    And it takes any, where EC2 takes 16 KiB before base64 (its words: terraform-aws-github-runner, issue 3700).
    """
    given = data.get("UserData") or ""
    if len(base64.b64decode(given if isinstance(given, str) else given.as_bytes())) > 16384:
        raise EC2ClientError("InvalidUserData.Malformed", "User data is limited to 16384 bytes.")
    if isinstance(data.get("UserData"), str):
        data = {**data, "UserData": Base64EncodedString(data["UserData"])}
    return original(template, data, description)


@around(LaunchTemplateBackend, "delete_launch_template")
def missing_by_id(cloud: CloudState, original: Correction, backend: Any, name: str, tid: str | None) -> Any:
    """moto complains of a name that nobody gave; providers take the right code for: it is deleted already."""
    if not name and tid and tid not in backend.launch_templates:
        raise InvalidLaunchTemplateIdNotFound(tid)
    return original(backend, name, tid)


@around(LaunchTemplateBackend, "describe_launch_templates")
def missing_among_asked(
    cloud: CloudState,
    original: Correction,
    backend: Any,
    template_names: Any = None,
    template_ids: Any = None,
    filters: Any = None,
) -> Any:
    """moto leaves out the ids that there are not."""
    for tid in template_ids or ():
        if tid not in backend.launch_templates:
            raise InvalidLaunchTemplateIdNotFound(tid)
    return original(backend, template_names, template_ids, filters)
