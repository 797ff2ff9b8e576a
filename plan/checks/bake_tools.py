"""Programs that a bake needs on this machine, where an update is about to bake."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from core.engine_call import Call
from core.errors import Problem, problem
from core.names import PACKER_INSTALL, SESSION_PLUGIN, SESSION_PLUGIN_INSTALL
from plan.config.settings import Settings
from plan.image_source import ImageSource
from plan.rollout_plan import RolloutPlan

PROFILE = "session_manager_profile"


def problems(settings: Settings, plan: RolloutPlan, source: ImageSource, call: Call | None) -> Iterator[Problem]:
    """What an update would fail of when it bakes. A preview bakes nothing, and may run where nobody ever bakes."""
    bakes = plan.existing is None and source.needs_bake and not settings.image_from
    if not (bakes and call and call.operation == "up"):
        return
    if shutil.which("packer") is None:
        yield Problem("PHX-359", "this update bakes an image, and Packer is not installed here", PACKER_INSTALL)
    profile = settings.packer_variables.get(PROFILE)
    if profile and shutil.which(SESSION_PLUGIN) is None:
        yield problem(
            "PHX-360",
            f"packerVariables.{PROFILE}",
            str(profile),
            f"takes {SESSION_PLUGIN} on the machine that bakes, and it is not installed here",
            SESSION_PLUGIN_INSTALL,
        )
