"""Production traffic, with a record of every request.

`python -m rehearsal.scenario.load --url U --rate 200 --out FILE` runs it alone.

An open loop: requests leave when the rate says so, whether or not earlier ones were answered, and a request's latency
counts from the moment it was due, so a stall is seen as long as it was. Nothing is ever tried twice. One compact JSON
line a request: {"t": due, seconds since the epoch, "ms": latency, "status": 0 when there was no answer, "generation",
"color": what answered, "error": why there was no answer, "client": who asked}. With --clients N its requests are those
of N clients by turns, who keep their cookies.

It ends after --duration, on SIGTERM or SIGINT, or when its stdin is a pipe that ends (its parent is gone): no new
requests then, those under way are waited for and recorded.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

import aiohttp

ANSWER_SECONDS = 30.0
FLUSH_SECONDS = 0.5
_TICK_SECONDS = 0.002


@dataclass(frozen=True, kw_only=True)
class Request:
    t: float
    """When it was due, in seconds since the epoch."""
    ms: float
    """From then until its answer was read (or the attempt failed), in milliseconds."""
    status: int
    """0: no answer."""
    generation: str = ""
    color: str = ""
    error: str = ""
    client: int = 0

    @property
    def failed(self) -> bool:
        """A user would call it a failure: no answer, or the server's or the balancer's error."""
        return self.status == 0 or self.status >= 500


def read(path: Path) -> list[Request]:
    """Every request that is recorded in the file, in the order of their answers. A line cut short is left out."""
    requests = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                requests.append(Request(**json.loads(line)))
    return requests


class Load:
    """The load as a process of its own, for as long as the `with` block lasts; `requests()` reads its account.

    `headers` go with every request; of `clients` each keeps its cookies, 0 keep none. Raises RuntimeError at the end
    when the process failed.
    """

    def __init__(
        self, *, url: str, rate: float, out: Path, headers: Mapping[str, str] | None = None, clients: int = 0
    ) -> None:
        self._command = [
            sys.executable,
            "-m",
            "rehearsal.scenario.load",
            "--url",
            url,
            "--rate",
            str(rate),
            "--out",
            str(out.resolve()),
            "--clients",
            str(clients),
        ]
        for name, value in (headers or {}).items():
            self._command += ["--header", f"{name}: {value}"]
        self.out = out
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Load:
        root = Path(__file__).resolve().parents[2]
        self.out.touch()
        self._process = subprocess.Popen(
            self._command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )
        return self

    def stop(self) -> None:
        """Waits for the requests under way. Does nothing the second time."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            code = process.wait(timeout=ANSWER_SECONDS + 10)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if code != 0:
            raise RuntimeError(f"the load ended with exit status {code}: {' '.join(self._command)}")

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def requests(self) -> list[Request]:
        """So far, or all of them once it was stopped."""
        return read(self.out)

    def __enter__(self) -> Load:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Run:
    def __init__(self, *, url: str, rate: float, headers: Mapping[str, str], out: IO[str], clients: int) -> None:
        self._url = url
        self._rate = rate
        self._cookies: list[dict[str, str]] = [{} for _ in range(clients)]
        self._headers = headers
        self._out = out
        self._under_way: set[asyncio.Task[None]] = set()
        self.stopping = asyncio.Event()

    async def run(self, *, duration: float | None) -> None:
        loop = asyncio.get_running_loop()
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            # A repeated request would hide from the account that the first one failed.
            session._retry_connection = False
            begun, wall = loop.time(), time.time()
            flushed, sent = begun, 0
            while not self.stopping.is_set():
                elapsed = loop.time() - begun
                if duration is not None and elapsed >= duration:
                    break
                while sent / self._rate <= elapsed:
                    due = sent / self._rate
                    self._send(session, number=sent, due=begun + due, wall=wall + due)
                    sent += 1
                if loop.time() - flushed > FLUSH_SECONDS:
                    flushed = loop.time()
                    self._out.flush()
                await asyncio.sleep(max(min(sent / self._rate - (loop.time() - begun), 0.05), _TICK_SECONDS))
            await asyncio.gather(*self._under_way)
        self._out.flush()

    def _send(self, session: aiohttp.ClientSession, *, number: int, due: float, wall: float) -> None:
        client = number % len(self._cookies) if self._cookies else 0
        task = asyncio.get_running_loop().create_task(self._request(session, client=client, due=due, wall=wall))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _request(self, session: aiohttp.ClientSession, *, client: int, due: float, wall: float) -> None:
        status, generation, color, error = 0, "", "", ""
        cookies = self._cookies[client] if self._cookies else {}
        try:
            async with session.get(
                self._url, headers=self._headers, cookies=cookies, allow_redirects=False
            ) as response:
                await response.read()
                if self._cookies:
                    cookies.update({name: morsel.value for name, morsel in response.cookies.items()})
                status = response.status
                generation = response.headers.get("X-Phoenix-Generation", "")
                color = response.headers.get("X-Phoenix-Color", "")
        except (aiohttp.ClientError, OSError, TimeoutError) as failure:
            status, error = 0, f"{type(failure).__name__}: {failure}".removesuffix(": ")
        ms = (asyncio.get_running_loop().time() - due) * 1000
        request = Request(
            t=round(wall, 4),
            ms=round(ms, 2),
            status=status,
            generation=generation,
            color=color,
            error=error,
            client=client,
        )
        line = {key: value for key, value in asdict(request).items() if value != "" and (key != "client" or value)}
        self._out.write(json.dumps(line, separators=(",", ":")) + "\n")


async def _main(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    headers = dict(header.split(": ", 1) for header in options.header)
    with options.out.open("a", encoding="utf-8") as out:
        run = _Run(url=options.url, rate=options.rate, headers=headers, out=out, clients=options.clients)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, run.stopping.set)
        if stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
            loop.add_reader(sys.stdin.fileno(), _stop_at_the_end, run)
        await run.run(duration=options.duration)


def _stop_at_the_end(run: _Run) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        run.stopping.set()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m rehearsal.scenario.load", description=__doc__.split("\n\n")[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--rate", type=float, required=True, help="requests a second")
    parser.add_argument("--out", type=Path, required=True, help="the file that gets one JSON line a request")
    parser.add_argument("--duration", type=float, help="seconds (default: until it is stopped)")
    parser.add_argument("--clients", type=int, default=0, help="so many, who keep cookies (default: nobody does)")
    parser.add_argument("--header", action="append", default=[], metavar="'NAME: VALUE'")
    asyncio.run(_main(parser.parse_args(arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
