"""What outlives every group is changed while users are there: without their notice, or refused with the way."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import pytest

from rehearsal.cloud.calls import Call
from rehearsal.engine import Result
from rehearsal.scenario.load import Load
from rehearsal.scenario.local import free_port
from tests.cycles.stack import until
from tests.faults.processes import kill_everything
from tests.faults.trial import Trial
from tests.rehearsal.alb.test_tls import HOST, self_signed

DELETES = "elasticloadbalancing:DeleteRule"
AWHILE = 10  # requests: half a second


class Users:
    """A load of their own on a port, and what they saw."""

    def __init__(self, load: Load) -> None:
        self._load = load

    def statuses(self) -> list[int]:
        """Answers in the order in which they were due; 0: there was none."""
        return [one.status for one in sorted(self._load.requests(), key=lambda one: one.t)]

    def met(self, *wanted: int) -> None:
        """They meet these answers one after the other, each for a while, and nothing else; waits for the last.

        Those that were under way when the answer changed may have either, in any order.
        """
        until(
            lambda: self.statuses()[-AWHILE:] == [wanted[-1]] * AWHILE,
            what=f"users get {wanted[-1]}",
            but=lambda: self.statuses()[-2 * AWHILE :],
        )
        said = self.statuses()
        assert set(said) == set(wanted)
        lasting = [status for status, alike in itertools.groupby(said) if len(list(alike)) >= AWHILE]
        assert [status for status, _ in itertools.groupby(lasting)] == list(wanted)


def answered(trial: Trial, moment: float) -> bool:
    """Whether every request that was due until a moment (of the epoch) has its answer: they come at a steady pace."""
    due = sorted(one.t for one in trial.stack.requests(moment - 30))
    return due[-1:] > [moment] and all(later - earlier < 1.5 / 20 for earlier, later in itertools.pairwise(due))


@contextmanager
def users(folder: Path, port: int, *, scheme: str = "http") -> Iterator[Users]:
    """Users of a port, while it lasts."""
    account = folder / f"users-{port}-{time.time_ns()}.jsonl"
    with Load(url=f"{scheme}://127.0.0.1:{port}/", rate=20, out=account) as load:
        yield Users(load)


def production(trial: Trial) -> str:
    """The ARN of the production rule."""
    name = "ListenerRule::phoenix-local-production"
    [rule] = [one for one in trial.stack.engine.resources() if one.urn.endswith(name)]
    return rule.id


def moves(trial: Trial, folder: Path, port: int, *, scheme: str = "http", **keys: object) -> Result:
    """Production passes to the listener on `port` (of this machine): an update that nobody notices who is there.

    Held before the old production rule goes, everybody is served on both. What is deleted then is the old way in: those
    who still ask there are refused, as the plan has told.
    """
    groups = trial.stack.groups()
    trial.stack.set(**keys)
    old = production(trial)
    with trial.stack.cloud.calls.holding(lambda call: call.name == DELETES and old in unquote(call.body)) as held:
        running = trial.begin()
        until(lambda: held.reached.is_set() or running.ended, what="the old production rule is deleted")
        assert held.reached.is_set(), running.wait().text
        with users(folder, port, scheme=scheme) as new:
            new.met(200)
        closes = time.time()
        until(lambda: answered(trial, closes), what="whoever asked before is answered")
        trial.stack.refuses(since=closes)
        held.released.set()
        done = trial.wait(running)
    assert done.ok, done.text
    assert "nothing is launched, nothing is deleted; permanent resources change" in done.text
    assert trial.stack.groups() == groups
    trial.stack.idle()
    return done


def returns(trial: Trial, folder: Path) -> None:
    """The listener is where the trials have it again, for those that come."""
    if trial.ending == "forward":
        moves(trial, folder, trial.stack.port, listenerPort=trial.stack.port, certificateArn="", hostname="")
    trial.stack.refuses(until=time.time())


def permanent(trial: Trial) -> set[tuple[str, str]]:
    """Of network and load balancer, what the state holds."""
    return {
        (one.urn, one.id)
        for one in trial.stack.engine.resources()
        if "$aws:" in one.urn and not {"blue", "green"} & set(one.urn.rsplit("::", 1)[-1].split("-"))
    }


NETWORKS: dict[str, dict[str, object]] = {
    "of its own": {"vpcCidr": "10.30.0.0/16"},
    "adopted": {
        "vpcId": "vpc-0123456789abcdef0",
        "albSubnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
        "serverSubnetIds": ["subnet-0123456789abcdef2"],
    },
}


@pytest.mark.parametrize("to", [pytest.param("of its own", marks=pytest.mark.representative("forward")), "adopted"])
def test_the_network_is_changed(trial: Trial, to: str) -> None:
    """Refused before anything is made, with the deliberate way; and what is taken back is as if nothing was."""
    before, [key, *_] = permanent(trial), NETWORKS[to]
    assert before
    trial.stack.set(**NETWORKS[to])
    said = trial.refused(
        f"{key} = ",
        "must stay",
        "the network of a stack that stands can't change",
        "another stack beside it: pulumi stack init NAME",
    )
    assert "set active" not in said, "flipping mends no network"
    assert permanent(trial) == before
    trial.change()
    trial.refused(f"{key} = ", "must stay")
    assert permanent(trial) == before
    trial.stack.back_to(trial.begun)
    if trial.ending == "forward":
        trial.change()
    trial.ends()


def test_the_listeners_port_is_changed(trial: Trial, tmp_path: Path) -> None:
    """The new port serves before the old one goes, and the next generation comes by it."""
    port = free_port()
    trial.strike()
    done = moves(trial, tmp_path, port, listenerPort=port)
    assert f"HTTP {port} opens, and serves beside what serves now" in done.text
    assert f"HTTP {trial.stack.port} closes, last of all: whoever still asks there is refused" in done.text
    if trial.ending == "forward":
        with users(tmp_path, port) as new:
            trial.change()
            trial.ends()
            new.met(200)
    else:
        trial.ends()
    returns(trial, tmp_path)


def test_a_certificate_comes_and_goes(trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Users of port 80 are served until they are led to HTTPS, and again once it goes; never refused."""
    certificate, key = self_signed("127.0.0.1")
    trusted = tmp_path / "certificate.pem"
    trusted.write_bytes(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    arn = trial.stack.cloud.client("acm").import_certificate(Certificate=certificate, PrivateKey=key)["CertificateArn"]
    trial.strike()
    moves(trial, tmp_path, trial.stack.plain, listenerPort=80)
    port = free_port()
    with users(tmp_path, trial.stack.plain) as everybody:
        done = moves(trial, tmp_path, port, scheme="https", listenerPort=port, certificateArn=arn, hostname=HOST)
        assert f"HTTP 80 serves until HTTPS {port} does, then it redirects there" in done.text
        everybody.met(200, 301)
        assert trial.stack.engine.outputs()["url"] == f"https://{HOST}:{port}"
        if trial.ending == "forward":
            done = moves(trial, tmp_path, trial.stack.plain, listenerPort=80, certificateArn="", hostname="")
            assert "HTTP 80 serves itself, beside what serves now" in done.text
            everybody.met(200, 301, 200)
    if trial.ending == "forward":
        returns(trial, tmp_path)
        trial.change()
        trial.ends()
    else:
        trial.ends()
        returns(trial, tmp_path)


def nth(name: str, number: int = 1) -> Callable[[Call], bool]:
    """The call of this name that is made as the `number`-th one."""
    left = itertools.count(1)
    return lambda call: call.name == f"elasticloadbalancing:{name}" and next(left) == number


@pytest.mark.parametrize("at", ["CreateListener", "CreateRule", "CreateRule again", "DeleteRule", "DeleteListener"])
def test_killed_while_production_passes_to_another_listener(trial: Trial, tmp_path: Path, at: str) -> None:
    """AWS has done it, and nobody knows. The next update goes on from there, or back, with every user served."""
    port, groups = free_port(), trial.stack.groups()
    trial.stack.set(listenerPort=port)
    wanted = nth(at.split()[0], 1 + at.endswith("again"))
    with trial.stack.cloud.calls.holding(wanted, performed=True) as held:
        running = trial.begin()
        until(lambda: held.reached.is_set() or running.ended, what=f"the update is at {at}")
        assert held.call is not None, running.wait().text
        trial.strike()
        kill_everything(running.pid)
        trial.ends_badly(running)
    if at.startswith("Delete"):
        trial.stack.refuses(since=held.call.t - 1)  # what was asked a moment before may be answered after it
    trial.unlock()
    if at == "DeleteListener":
        trial.refused(
            f"'HTTP {trial.stack.port}': must be there, and AWS has no such listener any more",
            "pulumi refresh --clear-pending-creates",
        )
        assert trial.stack.engine.refresh().ok
    if trial.ending == "forward":
        trial.stack.refuses(since=time.time())
        trial.up()
        assert trial.stack.groups() == groups
        with users(tmp_path, port) as new:
            new.met(200)
        trial.stack.idle()
        returns(trial, tmp_path)
        trial.change()
        trial.ends()
    else:
        trial.ends()
        returns(trial, tmp_path)
    with users(tmp_path, trial.stack.port) as everybody:
        everybody.met(200)


def test_a_listener_is_changed_while_it_is_protected(trial: Trial) -> None:
    trial.stack.set(protect=True)
    trial.refused(
        "protect = 'true': must not be set while the preview token crosses the internet in clear text",
        "is open to 0.0.0.0/0",
        "pulumi config set certificateArn ARN && pulumi config set hostname NAME",
    )
    trial.stack.set(allowedCidrs=["10.0.0.0/8"])
    trial.up()
    before, port = permanent(trial), free_port()
    trial.stack.set(listenerPort=port)
    trial.refused(
        f"protect = 'true': must have been false before HTTP {trial.stack.port} closes and production moves",
        f"pulumi config set protect false, with listenerPort {trial.stack.port} and no certificateArn still",
    )
    assert permanent(trial) == before
    trial.stack.set(listenerPort=trial.stack.port, protect=False, allowedCidrs=["0.0.0.0/0"])
    assert "the preview token crosses the internet in clear text" in trial.up().text
    if trial.ending == "forward":
        trial.change()
    trial.ends()


def test_a_listener_is_changed_in_the_update_of_a_flip(trial: Trial) -> None:
    before, port = permanent(trial), free_port()
    trial.change(listenerPort=port)
    trial.refused(
        f"listenerPort = {port}: must not change together with a launch", f"or keep listenerPort {trial.stack.port}"
    )
    assert permanent(trial) == before
    trial.stack.set(listenerPort=trial.stack.port)
    trial.ends()
