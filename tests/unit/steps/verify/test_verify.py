"""verify: a group is proven while nobody uses it, and a failed birth says why at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from core.errors import StepError
from core.hooks import Hook
from core.release_events import REFUSED, VERIFIED
from steps.verify import group_health
from steps.verify.verify import Options, verify
from tests.unit.steps.cloud import ACCOUNT, BLUE, GREEN, REGION, STACK, TOKEN, Balancer, Color, World, Wrapped, balancer

OLD = "cccccccccccc"


@pytest.fixture
def alb() -> Iterator[Balancer]:
    with balancer() as playing:
        yield playing


@pytest.fixture
def world(alb: Balancer) -> Iterator[World]:
    with mock_aws():
        yield World(boto3.Session("testing", "testing", region_name=REGION), alb.port)


def given(world: World, ours: Color, **more: Any) -> Options:
    return Options(
        stack=STACK,
        account=ACCOUNT,
        region=REGION,
        color="green",
        generation=GREEN,
        group=ours.group,
        target_group=ours.target_group,
        listener=world.listener,
        preview_rule=world.preview_rule or world.preview(ours.target_group),
        **{"min_size": 1, "timeout_seconds": 900, **more},
    )


def test_a_group_that_is_well_is_tagged_as_verified(world: World, alb: Balancer) -> None:
    ours = world.color("green", GREEN, size=2)

    result = verify(given(world, ours, min_size=2), world.context())

    assert (result["group"], result["generation"], result["servers"]) == (ours.group, GREEN, 2)
    [told] = world.events
    assert (told.kind, told.color, told.generation) == (VERIFIED, "green", GREEN)
    assert told.detail()["release"]["gates"]["verify"]["servers"] == 2
    assert str(result["verifiedAt"]).endswith("Z")
    tag = next(tag for tag in world.scaling(ours.group)["Tags"] if tag["Key"] == "phoenix:verified")
    assert (tag["Value"], tag["PropagateAtLaunch"]) == (GREEN, False)
    assert {seen["X-Phoenix-Preview"] for seen in alb.seen} == {TOKEN}
    assert {seen["Host"] for seen in alb.seen} == {f"127.0.0.1:{alb.port}"}
    assert len(alb.seen) == group_health.GOOD_ROUNDS
    assert {tag["Key"] for tag in world.scaling(ours.group)["Tags"] if tag["PropagateAtLaunch"]} == set()
    servers = [one["InstanceId"] for one in world.scaling(ours.group)["Instances"]]
    tags = {tag["Key"]: tag["Value"] for tag in world.scaling(ours.group)["Tags"]}
    assert tags["phoenix:born"].startswith(f"at={result['bornAt']} servers=2 ")
    assert all(f" {server}=" in tags["phoenix:born"] for server in servers)
    assert tags["phoenix:gate-verify"].startswith(f"at={result['verifiedAt']} seconds=")
    assert result["releases"] == {"green": {key: tags[key] for key in ("phoenix:born", "phoenix:gate-verify")}}
    assert TOKEN not in world.said()


def test_a_group_that_is_verified_again_on_a_way_back_was_born_once(world: World, alb: Balancer) -> None:
    ours = world.color("green", GREEN, size=2)
    first = verify(given(world, ours, min_size=2), world.context())["releases"]["green"]  # type: ignore[index]
    world.aws.autoscaling.update_auto_scaling_group(AutoScalingGroupName=ours.group, MinSize=3, DesiredCapacity=3)
    second = verify(given(world, ours, min_size=3), world.context())["releases"]["green"]  # type: ignore[index]
    assert second["phoenix:born"] == first["phoenix:born"]
    assert " servers=3 " in second["phoenix:gate-verify"]


def test_a_group_is_lifted_to_what_the_live_one_has(world: World) -> None:
    live = world.color("blue", BLUE, size=4)
    ours = world.color("green", GREEN, size=1)
    world.production({live.target_group: 100})

    assert verify(given(world, ours), world.context())["servers"] == 4
    assert (world.scaling(ours.group)["MinSize"], world.scaling(ours.group)["DesiredCapacity"]) == (4, 4)
    assert world.scaling(live.group)["MinSize"] == 4


def test_a_group_that_may_not_grow_that_far_says_so(world: World) -> None:
    live = world.color("blue", BLUE, size=4)
    ours = world.color("green", GREEN, size=1, maximum=3)
    world.production({live.target_group: 100})

    assert verify(given(world, ours), world.context())["servers"] == 3
    assert "the live group has 4 servers, but maxSize lets green-aaaaaaaaaaaa have only 3" in world.said()


def test_a_live_group_that_was_scaled_down_makes_no_small_one(world: World) -> None:
    live = world.color("blue", BLUE, size=2)
    ours = world.color("green", GREEN, size=2)
    world.production({live.target_group: 100})
    world.aws.autoscaling.update_auto_scaling_group(AutoScalingGroupName=live.group, MinSize=0, DesiredCapacity=0)

    assert verify(given(world, ours, min_size=2), world.context())["servers"] == 2


def test_a_group_that_may_have_no_server_is_never_verified(world: World) -> None:
    ours = world.color("green", GREEN, size=2)
    world.aws.autoscaling.update_auto_scaling_group(
        AutoScalingGroupName=ours.group, MinSize=0, MaxSize=0, DesiredCapacity=0
    )

    text = fails(world, ours)
    assert f"{ours.group} may have no server: its MaxSize is 0" in text
    assert f"--auto-scaling-group-name {ours.group} --max-size N" in text
    assert world.clock.passed == 0


def test_what_a_failed_attempt_left_is_swept_but_nothing_else(world: World) -> None:
    live = world.color("blue", BLUE)
    ours = world.color("green", GREEN)
    dead = world.color("green", OLD)
    # The same color, and live: a canary of it was cut short.
    canary = world.color("green", "dddddddddddd")
    idle = world.color("blue", "eeeeeeeeeeee")
    world.production({live.target_group: 90, canary.target_group: 10})

    verify(given(world, ours), world.context())

    assert world.scaling(dead.group) is None
    assert all(world.scaling(one.group) for one in (live, ours, canary, idle))
    assert f"deleting {dead.group}: a failed attempt left it, and it gets no traffic" in world.said()


def test_the_wait_tells_how_far_it_is(world: World) -> None:
    ours = world.color("green", GREEN, size=2)
    one, two = world.servers_behind(ours.target_group)
    world.health[ours.target_group] = [(one, "healthy", "", ""), (two, "initial", "Elb.InitialHealthChecking", "")]
    world.clock.at(30, lambda: world.health.pop(ours.target_group))

    verify(given(world, ours, min_size=2), world.context())

    line = f"1 of 2 servers healthy; {two} initial (Elb.InitialHealthChecking)"
    assert f"[0 s of 900 s] {line}\n" in world.said()
    # Nothing new in the next half minute: told now and then all the same.
    assert 2 <= world.said().count(line) <= 3
    assert "green is to have 2 healthy servers, then to answer 3 times in a row through the preview" in world.said()


def fails(world: World, ours: Color, **more: object) -> str:
    with pytest.raises(StepError) as error:
        verify(given(world, ours, **more), world.context())
    tags = {tag["Key"] for tag in world.scaling(ours.group)["Tags"]}
    assert "phoenix:verified" not in tags
    return str(error.value)


def test_servers_that_never_get_healthy_are_explained_with_the_end_of_a_console(world: World) -> None:
    ours = world.color("green", GREEN)
    server = world.servers_behind(ours.target_group)[0]
    world.health[ours.target_group] = [(server, "unhealthy", "Target.FailedHealthChecks", "Health checks failed")]

    text = fails(world, ours)

    assert text.startswith(
        "PHX-601: green aaaaaaaaaaaa was not verified; production was not touched\n"
        "Why: PHX-605: 0 of 1 servers were healthy"
    )
    assert f"{server} unhealthy (Target.FailedHealthChecks): Health checks failed - nothing listens" in text
    assert f"The console of {server} ends with:" in text
    assert "then run `pulumi up` again" in text
    assert world.clock.passed >= 900


def test_which_secret_a_server_could_not_read_stands_before_its_console(world: World) -> None:
    """As it looks on EC2; whatever systemd says after it would have scrolled it away."""
    ours = world.color("green", GREEN)
    server = world.servers_behind(ours.target_group)[0]
    world.health[ours.target_group] = [(server, "unhealthy", "Target.FailedHealthChecks", "Health checks failed")]
    said = (
        "[    9.1] phoenix-secrets[612]: FAILED: DB: ssm:/shop/db can't be read: ParameterNotFound: it is none\r\n"
        "[    9.1] phoenix-secrets[612]: FAILED: 1 of 1 secrets can't be read; the application does not start\r\n"
    )
    output = said + "".join(f"[   13.{line}] systemd[1]: Reached target\n" for line in range(40))
    world.aws.__dict__["ec2"] = Wrapped(world.aws.ec2, get_console_output=lambda **_: {"Output": output})

    text = fails(world, ours)

    lines = [line.strip() for line in text.splitlines()]
    first = lines.index("its secrets: FAILED: DB: ssm:/shop/db can't be read: ParameterNotFound: it is none")
    assert lines[first + 1 : first + 3] == [
        "its secrets: FAILED: 1 of 1 secrets can't be read; the application does not start",
        f"The console of {server} ends with:",
    ]
    assert "put what lacks into Parameter Store or Secrets Manager" in text


def test_a_launch_that_can_not_succeed_ends_the_wait_at_once(world: World) -> None:
    ours = world.color("green", GREEN)
    world.health[ours.target_group] = []
    world.failures = [("1", "The image id '[ami-0123456789abcdef0]' does not exist. Launching EC2 instance failed.")]
    # A second server is wanted and does not come.
    world.aws.autoscaling.answers["update_auto_scaling_group"] = lambda **_: {}  # type: ignore[attr-defined]

    text = fails(world, ours, min_size=2)

    assert "a server can't be launched: The image id '[ami-0123456789abcdef0]' does not exist" in text
    assert world.clock.passed < 5


def test_old_trouble_of_a_group_that_was_repaired_does_not_count(world: World) -> None:
    ours = world.color("green", GREEN)
    world.failures = [("1", "You are not authorized to perform this operation.")]
    world.clock.passed = 3600
    world.health[ours.target_group] = []
    world.clock.at(3620, lambda: world.health.pop(ours.target_group))

    assert verify(given(world, ours), world.context())["servers"] == 1


def test_trouble_that_was_told_does_not_fail_the_next_try_before_aws_tries_again(world: World) -> None:
    ours = world.color("green", GREEN)
    world.health[ours.target_group] = []
    world.failures = [("1", "Client.InternalError: Client error on launch")]
    world.aws.autoscaling.answers["update_auto_scaling_group"] = lambda **_: {}  # type: ignore[attr-defined]
    assert "Client.InternalError" in fails(world, ours, min_size=2)

    world.clock.at(world.clock.passed + 20, lambda: world.health.pop(ours.target_group))
    assert verify(given(world, ours), world.context())["servers"] == 1


def test_trouble_that_comes_again_is_told_again(world: World) -> None:
    ours = world.color("green", GREEN)
    world.health[ours.target_group] = []
    world.failures = [("1", "Client.InternalError: Client error on launch")]
    world.aws.autoscaling.answers["update_auto_scaling_group"] = lambda **_: {}  # type: ignore[attr-defined]
    assert "Client.InternalError" in fails(world, ours, min_size=2)

    again = ("2", "The image id '[ami-0123456789abcdef0]' does not exist")
    world.clock.at(world.clock.passed + 20, lambda: world.failures.insert(0, again))
    assert "ami-0123456789abcdef0" in fails(world, ours, min_size=2)


def test_servers_that_die_again_and_again_are_a_crash_loop(world: World) -> None:
    ours = world.color("green", GREEN)
    world.health[ours.target_group] = []

    def die() -> None:
        server = world.servers_behind(ours.target_group)[0]
        world.aws.autoscaling.terminate_instance_in_auto_scaling_group(
            InstanceId=server, ShouldDecrementDesiredCapacity=False
        )

    for seconds in (20, 40, 60):
        world.clock.at(seconds, die)

    assert "the servers fail as fast as they are launched: 2 were replaced" in fails(world, ours)
    assert world.clock.passed < 60


@pytest.mark.parametrize(
    ("status", "generation", "why"),
    [
        (500, GREEN, "127.0.0.1 answered 500"),
        (200, OLD, f"127.0.0.1 answered as generation {OLD}, not {GREEN}"),
    ],
)
def test_healthy_servers_that_answer_wrong_are_no_birth(
    world: World, alb: Balancer, status: int, generation: str, why: str
) -> None:
    ours = world.color("green", GREEN)
    alb.preview.status, alb.preview.generation = status, generation

    assert f"the servers are healthy, but the smoke test failed 20 times in a row: {why}" in fails(world, ours)


def test_an_application_that_does_not_tell_its_generation_is_taken_at_its_word_and_that_is_said(
    world: World, alb: Balancer
) -> None:
    ours = world.color("green", GREEN)
    alb.preview.generation = None

    verify(given(world, ours), world.context())

    assert world.said().count("sends no X-Phoenix-Generation header: which generation answers is not checked") == 1


def test_the_smoke_command_gets_what_it_needs_and_its_token_is_not_shown(world: World, alb: Balancer) -> None:
    ours = world.color("green", GREEN)
    command = 'echo "$PHOENIX_URL $PHOENIX_HOST $PHOENIX_PREVIEW_HEADER $PHOENIX_PREVIEW_TOKEN $PHOENIX_GENERATION"'

    verify(given(world, ours, smoke_command=command, hostname="shop.example"), world.context())

    assert f"smoke: http://127.0.0.1:{alb.port} shop.example X-Phoenix-Preview *** {GREEN}" in world.said()
    assert TOKEN not in world.said()
    assert {seen["Host"] for seen in alb.seen} == {f"shop.example:{alb.port}"}


def test_the_smoke_command_gets_nobodys_identity_but_what_the_settings_name(
    world: World, alb: Balancer, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = ("AWS_SESSION_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "PULUMI_CONFIG_PASSPHRASE", "GITHUB_PATH")
    for name in (*secret, "TEST_USER"):
        monkeypatch.setenv(name, f"the {name}")
    ours = world.color("green", GREEN)

    verify(given(world, ours, smoke_command="env", smoke_environment=("TEST_USER",)), world.context())

    assert "smoke: TEST_USER=the TEST_USER" in world.said() and "smoke: PATH=" in world.said()
    for name in secret:
        assert f"the {name}" not in world.said()


def test_a_smoke_command_that_fails_is_no_birth(world: World) -> None:
    ours = world.color("green", GREEN)

    text = fails(world, ours, smoke_command="echo broken; exit 7")

    assert text.startswith("PHX-610: green aaaaaaaaaaaa did not pass the smoke command; production was not touched")
    [told] = world.events
    assert (told.kind, told.reason) == (REFUSED, f"{text.splitlines()[0]}\nit ended with exit code 7")
    assert "it ended with exit code 7" in text
    assert "smoke: broken" in world.said()


def test_a_smoke_command_gets_no_more_time_than_there_is(world: World) -> None:
    ours = world.color("green", GREEN)

    text = fails(world, ours, smoke_command="sleep 600", timeout_seconds=3)

    assert "it was not done when the 3 s of the step were over" in text


def test_a_preview_rule_that_leads_elsewhere_proves_nothing(world: World) -> None:
    ours, other = world.color("green", GREEN), world.color("blue", BLUE)
    world.preview(other.target_group)

    text = fails(world, ours)

    assert f"does not lead to {ours.target_group}" in text
    assert f"it leads to {other.target_group}" in text


def test_a_preview_rule_that_aws_shows_late_is_looked_at_again(world: World) -> None:
    ours, other = world.color("green", GREEN), world.color("blue", BLUE)
    rule = world.preview(other.target_group)
    actions: Any = [{"Type": "forward", "TargetGroupArn": ours.target_group}]
    world.clock.at(3, lambda: world.aws.elbv2.modify_rule(RuleArn=rule, Actions=actions))

    assert verify(given(world, ours), world.context())["generation"] == GREEN
    assert f"does not lead to {ours.target_group}" in world.said()


def test_https_needs_a_name_to_check_the_certificate_against(world: World) -> None:
    ours = world.color("green", GREEN)
    certificate = world.aws.session.client("acm").request_certificate(DomainName="shop.example")["CertificateArn"]
    world.aws.elbv2.modify_listener(
        ListenerArn=world.listener, Protocol="HTTPS", Certificates=[{"CertificateArn": certificate}]
    )

    assert "pulumi config set hostname NAME" in fails(world, ours)


def test_a_hook_after_verify_is_asked_before_the_group_counts_as_verified(world: World, tmp_path: Path) -> None:
    ours = world.color("green", GREEN)
    refuses = Hook(name="afterVerify", kind="command", target=f"cat >{tmp_path}/facts; echo no; exit 1")
    world.aws.elbv2.add_tags(
        ResourceArns=[ours.target_group], Tags=[{"Key": "phoenix:image", "Value": "ami-0123456789abcdef0"}]
    )

    text = fails(world, ours, hooks=(refuses,))

    assert text.startswith(f"PHX-022: the hook afterVerify refused green {GREEN}; production was not touched")
    assert "| no" in text
    said = json.loads((tmp_path / "facts").read_text())
    assert (said["hook"], said["generation"], said["production"]) == ("afterVerify", GREEN, {})
    assert said["release"]["image"] == "ami-0123456789abcdef0", "it is told what the servers are made of"
    assert "phoenix:verified" not in {tag["Key"] for tag in world.scaling(ours.group)["Tags"]}
    verify(given(world, ours, hooks=(replace(refuses, target=":"),)), world.context())
    assert "phoenix:verified" in {tag["Key"] for tag in world.scaling(ours.group)["Tags"]}


def test_a_hook_has_time_of_its_own_and_its_group_is_looked_at_again(world: World, tmp_path: Path) -> None:
    ours = world.color("green", GREEN)
    seen = tmp_path / "seen"
    command = f'echo x >>{seen}; [ "$(wc -l <{seen})" -ge 10 ] || exit 75'
    hook = Hook(name="afterVerify", kind="command", target=command, timeout_seconds=2000)

    world.clock.at(100, lambda: world.health.update({ours.target_group: []}))

    assert "0 of 1 servers were healthy after" in fails(world, ours, hooks=(hook,), timeout_seconds=60)

    began = world.clock.passed
    assert began > 9 * 30
    world.health.clear()
    seen.unlink()
    verify(given(world, ours, hooks=(hook,), timeout_seconds=60), world.context())
    assert world.clock.passed > began + 9 * 30
