"""What a machine is wired to: Packer to its SSH server, apt to the package archive, curl to AWS's bucket, a log
collector to its target, and a server to its metadata and AWS's API.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from rehearsal.servers.container.sockets import (
    EventLoopThread,
    NamespaceSockets,
    forward,
    make_nodelay_socket,
    start_listening,
)
from rehearsal.servers.metadata_service import ADDRESS, API_ADDRESS, AwsEndpoint, MetadataService
from rehearsal.servers.network import tls
from rehearsal.servers.network.agent_bucket import BUCKET_PORT, AgentBucket
from rehearsal.servers.network.archive_proxy import ARCHIVE_PORT, ArchiveProxy
from rehearsal.servers.network.log_collector import LogCollector

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
SSH_PORT = 22
LOG_PORT = 5140
"""Where each machine finds the rehearsal's collector of logs (syslog over TCP) on its loopback."""
_SSH_SECONDS = 50.0
"""How long a connection waits for a build machine's SSH server; Packer gives up a handshake after a minute."""


class Forwarding:
    """`builders` gives the networks of the build machines there are, the newest last."""

    def __init__(self, archive: Path, builders: Callable[[], Sequence[str]]) -> None:
        self._builders = builders
        self._door = NamespaceSockets()
        self._loop = EventLoopThread("forwarding")
        self._archive = ArchiveProxy(archive)
        self.collector = LogCollector()
        self.bucket = AgentBucket()
        # Connecting sockets are made off the event loop, which must not wait.
        self._makers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="forwarding")
        listener = start_listening(make_nodelay_socket())
        self.ssh_port = int(listener.getsockname()[1])
        """Of this host's loopback: leads to the build machine that booted last."""
        self._forwarding = self._loop.serve(forward(self._to_builder), listener)
        self._aws: AwsEndpoint | None = None
        self._identity: tls.Identity | None = None

    def connect(self, aws: AwsEndpoint) -> None:
        """From now on servers reach AWS."""
        self._aws, self._identity = aws, tls.issue_identity(aws.names)

    @property
    def certificate(self) -> str:
        """PEM, of what answers servers as AWS; empty while nothing does."""
        return self._identity.certificate if self._identity else ""

    @property
    def hosts(self) -> str:
        """For /etc/hosts of a server."""
        return f"{API_ADDRESS} {' '.join(self._aws.names)}\n" if self._aws else ""

    def connect_server(self, instance_id: str, network: str, *, builds: bool) -> list[asyncio.Server]:
        """Wires a machine's network up; what to `unplug` when it ends."""
        listener = self._door.listen(network, LOG_PORT)
        servers = [self._loop.serve(self.collector.serving(instance_id), listener)]
        if builds:
            archive, bucket = (self._door.listen(network, port) for port in (ARCHIVE_PORT, BUCKET_PORT))
            servers.append(self._loop.run(_http(self._archive.handle, archive)))
            servers.append(self._loop.run(_http(self.bucket.handle, bucket, tls=self.bucket.context)))
        elif self._aws and self._identity:
            # Not to a build machine: it has no role, and the image's checks would find a listener that is not its own.
            self._door.add_address(network, ADDRESS)
            metadata = MetadataService(instance_id, self._aws)
            servers.append(self._loop.run(_http(metadata.handle, self._door.listen(network, 80, ADDRESS))))
            servers.append(
                self._loop.serve(
                    forward(self._to_cloud), self._door.listen(network, 443, API_ADDRESS), tls=self._identity.context
                )
            )
        return servers

    def disconnect_server(self, servers: Sequence[asyncio.Server]) -> None:
        for server in servers:
            self._loop.loop.call_soon_threadsafe(server.close)

    def socket_in(self, network: str) -> socket.socket:
        """A TCP socket in the network. Raises OSError when that is gone."""
        return self._door.make_socket(network)

    def close(self) -> None:
        self.disconnect_server([self._forwarding])
        self._loop.run(self._archive.close())
        self._loop.close()
        self._makers.shutdown()
        self._door.close()

    async def _to_cloud(self) -> socket.socket:
        """A connection to the local cloud. Raises OSError."""
        assert self._aws is not None
        where, made = urlsplit(self._aws.endpoint), make_nodelay_socket()
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, (where.hostname, where.port))
        return made

    async def _to_builder(self) -> socket.socket:
        """A connection to the build machine's SSH server, as soon as it has one. Raises OSError."""
        limit = time.monotonic() + _SSH_SECONDS
        loop = asyncio.get_running_loop()
        while time.monotonic() < limit:
            if networks := self._builders():
                made = await loop.run_in_executor(self._makers, self._door.make_socket, networks[-1])
                made.setblocking(False)
                try:
                    await loop.sock_connect(made, ("127.0.0.1", SSH_PORT))
                    return made
                except OSError:
                    made.close()
            await asyncio.sleep(0.1)
        raise ConnectionRefusedError("no build machine answers by SSH")


async def _http(handle: Handler, listener: socket.socket, *, tls: ssl.SSLContext | None = None) -> asyncio.Server:
    return await asyncio.get_running_loop().create_server(web.Server(handle), sock=listener, ssl=tls)
