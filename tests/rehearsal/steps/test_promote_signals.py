"""promote as a process of its own: a signal, or the death of whoever started it, puts the weights back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
import requests
from moto.backends import get_backend
from moto.server import ThreadedMotoServer

from tests.unit.steps.cloud import ACCOUNT, GREEN, REGION, STACK, Balancer, World, balancer
from tests.unit.steps.promote.flipping import Flipping
from tests.unit.steps.test_common import alive, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the step's process in /proc")

PROJECT = Path(__file__).parents[3]
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}


@pytest.fixture
def alb() -> Iterator[Balancer]:
    with balancer() as playing:
        yield playing


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    requests.post(f"{url}/moto-api/reset", timeout=60)
    for key, value in {**KEYS, "AWS_ENDPOINT_URL": url}.items():
        monkeypatch.setenv(key, value)
    yield url
    server.stop()


@pytest.fixture
def flipping(endpoint: str, alb: Balancer) -> Flipping:
    world = World(boto3.Session(), alb.port)
    # The server runs in this process: its load balancer's name leads to the balancer on loopback.
    get_backend("elbv2")[ACCOUNT][REGION].load_balancers[world.load_balancer].dns_name = "127.0.0.1"
    return Flipping(world)


def environment(flipping: Flipping) -> dict[str, str]:
    """What the program would pass: a canary that lasts until somebody stops it."""
    options = {
        "STACK": STACK,
        "ACCOUNT": ACCOUNT,
        "REGION": REGION,
        "COLOR": "green",
        "GENERATION": GREEN,
        "GROUP": flipping.green.group,
        "TARGET_GROUP": flipping.green.target_group,
        "LISTENER": flipping.world.listener,
        "PREVIEW_RULE": flipping.world.preview_rule,
        "TRAFFIC": "100",
        "MIN_SIZE": "1",
        "CANARY_STEPS": "10",
        "CANARY_PAUSE_SECONDS": "3600",
        "PYTHON": sys.executable,
    }
    return {**os.environ, **{f"PHOENIX_{name}": value for name, value in options.items()}}


# As Pulumi's command provider runs it.
COMMAND = ["/bin/sh", "-c", "sh steps/run promote; exit $?"]


@contextmanager
def start(flipping: Flipping, tmp_path: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """The step; what of it is left when the block ends, is killed: its canary would last for an hour."""
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        shell = subprocess.Popen(
            COMMAND,
            cwd=PROJECT,
            env={**environment(flipping), **more},
            stdout=out,
            stderr=err,
            start_new_session=True,
            # Under nohup the tests ignore it, and so would what they start.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        )
    with shell:
        try:
            yield shell
        except BaseException:
            os.killpg(shell.pid, signal.SIGKILL)
            raise


def in_canary(flipping: Flipping) -> bool:
    return flipping.world.weights().get(flipping.green.target_group) == 10


def back(flipping: Flipping) -> bool:
    return flipping.world.weights() == {flipping.blue.target_group: 100} and flipping.minimum("green") == 1


def child_of(pid: int) -> int:
    """The step itself: the one child of the shell that runs it."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_puts_the_weights_back(flipping: Flipping, tmp_path: Path, number: signal.Signals) -> None:
    with start(flipping, tmp_path) as shell:
        wait_for(lambda: in_canary(flipping))
        os.kill(child_of(shell.pid), number)
        assert shell.wait(60) == 1

    assert back(flipping)
    said = (tmp_path / "err").read_text()
    assert f"promote failed: PHX-702: the promotion of green {GREEN} was stopped" in said
    assert f"Why: PHX-009: it was interrupted ({number.name})\n     production traffic is back: blue 100 %" in said
    assert (tmp_path / "out").read_text() == ""


def test_the_death_of_whoever_started_it_puts_the_weights_back(flipping: Flipping, tmp_path: Path) -> None:
    with start(flipping, tmp_path) as shell:
        wait_for(lambda: in_canary(flipping))
        step = child_of(shell.pid)
        shell.kill()

    wait_for(lambda: back(flipping))
    wait_for(lambda: not alive(step))
    assert "the process that started it has ended" in (tmp_path / "err").read_text()


def test_a_promotion_that_ends_well_tells_it_in_json(flipping: Flipping, tmp_path: Path) -> None:
    quick = {f"PHOENIX_{name}_SECONDS": "0" for name in ("SETTLE", "SOAK", "DRAIN")}

    with start(flipping, tmp_path, PHOENIX_CANARY_STEPS="", **quick) as shell:
        assert shell.wait(60) == 0

    result = json.loads((tmp_path / "out").read_text())
    assert (result["weights"], result["first"]) == ({"green": 100, "blue": 0}, False)
    assert list(result) == sorted(result)
    assert flipping.world.weights() == {flipping.green.target_group: 100, flipping.blue.target_group: 0}


def test_a_step_refuses_things_of_another_account(flipping: Flipping, tmp_path: Path) -> None:
    with start(flipping, tmp_path, PHOENIX_ACCOUNT="999999999999") as shell:
        assert shell.wait(60) == 1

    said = (tmp_path / "err").read_text()
    assert "the step works in account 999999999999, region eu-west-1, and was given things from elsewhere" in said
    assert f"{flipping.world.listener} is of account 123456789012" in said
    assert flipping.world.weights() == {flipping.blue.target_group: 1}
