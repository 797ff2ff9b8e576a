"""Health checks: one task for each target of a group that a rule names."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import aiohttp

from rehearsal.alb import targets
from rehearsal.alb.health import Outcome, matches, next_health
from rehearsal.alb.routing import Group, Table
from rehearsal.servers.machines import Machines
from rehearsal.state.cloud_state import CloudState, TargetKey
from rehearsal.state.target_health import REGISTERING

AGENT = "ELB-HealthChecker/2.0"
_REFUSED = Outcome(passed=False, reason="Target.FailedHealthChecks", description="Health checks failed")
_TIMEOUT = Outcome(passed=False, reason="Target.Timeout", description="Request timed out")


class Checks:
    """Keeps `state.health` for the targets in use; `table` gives the settings of the moment."""

    def __init__(self, state: CloudState, machines: Machines, table: Callable[[], Table]) -> None:
        self._state = state
        self._machines = machines
        self._table = table
        self._tasks: dict[TargetKey, asyncio.Task[None]] = {}

    def apply_table(self) -> None:
        """Starts checking new targets and stops for those that left or whose group no rule names any more."""
        groups = self._table().groups.values()
        wanted = {(group.arn, target_id) for group in groups for target_id, _ in group.targets}
        for key in set(self._tasks) - wanted:
            self._tasks.pop(key).cancel()
            self._state.health.pop(key, None)
        for key in wanted - set(self._tasks):
            self._tasks[key] = asyncio.get_running_loop().create_task(self._watch(key))

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()

    async def _watch(self, key: TargetKey) -> None:
        arn, target_id = key
        self._state.health[key] = REGISTERING
        while (group := self._table().groups.get(arn)) is not None:
            begun = asyncio.get_running_loop().time()
            port = dict(group.targets).get(target_id)
            if port is None:
                return
            self._record(key, group, await self._check(group, target_id, port))
            rest = group.check.interval - (asyncio.get_running_loop().time() - begun)
            await asyncio.sleep(max(rest, 0.01))

    def _record(self, key: TargetKey, group: Group, outcome: Outcome) -> None:
        # A target that was registered anew meanwhile starts from the beginning.
        before = self._state.health.get(key, REGISTERING)
        health = next_health(
            before,
            outcome,
            healthy_threshold=group.check.healthy_threshold,
            unhealthy_threshold=group.check.unhealthy_threshold,
        )
        self._state.health[key] = health
        if health.state != before.state:
            why = f": {health.reason}, {health.description}" if health.reason else ""
            self._state.journal.record("health", key[1], f"{health.state} in {group.name}{why}")
            self._state.changed.set()

    async def _check(self, group: Group, target_id: str, port: int) -> Outcome:
        address = self._machines.address(instance_id=target_id, port=group.check.port or port)
        if address is None:
            return _REFUSED
        session = targets.client(self._machines, target_id, keepalive=None)
        try:
            async with asyncio.timeout(group.check.timeout):
                async with session.get(
                    targets.url(address, group.check.path),
                    headers={"User-Agent": AGENT, "Connection": "close"},
                    allow_redirects=False,
                    trace_request_ctx={},
                ) as response:
                    await response.read()
        except TimeoutError:
            return _TIMEOUT
        except (aiohttp.ClientError, OSError):
            return _REFUSED
        finally:
            with contextlib.suppress(Exception):
                await session.close()
        if matches(response.status, group.check.matcher):
            return Outcome(passed=True)
        return Outcome(
            passed=False,
            reason="Target.ResponseCodeMismatch",
            description=f"Health checks failed with these codes: [{response.status}]",
        )
