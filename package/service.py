"""One service, with all that the main program makes for it, for programs in any language of Pulumi's.

No postponed annotations here: Pulumi reads the schema off the types themselves.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pulumi

from components import service
from core.errors import problem
from package.arguments import ServiceArgs
from plan import planner
from plan.config import pulumi_config, validators
from plan.user_errors import user_errors


class Service(service.Service):
    """Servers that are never patched: an image that Packer bakes from the scripts in your program's folder, blue and green groups, gates, and the load balancer between them."""  # noqa: E501 (the schema's text, a line)

    url: pulumi.Output[str]
    """URL that users type."""
    live: pulumi.Output[dict[str, Any]]
    """What has production: color, generation, fingerprint, image, commit, weights."""
    releases: pulumi.Output[dict[str, Any]]
    """Release records of the groups that exist, by color."""
    history: pulumi.Output[list[Any]]
    """Groups that were deleted, newest first."""
    summary: pulumi.Output[str]
    """How the gates of the active group went, in a line."""

    def __init__(self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        said: dict[str, Any] = dict(args)
        token = pulumi.Output.secret(said.pop("previewToken")).apply(_checked)
        with user_errors(about=f"service {said['service']} (its keys are inputs of {name})"):
            # The token may be an output; its shape is checked when it is known.
            settings = pulumi_config.settings_from_inputs(said, token="-" * 24)
            checked = planner.make_plan(settings, Path.cwd(), now=datetime.now(UTC))
        super().__init__(name, checked, token=token, opts=opts)
        pulumi.log.info(checked.report.text, self)


def _checked(token: str) -> str:
    try:
        return str(validators.token(token))
    except ValueError as rule:
        refused = problem("PHX-101", "previewToken", "[secret]", f"must be {rule}", "openssl rand -hex 24")
        raise pulumi.RunError(str(refused)) from None
