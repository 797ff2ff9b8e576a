"""Targets that behave as a test says, down to the bytes, and machines that are nothing but their addresses."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Set

from rehearsal.servers.images import base_images
from rehearsal.servers.machines import Address
from rehearsal.servers.metadata_service import AwsEndpoint

Script = Callable[[socket.socket], None]
"""What a target does with one accepted connection; the connection is closed when it returns."""


class ScriptedMachines:
    """Machines of which only the address matters; `addresses` maps instance ids to scripted targets."""

    kind = "scripted"
    images = base_images.IMAGES

    def __init__(self) -> None:
        self.addresses: dict[str, Address] = {}

    @property
    def environment(self) -> Mapping[str, str]:
        return {}

    def connect(self, aws: AwsEndpoint) -> None: ...

    def start(self, *, instance_id: str, image_id: str, user_data: str, public_key: str = "") -> None: ...

    def stop(self, *, instance_id: str) -> None: ...

    def halted(self, *, instance_id: str) -> bool:
        return True

    def freeze(self, *, instance_id: str, image_id: str, snapshot_id: str) -> None: ...

    def copy(self, *, source_id: str, image_id: str, snapshot_id: str) -> None: ...

    def keep(self, snapshots: Set[str]) -> None: ...

    def terminate(self, *, instance_id: str) -> None: ...

    def address(self, *, instance_id: str, port: int) -> Address | None:
        return self.addresses.get(instance_id)

    def socket(self, *, instance_id: str) -> socket.socket:
        return socket.socket()

    def console(self, *, instance_id: str) -> str:
        return ""

    def tick(self) -> None: ...

    def close(self) -> None: ...


@contextlib.contextmanager
def target(script: Script) -> Iterator[Address]:
    """A listening target that runs the script for every connection, each in a thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []
    connections: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            script(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
                threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield listener.getsockname()
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in [acceptor, *threads]:
            thread.join(timeout=10)


def head(connection: socket.socket) -> str:
    """The next request's line and headers; empty when the connection ended."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(1)
        if not piece:
            return ""
        received += piece
    return received.decode()


def body(connection: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        received += connection.recv(65536)
    return received


def ok(text: str = "ok", *, headers: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n{headers}\r\n{text}".encode()


def checked(script: Script) -> Script:
    """Answers health checks with 200 and leaves every other request, its head read, to the script."""

    def answer(connection: socket.socket) -> None:
        peeked = connection.recv(4096, socket.MSG_PEEK)
        if b"ELB-HealthChecker" in peeked:
            head(connection)
            connection.sendall(ok())
        else:
            script(connection)

    return answer
