"""Where the machines' log collectors forward to: syslog over TCP, kept by machine."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import defaultdict

from rehearsal.servers.container.sockets import Serve


class LogCollector:
    """`lines(instance_id)` is what a machine has forwarded so far."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = defaultdict(list)
        self._lock = threading.Lock()

    def lines(self, instance_id: str) -> list[str]:
        with self._lock:
            return list(self._lines[instance_id])

    def serving(self, instance_id: str) -> Serve:
        """Serves a machine's connections: frames of a counted length, or lines (RFC 6587)."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.LimitOverrunError, ValueError):
                while frame := await _frame(reader):
                    with self._lock:
                        self._lines[instance_id].append(frame.decode(errors="replace").rstrip("\n"))
            writer.close()

        return serve


async def _frame(reader: asyncio.StreamReader) -> bytes:
    """One message; empty at the end. Octet counting (RFC 6587, 3.4.1) when it begins with a number."""
    with contextlib.suppress(asyncio.IncompleteReadError):
        head = await reader.readexactly(1)
        if not head.isdigit():
            return head + await reader.readline()
        length = head + await reader.readuntil(b" ")
        return await reader.readexactly(int(length))
    return b""
