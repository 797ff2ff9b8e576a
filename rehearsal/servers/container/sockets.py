"""Sockets in the networks of containers, and the servers and forwarders that use them: a machine has no other network.

A socket belongs to the network namespace of the thread that made it, for good (network_namespaces(7)). So one thread
steps into a container's namespace and makes it; the event loop then uses it like any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import os
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000
_PIECE = 65536
_SIOCSIFADDR, _SIOCSIFNETMASK = 0x8916, 0x891C
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class NamespaceSockets:
    """Makes sockets in other network namespaces."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="door")

    def make_socket(self, network: str) -> socket.socket:
        """A TCP socket in the namespace that the file names. Raises OSError when that is gone."""
        return self._thread.submit(self._make, network).result()

    def listen(self, network: str, port: int, host: str = "127.0.0.1") -> socket.socket:
        """Listens on the loopback of that namespace. Raises OSError."""
        return start_listening(self.make_socket(network), port, host)

    def add_address(self, network: str, address: str) -> None:
        """One more address of the namespace's loopback (netdevice(7)). Raises OSError."""
        with self.make_socket(network) as any_socket:
            for request, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, "255.255.255.255")):
                fcntl.ioctl(
                    any_socket,
                    request,
                    struct.pack("16sHH4s8x", b"lo:metal", socket.AF_INET, 0, socket.inet_aton(value)),
                )

    def close(self) -> None:
        self._thread.shutdown()

    def _make(self, network: str) -> socket.socket:
        with Path(network).open("rb") as namespace:
            if self._libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                number = ctypes.get_errno()
                raise OSError(number, f"setns: {os.strerror(number)}")
        return make_nodelay_socket()


def make_nodelay_socket() -> socket.socket:
    """A TCP socket whose words go out at once, as do those of the connections it accepts.

    asyncio says TCP_NODELAY for sockets that name their protocol only; without it each small message of SSH waits for
    the other side's delayed acknowledgement of the last one: 40 ms (tcp(7)).
    """
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)


def start_listening(made: socket.socket, port: int = 0, host: str = "127.0.0.1") -> socket.socket:
    """The socket, once it listens on its loopback; port 0: any that is free. Raises OSError."""
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((host, port))
    made.listen(128)
    return made


class EventLoopThread:
    """An event loop in a thread of its own."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine, waited for in the calling thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def serve(self, serve: Serve, listener: socket.socket, *, tls: ssl.SSLContext | None = None) -> asyncio.Server:
        """Accepts connections on a listening socket."""

        async def begin() -> asyncio.Server:
            return await asyncio.start_server(serve, sock=listener, ssl=tls)

        return self.run(begin())

    def close(self) -> None:
        self.run(_cancel_everything())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _cancel_everything() -> None:
    rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


def forward(connect: Callable[[], Awaitable[socket.socket]]) -> Serve:
    """Serves a connection by another one: bytes both ways until both sides have said all."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(sock=await connect())
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        writer.close()

    return serve


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.close()
