"""`python -m rehearsal`: the scenario on a cloud of this machine.

`python -m rehearsal cloud`: the cloud alone. `python -m rehearsal clean`: away with what real machines keep in the
user's cache (base images and downloaded packages) and with what a killed rehearsal left. `python -m rehearsal real`:
gets ready what real machines need, tools and base image, where this host can have them.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console as RichConsole

from rehearsal import PROJECT
from rehearsal.cloud.cloud import Cloud
from rehearsal.engine import available
from rehearsal.engine.available import EngineError
from rehearsal.scenario import attribution, page
from rehearsal.scenario.console import Console
from rehearsal.scenario.kept_logs import keep_logs
from rehearsal.scenario.local import MINUTE_SECONDS, ScenarioError, environment, free_port, is_free, run_scenario
from rehearsal.servers import choice, runs
from rehearsal.servers.choice import ChoiceError
from rehearsal.servers.images import debootstrap
from rehearsal.servers.images.debootstrap import BaseImageError
from rehearsal.servers.images.profiles import PROFILES
from rehearsal.servers.runs import UnsafeFolderError

CLOUD_PORT = 4566


def main(arguments: list[str] | None = None) -> int:
    """0 when every invariant held, 1 when one did not or the scenario failed, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("scenario", "cloud", "real", "clean"), default="scenario")
    parser.add_argument(
        "--machines",
        choices=choice.KINDS,
        default=choice.AUTO,
        help=(
            "real: operating systems that Packer bakes and systemd-nspawn boots (root on Linux); processes: stand-ins"
            " of the application, anywhere; auto: real where this host can have them"
        ),
    )
    parser.add_argument(
        "--base-image",
        choices=list(PROFILES),
        default="debian-12",
        help=("the vendor's image that real machines are baked from (ubuntu-24.04 is played by Debian's packages)"),
    )
    parser.add_argument("--mirror", default="", help="http://..., of real machines; empty: what this host's apt uses")
    parser.add_argument("--rate", type=float, default=200, help="requests a second of the scenario's load")
    parser.add_argument("--report", type=Path, default=PROJECT / "rehearsal-report", help="where the report goes")
    parser.add_argument(
        "--stand-in", action="store_true", help=("not the real engine, even where it is to be had; nobody is asked")
    )
    parser.add_argument(
        "--real-engine",
        action="store_true",
        help=("nothing but Pulumi's own program and AWS plugin; an error where they are not to be had"),
    )
    parser.add_argument(
        "--bad-image",
        action="store_true",
        help=("a bad image too: how long until it is detected, and that no user notices (a few minutes more)"),
    )
    parser.add_argument(
        "--app", type=Path, help="an application's folder, as in examples/apps, in place of the sample (image/app)"
    )
    parser.add_argument("--port", type=int, default=CLOUD_PORT, help="where `cloud` answers AWS's calls")
    given = parser.parse_args(arguments)
    # SIGINT too: Python leaves it ignored where whoever started it ignores it. SIGHUP is ignored under nohup only.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    console = Console(RichConsole(highlight=False, width=None if sys.stdout.isatty() else 140))
    try:
        return {"scenario": scenario, "cloud": cloud, "real": real, "clean": clean}[given.what](given, console)
    except KeyboardInterrupt:
        console.print("interrupted; everything that was started is gone")
        return 130
    except (BaseImageError, ChoiceError, EngineError, UnsafeFolderError) as error:
        console.print(str(error))
        return 1


@contextmanager
def open_cloud(given: argparse.Namespace, console: Console, port: int = 0) -> Iterator[tuple[Path, Cloud]]:
    """A folder and a cloud in it, with the machines that were asked for; nothing is left of them at the end.

    Raises BaseImageError and ChoiceError.
    """
    if swept := runs.sweep():
        console.print(f"swept what a killed rehearsal left: {', '.join(swept)}")
    chosen = choice.choose(
        given.machines, console.print, debootstrap.base_image_spec(base_image=given.base_image, mirror=given.mirror)
    )
    console.print(f"machines: {'real operating systems' if chosen.real else 'processes'} ({chosen.why})")
    with runs.Run(runs.disks() if chosen.real else Path(tempfile.gettempdir())) as run:
        machines = choice.make_machines(chosen, run)
        pending = 0.0 if chosen.real else 2.0  # a real machine takes the time that it takes
        with Cloud(
            run.folder / "cloud", port=port, machines=machines, boot_seconds=pending, minute_seconds=MINUTE_SECONDS
        ) as made:
            yield run.folder, made


def scenario(given: argparse.Namespace, console: Console) -> int:
    """Runs the scenario and writes the report."""
    # Before anything is made: on a terminal it may ask.
    engine = available.choose(stand_in=given.stand_in, say=console.print)
    if given.real_engine:
        available.require_real_engine(engine)
    try:
        with open_cloud(given, console) as (workdir, made):
            try:
                report, timeline = run_scenario(
                    workdir,
                    console,
                    cloud=made,
                    rate=given.rate,
                    stand_in=engine.pulumi is None,
                    why=engine.why,
                    bad_image=given.bad_image,
                    app=given.app,
                )
            except ScenarioError as error:
                raise ScenarioError(keep_logs(workdir / "project", given.report, str(error))) from error
    except ScenarioError as error:
        console.abort_stage(f"the scenario ended early: {error}")
        return 1
    console.print_table(report.table())
    for text in report.violations:
        console.print(f"BROKEN {text}")
    report.write(given.report)
    held = "not every invariant held" if report.violations else "every invariant held"
    if report.silent:
        console.print(attribution.WORDS)
    console.print(f"{held}; look at {page.write(given.report, report, timeline)}")
    return 1 if report.violations else 0


def cloud(given: argparse.Namespace, console: Console) -> int:
    """Keeps a local cloud until Ctrl-C, and says how to reach it."""
    if not is_free(given.port):
        console.print(
            f"port {given.port} of this machine is in use (another `make cloud`?)."
            f'\nDo: make cloud REHEARSAL="--port {free_port()}"'
        )
        return 1
    with open_cloud(given, console, given.port) as (folder, local):
        backend = folder / "pulumi"
        backend.mkdir()
        exports = {
            **environment(local),
            "PULUMI_BACKEND_URL": f"file://{backend}",
            "PULUMI_CONFIG_PASSPHRASE": "local",
        }
        console.print(f"a local AWS answers at {local.endpoint}; in another shell, in this folder:\n")
        for name, value in exports.items():
            shown = f"{value.split(':')[0]}:$PATH" if name == "PATH" else shlex.quote(value)
            console.print(f"  export {name}={shown}")
        # A stack file of one's own, which git ignores: the rehearsal relies on Pulumi.local.yaml.
        console.print(
            "\n  cp Pulumi.local.yaml Pulumi.mine.yaml"
            "\n  pulumi stack init mine && make preview-token STACK=mine && make up STACK=mine"
            "\n\nCtrl-C ends it, and everything in it.",
        )
        threading.Event().wait()
    return 0


def real(given: argparse.Namespace, console: Console) -> int:
    """Tools and the base image; that a host can't have real machines is no failure."""
    say = console.print
    chosen = choice.choose(
        given.machines, say, debootstrap.base_image_spec(base_image=given.base_image, mirror=given.mirror)
    )
    say("real operating systems: ready" if chosen.real else chosen.why)
    return 0


def clean(given: argparse.Namespace, console: Console) -> int:
    """Empties the cache."""
    gone = [*runs.sweep(), *debootstrap.clear_cache()]
    console.print("\n".join(f"away: {name}" for name in gone) or "there was nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
