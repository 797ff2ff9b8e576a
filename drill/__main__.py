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
from rich.console import Console

from core import credentials
from drill import estimate, folder, settings
from drill.folder import Begun, BusyError
from drill.left import Left, left
from drill.place import Account, on_this_machine, session
from drill.run import CLEAN, Order, clean, drill
from plan.config.settings import Settings, SettingsError
from plan.estimates import duration
from rehearsal import PROJECT
from rehearsal.engine import available, tools
from rehearsal.engine.available import EngineError
from rehearsal.scenario.console import Scene
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
    scene = Scene(Console(highlight=False, width=None if sys.stdout.isatty() else 140))
    try:
        with folder.alone(given.stack):
            return {"run": run, "clean": cleaned}[given.what](given, scene, asked)
    except KeyboardInterrupt:
        scene.says("interrupted")
        return 130
    except (DrillError, EngineError, BusyError, SettingsError) as error:
        scene.says(str(error))
    except (BotoCoreError, ClientError) as error:
        scene.says(f"AWS did not answer as it should: {error}\nDo: aws sts get-caller-identity, which must work first")
    return 1


@dataclass(frozen=True, kw_only=True)
class Reached:
    """The account that credentials lead to, and who they are."""

    place: Account
    begun: Begun
    who: str


def run(given: argparse.Namespace, scene: Scene, asked: Callable[[str], str]) -> int:
    """Everything that can be wrong is told before anybody is asked, and nothing is made before somebody has agreed."""
    if given.stand_in and not given.endpoint:
        raise DrillError("--stand-in is for a trial of the drill (--endpoint); in an account Pulumi itself runs")
    if folder.begun(given.stack):
        raise DrillError(
            f"a drill of {given.stack} was killed before its account was clean.\nDo: {CLEAN.format(stack=given.stack)}"
        )
    engine = available.choose(stand_in=given.stand_in, say=scene.says)
    if engine.pulumi is None and not given.stand_in:
        raise DrillError(f"a drill needs the real engine: {engine.why}")
    config = settings.of_stack(PROJECT, given.stack, region=given.region or ("" if _has_region(given) else _region()))
    port = free_port() if on_this_machine(given.endpoint) else 0
    if port:
        config["listenerPort"] = port
    known = settings.parsed(config, given.stack)
    scripts = "stand-in" not in (packer := tools.packer(dict(os.environ)))
    if packer == "none":
        raise DrillError("a drill bakes, and Packer is not installed.\nDo: make pulumi")
    to = reached(given, known, port=port, scripts_run=scripts)
    if there := left(to.place, to.place.identity):
        raise DrillError(
            f"account {to.begun.account} has something with the tag phoenix:stack = {to.place.identity}: "
            f"{_some(there)}.\nDo: {CLEAN.format(stack=given.stack)} (asks first), or another name:"
            " make drill STACK=NAME"
        )
    told(to, known, given, scene)
    long_enough(to.place, known, scene)
    agreed(given, to.begun.account, asked)
    order = Order(begun=to.begun, place=to.place, config=config, rate=given.rate, report=given.report)
    return drill(order, scene)


def told(to: Reached, known: Settings, given: argparse.Namespace, scene: Scene) -> None:
    """What will happen, where, for how long and for how much."""
    where = "" if to.place.cloud == AWS else " (not AWS: calls go elsewhere)"
    scene.says(f"drill in account {to.begun.account}{where}, region {known.region}, as {to.who}")
    network = f"in {known.vpc_id}" if known.vpc_id else "a VPC with a NAT gateway"
    scene.says(
        f"  makes {network}, a load balancer, up to {estimate.servers(known)} servers {known.instance_type} and"
        f" {estimate.BAKES} images from {known.base_image}, all tagged phoenix:stack = {to.place.identity}"
    )
    scene.says(
        f"  {given.rate:g} requests a second from here; nothing of any other stack is touched; everything is"
        " destroyed at the end, whatever happens"
    )
    for line in estimate.words(known):
        scene.says(line)


