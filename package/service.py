"""One service, with all that the main program makes for it, for programs in any language of Pulumi's.

No postponed annotations here: Pulumi reads the schema off the types themselves.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pulumi

from components import service
from package.arguments import ServiceArgs
from plan import planner
from plan.config import pulumi_config, validators
from plan.user_errors import user_errors


class Service(pulumi.ComponentResource):
    """Servers that are never patched: an image that Packer bakes from the scripts in your program's folder, blue and green groups, gates, and the load balancer between them."""  # noqa: E501 (the schema's text, a line)

    url: pulumi.Output[str]
    """URL that users type."""
    live: pulumi.Output[dict[str, Any]]
    """What has production: color, generation, fingerprint, image, commit, weights."""
    certificates: pulumi.Output[dict[str, Any]]
    """Birth certificates of the groups that stand, by color."""
    past: pulumi.Output[list[Any]]
    """Groups that died, newest first."""

    def __init__(self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        said: dict[str, Any] = dict(args)
        token = pulumi.Output.secret(said.pop("previewToken")).apply(_checked)
        with user_errors(about=f"service {said['service']} (its keys are inputs of {name})"):
            # The token may be an output; its shape is checked when it is known.
            settings = pulumi_config.settings_from_inputs(said, token="-" * 24)
            checked = planner.make_plan(settings, Path.cwd(), now=datetime.now(UTC))
        super().__init__("phoenix:index:Service", name, {"active": checked.rollout.active.color}, opts)
        pulumi.log.info(checked.report.text, self)
        told = _declared(checked, token, self)
        self.url, self.live, self.certificates, self.past = (
            told[key] for key in ("url", "live", "certificates", "past")
        )
        self.register_outputs(dict(told))


def _declared(
    checked: planner.CheckedPlan, token: pulumi.Output[str], parent: pulumi.Resource
) -> Mapping[str, pulumi.Output[Any]]:
    """Network, listener and service, below the component."""
    network, listener = service.declare_network_and_listener(
        checked.settings, checked.existing_balancer, doors=checked.listener_move, parent=parent
    )
    return service.declare_service(checked, network=network, listener=listener, token=token, parent=parent)


def _checked(token: str) -> str:
    try:
        return str(validators.token(token))
    except ValueError as rule:
        raise pulumi.RunError(f"previewToken = '[secret]': must be {rule}.\n  type: openssl rand -hex 24") from None
