"""phoenix-live.target: two generations never work at once, whatever fails, and work changes hands in seconds."""

from __future__ import annotations

import heapq
import itertools
import random
import runpy
from collections.abc import Callable, Generator
from types import SimpleNamespace
from typing import Any

import pytest

from rehearsal import PROJECT

# Run, not imported: what is compiled would lie in the image's folder. Its dataclasses look their module up.
_NAME = "live_lease_under_test"
_SPACE = runpy.run_path(str(PROJECT / "image" / "common" / "live_lease.py"), run_name=_NAME)
TOOL = SimpleNamespace(**_SPACE)
STOP_SECONDS = 30.0
Process = Generator[float, None, None]


class World:
    """A table whose writes and reads of one item are atomic, and servers with clocks of their own."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.number, self.generation = 0, ""
        self.items: dict[str, Any] = {}
        self.working: dict[str, str] = {}
        self.longest: dict[str, float] = {}
        self.calm = False
        self.since_idle: float | None = 0.0
        self.gaps: list[float] = []
        self._queue: list[tuple[float, int, Process]] = []
        self._order = itertools.count()

    def begin(self, process: Process) -> None:
        heapq.heappush(self._queue, (self.now, next(self._order), process))

    def run(self, until: float) -> None:
        while self._queue and self._queue[0][0] <= until:
            self.now, _, process = heapq.heappop(self._queue)
            pause = next(process, None)
            if pause is not None:
                heapq.heappush(self._queue, (self.now + pause, next(self._order), process))
            at_work = set(self.working.values())
            assert len(at_work) <= 1, f"at {self.now:.2f} s {self.working} work"
        self.now = until

    def publish(self, generation: str) -> None:
        self.number, self.generation = self.number + 1, generation

    def some(self, most: float) -> float:
        return self.random.uniform(0, most)


class Server:
    """A server with the program on it: its looks and writes take time and fail, it hangs, and it dies."""

    def __init__(self, world: World, name: str, generation: str, lease: Callable[..., Any] = TOOL.Lease) -> None:
        self.world, self.name, self.generation, self._lease = world, name, generation, lease
        # Two clocks differ by less than the program takes them to.
        self.rate, self.offset = world.random.uniform(0.955, 1.045), world.some(1e6)
        self.cut_off_until = 0.0
        self.dead = False

    def clock(self) -> float:
        return self.world.now * self.rate + self.offset

    def live(self) -> Process:
        while not self.dead:
            lease = self._lease(server=self.name, generation=self.generation, stop_seconds=STOP_SECONDS)
            yield from self._watch(lease)
            # systemd ends what is not heard of, and starts the program again.
            yield self.world.some(TOOL.WATCHDOG_SECONDS) / self.rate
            yield from self._stop()
            yield self.world.some(3)

    def _watch(self, lease: Any) -> Process:
        world = self.world
        while True:
            if not world.calm and world.random.random() < 0.01:
                return  # it hangs, or crashes
            asked = self.clock()
            view = yield from self._look()
            now = self.clock()
            step = lease.next_step(view, asked=asked, now=now)
            if step == TOOL.WAIT:
                left = lease.expires_in(now) if lease.working else TOOL.LOOK_SECONDS
                yield max(0.1, min(TOOL.LOOK_SECONDS, left)) / self.rate
            elif step == TOOL.STOP:
                yield from self._stop()
                lease.stopped()
            elif step == TOOL.START:
                world.working[self.name] = self.generation
            else:
                yield from self._write(step, lease, view)

    def _look(self) -> Generator[float, None, Any]:
        """Items of one answer are not read at one moment, and in any order."""
        world = self.world
        yield world.some(0.2)
        if self._fails():
            yield 0.0 if world.calm else world.some(3)
            return None
        if first := world.random.random() < 0.5:
            number, generation = world.number, world.generation
        yield 0.0 if world.calm else world.some(1)
        items = dict(world.items)
        yield 0.0 if world.calm else world.some(1)
        if not first:
            number, generation = world.number, world.generation
        yield world.some(0.2)
        return TOOL.View(number=number, generation=generation, holders=items)

    def _fails(self) -> bool:
        world = self.world
        if world.calm:
            return False
        if world.random.random() < 0.01:
            self.cut_off_until = world.now + world.some(200)
        return world.now < self.cut_off_until or world.random.random() < 0.05

    def _write(self, step: str, lease: Any, view: Any) -> Process:
        """One that fails may have been done."""
        world = self.world
        yield world.some(0.1 if world.calm else 8)
        fails = self._fails()
        if not fails or world.random.random() < 0.5:
            if step == TOOL.RELEASE:
                world.items.pop(self.name, None)
            elif step == TOOL.CLAIM:
                world.items[self.name] = TOOL.Holder(number=view.number, within=lease.within)
            elif step == TOOL.SWEEP:
                for name, one in lease.older(view).items():
                    if name in world.items and world.items[name].number == one.number:
                        del world.items[name]
        if fails:
            yield TOOL.LOOK_SECONDS / self.rate

    def _stop(self) -> Process:
        if self.name in self.world.working:
            yield self.world.some(2 if self.world.calm else STOP_SECONDS + TOOL.KILL_SECONDS) / self.rate
            self.world.working.pop(self.name, None)


def story(seed: int, *, lease: Callable[..., Any] = TOOL.Lease, hours: float = 1.5) -> World:
    """Generations take each other's place at any time, while everything fails now and then; then it is calm."""
    world = World(seed)
    servers = [Server(world, f"i-{color}{n}", color, lease) for color in ("blue", "green", "red") for n in range(3)]
    for server in servers:
        world.begin(server.live())

    def publisher() -> Process:
        while not world.calm:
            world.publish(world.random.choice(["blue", "green", "red"]))
            yield world.random.choice([world.some(5), world.some(60), world.some(400)])

    world.begin(publisher())
    world.run(hours * 3600)
    world.calm = True
    world.run(world.now + 300)
    return world


