"""Wires to machines, on the loopback: what is said arrives, and at once."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from rehearsal.servers.container.sockets import EventLoopThread, forward, make_nodelay_socket, start_listening


def test_a_forwarded_connection_carries_both_ways_and_waits_for_no_acknowledgement() -> None:
    """asyncio leaves Nagle's algorithm on where a socket does not name its protocol: SSH then waits 40 ms a message."""
    delays: list[int] = []

    def look(writer: asyncio.StreamWriter) -> None:
        delays.append(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        look(writer)
        writer.write(await reader.readexactly(6))
        writer.close()

    loop = EventLoopThread("test")
    there, here = start_listening(make_nodelay_socket()), start_listening(make_nodelay_socket())
    loop.serve(echo, there)

    async def connect() -> socket.socket:
        made = make_nodelay_socket()
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, there.getsockname())
        return made

    def watched(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
        look(writer)
        return forward(connect)(reader, writer)

    loop.serve(watched, here)
    with socket.create_connection(here.getsockname(), timeout=10) as caller:
        caller.sendall(b"a word")
        assert caller.makefile("rb").read() == b"a word"
    loop.close()
    assert len(delays) == 2 and all(delays)
