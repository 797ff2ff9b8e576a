"""A stack takes production over from servers that were made by hand: goes back, stays, releases again, and ends."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.scenario.load import Request
from rehearsal.scenario.orphans import find_orphans
from rehearsal.scenario.watch import find_unverified_answers
from tests.cycles.old_world import IDENTITY, SNOWFLAKES, OldWorld
from tests.cycles.stack import ENGINES


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OldWorld]:
    with OldWorld(tmp_path, stand_in=request.param == "stand-in") as made:
        yield made


@pytest.mark.thorough
def test_production_is_taken_over_under_load_and_nothing_of_the_old_world_is_touched(world: OldWorld) -> None:
    before = world.seen()

    # A first try that somebody stops in its canary: all is as it was, by a rule of the stack's.
    world.set(hooks={"atShare10": "sleep 3; false"})
    begun = time.time()
    done = world.engine.up()
    assert not done.ok
    assert (
        "takes over  legacy (3 of 3 servers healthy): rule 11 takes the requests for shop.example.com of rule 20"
        in done.text
    )
    # The real provider names the target groups of a rule in an order of its own.
    assert re.search(r"production traffic is back: (blue 0 %, )?legacy/\w+ 100 %", done.text), done.text
    assert world.weights() == {"blue": 0, "old": 100}
    first = {one.generation for one in world.requests(begun)} - set(SNOWFLAKES)
    assert len(first) == 1, "the canary was seen by users"
    assert world.answers() == set(SNOWFLAKES)

    # The second one, of other scripts, stays.
    world.set(hooks={"atShare10": "echo go on"})
    world.change()
    done = world.engine.up()
    assert done.ok, done.text
    assert world.weights() == {"blue": 100, "old": 0}
    assert "; left: 2 rules, 3 servers, legacy" in done.text
    assert "aws elbv2 delete-target-group --region eu-west-1 --target-group-arn" in done.text
    [blue] = world.answers()
    assert blue not in {*SNOWFLAKES, *first}
    assert find_orphans(world.cloud, world.engine, IDENTITY) == []
    assert set(world.engine.up().changes) == {"same"}

    # A way back to the old servers, as long as the key is there; and forth.
    world.set(traffic=0)
    assert (done := world.engine.up()).ok, done.text
    assert world.answers() == set(SNOWFLAKES)
    world.set(traffic=100)
    assert (done := world.engine.up()).ok, done.text
    assert world.answers() == {blue}

    # A second release needs the key no more.
    world.change()
    world.set(active="green")
    assert (done := world.engine.up()).ok, done.text
    assert world.weights() == {"green": 100}
    assert "takeOverTargetGroup does nothing any more (pulumi config rm takeOverTargetGroup)" in done.text
    world.unset("takeOverTargetGroup")
    assert set(world.engine.up().changes) == {"same"}
    assert world.seen() == before
    assert find_unverified_answers(world.watch.samples, _of_the_stack(world)) == []

    # Who ends the stack has what there was before it.
    assert (done := world.engine.destroy()).ok, done.text
    assert world.answers() == set(SNOWFLAKES)
    assert world.seen() == before
    assert world.watch.violations == []
    assert [one for one in world.requests() if one.failed] == []


def _of_the_stack(world: OldWorld) -> list[Request]:
    return [one for one in world.requests() if one.generation not in SNOWFLAKES]
