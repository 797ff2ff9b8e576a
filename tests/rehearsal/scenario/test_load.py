"""The load generator: an open loop that accounts for every request, whatever becomes of it."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal.scenario.load import Load, Request, read
from rehearsal.scenario.local import free_port
from rehearsal.servers import scripted
from tests.rehearsal.boto3_stack import until

ROOT = Path(__file__).parents[3]


def green(connection: socket.socket) -> None:
    while scripted.head(connection):
        headers = "X-Phoenix-Generation: 0123456789ab\r\nX-Phoenix-Color: green\r\n"
        connection.sendall(scripted.ok(headers=headers))


def test_every_request_is_recorded_with_who_answered(tmp_path: Path) -> None:
    with (
        scripted.target(green) as (host, port),
        Load(url=f"http://{host}:{port}/", rate=50, out=tmp_path / "l") as load,
    ):
        until(lambda: len(load.requests()) >= 20, what="20 requests")
    requests = load.requests()
    assert {(r.status, r.generation, r.color, r.failed) for r in requests} == {(200, "0123456789ab", "green", False)}
    due = sorted(request.t for request in requests)
    gaps = [later - earlier for earlier, later in itertools.pairwise(due)]
    assert all(gap == pytest.approx(0.02, abs=0.001) for gap in gaps), "due times follow the rate and nothing else"


def test_clients_keep_their_own_cookies(tmp_path: Path) -> None:
    names = itertools.count()

    def remembers(connection: socket.socket) -> None:
        while said := scripted.head(connection):
            known = said.partition("Cookie: name=")[2].partition("\r\n")[0]
            name = known or f"c{next(names)}"
            headers = f"Set-Cookie: name={name}; Path=/\r\nX-Phoenix-Generation: {name}\r\n"
            connection.sendall(scripted.ok(headers=headers))

    with (
        scripted.target(remembers) as (host, port),
        Load(url=f"http://{host}:{port}/", rate=20, out=tmp_path / "l", clients=4) as load,
    ):
        until(lambda: len(load.requests()) >= 24, what="24 requests")
    names_of = {client: {r.generation for r in load.requests() if r.client == client} for client in range(4)}
    assert all(len(known) == 1 for known in names_of.values()), names_of
    assert len(set.union(*names_of.values())) == 4


def test_requests_leave_on_time_while_earlier_ones_wait_and_their_latency_says_so(tmp_path: Path) -> None:
    """No coordinated omission: a server that stops answering is asked all the same."""
    seen: list[socket.socket] = []

    def stalls(connection: socket.socket) -> None:
        scripted.head(connection)
        seen.append(connection)
        until(lambda: len(seen) >= 10, what="ten requests at once")
        connection.sendall(scripted.ok())

    with (
        scripted.target(stalls) as (host, port),
        Load(url=f"http://{host}:{port}/", rate=50, out=tmp_path / "l") as load,
    ):
        until(lambda: len(load.requests()) >= 10, what="answers")
    first = min(load.requests(), key=lambda request: request.t)
    assert first.ms >= 9 * 20, "it waited for nine more, 20 ms apart"


def test_request_without_an_answer_is_recorded_and_not_repeated(tmp_path: Path) -> None:
    received: list[str] = []

    def cuts(connection: socket.socket) -> None:
        received.append(scripted.head(connection))

    with scripted.target(cuts) as (host, port), Load(url=f"http://{host}:{port}/", rate=50, out=tmp_path / "l") as load:
        until(lambda: len(load.requests()) >= 5, what="5 requests")
    requests = load.requests()
    assert all(request.status == 0 and request.failed and request.error for request in requests)
    assert len(received) == len(requests)


def test_refused_connection_names_the_error(tmp_path: Path) -> None:
    with Load(url=f"http://127.0.0.1:{free_port()}/", rate=50, out=tmp_path / "l") as load:
        until(load.requests, what="a request")
    assert "ClientConnectorError" in load.requests()[0].error


def test_headers_go_with_every_request(tmp_path: Path) -> None:
    received: list[str] = []

    def keeps(connection: socket.socket) -> None:
        while request := scripted.head(connection):
            received.append(request)
            connection.sendall(scripted.ok())

    headers = {"X-Phoenix-Preview": "a: b"}
    with (
        scripted.target(keeps) as (host, port),
        Load(url=f"http://{host}:{port}/", rate=50, out=tmp_path / "l", headers=headers),
    ):
        until(lambda: received, what="a request")
    assert "X-Phoenix-Preview: a: b\r\n" in received[0]


@pytest.mark.parametrize("end", ["SIGTERM", "stdin", "--duration"])
def test_command_ends_with_all_requests_on_file(tmp_path: Path, end: str) -> None:
    out = tmp_path / "load.jsonl"
    with scripted.target(green) as (host, port):
        command = [sys.executable, "-m", "rehearsal.scenario.load", "--url", f"http://{host}:{port}/", "--rate", "100"]
        command += ["--out", str(out), *(["--duration", "0.5"] if end == "--duration" else [])]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE)
        assert process.stdin is not None
        until(lambda: out.exists() and out.read_text().count("\n") >= 10, what="10 requests")
        if end == "SIGTERM":
            process.send_signal(signal.SIGTERM)
        elif end == "stdin":
            process.stdin.close()
        assert process.wait(timeout=60) == 0
        process.stdin.close()
    assert all(request.status == 200 for request in read(out))


def test_death_of_the_parent_ends_it(tmp_path: Path) -> None:
    out = tmp_path / "load.jsonl"
    script = f"""
import pathlib, time
from rehearsal.scenario.load import Load
load = Load(url="http://127.0.0.1:{free_port()}/", rate=20, out=pathlib.Path({str(out)!r})).start()
print(load.pid, flush=True)
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    until(lambda: out.stat().st_size, what="load")
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: gone(pid), what="the load gone")


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z"  # nobody's to bury in a container


def test_line_that_was_cut_short_is_left_out(tmp_path: Path) -> None:
    out = tmp_path / "l"
    out.write_text(json.dumps({"t": 1.0, "ms": 2.0, "status": 200, "color": "blue"}) + '\n{"t": 2.0, "ms"')
    assert read(out) == [Request(t=1.0, ms=2.0, status=200, color="blue")]
