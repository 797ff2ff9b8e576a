"""A stand-in for the sample app and the OS under it: reads its user data, serves the routes, dies with its parent.

Run by `rehearsal.servers.process` as `python -I -S server.py --instance ID --socket FD`, with the user data as one
JSON string on the first line of stdin; stdin's end means that the parent is gone. Only the standard library, and little
of it, so that a machine is up in a tenth of a second.

PHOENIX_FAULT in server.env makes it misbehave, for tests of what a flip does then; several are separated by spaces.
REHEARSAL_FAULT is the same, by a name that a stack's `environment` may hold:

    never-answers     accepts connections and never answers
    answers-500       answers 500 to everything
    fails-smoke       healthy, but answers 500 to everything else
    wrong-generation  claims to be another generation
    dies-after=S      exits S seconds after it began to listen
    slow-boot=S       begins to listen S seconds later
    slow=S            answers everything but the health check S seconds later
    errors=P          answers 500 to the share P (0..1) of everything but the health check
    errors-above=N    answers 500 to production while more than N of its requests a second come, as a full pool would
    dies-live=S       exits S seconds after its first request of production (one without the preview header)
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping

SERVER_ENV = "/etc/phoenix/server.env"
HEALTH_PATH = "/health"
PREVIEW_HEADER = "x-phoenix-preview"
RATE_SECONDS = 4.0  # over which requests are counted: a moment's burst is no load


def server_env(user_data: str) -> dict[str, str]:
    """The variables that the user data writes to server.env; empty when it writes none.

    Raises ValueError when the user data is no cloud-config that this stand-in reads (JSON after the first line).
    """
    head, _, body = user_data.partition("\n")
    if head.strip() != "#cloud-config":
        return {}
    for file in json.loads(body).get("write_files", []):
        if file.get("path") == SERVER_ENV:
            return parse_env(file["content"])
    return {}


def parse_env(text: str) -> dict[str, str]:
    """KEY=VALUE lines as systemd's EnvironmentFile= reads them: double quotes and backslashes inside them."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        key, separator, value = line.strip().partition("=")
        if not separator or key.startswith(("#", ";")):
            continue
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] == '"':
            value = value[1:-1].replace('\\"', '"').replace("\\$", "$").replace("\\`", "`").replace("\\\\", "\\")
        elif len(value) >= 2 and value[0] == value[-1] == "'":
            value = value[1:-1]
        values[key.strip()] = value
    return values


class Faults:
    """What PHOENIX_FAULT asks for."""

    def __init__(self, text: str) -> None:
        table = dict(item.partition("=")[::2] for item in text.split())
        self.never_answers = "never-answers" in table
        self.answers_500 = "answers-500" in table
        self.fails_smoke = "fails-smoke" in table
        self.wrong_generation = "wrong-generation" in table
        self.dies_after = float(table["dies-after"]) if "dies-after" in table else None
        self.slow_boot = float(table.get("slow-boot", 0))
        self.slow = float(table.get("slow", 0))
        self.errors = float(table.get("errors", 0))
        self.errors_above = float(table.get("errors-above", "inf"))
        self.dies_live = float(table["dies-live"]) if "dies-live" in table else None
        self._recent: deque[float] = deque()

    def breaks(self, path: str, *, production: bool, now: float) -> bool:
        """Whether a request is answered with 500; `now` in seconds, and `production` says that a user asks."""
        if self.answers_500:
            return True
        if path == HEALTH_PATH:
            return False
        return self.fails_smoke or self._too_many(production, now) or random.random() < self.errors

    def _too_many(self, production: bool, now: float) -> bool:
        if not production:
            return False
        self._recent.append(now)
        while self._recent[0] <= now - RATE_SECONDS:
            self._recent.popleft()
        return len(self._recent) > self.errors_above * RATE_SECONDS


