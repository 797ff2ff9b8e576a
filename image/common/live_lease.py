"""Has phoenix-live.target active here while this generation has production, and never in two generations at once.

    python3 -I live_lease.py FILE            watches, for as long as the server runs
    python3 -I live_lease.py FILE --prepare  ties the target's units to it
    python3 -I live_lease.py FILE --stop     stops them, in a bounded time

FILE is what user data wrote: {"region": ..., "table": ..., "generation": ..., "stop_seconds": ...}. The table (of
DynamoDB, whose reads can be strongly consistent) has an item `production` with the generation that has production and a
number that grows each time this changes, and an item of each server whose target is or may be active: with the number
that it works under. A server

- writes its own item before it starts, and starts only when a look after that still shows the same number;
- stops when a look shows another number, and takes its item away only then: that is its acknowledgement;
- stops by itself when no look has succeeded for LEASE_SECONDS: cut off, it works no longer;
- waits for every item of an older number to go, or until whoever wrote it has stopped by that rule, for sure.

Times are of a clock that no one sets and that goes on while a machine sleeps; those of two machines are taken to differ
by a tenth at most. Sources: "DynamoDB read consistency", Amazon DynamoDB developer guide.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # -I leaves it out
sys.dont_write_bytecode = True  # nothing of one machine stays in the image

from botocore.exceptions import BotoCoreError, ClientError  # noqa: E402
from server_aws import client, metadata  # noqa: E402

LOOK_SECONDS = 3.0
LEASE_SECONDS = 20.0
# systemd ends this program, and with it the target, when it has not been heard of for so long (phoenix-live.service).
WATCHDOG_SECONDS = 15.0
# What is left of a unit after its time gets SIGKILL, and so long to go; a machine on which it stays is switched off.
KILL_SECONDS = 10.0
CLOCKS_DIFFER = 1.1
TARGET = "phoenix-live.target"
PRODUCTION = "production"
ENVIRONMENT = Path("/run/phoenix-live/env")

WAIT, STOP, RELEASE, SWEEP, CLAIM, START = "wait", "stop", "release", "sweep", "claim", "start"


@dataclass(frozen=True)
class Holder:
    """A server that works or may: under which number, and within how many seconds it stops when it is cut off."""

    number: int
    within: float


@dataclass(frozen=True)
class View:
    """What one look at the table showed; number 0: nobody has production yet."""

    number: int = 0
    generation: str = ""
    holders: Mapping[str, Holder] = field(default_factory=dict)


@dataclass
class Lease:
    """What this server knows. All times are seconds of its own clock."""

    server: str
    generation: str
    stop_seconds: float
    working: int = 0  # the number that its target is active under; 0: it is not
    renewed: float = 0.0  # when the last look began that allowed that
    seen: int = 0  # the number of the last look
    seen_since: float = 0.0  # when it was first seen
    confirmed: bool = False  # an earlier look has shown it too

    @property
    def within(self) -> float:
        """Seconds from its last good look until its work is over, whatever happens to it."""
        return LEASE_SECONDS + WATCHDOG_SECONDS + self.stop_seconds + KILL_SECONDS

    def expires_in(self, now: float) -> float:
        return self.renewed + LEASE_SECONDS - now

    def next_step(self, view: View | None, *, asked: float, now: float) -> str:
        """What to do after a look that began at `asked`; None is one that failed."""
        if view is not None:
            self.confirmed = view.number == self.seen
            if not self.confirmed:
                self.seen, self.seen_since = view.number, now
        if self.working:
            return self._working(view, asked=asked, now=now)
        if view is None:
            return WAIT
        own = view.holders.get(self.server)
        if not view.number or view.generation != self.generation:
            return RELEASE if own else WAIT
        if own and own.number != view.number:
            return RELEASE
        older = self.older(view)
        if older and now - self.seen_since < max(one.within for one in older.values()) * CLOCKS_DIFFER:
            return WAIT
        # What one look shows was not read at one moment: nobody older can have come after the look before it.
        if not self.confirmed:
            return WAIT
        if older:
            return SWEEP
        if own is None:
            return CLAIM
        self.working, self.renewed = view.number, asked
        return START

    def older(self, view: View) -> dict[str, Holder]:
        """The others whose number is no longer the one that holds."""
        return {name: one for name, one in view.holders.items() if name != self.server and one.number < view.number}

    def stopped(self) -> None:
        self.working = 0

    def _working(self, view: View | None, *, asked: float, now: float) -> str:
        if view is not None:
            # An item that somebody took away means that others no longer wait for this server.
            if view.number != self.working or self.server not in view.holders:
                return STOP
            self.renewed = asked
        return STOP if self.expires_in(now) <= 0 else WAIT


class Table:
    """The stack's table in DynamoDB, asked so that an answer comes soon or not at all."""

    def __init__(self, region: str, name: str) -> None:
        self._name, self._client = name, client("dynamodb", region, read_seconds=3, attempts=1)

    def look(self) -> View:
        """Raises ClientError or BotoCoreError."""
        items: list[Any] = []
        more: dict[str, Any] = {}
        while True:
            answer = self._client.scan(TableName=self._name, ConsistentRead=True, **more)
            items += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return parse(items)
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def claim(self, server: str, holder: Holder) -> None:
        item = {"id": {"S": server}, "number": {"N": str(holder.number)}, "within": {"N": str(holder.within)}}
        self._client.put_item(TableName=self._name, Item=item)

    def release(self, server: str, *, number: int | None = None) -> None:
        """Takes a server's item away; with a `number` only the one that is under it."""
        only: dict[str, Any] = {}
        if number is not None:
            only = {
                "ConditionExpression": "#number = :number",
                "ExpressionAttributeNames": {"#number": "number"},
                "ExpressionAttributeValues": {":number": {"N": str(number)}},
            }
        try:
            self._client.delete_item(TableName=self._name, Key={"id": {"S": server}}, **only)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise


