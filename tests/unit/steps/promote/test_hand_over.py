"""The live target's work goes with production: to the new generation, and back with it, and never further than that."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from core import live_target
from core.errors import StepError
from rehearsal import PROJECT
from steps.promote.promote import promote
from steps.promote.rollback import NOTE
from tests.unit.steps.cloud import BLUE, GREEN, World
from tests.unit.steps.promote.flipping import Flipping

TOOL = SimpleNamespace(**runpy.run_path(str(PROJECT / "image" / "common" / "live_lease.py"), run_name="lease_of_test"))
TABLE = "phoenix-test-live-1234567"


class Servers:
    """Play their part: those whose generation has production work some seconds after those of before have stopped."""

    def __init__(self, world: World) -> None:
        self.world, self.table = world, world.aws.dynamodb
        self.table.create_table(
            TableName=TABLE,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        live_target.publish(world.aws, TABLE, BLUE, now=world.clock.utc())
        self.works("i-blue")
        self.before = self.said()

    def said(self) -> live_target.LiveTarget:
        return live_target.read(self.world.aws, TABLE)

    def works(self, server: str) -> None:
        """Writes as the program on a server does."""
        item = {"id": {"S": server}, "number": {"N": str(self.said().number)}, "within": {"N": "75.0"}}
        self.table.put_item(TableName=TABLE, Item=item)

    def stops(self, server: str) -> None:
        self.table.delete_item(TableName=TABLE, Key={"id": {"S": server}})

    def swap(self) -> None:
        self.stops("i-blue")
        self.works("i-green")


@pytest.fixture
def servers(flipping: Flipping) -> Iterator[Servers]:
    yield Servers(flipping.world)


def moved(flipping: Flipping, act: Any) -> None:
    """Has something happen some seconds after all of production has moved."""

    def on_move() -> None:
        if flipping.moves[-1].get("green") == 100:
            flipping.world.clock.at(flipping.world.clock.passed + 7, act)

    flipping.on_move = on_move


def test_the_work_moves_once_all_of_production_has_and_the_gap_is_told(flipping: Flipping, servers: Servers) -> None:
    during = []
    flipping.on_move = lambda: during.append((flipping.moves[-1].get("green"), servers.said().generation))
    flipping.world.clock.at(400, servers.swap)
    promote(flipping.given(live_table=TABLE, canary_pause_seconds=30), flipping.world.context())
    assert during == [(10, BLUE), (50, BLUE), (100, BLUE)], "a canary takes no work"
    assert servers.said().generation == GREEN
    assert servers.said().number > servers.before.number
    assert "live target: green works, under number" in flipping.world.said()
    assert "nobody did for" in flipping.world.said()


def test_a_generation_that_does_not_take_the_work_gives_production_and_the_work_back(
    flipping: Flipping, servers: Servers
) -> None:
    moved(flipping, lambda: servers.stops("i-blue"))
    with pytest.raises(StepError, match=r"no server of green has started phoenix-live\.target") as refused:
        promote(flipping.given(live_table=TABLE), flipping.world.context())
    assert f"the work of the live target is back with generation {BLUE}" in str(refused.value)
    assert flipping.moves[-1]["blue"] == 100
    assert servers.said().generation == BLUE
    assert servers.said().number > servers.before.number + 1, "who works under the old number stops first"


def test_a_server_of_before_that_says_nothing_is_waited_for(flipping: Flipping, servers: Servers) -> None:
    moved(flipping, lambda: servers.works("i-green"))
    with pytest.raises(StepError, match="waiting for i-blue to stop or to be out of its time"):
        promote(flipping.given(live_table=TABLE), flipping.world.context())


def test_a_failure_after_the_work_has_moved_brings_it_back(flipping: Flipping, servers: Servers) -> None:
    def act() -> None:
        servers.swap()
        flipping.alarm("mine", "ALARM")

    flipping.alarm("mine")
    moved(flipping, act)
    with pytest.raises(StepError, match="the work of the live target is back"):
        promote(flipping.given(live_table=TABLE, alarms=("mine",)), flipping.world.context())
    assert servers.said().generation == BLUE


def test_work_that_could_not_be_given_back_is_brought_there_by_the_next_update(
    flipping: Flipping, servers: Servers
) -> None:
    def act() -> None:
        servers.table.delete_table(TableName=TABLE)

    moved(flipping, act)
    with pytest.raises(StepError, match="PHX-726: the work of the live target is not back"):
        promote(flipping.given(live_table=TABLE), flipping.world.context())
    elb: Any = flipping.world.aws.elbv2
    [known] = elb.describe_tags(ResourceArns=[flipping.world.production_rule])["TagDescriptions"]
    assert NOTE in {tag["Key"] for tag in known["Tags"]}, "so the next update has promote look again"


def test_the_way_back_is_in_nobodys_way(flipping: Flipping, servers: Servers) -> None:
    moved(flipping, lambda: servers.stops("i-blue"))
    given = flipping.given(live_table=TABLE, live_required=False, canary_steps=())
    promote(given, flipping.world.context())
    assert "green has production, and none of its servers works" in flipping.world.said()
    assert flipping.moves[-1]["green"] == 100


def test_somebody_else_who_moves_the_work_is_left_alone(flipping: Flipping, servers: Servers) -> None:
    moved(
        flipping,
        lambda: live_target.publish(flipping.world.aws, TABLE, "c" * 12, now=flipping.world.clock.utc()),
    )
    with pytest.raises(StepError, match="somebody else gave the work of the live target to another generation"):
        promote(flipping.given(live_table=TABLE), flipping.world.context())


def test_program_and_servers_speak_of_one_table(flipping: Flipping, servers: Servers) -> None:
    lease = TOOL.Lease(server="i-1", generation=GREEN, stop_seconds=30.0)
    assert (TOOL.LEASE_SECONDS, TOOL.WATCHDOG_SECONDS, TOOL.KILL_SECONDS, TOOL.CLOCKS_DIFFER) == (
        live_target.LEASE_SECONDS,
        live_target.WATCHDOG_SECONDS,
        live_target.KILL_SECONDS,
        live_target.CLOCKS_DIFFER,
    )
    assert lease.within * TOOL.CLOCKS_DIFFER <= live_target.longest_gap(30)
    mine = object.__new__(TOOL.Table)
    mine._name, mine._client = TABLE, servers.table
    mine.claim("i-1", TOOL.Holder(number=servers.before.number, within=lease.within))
    assert servers.said().holders["i-1"] == live_target.Holder(number=servers.before.number, within=lease.within)
    seen = mine.look()
    assert (seen.number, seen.generation, set(seen.holders)) == (servers.before.number, BLUE, {"i-blue", "i-1"})
    mine.release("i-blue", number=servers.before.number + 1)
    assert "i-blue" in mine.look().holders, "of another number: it is not the one that was seen"
    mine.release("i-blue", number=servers.before.number)
    assert set(mine.look().holders) == {"i-1"}


def test_numbers_go_on_where_a_table_is_made_anew(flipping: Flipping, servers: Servers) -> None:
    assert servers.before.number >= int(flipping.world.clock.began.timestamp())
    live_target.publish(flipping.world.aws, TABLE, GREEN, now=flipping.world.clock.began)
    assert servers.said().number == servers.before.number + 1
    again = live_target.publish(flipping.world.aws, TABLE, GREEN, now=flipping.world.clock.utc())
    assert (again.number, servers.said().number) == (servers.before.number + 1,) * 2, "said already"
