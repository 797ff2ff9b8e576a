"""A server's work and its end in real operating systems: the live target over many flips, and the stop command."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from bench.bakes import bake
from core import live_target
from core.aws import Aws
from plan.config import live_target as live_rights
from plan.config import stop_command
from plan.config.user_data import user_data
from rehearsal.cloud.cloud import Cloud
from tests.rehearsal.boto3_stack import GENERATION, in_service, scaling, stack, until
from tests.rehearsal.real_machines.host import booted, changed, inside, launched, metal, needed, real_cloud
from tests.rehearsal.servers.roles import profile
from tests.support.factories import settings

pytestmark = needed()
WHERE = {"account": "123456789012", "region": "eu-west-1", "partition": "aws"}
TABLE = "phoenix-dev-live-1234567"
COLORS = {"blue": "b" * 12, "green": "c" * 12}
FLIPS = 20
# A worker that does not say that it is the target's but by wanting it, and writes down when it works and as whom.
WORKER = r"""
cat >/etc/systemd/system/shop-worker.service <<'UNIT'
[Service]
User=nobody
EnvironmentFile=/run/phoenix-live/env
StateDirectory=worker
ExecStart=/bin/sh -c 'while :; do echo "$(date +%%s.%%N) $PHOENIX_LIVE_NUMBER" >>/var/lib/worker/done; sleep 0.1; done'
[Install]
WantedBy=phoenix-live.target
UNIT
systemctl daemon-reload
systemctl enable shop-worker.service
""".strip()


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with real_cloud() as opened:
        yield opened


@pytest.fixture(scope="module")
def image(cloud: Cloud) -> str:
    return bake(cloud, "work").image


def test_a_server_that_leaves_runs_the_command_and_ends_long_before_its_group_would_end_it(
    cloud: Cloud, image: str
) -> None:
    made = stack(cloud, image=image)
    said = settings(
        stop_command='echo "flushed by $(id -un) of $PHOENIX_GENERATION"; curl -fsS localhost:$PHOENIX_PORT/health',
        stop_timeout_seconds=3600,
    )
    tags = stop_command.of_group(said.identity, "green", GENERATION)
    role = profile(cloud, {}, more=stop_command.statements(tags, **WHERE))
    data = user_data(said, color="green", generation=GENERATION)
    targets = made.target_group("stop", delay=2)
    made.rule({targets: 1})
    made.group(
        "stop",
        made.template("stop", data=data, **role),
        targets=[targets],
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    scaling(made).put_lifecycle_hook(
        AutoScalingGroupName="stop",
        LifecycleHookName=stop_command.HOOK,
        LifecycleTransition=stop_command.TRANSITION,
        HeartbeatTimeout=stop_command.held_seconds(said.stop_command, said.stop_timeout_seconds),
    )
    [server] = in_service(made, "stop", 1)
    until(lambda: made.healthy(targets) == [server], what="a healthy server", seconds=600)
    began = time.monotonic()
    scaling(made).update_auto_scaling_group(AutoScalingGroupName="stop", MinSize=0, DesiredCapacity=0)
    until(lambda: not (made.describe("stop") or {})["Instances"], what="the server gone", seconds=600)
    assert time.monotonic() - began < 600
    console = metal(cloud).console(instance_id=server)
    assert f"flushed by tomcat of {GENERATION}" in console
    assert "stopCommand ended with 0" in console, "the application still answers"
    assert "the group goes on with this server's end" in console


class Work:
    """Two generations of servers with a worker, and a table."""

    def __init__(self, cloud: Cloud, image: str) -> None:
        self.cloud = cloud
        table: Any = cloud.client("dynamodb")
        table.create_table(
            TableName=TABLE,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.aws: Any = type("Tables", (Aws,), {"dynamodb": table})(session=None)
        said = settings(live_target=True, live_stop_seconds=10)
        role = profile(cloud, {}, more=live_rights.statements(TABLE, **WHERE))
        self.servers = {
            color: launched(
                cloud,
                image,
                user_data=user_data(said, color=color, generation=generation, live_table=TABLE),
                **role,
            )
            for color, generation in COLORS.items()
        }
        for server in self.servers.values():
            booted(cloud, server)

    def hand_over(self, color: str) -> None:
        """Until the generation works for a second."""
        began = time.time()
        live_target.publish(self.aws, TABLE, COLORS[color], now=datetime.now(UTC))
        until(lambda: self.at_work(color), what=f"{color} at work", seconds=600)
        until(lambda: max(self.done(color), default=0) > began, what=f"{color}'s worker at work", seconds=120)
        time.sleep(1)

    def at_work(self, color: str) -> bool:
        said = live_target.read(self.aws, TABLE)
        return said.generation == COLORS[color] and self.servers[color] in said.at_work() and not said.others()

    def done(self, color: str) -> list[float]:
        """When this generation worked."""
        said = inside(self.cloud, self.servers[color], "cat /var/lib/worker/done 2>/dev/null || true").stdout
        return [float(line.split()[0]) for line in said.splitlines() if len(line.split()) == 2]


def gaps(moments: Sequence[tuple[float, str]]) -> list[float]:
    """Seconds between the last work of one generation and the first of the next; each is in one piece."""
    return [later[0] - earlier[0] for earlier, later in itertools.pairwise(moments) if earlier[1] != later[1]]


def test_a_worker_works_in_one_generation_alone_over_twenty_flips_and_one_whose_program_hangs(
    cloud: Cloud, image: str
) -> None:
    work = Work(cloud, changed(cloud, image, WORKER))
    for flip in range(FLIPS):
        color = ("blue", "green")[flip % 2]
        work.hand_over(color)
    inside(cloud, work.servers["green"], "kill -STOP $(systemctl show -p MainPID --value phoenix-live)")
    work.hand_over("blue")
    moments = sorted((at, color) for color in COLORS for at in work.done(color))
    found = gaps(moments)
    assert len(found) == FLIPS, "each generation's turn is in one piece, so they never worked at once"
    assert max(found) < live_target.longest_gap(10), "no longer than the plan says"
    print(f"gaps: {max(found[:-1]):.1f} s at most, {found[-1]:.1f} s for a program that hung")
