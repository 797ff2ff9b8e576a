"""How the balancer reaches a target: kept-alive connections for requests, a fresh one for each health check."""

from __future__ import annotations

import asyncio
import socket
from types import SimpleNamespace
from typing import Any

import aiohttp
from yarl import URL

from rehearsal.servers.machines import Address, Machines

CONNECT_SECONDS = 10.0
KEEPALIVE_SECONDS = 60.0
_AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class Upstream:
    """The connections to one target's port."""

    def __init__(self, machines: Machines, *, instance_id: str, port: int) -> None:
        self._machines = machines
        self._instance_id = instance_id
        self._port = port
        self._session: aiohttp.ClientSession | None = None
        self._reaches: Address | None = None

    def address(self) -> Address | None:
        return self._machines.address(instance_id=self._instance_id, port=self._port)

    def session(self) -> aiohttp.ClientSession:
        """One pool for the target; a new one when the machine came back at another address."""
        if self._session is None or self._reaches != self.address():
            if self._session is not None:
                asyncio.get_running_loop().create_task(self._session.close())
            self._reaches = self.address()
            self._session = client(self._machines, self._instance_id, keepalive=KEEPALIVE_SECONDS)
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def client(machines: Machines, instance_id: str, *, keepalive: float | None) -> aiohttp.ClientSession:
    """A session that adds nothing of its own to a request and tries nothing twice (`keepalive` None: one request)."""

    def new_socket(address: Any) -> socket.socket:
        return machines.socket(instance_id=instance_id)

    connector = aiohttp.TCPConnector(
        limit=0,
        socket_factory=new_socket,
        force_close=keepalive is None,
        keepalive_timeout=keepalive,
    )
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=_AUTOMATIC,
        trace_configs=[_reuse_trace()],
    )
    # aiohttp would repeat a request whose connection broke; when an ALB does that is the proxy's to decide.
    session._retry_connection = False
    return session


def _reuse_trace() -> aiohttp.TraceConfig:
    """Marks the request's context (a dict) when it goes over a connection that carried another one before."""
    trace = aiohttp.TraceConfig()

    async def reused(session: Any, context: SimpleNamespace, params: Any) -> None:
        context.trace_request_ctx["reused"] = True

    trace.on_connection_reuseconn.append(reused)
    return trace


def url(address: Address, raw_path: str) -> URL:
    """The target's URL for a path and query as the client wrote them."""
    path = raw_path if raw_path.startswith("/") else "/"
    return URL(f"http://{address[0]}:{address[1]}{path}", encoded=True)
