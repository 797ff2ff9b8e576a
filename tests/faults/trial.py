"""One fault on one stack, measured: what the tests of the fault matrix share.

A trial begins with one group that has all of production, under load and watched. The fault strikes; then the next
update goes forward to the new generation or back to the old one, as its parameter says. What every fault must show is
asserted here once: the old group served all the time, no request failed, no invariant was broken, nothing is orphaned.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from core.names import other_color
from rehearsal.engine import Result, Running
from rehearsal.scenario.load import Request
from rehearsal.scenario.orphans import find_orphans
from rehearsal.servers.process import ProcessMachines
from tests.cycles.stack import CALM, IDENTITY, Group, Stack, by_color, until
from tests.faults.processes import kill_everything

Ending = Literal["forward", "back"]
LONGEST_UPDATE = 420  # seconds; only an update that hangs takes so long


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the matrix. Seconds are those of the rehearsal, whose AWS is ten times faster than the real one."""

    case: str
    ending: Ending
    engine: str
    detected: float | None
    """From the fault until the update ended with its reason; None for a fault that no update has to notice."""
    safe: float
    """From the fault until production was, for good, where it was before; 0 when it never moved."""
    failed: int
    """Requests of users that failed, from the trial's begin to its end."""
    orphans: int
    """Things without an owner after the next good update."""


