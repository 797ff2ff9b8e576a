"""What the engine's flags would leave out or make anew is refused, and whatever can't be known stops nobody."""

from __future__ import annotations

from typing import Any

import pytest

from core.engine_call import Call
from plan import rollout_plan
from plan.checks import engine_flags
from plan.checks.engine_flags import Flags
from plan.rollout_plan import RolloutPlan
from tests.support.factories import NOW, group, live, recipe, settings

OLD, NEW = "111111111111", "222222222222"


def urn(types: str, name: str) -> str:
    return f"urn:pulumi:dev::phoenix::{types}::{name}"


BALANCER = urn("phoenix:index:Service$phoenix:index:LoadBalancer$aws:lb/loadBalancer:LoadBalancer", "phoenix-dev")
PRODUCTION = urn(
    "phoenix:index:Service$phoenix:index:LoadBalancer$aws:lb/listenerRule:ListenerRule", "phoenix-dev-production"
)
TARGET = urn("phoenix:index:Service$phoenix:index:LoadBalancer$aws:lb/targetGroup:TargetGroup", "phoenix-dev-blue")
GROUP = urn(
    "phoenix:index:Service$phoenix:index:AutoScalingGroup$aws:autoscaling/group:Group", "phoenix-dev-blue-group"
)
TEMPLATE = urn(
    "phoenix:index:Service$phoenix:index:LaunchTemplate$aws:ec2/launchTemplate:LaunchTemplate",
    "phoenix-dev-blue-template",
)
BAKE = urn("phoenix:index:Service$phoenix:index:MachineImage$command:local:Command", "phoenix-dev-blue-image-bake")
PROMOTE = urn("phoenix:index:Service$phoenix:index:Rollout$command:local:Command", "phoenix-dev-promote")
GUARD = urn("phoenix:index:Service$phoenix:index:Rollout$command:local:Command", "phoenix-dev-guard")
DASHBOARD = urn(
    "phoenix:index:Service$phoenix:index:Dashboard$aws:cloudwatch/dashboard:Dashboard", "phoenix-dev-dashboard"
)
BUCKET = urn("aws:s3/bucket:Bucket", "somebody-elses")
HELD = (BALANCER, PRODUCTION, TARGET, GROUP, TEMPLATE, BAKE, PROMOTE, GUARD, DASHBOARD, BUCKET)


def plan(image: str = NEW, **said: Any) -> RolloutPlan:
    return rollout_plan.decide_rollout(settings(**said), recipe(image), live(group("blue", OLD)), now=NOW)


FLIP, IDLE = plan(active="green"), plan(OLD)


def found(given: Flags, flying: RolloutPlan = FLIP) -> str:
    return "\n".join(str(one) for one in engine_flags.problems(given, flying, HELD))


@pytest.mark.parametrize("one", [BALANCER, PRODUCTION, TARGET, GROUP, TEMPLATE, BAKE, GUARD, "**:Group::*", "**"])
@pytest.mark.parametrize("flying", [FLIP, IDLE])
def test_what_serves_users_is_not_made_anew(one: str, flying: RolloutPlan) -> None:
    said = found(Flags(replaces=(one,)), flying)
    assert f"--replace {one}: " in said
    assert ("type: pulumi config set active green && pulumi up" if flying is IDLE else "type: pulumi up   (w") in said


@pytest.mark.parametrize("one", [PROMOTE, DASHBOARD, BUCKET, "**:Bucket::*"])
def test_what_only_looks_or_is_anothers_may_be_made_anew(one: str) -> None:
    assert found(Flags(replaces=(one,)), IDLE) == ""


@pytest.mark.parametrize("one", [TARGET, GROUP, TEMPLATE, BAKE, PROMOTE, "**phoenix-dev*"])
@pytest.mark.parametrize("flag", ["targets", "excludes"])
def test_a_birth_or_a_move_is_done_as_a_whole(one: str, flag: str) -> None:
    said = found(Flags(**{flag: (one,)}))  # type: ignore[arg-type]
    assert f"--{flag.removesuffix('s')} {one}: in this update green passes its gates" in said
    assert "type: pulumi up   (without --" in said
    assert found(Flags(**{flag: (one,)}), IDLE) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize("one", [BALANCER, PRODUCTION, BUCKET])
def test_what_is_no_groups_may_be_a_target_at_any_time(one: str) -> None:
    assert found(Flags(targets=(one,))) == ""
    assert engine_flags.flag_notes(Flags(targets=(one,)), FLIP) != ()
    assert engine_flags.flag_notes(Flags(targets=(one,)), IDLE) == engine_flags.flag_notes(Flags(), FLIP) == ()
    assert "done as a whole" in found(Flags(targets=(one,), dependents=True))


def test_everything_is_told_at_once() -> None:
    assert found(Flags(targets=(GROUP,), replaces=(GROUP, BALANCER))).count("nothing was changed") == 3


@pytest.mark.parametrize(
    ("arguments", "environment", "given"),
    [
        (["--target", GROUP, f"--target={BAKE}", "-t", BUCKET], {}, Flags(targets=(GROUP, BAKE, BUCKET))),
        (["--target-replace", GROUP], {}, Flags(targets=(GROUP,), replaces=(GROUP,))),
        (["--exclude", GROUP, "--exclude-dependents"], {}, Flags(excludes=(GROUP,), dependents=True)),
        (["--target", BALANCER, "--target-dependents=false"], {}, Flags(targets=(BALANCER,))),
        (["--yes", "--parallel", "1"], {}, Flags()),
        ([f"-t{GROUP}"], {}, Flags(targets=(GROUP,))),
        ([], {"PULUMI_OPTION_TARGET": f"{GROUP},{BAKE}", "PULUMI_OPTION_REPLACE": ""}, Flags(targets=(GROUP, BAKE))),
        (["--target", BUCKET], {"PULUMI_OPTION_TARGET": GROUP}, Flags(targets=(BUCKET,))),
    ],
)
def test_flags_are_read(arguments: list[str], environment: dict[str, str], given: Flags) -> None:
    assert engine_flags.read_flags(Call(operation="up", arguments=tuple(arguments)), environment) == given


def test_what_nobody_knows_stops_nobody() -> None:
    assert engine_flags.read_flags(None, {}) == Flags()
    assert found(engine_flags.read_flags(None, {})) == ""