class App:
    """The sample app's routes; what differs from it is `faults`."""

    def __init__(self, env: dict[str, str], instance_id: str) -> None:
        self.faults = Faults(f"{env.get('PHOENIX_FAULT', '')} {env.get('REHEARSAL_FAULT', '')}")
        self.generation = env.get("PHOENIX_GENERATION", "")
        color = env.get("PHOENIX_COLOR", "")
        shown = "0" * 12 if self.faults.wrong_generation else self.generation
        self._headers = f"X-Phoenix-Generation: {shown}\r\nX-Phoenix-Color: {color}\r\n"
        self._page = (
            f"<!doctype html><title>{env.get('PHOENIX_SERVICE', '')}</title>"
            f"<p>{env.get('PHOENIX_SERVICE', '')}/{env.get('PHOENIX_STACK', '')} on {instance_id}: "
            f"{color} {self.generation}</p>\n"
        )

    def answer(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        production = path != HEALTH_PATH and PREVIEW_HEADER not in headers
        if production and self.faults.dies_live is not None:
            asyncio.get_running_loop().call_later(self.faults.dies_live, _exit)
        if self.faults.breaks(path, production=production, now=time.monotonic()):
            return self._response("500 Internal Server Error", "text/plain", "broken on purpose\n", method)
        if path == HEALTH_PATH:
            return self._response("200 OK", "text/plain", "ok", method)
        if path == "/":
            return self._response("200 OK", "text/html; charset=utf-8", self._page, method)
        return self._response("404 Not Found", "text/plain", "not found\n", method)

    def _response(self, status: str, kind: str, text: str, method: str) -> bytes:
        body = text.encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{self._headers}\r\n"
        return head.encode() + (b"" if method == "HEAD" else body)


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as much of it as a load balancer and a probe use."""

    def __init__(self, app: App, open_ones: set[Connection]) -> None:
        self._app = app
        self._open = open_ones
        self._buffer = b""
        self._body_left = 0
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._open.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._open.discard(self)

    def data_received(self, data: bytes) -> None:
        if self._app.faults.never_answers:
            return
        self._buffer += data
        self._next()

    def _next(self) -> None:
        while not self.busy:
            if self._body_left:
                taken = min(self._body_left, len(self._buffer))
                self._buffer, self._body_left = self._buffer[taken:], self._body_left - taken
                if self._body_left:
                    return
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head, self._buffer = self._buffer[:end].decode("latin-1"), self._buffer[end + 4 :]
            self._handle(head)

    def _handle(self, head: str) -> None:
        first, *lines = head.split("\r\n")
        method, target, version = [*first.split(" "), "", ""][:3]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self._body_left = int(headers.get("content-length", "0"))
        closes = headers.get("connection", "").lower() == "close" or version == "HTTP/1.0"
        path = target.partition("?")[0]
        delay = self._app.faults.slow if path != HEALTH_PATH else 0.0
        if delay:
            self.busy = True
            asyncio.get_running_loop().call_later(delay, self._answer, method, path, headers, closes)
        else:
            self._answer(method, path, headers, closes)

    def _answer(self, method: str, path: str, headers: Mapping[str, str], closes: bool) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(self._app.answer(method, path, headers))
        if closes:
            self.transport.close()
        elif self.busy:
            self.busy = False
            self._next()


async def serve(app: App, listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_reader(sys.stdin.fileno(), _exit_at_the_end_of_stdin)
    if app.faults.slow_boot:
        print(f"booting for {app.faults.slow_boot} s", flush=True)
        await _first(stopped, app.faults.slow_boot)
    connections: set[Connection] = set()
    factory: Callable[[], Connection] = lambda: Connection(app, connections)  # noqa: E731
    server = None
    if not stopped.is_set():
        server = await loop.create_server(factory, sock=listener, backlog=1024)
        print(f"generation {app.generation} listens on {listener.getsockname()}", flush=True)
        if app.faults.dies_after is not None:
            loop.call_later(app.faults.dies_after, _exit)
    await stopped.wait()
    print("stopping: no new connections, requests in flight end first", flush=True)
    if server is not None:
        server.close()
    for _ in range(100):
        if not any(connection.busy for connection in connections):
            break
        await asyncio.sleep(0.05)
    for connection in list(connections):
        connection.transport.close()


async def _first(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return


def _exit_at_the_end_of_stdin() -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        os._exit(0)


def _exit() -> None:
    print("dying on purpose", flush=True)
    os._exit(1)


def _first_line() -> str:
    """Read byte-wise to the newline: a buffered reader would swallow the pipe's end that is watched later."""
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(sys.stdin.fileno(), 65536)
        if not piece:
            os._exit(0)
        line += piece
    return line.decode()


def main(arguments: list[str]) -> int:
    options = dict(zip(arguments[::2], arguments[1::2], strict=True))
    listener = socket.socket(fileno=int(options["--socket"]))
    user_data = json.loads(_first_line())
    try:
        env = server_env(user_data)
    except (ValueError, AttributeError, KeyError) as error:
        print(f"cloud-init: user data can't be read: {error}", flush=True)
        return 1
    print(f"cloud-init: wrote {SERVER_ENV} with {', '.join(env) or 'nothing'}", flush=True)
    asyncio.run(serve(App(env, options["--instance"]), listener))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