def long_enough(place: Account, known: Settings, scene: Scene) -> None:
    """Raises DrillError when the credentials are known to end before the drill does; else says what is not known."""
    usual, _ = estimate.seconds(known)
    life = credentials.life(place.session.get_credentials())
    if life.ends and life.ends < datetime.now(UTC) + timedelta(seconds=usual):
        raise DrillError(
            f"the credentials end at {life.ends:%Y-%m-%d %H:%M} UTC, before the drill does, and nothing"
            " was done.\nDo: longer ones (a role's longest session), or a user's of its own for the drill"
        )
    if life.temporary and life.ends is None:
        scene.says(
            f"  these credentials are temporary and don't say when they end; they are needed for about "
            f"{duration(usual)}"
        )


def agreed(given: argparse.Namespace, account: str, asked: Callable[[str], str]) -> None:
    """Raises DrillError unless somebody who knows the account agrees; where nobody can be asked, nobody has."""
    if given.confirm:
        if given.confirm != account:
            raise DrillError(f"--confirm says {given.confirm}, and the credentials lead to {account}; nothing was done")
        return
    if not available.terminal():
        raise DrillError(f"nobody is there to be asked, and nothing was done.\nDo: --confirm {account}")
    try:
        answer = asked(f"type the account's id ({account}) or yes: ").strip()
    except EOFError:
        answer = ""
    if answer not in (account, "yes"):
        raise DrillError("nothing was done")


def cleaned(given: argparse.Namespace, scene: Scene, asked: Callable[[str], str]) -> int:
    """Finishes the cleaning of a drill that was killed; without its folder, by its tag alone."""
    before = folder.begun(given.stack)
    config = settings.of_stack(
        PROJECT,
        given.stack,
        region=given.region or (before.region if before else "") or ("" if _has_region(given) else _region()),
    )
    if before:
        given.endpoint = given.endpoint or before.endpoint
    known = settings.parsed(config, given.stack)
    to = reached(given, known, port=0, scripts_run=True)
    if before and before.account != to.begun.account:
        raise DrillError(
            f"the drill of {given.stack} was in account {before.account}, and the credentials lead to"
            f" {to.begun.account}.\nDo: use that account's credentials"
        )
    there = left(to.place, to.place.identity)
    scene.says(
        f"account {to.begun.account}, {known.region}: {_some(there) if there else 'nothing'} with the tag "
        f"phoenix:stack = {to.place.identity}"
    )
    if there and not before:
        agreed(given, to.begun.account, asked)
    if before and not before.stand_in and available.choose(stand_in=False, say=scene.says).pulumi is None:
        raise DrillError("the drill's state is Pulumi's, and there is no `pulumi`.\nDo: make pulumi")
    return int(bool(clean(before or to.begun, to.place, scene)))


def reached(given: argparse.Namespace, known: Settings, *, port: int, scripts_run: bool) -> Reached:
    """Asks AWS who this is. Raises BotoCoreError or ClientError."""
    opened: Any = session(known.profile, given.endpoint)
    who = opened.client("sts", region_name=known.region).get_caller_identity()
    place = Account(opened, known.region, who["Account"], known.identity, port=port, scripts_run=scripts_run)
    return Reached(
        place=place,
        who=who["Arn"],
        begun=Begun(
            stack=given.stack,
            account=who["Account"],
            region=known.region,
            profile=known.profile,
            endpoint=given.endpoint,
            date=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            stand_in=given.stand_in,
        ),
    )


def _some(there: list[Left]) -> str:
    return ", ".join(str(one) for one in there[:8]) + (f" and {len(there) - 8} more" if len(there) > 8 else "")


def _has_region(given: argparse.Namespace) -> bool:
    return "aws:region" in settings.of_stack(PROJECT, given.stack)


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""


if __name__ == "__main__":
    sys.exit(main())
