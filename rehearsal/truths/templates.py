"""Launch templates: their tags are no part of their data, and any version may carry user data."""

from __future__ import annotations

from typing import Any

from moto.core.types import Base64EncodedString
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateBackend

from rehearsal.truths.patch import Correction, around
from rehearsal.world import World


@around(LaunchTemplateBackend, "create_launch_template")
def tags_stay_outside(
    world: World, original: Correction, backend: Any, name: str, description: str, data: Any, tags: Any
) -> Any:
    """moto copies the template's own tags into its data, where a provider reads them back as a difference."""
    own = [spec for spec in data.pop("TagSpecifications", []) if spec["ResourceType"] != "launch-template"]
    if own:
        data = {**data, "TagSpecifications": own}
    return original(backend, name, description, data, tags)


@around(LaunchTemplate, "create_version")
def user_data_is_base64(
    world: World, original: Correction, template: Any, data: dict[str, Any], description: str
) -> Any:
    """moto wraps the user data of a new template only; that of a new version breaks CreateAutoScalingGroup."""
    if isinstance(data.get("UserData"), str):
        data = {**data, "UserData": Base64EncodedString(data["UserData"])}
    return original(template, data, description)
