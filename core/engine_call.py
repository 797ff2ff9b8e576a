"""How the engine was called that this process works for: `pulumi up`, `pulumi destroy`, and with which flags.

No variable tells a program, or a command that a program declares, which operation runs (plugins inherit the engine's
environment: pulumi/pulumi, sdk/go/common/resource/plugin/plugin.go). So it is read off the command line of the nearest
ancestor that is `pulumi`. Where none is found, nothing is known, and nobody is stopped by that.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

# Other names that the command line has for them (pulumi/pulumi, pkg/cmd/pulumi/operations).
ALIASES = {"update": "up", "down": "destroy", "dn": "destroy", "pre": "preview"}
# Flags before the operation that are followed by a value (pkg/cmd/pulumi/pulumi.go).
VALUED = frozenset(
    {
        "-C",
        "--cwd",
        "-v",
        "--verbose",
        "--tracing",
        "--otel-traces",
        "--profiling",
        "--memprofilerate",
        "--color",
        "-s",
        "--stack",
    }
)
GENERATIONS = 20  # of ancestors that are looked at
SECONDS = 5

Parents = Callable[[int], tuple[int, Sequence[str]] | None]


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call of the engine. `arguments`: what stands behind the operation."""

    operation: str  # by its first name: up, preview, refresh, destroy, import, ...
    arguments: tuple[str, ...] = ()

    def values(self, flag: str) -> tuple[str, ...]:
        """What a flag was given, as `--flag VALUE` or `--flag=VALUE`, each time that it stands there."""
        following = zip(self.arguments, (*self.arguments, "")[1:], strict=True)
        return tuple(
            word.partition("=")[2] if "=" in word else after
            for word, after in following
            if word.partition("=")[0] == flag
        )

    def has(self, *flags: str) -> bool:
        """Whether any of the flags stands there."""
        return any(word.partition("=")[0] in flags for word in self.arguments)


def read_engine_call() -> Call | None:
    """The call that this process works for; None when no ancestor is `pulumi`."""
    return nearest(_ancestors(os.getpid(), _of_proc if sys.platform == "linux" else _of_ps))


def nearest(command_lines: Iterable[Sequence[str]]) -> Call | None:
    """The call in the first of these command lines that has one. Pure."""
    return next((call for words in command_lines if (call := parsed(words))), None)


def parsed(words: Sequence[str]) -> Call | None:
    """What a command line asks of `pulumi`, wherever that word stands; None when it is not there."""
    at = next((number for number, word in enumerate(words) if PurePath(word).stem == "pulumi"), None)
    # A project, or its folder, may be called so too: its host and its plugins are told both.
    if at is None or any(PurePath(word).stem.startswith(("pulumi-language", "pulumi-resource")) for word in words[:2]):
        return None
    rest = list(words[at + 1 :])
    while rest and rest[0].startswith("-"):
        flag = rest.pop(0)
        if flag in VALUED and rest:
            del rest[0]
    if not rest:
        return None
    return Call(operation=ALIASES.get(rest[0], rest[0]), arguments=tuple(rest[1:]))


def _ancestors(pid: int, parents: Parents) -> Iterator[Sequence[str]]:
    for _ in range(GENERATIONS):
        found = parents(pid)
        if found is None:
            return
        pid, words = found
        if words:
            yield words
        if pid <= 1:
            return


def _of_proc(pid: int) -> tuple[int, Sequence[str]] | None:
    """The parent of a process and the words of its own command line (proc(5)); None when it is gone."""
    try:
        # The name in parentheses may hold anything, parentheses too.
        parent = int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except (OSError, ValueError, IndexError):
        return None
    return parent, words


def _of_ps(pid: int) -> tuple[int, Sequence[str]] | None:
    """The same by ps(1), where words with blanks come apart."""
    try:
        said = subprocess.run(
            ["ps", "-o", "ppid=", "-o", "args=", "-p", str(pid)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=True,
        ).stdout.split()
        return int(said[0]), said[1:]
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
