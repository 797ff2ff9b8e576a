"""The live target with a whole stack: work goes with production, forward, back, and by AWS's own hand."""

from __future__ import annotations

import base64
import json
import runpy
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from core.names import other_color
from rehearsal import PROJECT
from tests.cycles.stack import ENGINES, Stack, until

PROGRAM = PROJECT / "image" / "common" / "live_lease.py"
TOOL = SimpleNamespace(**runpy.run_path(str(PROGRAM), run_name="lease_of_cycles"))


class Players:
    """Each server in service runs the program of the image, against the cloud's own table, with the server's rights.

    `turns`: which generation began to work, one after the other. Nothing but systemd's units is missing.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.turns: list[str] = []
        self.broken: list[dict[str, str]] = []
        self._working: dict[str, str] = {}
        self._lock, self._ends = threading.Lock(), threading.Event()
        self._known: dict[str, threading.Thread] = {}
        self._watcher = threading.Thread(target=self._find)
        self._watcher.start()

    def close(self) -> None:
        self._ends.set()
        self._watcher.join()
        for thread in self._known.values():
            thread.join()

    def working(self) -> set[str]:
        with self._lock:
            return set(self._working.values())

    def _servers(self) -> set[str]:
        groups = self.stack.cloud.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
        return {
            one["InstanceId"] for group in groups for one in group["Instances"] if one["LifecycleState"] == "InService"
        }

    def _find(self) -> None:
        while not self._ends.wait(0.3):
            for server in self._servers() - self._known.keys():
                self._known[server] = threading.Thread(target=self._play, args=(server,))
                self._known[server].start()

    def _play(self, server: str) -> None:
        data = self.stack.cloud.client("ec2").describe_instance_attribute(InstanceId=server, Attribute="userData")
        files = json.loads(base64.b64decode(data["UserData"]["Value"]).partition(b"\n")[2])["write_files"]
        found = [json.loads(one["content"]) for one in files if one["path"] == "/etc/phoenix/live.json"]
        if not found:
            return
        [said] = found
        table = object.__new__(TOOL.Table)
        given = self.stack.cloud.roles.credentials(server)
        assert given is not None
        cloud = self.stack.cloud
        session: Any = boto3.Session(given.access_key, given.secret_key, given.token, region_name=cloud.region)
        table._name, table._client = said["table"], session.client("dynamodb", endpoint_url=cloud.endpoint)
        lease = TOOL.Lease(server=server, generation=said["generation"], stop_seconds=said["stop_seconds"])
        while not self._ends.is_set() and server in self._servers():
            asked, view = TOOL.clock(), None
            try:
                view = table.look()
            except (TOOL.ClientError, TOOL.BotoCoreError):
                time.sleep(0.2)
            step = lease.next_step(view, asked=asked, now=TOOL.clock())
            if step == TOOL.WAIT:
                time.sleep(0.3)
                continue
            with self._lock:
                if step == TOOL.START:
                    self._begins(server, said["generation"])
                elif step == TOOL.STOP:
                    self._working.pop(server, None)
            if step == TOOL.STOP:
                lease.stopped()
            elif step != TOOL.START:
                TOOL.act(step, lease, view, table, None)
        with self._lock:
            self._working.pop(server, None)

    def _begins(self, server: str, generation: str) -> None:
        self._working[server] = generation
        if len(set(self._working.values())) > 1:
            self.broken.append(dict(self._working))
        if self.turns[-1:] != [generation]:
            self.turns.append(generation)


@contextmanager
def playing(stack: Stack) -> Iterator[Players]:
    players = Players(stack)
    try:
        yield players
    finally:
        players.close()


def rings(stack: Stack, color: str) -> None:
    """An alarm of this color's group."""
    watch = stack.cloud.client("cloudwatch")
    [alarm] = [
        one["AlarmName"]
        for one in watch.describe_alarms(AlarmTypes=["MetricAlarm"])["MetricAlarms"]
        if "-5xx-" in one["AlarmName"] and color in one["AlarmName"]
    ]

    def back() -> bool:
        watch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")
        return stack.weights().get(color) == 0

    until(back, what="AWS has gone back")


@pytest.mark.thorough
@pytest.mark.parametrize("engine", ENGINES)
def test_work_goes_with_production_forward_back_and_by_aws_own_hand(engine: str, tmp_path: Path) -> None:
    with Stack(tmp_path, stand_in=engine == "stand-in") as stack, playing(stack) as players:
        stack.set(active="blue", liveTarget=True, keepPrevious=True, guardHours=1)
        done = stack.up()
        assert "phoenix-live.target moves with all of production" in done.text
        blue = stack.groups()["blue"].generation
        assert players.turns == [blue], "the first one works when production begins"

        stack.change()
        stack.set(active="green")
        done = stack.up()
        green = stack.groups()["green"].generation
        assert players.turns == [blue, green]
        assert "live target: green works, under number" in done.text
        assert "nobody did for" in done.text
        stack.idle()
        assert players.working() == {green}

        rings(stack, "green")
        until(lambda: players.working() == {blue}, what="work is back with blue, and no process of ours alive")
        assert players.turns == [blue, green, blue]

        stack.set(active="blue")
        stack.up()
        assert players.working() == {blue}
        stack.set(active=other_color("blue"), acknowledge=green)
        stack.up()
        assert players.turns == [blue, green, blue, green]
        assert players.broken == [], "two generations at once"

        stack.set(liveTarget=False, active="blue", keepPrevious=False, guardHours=0)
        stack.up()
        assert stack.cloud.client("dynamodb").list_tables()["TableNames"] == []
        until(lambda: players.working() == set(), what="nobody works who can't ask")
