"""What a machine is wired to: Packer to its SSH server, apt to the package archive, a log collector to its target."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aiohttp import web

from rehearsal.machines.archive import Archive
from rehearsal.machines.collector import Collector
from rehearsal.machines.metal import ARCHIVE_PORT
from rehearsal.machines.wires import Door, Loop, forward, listening, prompt

SSH_PORT = 22
LOG_PORT = 5140
"""Where each machine finds the rehearsal's collector of logs (syslog over TCP) on its loopback."""
_SSH_SECONDS = 50.0
"""How long a connection waits for a build machine's SSH server; Packer gives up a handshake after a minute."""


class Wiring:
    """`builders` gives the networks of the build machines there are, the newest last."""

    def __init__(self, archive: Path, builders: Callable[[], Sequence[str]]) -> None:
        self._builders = builders
        self._door = Door()
        self._loop = Loop("wires")
        self._archive = Archive(archive)
        self.collector = Collector()
        # Connecting sockets are made off the event loop, which must not wait.
        self._makers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="wires")
        listener = listening(prompt())
        self.ssh_port = int(listener.getsockname()[1])
        """Of this host's loopback: leads to the build machine that booted last."""
        self._forwarding = self._loop.serve(forward(self._to_builder), listener)

    def plug(self, instance_id: str, network: str, *, builds: bool) -> list[asyncio.Server]:
        """Wires a machine's network up; what to `unplug` when it ends."""
        listener = self._door.listener(network, LOG_PORT)
        servers = [self._loop.serve(self.collector.serving(instance_id), listener)]
        if builds:
            servers.append(self._loop.run(self._proxy(self._door.listener(network, ARCHIVE_PORT))))
        return servers

    def unplug(self, servers: Sequence[asyncio.Server]) -> None:
        for server in servers:
            self._loop.loop.call_soon_threadsafe(server.close)

    def socket_in(self, network: str) -> socket.socket:
        """A TCP socket in the network. Raises OSError when that is gone."""
        return self._door.into(network)

    def close(self) -> None:
        self.unplug([self._forwarding])
        self._loop.run(self._archive.close())
        self._loop.close()
        self._makers.shutdown()
        self._door.close()

    async def _proxy(self, listener: socket.socket) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(web.Server(self._archive.handle), sock=listener)

    async def _to_builder(self) -> socket.socket:
        """A connection to the build machine's SSH server, as soon as it has one. Raises OSError."""
        limit = time.monotonic() + _SSH_SECONDS
        loop = asyncio.get_running_loop()
        while time.monotonic() < limit:
            if networks := self._builders():
                made = await loop.run_in_executor(self._makers, self._door.into, networks[-1])
                made.setblocking(False)
                try:
                    await loop.sock_connect(made, ("127.0.0.1", SSH_PORT))
                    return made
                except OSError:
                    made.close()
            await asyncio.sleep(0.1)
        raise ConnectionRefusedError("no build machine answers by SSH")