class Trial:
    """`live` is the group that serves, `new` the color of the next, `begun` the commit of before.

    `row` is filled while the trial goes on.
    """

    def __init__(self, stack: Stack, *, ending: Ending) -> None:
        self.stack, self.ending = stack, ending
        [self.live] = stack.groups().values()
        self.new = other_color(self.live.color)
        self.before = stack.weights()
        self.begun = stack.shop.head()
        self.struck: float | None = None
        self._noticed: float | None = None
        self._safe = 0.0
        self._left: list[str] = []
        self._ill = self._old_were_ill = False
        self.heard: list[str] = []
        """What the update that was begun last printed so far."""
        self.ended = False

    def change(self, **keys: Any) -> None:
        """A change of the scripts, with the flag on the new color, and these keys."""
        self.stack.change()
        self.stack.set(active=self.new, **keys)

    def ill(self, fault: str, **keys: Any) -> None:
        """The next generation's servers misbehave (rehearsal.servers.server says how), with the flag on them."""
        self._ill = True
        self.stack.ill(fault)
        self.stack.set(active=self.new, **keys)
        self.stack.shop.commit(f"Servers that are ill: {fault}")

    @contextmanager
    def machines(self, fault: str, *, but: Callable[[str], bool] = lambda instance: False) -> Iterator[ProcessMachines]:
        """Inside it every machine that boots misbehaves, whatever its image, `but` for some instances."""
        machines = self.stack.cloud.machines
        assert isinstance(machines, ProcessMachines)
        machines.faults["*"], machines.spared = fault, but
        try:
            yield machines
        finally:
            machines.faults.clear()

    def begin(self, *flags: str) -> Running:
        """An update that is left to run, with flags of the engine's own."""
        self.heard = []
        return self.stack.start(self.heard.append, flags=flags)

    def strike(self) -> None:
        """The fault begins now; of several calls the first counts."""
        self.struck = self.struck or time.time()

    def born(self) -> Group | None:
        """The new color's group, as far as it has come."""
        return self.stack.groups().get(self.new)

    def share(self) -> int:
        """The new color's weight."""
        return self.stack.weights().get(self.new, 0)

    def noticed(self) -> None:
        """An update has said what is wrong; of several calls the last counts."""
        self._noticed = time.time()

    def refused(self, *says: str) -> str:
        """An update that must fail and say this, with production where it was. Returns all that it printed."""
        self.strike()
        return self.ends_badly(self.begin(), *says)

    def ends_badly(self, running: Running, *says: str, at: Mapping[str, int] | None = None) -> str:
        """What runs must fail and say this, and production must be where it was, or `at` these weights.

        Returns all that it printed.
        """
        said = self.fails(running, *says)
        self.is_safe(at)
        return said

    def killed(self, running: Running, what: str, *, at: Mapping[str, int]) -> None:
        """`the engine` alone dies, and its step puts production back; or `the machine`, and the weights stay `at`."""
        self.strike()
        if what == "the engine":
            running.kill()
            self.ends_badly(running)
        else:
            kill_everything(running.pid)
            self.ends_badly(running, at=at)
            assert running.wait().returncode == -signal.SIGKILL
        self.unlock()

    def lands(self, *says: str) -> str:
        """An update that must fail and say this after production has moved, which stays where it is now."""
        self.strike()
        said = self.fails(self.begin(), *says)
        assert self._shares() == {self.new: 100}
        self.live = replace(self.live, instances=frozenset())  # they may be gone
        return said

    def fails(self, running: Running, *says: str) -> str:
        """What runs must fail and say this, wherever production is. Returns all that it printed."""
        self.strike()
        done = self.wait(running)
        self.noticed()
        assert not done.ok, done.text
        for text in says:
            assert text in done.text, f"nowhere: {text!r} in\n{done.text}"
        return done.text

    def hurts(self, whom: Callable[[Request], bool]) -> None:
        """Requests that may fail, where the fault itself is that users meet an ill server. All others may not."""
        self.stack.bears = whom

    def stays(self, running: Running, *says: str) -> None:
        """What runs must fail and say this, and production must stay with the new servers: the old ones are ill."""
        self._old_were_ill = True
        self.fails(running, *says)
        assert self._shares() == {self.new: 100}

    def is_safe(self, at: Mapping[str, int] | None = None) -> None:
        """Production is where it was before the trial, or `at` these weights, for good.

        A killed step's hands may need a moment for that.
        """
        wanted = dict(self.before if at is None else at)
        until(lambda: self._shares() == wanted, what=f"the weights are {wanted}", but=self._shares, seconds=30)
        assert self.struck is not None
        moved = [one.t for one in self.stack.samples() if one.t >= self.struck and _away(one.weights, wanted)]
        self._safe = max(moved, default=self.struck) - self.struck
        if self.live.color in wanted:
            standing = self.stack.groups()[self.live.color]
            assert standing.name == self.live.name
            assert standing.instances >= self.live.instances, "a live server is gone"

    def unlock(self) -> None:
        """`pulumi cancel`, the one manual act that a killed update asks for."""
        said = self.stack.refused()
        assert "the stack is currently locked" in said
        assert "pulumi cancel" in said
        assert self.stack.engine.cancel().ok

    def ends(self) -> None:
        """The next update, once the cause is healed: to the new generation, or back by `git revert` of everything.

        Both begin with calm settings; servers that were ill are cured by one more change.
        """
        if self.ending == "forward":
            self.stack.set(**{key: value for key, value in CALM.items() if key != "active"})
            if self._ill:
                self.stack.change()
            self.up()
            assert list(self.stack.groups()) == [self.new]
            assert self.stack.weights() == {self.new: 100}
            assert self.stack.groups()[self.new].generation != self.live.generation
        else:
            retired = self.live.color not in self._shares()
            self.stack.back_to(self.begun)
            self.up()
            standing = self.stack.groups()
            assert list(standing) == [self.live.color]
            assert retired or self._old_were_ill or standing[self.live.color].instances >= self.live.instances
            assert standing[self.live.color].generation == self.live.generation
            assert self.stack.weights() == {self.live.color: 100}
        self.stack.idle()
        self.ended = True

    def up(self) -> Result:
        """An update that must do well; what it leaves without an owner is counted."""
        done = self.wait(self.begin())
        assert done.ok, done.text
        self._left = find_orphans(self.stack.cloud, self.stack.engine, IDENTITY)
        assert self._left == []
        return done

    def row(self, *, case: str) -> dict[str, Any]:
        """The matrix's line about this trial, for pytest's report."""
        since = self.struck or time.time()
        return asdict(
            Row(
                case=case,
                ending=self.ending,
                engine=self.stack.engine.name,
                detected=None if self._noticed is None else self._noticed - since,
                safe=self._safe,
                failed=sum(1 for request in self.stack.requests() if request.failed),
                orphans=len(self._left),
            )
        )

    def wait(self, running: Running) -> Result:
        """Its end; one that hangs is a failure."""
        try:
            return running.wait(LONGEST_UPDATE)
        except TimeoutError:
            running.kill()
            said = running.wait().text
            # Its lock would fail every trial that comes after this one.
            self.stack.engine.cancel()
            raise AssertionError(f"after {LONGEST_UPDATE} s the update still runs:\n{said}") from None

    def _shares(self) -> dict[str, int]:
        return {color: weight for color, weight in self.stack.weights().items() if weight}


def _away(weights: Any, before: dict[str, int]) -> bool:
    """Whether an instant's weights give production to another group than before."""
    return {color: weight for color, weight in by_color(weights).items() if weight} != before