def parse(items: Sequence[Mapping[str, Any]]) -> View:
    """The items of the table as DynamoDB gives them."""
    said = {item["id"]["S"]: item for item in items}
    production = said.pop(PRODUCTION, None)
    holders = {
        name: Holder(number=int(item["number"]["N"]), within=float(item["within"]["N"])) for name, item in said.items()
    }
    if production is None:
        return View(holders=holders)
    return View(number=int(production["number"]["N"]), generation=production["generation"]["S"], holders=holders)


class Units:
    """The units of systemd's that are the target's: those it wants, and those that these start."""

    def __init__(self, stop_seconds: float) -> None:
        self._seconds = stop_seconds

    def names(self) -> list[str]:
        wanted = _shown("Wants", TARGET)
        started = _shown("Triggers", *wanted) if wanted else []
        return sorted({*wanted, *started})

    def prepare(self) -> None:
        """Ties each to the target, whatever its file says: it stops with it, and in time."""
        for name in self.names():
            folder = Path("/run/systemd/system") / f"{name}.d"
            folder.mkdir(parents=True, exist_ok=True)
            bound = f"[Service]\nTimeoutStopSec={self._seconds:g}\n" if name.endswith(".service") else ""
            (folder / "60-phoenix-live.conf").write_text(f"[Unit]\nPartOf={TARGET}\n{bound}", encoding="utf-8")
        _systemctl("daemon-reload", seconds=60)

    def start(self, number: int) -> None:
        ENVIRONMENT.parent.mkdir(exist_ok=True)
        ENVIRONMENT.write_text(f"PHOENIX_LIVE_NUMBER={number}\n", encoding="utf-8")
        tell(f"this generation has production: {TARGET} starts, under number {number}")
        _systemctl("start", "--no-block", TARGET, seconds=KILL_SECONDS)

    def stop(self) -> None:
        """Ends them all. A machine that can't is switched off: then they have ended too."""
        names = [TARGET, *self.names()]
        _stop_patiently(names, self._seconds)
        if left := self._active(names):
            tell(f"FAILED: {', '.join(left)} did not stop within {self._seconds:g} s, and is killed")
            for name in left:
                _systemctl("kill", "--signal=SIGKILL", name, seconds=KILL_SECONDS / 5)
            ends = clock() + KILL_SECONDS / 2
            while self._active(names):
                if clock() >= ends:
                    tell("FAILED: it can't be killed, and this server is switched off")
                    _systemctl("poweroff", "--force", "--force", seconds=KILL_SECONDS)
                time.sleep(0.2)

    def _active(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if _shown("ActiveState", name) not in (["inactive"], ["failed"])]


