"""`python -m rehearsal`: the story on a cloud of this machine. `python -m rehearsal cloud`: the cloud alone."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path

from rich.console import Console

from rehearsal import page
from rehearsal.cloud import Cloud
from rehearsal.stage import Scene
from rehearsal.story import StoryError, environment, tell
from rehearsal.workshop import PROJECT

CLOUD_PORT = 4566


def main(arguments: list[str] | None = None) -> int:
    """0 when every invariant held, 1 when one did not or the story failed, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("story", "cloud"), default="story")
    parser.add_argument("--rate", type=float, default=200, help="requests a second of the story's load")
    parser.add_argument("--report", type=Path, default=PROJECT / "rehearsal-report", help="where the report goes")
    parser.add_argument("--stand-in", action="store_true", help="not the real engine, even where it is on PATH")
    parser.add_argument("--port", type=int, default=CLOUD_PORT, help="where `cloud` answers AWS's calls")
    given = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    workdir = Path(tempfile.mkdtemp(prefix="phoenix-rehearsal-"))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    try:
        if given.what == "cloud":
            return cloud(workdir, console, given.port)
        return story(workdir, console, given.report, given.rate, stand_in=given.stand_in or None)
    except KeyboardInterrupt:
        console.print("interrupted; everything that was started is gone")
        return 130
    finally:
        shutil.rmtree(workdir, ignore_errors=True)


def story(workdir: Path, console: Console, folder: Path, rate: float, *, stand_in: bool | None) -> int:
    """Tells the story and writes the report."""
    scene = Scene(console)
    try:
        report, timeline = tell(workdir, scene, rate=rate, stand_in=stand_in)
    except StoryError as error:
        scene.ends("the story ended early", 0)
        console.print(str(error), markup=False)
        return 1
    console.print(report.table())
    for text in report.broken:
        console.print(f"BROKEN {text}", markup=False)
    report.write(folder)
    held = "not every invariant held" if report.broken else "every invariant held"
    console.print(f"{held}; look at {page.write(folder, report, timeline)}", markup=False)
    return 1 if report.broken else 0


def cloud(workdir: Path, console: Console, port: int) -> int:
    """Keeps a local cloud until Ctrl-C, and says how to reach it."""
    with Cloud(workdir / "cloud", port=port) as local:
        exports = {**environment(local), "PULUMI_CONFIG_PASSPHRASE": "local"}
        console.print(f"a local AWS answers at {local.endpoint}; in another shell, in this folder:\n")
        for name, value in exports.items():
            shown = f"{value.split(':')[0]}:$PATH" if name == "PATH" else value
            console.print(f"  export {name}={shown}", markup=False)
        console.print(
            "\n  pulumi login file://$(mktemp -d) && pulumi stack init local && make token STACK=local"
            "\n  pulumi up --stack local\n\nCtrl-C ends it, and everything in it.", markup=False)
        threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
