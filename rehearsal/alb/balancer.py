"""What an Application Load Balancer does, for real HTTP: listens, follows the rules, checks health, counts.

One event loop in a thread of its own. It never waits for the control plane's lock: the reconciler hands it a new
`Table` of listeners, rules and targets whenever something may have changed (`follow`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable
from functools import partial

from aiohttp import web

from rehearsal.alb.checks import Checks
from rehearsal.alb.counters import Counters
from rehearsal.alb.proxy import Proxy
from rehearsal.alb.routing import EMPTY, Listener, Table
from rehearsal.servers.machines import Machines
from rehearsal.state.cloud_state import CloudState
from rehearsal.state.target_health import HEALTHY, UNHEALTHY

Certificates = Callable[[str], ssl.SSLContext]
"""A server's TLS context for a certificate's ARN. Raises LookupError when there is none."""

_CLIENT_IDLE_SECONDS = 3600.0


class Balancer:
    """All load balancers of the local cloud. `counters.due()` is what CloudWatch knows of what it counted."""

    def __init__(self, state: CloudState, machines: Machines, *, certificates: Certificates) -> None:
        self._state = state
        self._certificates = certificates
        self._table = EMPTY
        self.counters = Counters(minute_seconds=state.minute_seconds)
        self._checks = Checks(state, machines, lambda: self._table)
        self._proxy = Proxy(state, machines, self.counters, lambda: self._table)
        self._servers: dict[str, tuple[Listener, asyncio.Server, web.Server]] = {}
        self._given_up: set[str] = set()
        self._following: asyncio.Task[None] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="balancer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def apply_table(self, table: Table) -> None:
        """From now on routes by this table; called from any thread."""
        self._table = table
        with contextlib.suppress(RuntimeError):  # the loop is closed: the cloud is ending
            self._loop.call_soon_threadsafe(self._apply)

    def close(self) -> None:
        """Ends the listeners, connections, checks and the thread."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _apply(self) -> None:
        if self._following is None or self._following.done():
            self._following = self._loop.create_task(self._catch_up())

    async def _catch_up(self) -> None:
        """Brings listeners, checks and connections in line with the table of now."""
        seen = None
        while seen is not self._table:
            seen = self._table
            for arn, (known, *_) in list(self._servers.items()):
                if _socket(seen.listeners.get(arn)) != _socket(known):
                    await self._unlisten(arn)
            self._given_up &= set(seen.listeners)
            for arn, listener in seen.listeners.items():
                if arn not in self._servers and arn not in self._given_up:
                    await self._listen(listener)
            self._checks.apply_table()
            await self._proxy.remove_target(
                seen.registered | {target_id for _, target_id in list(self._state.draining)}
            )

    async def _listen(self, listener: Listener) -> None:
        port = self._state.ports.get(listener.port, listener.port)
        server = web.Server(
            partial(self._proxy.handle, listener.arn), access_log=None, keepalive_timeout=_CLIENT_IDLE_SECONDS
        )
        try:
            context = self._certificates(listener.certificate or "") if listener.protocol == "HTTPS" else None
            accepting = await self._loop.create_server(
                server, "127.0.0.1", port, reuse_address=True, backlog=1024, ssl=context
            )
        except (OSError, LookupError) as error:
            self._given_up.add(listener.arn)
            self._state.journal.record("listener", listener.arn, f"can't listen on {port}: {error}")
            return
        self._servers[listener.arn] = (listener, accepting, server)
        self._state.journal.record("listener", listener.arn, f"listens on 127.0.0.1:{port}")

    async def _unlisten(self, arn: str) -> None:
        _, accepting, server = self._servers.pop(arn)
        accepting.close()
        await server.shutdown(timeout=1.0)

    def count_hosts(self) -> None:
        """HealthyHostCount and UnHealthyHostCount of every group in use, once; runs in the balancer's loop."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._count_hosts)

    def _count_hosts(self) -> None:
        for group in self._table.groups.values():
            known = [self._state.health.get((group.arn, target_id)) for target_id, _ in group.targets]
            healthy, unhealthy = (
                sum(health is not None and health.state == state for health in known) for state in (HEALTHY, UNHEALTHY)
            )
            dimensions = {"balancer": self._table.balancers[group.arn], "group": group.dimension}
            self.counters.gauge("HealthyHostCount", value=healthy, **dimensions)
            self.counters.gauge("UnHealthyHostCount", value=unhealthy, **dimensions)

    async def _end(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        for arn in list(self._servers):
            await self._unlisten(arn)
        await self._checks.close()
        await self._proxy.close()
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await asyncio.sleep(0)  # transports that were told to close get their turn


def _socket(listener: Listener | None) -> tuple[object, ...] | None:
    return None if listener is None else (listener.port, listener.protocol, listener.certificate)