@pytest.mark.parametrize("seed", range(24))
def test_two_generations_never_work_at_once_and_in_the_end_the_right_one_does(seed: int) -> None:
    world = story(seed)
    assert world.number > 20
    assert set(world.working.values()) == {world.generation}
    assert len(world.working) == 3, "all its servers"
    assert {one.number for one in world.items.values()} == {world.number}, "what others left is swept away"


class Deaf(TOOL.Lease):  # type: ignore[misc,name-defined]
    """Goes on working when it can't look."""

    def expires_in(self, now: float) -> float:
        return 1.0


class Hasty(TOOL.Lease):  # type: ignore[misc,name-defined]
    """Waits for nobody who has not acknowledged."""

    def older(self, view: Any) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize("broken", [Deaf, Hasty])
def test_the_story_finds_a_lease_that_does_not_hold(broken: Callable[..., Any]) -> None:
    with pytest.raises(AssertionError, match="work"):
        for seed in range(30):
            story(seed, lease=broken)


def test_when_nothing_fails_work_changes_hands_within_seconds() -> None:
    world = World(1)
    world.calm = True
    for name, generation in itertools.product("ab", ("blue", "green")):
        world.begin(Server(world, f"{generation}-{name}", generation).live())
    for flip in range(20):
        generation = ("blue", "green")[flip % 2]
        world.publish(generation)
        begun = world.now
        while generation not in world.working.values():
            world.run(world.now + 0.05)
            assert world.now - begun < 12, "two looks, what it takes to stop, and two looks"
        world.run(world.now + 30)
    assert set(world.working.values()) == {"green"}


def lease(**known: Any) -> Any:
    return TOOL.Lease(**{"server": "i-1", "generation": "ours", "stop_seconds": 30.0, **known})


def view(number: int, generation: str = "ours", **holders: Any) -> Any:
    return TOOL.View(number=number, generation=generation, holders={k.replace("_", "-"): v for k, v in holders.items()})


def test_a_server_alone_starts_at_its_third_look() -> None:
    ours = lease()
    held = TOOL.Holder(number=7, within=ours.within)
    assert ours.next_step(view(7), asked=0, now=0.1) == TOOL.WAIT
    assert ours.next_step(view(7), asked=3, now=3.1) == TOOL.CLAIM
    assert ours.next_step(view(7, i_1=held), asked=3.2, now=3.3) == TOOL.START
    assert ours.next_step(view(7, i_1=held), asked=6, now=6.1) == TOOL.WAIT
    assert ours.next_step(None, asked=25, now=25.9) == TOOL.WAIT
    assert ours.next_step(None, asked=25.9, now=26.0) == TOOL.STOP, "20 s after its last good look began"


def test_a_server_that_was_told_stops_and_says_so_only_then() -> None:
    ours = lease(working=7, seen=7, confirmed=True)
    held = TOOL.Holder(number=7, within=ours.within)
    assert ours.next_step(view(8, "theirs", i_1=held), asked=1, now=1) == TOOL.STOP
    ours.stopped()
    assert ours.next_step(view(8, "theirs", i_1=held), asked=2, now=2) == TOOL.RELEASE
    assert ours.next_step(view(8, "theirs"), asked=3, now=3) == TOOL.WAIT


def test_production_that_came_back_under_another_number_is_begun_anew() -> None:
    ours = lease(working=7, seen=7, confirmed=True)
    assert ours.next_step(view(9, i_1=TOOL.Holder(number=7, within=75.0)), asked=1, now=1) == TOOL.STOP


def test_a_server_that_said_nothing_is_waited_for_as_long_as_it_may_work() -> None:
    ours, late = lease(), TOOL.Holder(number=6, within=100.0)
    assert ours.next_step(view(7, i_2=late), asked=0, now=0) == TOOL.WAIT
    assert ours.next_step(view(7, i_2=late), asked=109, now=109.9) == TOOL.WAIT
    assert ours.next_step(view(7, i_2=late), asked=110, now=110.1) == TOOL.SWEEP


def test_a_server_whose_item_somebody_took_away_stops() -> None:
    ours = lease(working=7, seen=7, confirmed=True)
    assert ours.next_step(view(7), asked=1, now=1) == TOOL.STOP


def test_the_table_is_read_as_dynamodb_gives_it() -> None:
    items = [
        {"id": {"S": "production"}, "number": {"N": "7"}, "generation": {"S": "ours"}},
        {"id": {"S": "i-2"}, "number": {"N": "6"}, "within": {"N": "75.0"}},
    ]
    assert TOOL.parse(items) == view(7, i_2=TOOL.Holder(number=6, within=75.0))
    assert TOOL.parse([]).number == 0
