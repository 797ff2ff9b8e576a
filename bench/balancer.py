"""The rehearsal's balancer beside haproxy, on the same work: so that we know what the rehearsal's figures mean.

    python -m bench.balancer [--seconds 3] [--rate 150]

The floor is haproxy (from the distribution: `apt-get install haproxy`) with the same two servers, the same health check
and the same balancing; both run in turn, in a process of its own each, and so does who asks. Two loads: an open one at
the rehearsal's kind of rate, which tells latencies (p50 and p99 of requests by when they were due), and a closed one of
16 connections as fast as it goes, which tells throughput (of haproxy it tells less than there is: who asks is one
Python). Without haproxy on PATH nothing is measured, and it says so.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp

from bench import fleet
from bench.printed import in_turn, table, times
from rehearsal.scenario.load import Load
from rehearsal.scenario.local import free_port
from rehearsal.scenario.report import percentile
from rehearsal.servers.machines import Address

CONNECTIONS = 16
CONFIG = """
global
    maxconn 4096
    nbthread 1
defaults
    mode http
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    option httpchk GET /health
    http-reuse safe
frontend users
    bind 127.0.0.1:{port}
    default_backend servers
backend servers
    balance roundrobin
{servers}
"""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Milliseconds of the open load, requests a second of the closed one, and failed requests of both."""

    p50: float
    p99: float
    throughput: float
    failed: int


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.balancer", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3, help="of each load, in each of three rounds")
    parser.add_argument("--rate", type=float, default=150, help="requests a second of the open load")
    given = parser.parse_args()
    if shutil.which("haproxy") is None:
        print("haproxy is not on PATH, so there is nothing to put the balancer beside: apt-get install haproxy")
        return 0
    with (
        tempfile.TemporaryDirectory() as folder,
        rehearsed(Path(folder)) as (ours, servers),
        haproxy(Path(folder), servers) as theirs,
    ):
        rounds = in_turn(
            3,
            {
                name: partial(asked, url, Path(folder), given.seconds, given.rate)
                for name, url in (("haproxy", theirs), ("the rehearsal's", ours))
            },
        )
    floor, own = (middle(taken) for taken in rounds.values())
    table(
        f"balancers, {len(servers)} servers; latency at {given.rate:g} requests a second, throughput with "
        f"{CONNECTIONS} connections",
        ["balancer", "p50 ms", "p99 ms", "requests/s", "failed"],
        [
            ["haproxy", floor.p50, floor.p99, round(floor.throughput), floor.failed],
            ["the rehearsal's", own.p50, own.p99, round(own.throughput), own.failed],
            ["", times(own.p50, floor.p50), times(own.p99, floor.p99), times(own.throughput, floor.throughput), ""],
        ],
    )
    return 0


def middle(taken: list[Taken]) -> Taken:
    """The median of each figure; failures are summed up."""
    return Taken(
        p50=statistics.median(one.p50 for one in taken),
        p99=statistics.median(one.p99 for one in taken),
        throughput=statistics.median(one.throughput for one in taken),
        failed=sum(one.failed for one in taken),
    )


def asked(url: str, folder: Path, seconds: float, rate: float) -> Taken:
    """Both loads, one after the other."""
    out = folder / f"load-{time.monotonic_ns()}.jsonl"
    with Load(url=url, rate=rate, out=out) as load:
        time.sleep(seconds)
    requests = load.requests()
    milliseconds = sorted(request.ms for request in requests if request.status)
    answered, failed = asyncio.run(_closed(url, seconds))
    return Taken(
        p50=percentile(milliseconds, 50) or 0.0,
        p99=percentile(milliseconds, 99) or 0.0,
        throughput=answered / seconds,
        failed=failed + sum(request.failed for request in requests),
    )


async def _closed(url: str, seconds: float) -> tuple[int, int]:
    """Requests that were answered, and that failed, by connections that each ask again at once."""
    counted = {True: 0, False: 0}
    until = time.monotonic() + seconds

    async def ask(session: aiohttp.ClientSession) -> None:
        while time.monotonic() < until:
            async with session.get(url) as response:
                await response.read()
                counted[response.status < 500] += 1

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:
        await asyncio.gather(*(ask(session) for _ in range(CONNECTIONS)))
    return counted[True], counted[False]


@contextmanager
def rehearsed(folder: Path) -> Iterator[tuple[str, Mapping[str, Address]]]:
    """The URL of the rehearsal's balancer, in a process of its own, and where its servers are."""
    here, there = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_balance, args=(folder / "cloud", there))
    process.start()
    try:
        yield here.recv()
    finally:
        here.send("end")
        process.join()


def _balance(workdir: Path, told: Connection) -> None:
    with fleet.processes(workdir, servers=2) as there:
        where = {one: there.cloud.machines.address(instance_id=one, port=8080) for one in there.servers("blue")}
        told.send((f"http://127.0.0.1:{there.port}/", where))
        told.recv()


@contextmanager
def haproxy(folder: Path, servers: Mapping[str, Address]) -> Iterator[str]:
    """The URL of a haproxy before the same servers, once it answers."""
    port, config = free_port(), folder / "haproxy.cfg"
    lines = [f"    server {name} {where[0]}:{where[1]} check inter 5s" for name, where in servers.items()]
    config.write_text(CONFIG.format(port=port, servers="\n".join(lines)))
    process = subprocess.Popen(["haproxy", "-db", "-q", "-f", str(config)])
    try:
        time.sleep(1)
        if process.poll() is not None:
            raise SystemExit("haproxy ended at once; what it said is above")
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
