"""`python -m drill --stack NAME`: the rehearsal's scenario in a real AWS account, by the real engine.

It says what it will do, how long that takes and what it costs, and asks. Whatever happens, everything is destroyed at
the end, and AWS is asked what is left. `python -m drill clean --stack NAME` finishes that after a kill.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console as RichConsole

from core import credentials
from core.times import iso
from drill import estimate, folder, settings
from drill.folder import BusyError, DrillRecord
from drill.left import Leftover, find_leftovers
from drill.place import AwsBackend, is_local, session
from drill.run import CLEAN, DrillOptions, clean, run_drill
from plan.config.parsing import SettingsError
from plan.config.settings import Settings
from plan.estimates import format_duration
from rehearsal import PROJECT
from rehearsal.engine import available, tools
from rehearsal.engine.available import EngineError
from rehearsal.scenario.console import Console
from rehearsal.scenario.local import free_port
from rehearsal.scenario.record import AWS


class DrillError(Exception):
    """A drill that does not begin; the text says why and what to do."""


def main(arguments: list[str] | None = None, *, asked: Callable[[str], str] = input) -> int:
    """0 when everything held and nothing is left, 1 when not or when it did not begin, 130 after an interrupt."""
    parser = argparse.ArgumentParser(prog="python -m drill", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("run", "clean"), default="run")
    parser.add_argument("--stack", required=True, help="the drill's name, and the stack whose settings it takes")
    parser.add_argument("--region", default="", help="(the stack's, or AWS_REGION)")
    parser.add_argument(
        "--endpoint", default="", help=("a cloud that is not AWS, as of `make cloud`: a trial of the drill")
    )
    parser.add_argument("--stand-in", action="store_true", help="with --endpoint only: not the real engine")
    parser.add_argument("--confirm", default="", metavar="ACCOUNT", help="the account's id: nobody is asked")
    parser.add_argument("--rate", type=float, default=20, help="requests a second")
    parser.add_argument("--report", type=Path, default=PROJECT / "drill-report", help="where the report goes")
    given = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    console = Console(RichConsole(highlight=False, width=None if sys.stdout.isatty() else 140))
    try:
        with folder.locked(given.stack):
            return {"run": run, "clean": clean_up}[given.what](given, console, asked)
    except KeyboardInterrupt:
        console.print("interrupted")
        return 130
    except (DrillError, EngineError, BusyError, SettingsError) as error:
        console.print(str(error))
    except (BotoCoreError, ClientError) as error:
        console.print(
            f"AWS did not answer as it should: {error}\nDo: aws sts get-caller-identity, which must work first"
        )
    return 1


@dataclass(frozen=True, kw_only=True)
class AccountAccess:
    """The account that credentials lead to, and who they are."""

    backend: AwsBackend
    record: DrillRecord
    caller_arn: str


def run(given: argparse.Namespace, console: Console, asked: Callable[[str], str]) -> int:
    """Everything that can be wrong is reported before anybody is asked, and nothing is made before a confirmation."""
    if given.stand_in and not given.endpoint:
        raise DrillError("--stand-in is for a trial of the drill (--endpoint); in an account Pulumi itself runs")
    if folder.read_record(given.stack):
        raise DrillError(
            f"a drill of {given.stack} was killed before its account was clean.\nDo: {CLEAN.format(stack=given.stack)}"
        )
    engine = available.choose(stand_in=given.stand_in, say=console.print)
    if engine.pulumi is None and not given.stand_in:
        raise DrillError(f"a drill needs the real engine: {engine.why}")
    config = settings.of_stack(PROJECT, given.stack, region=given.region or ("" if _has_region(given) else _region()))
    port = free_port() if is_local(given.endpoint) else 0
    if port:
        config["listenerPort"] = port
    known = settings.parsed(config, given.stack)
    scripts = "stand-in" not in (packer := tools.packer(dict(os.environ)))
    if packer == "none":
        raise DrillError("a drill bakes, and Packer is not installed.\nDo: make pulumi")
    to = find_account(given, known, port=port, scripts_run=scripts)
    if there := find_leftovers(to.backend, to.backend.identity):
        raise DrillError(
            f"account {to.record.account} has something with the tag phoenix:stack = {to.backend.identity}: "
            f"{_first_few(there)}.\nDo: {CLEAN.format(stack=given.stack)} (asks first), or another name:"
            " make drill STACK=NAME"
        )
    print_plan(to, known, given, console)
    check_credentials(to.backend, known, console)
    confirm(given, to.record.account, asked)
    order = DrillOptions(record=to.record, backend=to.backend, config=config, rate=given.rate, report=given.report)
    return run_drill(order, console)


def print_plan(to: AccountAccess, known: Settings, given: argparse.Namespace, console: Console) -> None:
    """What will happen, where, for how long and for how much."""
    where = "" if to.backend.cloud == AWS else " (not AWS: calls go elsewhere)"
    console.print(f"drill in account {to.record.account}{where}, region {known.region}, as {to.caller_arn}")
    network = f"in {known.vpc_id}" if known.vpc_id else "a VPC with a NAT gateway"
    console.print(
        f"  makes {network}, a load balancer, up to {estimate.servers(known)} servers {known.instance_type} and"
        f" {estimate.BAKES} images from {known.base_image}, all tagged phoenix:stack = {to.backend.identity}"
    )
    console.print(
        f"  {given.rate:g} requests a second from here; nothing of any other stack is touched; everything is"
        " destroyed at the end, whatever happens"
    )
    for line in estimate.words(known):
        console.print(line)


def check_credentials(place: AwsBackend, known: Settings, console: Console) -> None:
    """Raises DrillError when the credentials are known to end before the drill does; else says what is not known."""
    usual, _ = estimate.seconds(known)
    life = credentials.credential_lifetime(place.session.get_credentials())
    if life.ends and life.ends < datetime.now(UTC) + timedelta(seconds=usual):
        raise DrillError(
            f"the credentials end at {life.ends:%Y-%m-%d %H:%M} UTC, before the drill does, and nothing"
            " was done.\nDo: longer ones (a role's longest session), or a user's of its own for the drill"
        )
    if life.temporary and life.ends is None:
        console.print(
            f"  these credentials are temporary and don't say when they end; they are needed for about "
            f"{format_duration(usual)}"
        )


def confirm(given: argparse.Namespace, account: str, asked: Callable[[str], str]) -> None:
    """Raises DrillError unless somebody who knows the account agrees; where nobody can be asked, nobody has."""
    if given.confirm:
        if given.confirm != account:
            raise DrillError(f"--confirm says {given.confirm}, and the credentials lead to {account}; nothing was done")
        return
    if not available.is_terminal():
        raise DrillError(f"nobody is there to be asked, and nothing was done.\nDo: --confirm {account}")
    try:
        answer = asked(f"type the account's id ({account}) or yes: ").strip()
    except EOFError:
        answer = ""
    if answer not in (account, "yes"):
        raise DrillError("nothing was done")


def clean_up(given: argparse.Namespace, console: Console, asked: Callable[[str], str]) -> int:
    """Finishes the cleaning of a drill that was killed; without its folder, by its tag alone."""
    before = folder.read_record(given.stack)
    config = settings.of_stack(
        PROJECT,
        given.stack,
        region=given.region or (before.region if before else "") or ("" if _has_region(given) else _region()),
    )
    if before:
        given.endpoint = given.endpoint or before.endpoint
    known = settings.parsed(config, given.stack)
    to = find_account(given, known, port=0, scripts_run=True)
    if before and before.account != to.record.account:
        raise DrillError(
            f"the drill of {given.stack} was in account {before.account}, and the credentials lead to"
            f" {to.record.account}.\nDo: use that account's credentials"
        )
    there = find_leftovers(to.backend, to.backend.identity)
    console.print(
        f"account {to.record.account}, {known.region}: {_first_few(there) if there else 'nothing'} with the tag "
        f"phoenix:stack = {to.backend.identity}"
    )
    if there and not before:
        confirm(given, to.record.account, asked)
    if before and not before.stand_in and available.choose(stand_in=False, say=console.print).pulumi is None:
        raise DrillError("the drill's state is Pulumi's, and there is no `pulumi`.\nDo: make pulumi")
    return int(bool(clean(before or to.record, to.backend, console)))


def find_account(given: argparse.Namespace, known: Settings, *, port: int, scripts_run: bool) -> AccountAccess:
    """Asks AWS who this is. Raises BotoCoreError or ClientError."""
    opened: Any = session(known.profile, given.endpoint)
    who = opened.client("sts", region_name=known.region).get_caller_identity()
    place = AwsBackend(opened, known.region, who["Account"], known.identity, port=port, scripts_run=scripts_run)
    return AccountAccess(
        backend=place,
        caller_arn=who["Arn"],
        record=DrillRecord(
            stack=given.stack,
            account=who["Account"],
            region=known.region,
            profile=known.profile,
            endpoint=given.endpoint,
            date=iso(datetime.now(UTC)),
            stand_in=given.stand_in,
        ),
    )


def _first_few(there: list[Leftover]) -> str:
    return ", ".join(str(one) for one in there[:8]) + (f" and {len(there) - 8} more" if len(there) > 8 else "")


def _has_region(given: argparse.Namespace) -> bool:
    return "aws:region" in settings.of_stack(PROJECT, given.stack)


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""


if __name__ == "__main__":
    sys.exit(main())
