"""Which engine a rehearsal takes: Pulumi's own wherever it can be had, the stand-in elsewhere; and why.

Nobody is asked but on a terminal, and nothing is downloaded unasked: a rehearsal in a pipeline takes what is there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from rehearsal import PROJECT
from rehearsal.engine import tools

Say = Callable[[str], None]
INSTALLED = PROJECT / ".pulumi" / "bin"
"""Where `make pulumi` puts it."""
SOURCE = "https://get.pulumi.com"
REAL = "make pulumi"
_SECONDS = 5.0


class EngineError(Exception):
    """The real engine was asked for by name, and can't be had; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Available:
    """`pulumi` is the real engine's program, or None: then `why` says why the stand-in runs, and what makes it real."""

    pulumi: Path | None
    why: str = ""


def choose(*, stand_in: bool, say: Say, asked: Callable[[str], str] = input) -> Available:
    """Decides; on a terminal it may ask, and fetch the pinned CLI into .pulumi/ of the project.

    What is in .pulumi/ is put on this process's PATH, behind what is there.
    """
    if stand_in:
        return Available(pulumi=None, why="asked for with --stand-in")
    _see_installed()
    if found := shutil.which("pulumi"):
        return Available(pulumi=Path(found))
    lacking = "there is no `pulumi` on PATH and none in .pulumi/"
    if not is_terminal():
        return Available(pulumi=None, why=f"{lacking}; the real one: {REAL}, and run this again")
    if not is_reachable():
        return Available(pulumi=None, why=f"{lacking}, and {SOURCE} does not answer; with a network: {REAL}")
    if not _ask_to_install(asked):
        return Available(pulumi=None, why=f"{lacking}, and it was declined; the real one: {REAL}")
    say(f"getting Pulumi {version('pulumi')} and its plugins into .pulumi/ and Pulumi's own folder (once)")
    if not install():
        return Available(pulumi=None, why=f"{lacking}, and it could not be had (see above)")
    _see_installed()
    found = shutil.which("pulumi")
    return Available(pulumi=Path(found) if found else None, why="" if found else lacking)


def require_real_engine(found: Available) -> None:
    """Raises EngineError unless Pulumi's own program and Pulumi's own AWS plugin run."""
    if found.pulumi is None:
        raise EngineError(f"--real-engine: {found.why}")
    plugin = tools.aws_plugin(os.environ)
    if plugin != version("pulumi-aws"):
        raise EngineError(
            f"--real-engine: the AWS plugin would be {plugin}, not {version('pulumi-aws')}\n"
            f"Do: take {tools.PROGRAM} off PATH, and {REAL}"
        )


def _ask_to_install(asked: Callable[[str], str]) -> bool:
    try:
        answer = asked(
            f"There is no `pulumi` here. Get the pinned {version('pulumi')} with its AWS plugin, once, into"
            " .pulumi/ and ~/.pulumi (hundreds of MB; n: the stand-in for it)? [Y/n] "
        )
    except EOFError:
        return False
    return answer.strip().lower() in ("", "y", "yes")


def is_terminal() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def is_reachable() -> bool:
    """Whether Pulumi's downloads answer, through a proxy too."""
    try:
        urllib.request.urlopen(urllib.request.Request(SOURCE, method="HEAD"), timeout=_SECONDS).close()
    except urllib.error.HTTPError:
        return True  # somebody answered
    except (OSError, ValueError):
        return False
    return True


def install() -> bool:
    """Has `make pulumi`'s own tool fetch it, which says what is in the way."""
    return subprocess.run([sys.executable, str(PROJECT / "tools" / "install_pulumi.py")], check=False).returncode == 0


def _see_installed() -> None:
    if (INSTALLED / "pulumi").exists() and str(INSTALLED) not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = f"{os.environ.get('PATH', '')}{os.pathsep}{INSTALLED}"