def _shown(of: str, *names: str) -> list[str]:
    asked = ["systemctl", "show", "--property", of, "--value", *names]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=KILL_SECONDS)
    return done.stdout.split()


def _stop_patiently(names: Sequence[str], seconds: float) -> None:
    """Is heard of meanwhile: what it waits for is bounded."""
    process = subprocess.Popen(["systemctl", "stop", *names])
    ends = clock() + seconds
    while process.poll() is None and clock() < ends:
        notify("WATCHDOG=1")
        time.sleep(0.1)
    process.kill()
    process.wait()


def _systemctl(*arguments: str, seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(["systemctl", *arguments], check=False, timeout=seconds)


def clock() -> float:
    """Goes on while the machine sleeps, and nobody sets it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def main(arguments: list[str]) -> int:
    file = Path(arguments[0])
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        region, table, generation = (str(said[key]) for key in ("region", "table", "generation"))
        stop_seconds = float(said["stop_seconds"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        tell(f"FAILED: {file} can't be read ({type(error).__name__}); {TARGET} is not started")
        return 1
    units = Units(stop_seconds)
    if "--stop" in arguments:
        units.stop()
        return 0
    units.prepare()
    if "--prepare" in arguments:
        return 0
    # Of an earlier run of this program nothing may be left that works.
    units.stop()
    server = metadata("instance-id")
    if not server:
        tell("FAILED: this is no instance of EC2's")
        return 1
    lease = Lease(server=server, generation=generation, stop_seconds=stop_seconds)
    signal.signal(signal.SIGTERM, _end)
    notify("READY=1")
    try:
        watch(lease, Table(region, table), units)
    except KeyboardInterrupt:
        units.stop()
        with contextlib.suppress(ClientError, BotoCoreError):
            Table(region, table).release(lease.server)
    return 0


def _end(*_: Any) -> None:
    raise KeyboardInterrupt


def watch(lease: Lease, table: Table, units: Units) -> None:
    """Looks, and does what follows, for ever."""
    silent = ""
    while True:
        notify("WATCHDOG=1")
        asked, view = clock(), None
        try:
            view = table.look()
            silent = ""
        except (ClientError, BotoCoreError, OSError) as error:
            if silent != str(error):
                silent = str(error)
                tell(f"the table can't be read: {silent}")
        now = clock()
        step = lease.next_step(view, asked=asked, now=now)
        if step == WAIT:
            left = lease.expires_in(now) if lease.working else LOOK_SECONDS
            time.sleep(max(0.1, min(LOOK_SECONDS, left)))
            continue
        try:
            act(step, lease, view, table, units)
        except (ClientError, BotoCoreError, OSError) as error:
            tell(f"{step}: {error}")
            time.sleep(LOOK_SECONDS)


def act(step: str, lease: Lease, view: View | None, table: Table, units: Units) -> None:
    """Does one step. Raises ClientError, BotoCoreError or OSError when the table did not take it."""
    if step == STOP:
        tell(f"{TARGET} stops: " + ("production is another generation's" if view else "the table can't be read"))
        units.stop()
        lease.stopped()
    elif step == RELEASE:
        table.release(lease.server)
    elif step == SWEEP and view is not None:
        for name, one in lease.older(view).items():
            tell(f"{name} has not said that it stopped, and must have by now")
            table.release(name, number=one.number)
    elif step == CLAIM and view is not None:
        table.claim(lease.server, Holder(number=view.number, within=lease.within))
    elif step == START:
        units.start(lease.working)


def notify(line: str) -> None:
    """Tells systemd (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
            sending.connect("\0" + address[1:] if address.startswith("@") else address)
            sending.sendall(line.encode())


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
