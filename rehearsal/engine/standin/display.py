"""Tells what the stand-in does: lines like those of `pulumi up --non-interactive`, and Pulumi's event log.

Source: pulumi/pulumi, pkg/backend/display/progress.go and sdk/go/common/apitype/events.go.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rehearsal.engine.standin.state import STACK
from rehearsal.engine.standin.values import Secret, bare, contains, same

# Operation: the sign, the word while it runs, the word when it is done, the word in a preview.
WORDS = {
    "same": ("  ", "", "", ""),
    "create": ("+ ", "creating", "created", "create"),
    "update": ("~ ", "updating", "updated", "update"),
    "delete": ("- ", "deleting", "deleted", "delete"),
    "create-replacement": ("++", "creating replacement", "created replacement", "create replacement"),
    "delete-replaced": ("--", "deleting original", "deleted original", "delete original"),
    "refresh": ("~ ", "refreshing", "refreshed", "refresh"),
}
SUMMARY = (
    ("create", "+ ", "created"),
    ("update", "~ ", "updated"),
    ("delete", "- ", "deleted"),
    ("replace", "+-", "replaced"),
)
# Hiding shorter ones would make everything unreadable; Pulumi draws the line here too.
SHORTEST_SECRET = 3


class Display:
    """Thread-safe. Call `start` and `finish` (or `fail`) around each operation, and `summary` at the end."""

    def __init__(self, events: Path | None, *, preview: bool, hide: Iterable[str] = ()) -> None:
        """`hide` are texts that are shown as [secret] wherever they turn up: the secrets of the configuration."""
        self._preview, self._lock = preview, threading.Lock()
        self._hide = [text for text in hide if len(text) >= SHORTEST_SECRET]
        self._events = events.open("w") if events else None
        self._began = time.monotonic()
        self._sequence = 0
        self._started: dict[tuple[str, str], float] = {}
        self._counts: Counter[str] = Counter()
        self._errors: list[tuple[str, str, str]] = []

    def title(self, text: str) -> None:
        """The first line: what is done to which stack, and by whom."""
        self._print(text + "\n")

    def start(self, op: str, urn: str, kind: str, keys: tuple[str, ...] = ()) -> None:
        """An operation begins; `keys` are the inputs that are the reason."""
        self._started[urn, op] = time.monotonic()
        self._event("resourcePreEvent", {"metadata": {"op": op, "urn": urn, "type": kind, "diffs": list(keys)}})
        if op == "same":
            return
        sign, doing, _, would = WORDS[op]
        changed = f" [diff: {','.join(f'~{key}' for key in keys)}]" if keys else ""
        word = would if self._preview else f"{doing} (0s)"
        self._print(f" {sign} {_short(kind)} {_name(urn)} {word}{changed}")

    def finish(self, op: str, urn: str, kind: str, *, count: str | None = None) -> None:
        """An operation has succeeded; `count` is its word in the summary, when it has one."""
        seconds = time.monotonic() - self._started.pop((urn, op), time.monotonic())
        if count:
            self._counts[count] += 1
        self._event("resOutputsEvent", {"metadata": {"op": op, "urn": urn, "type": kind}})
        if op != "same" and not self._preview:
            sign, _, done, _ = WORDS[op]
            self._print(f" {sign} {_short(kind)} {_name(urn)} {done} ({_seconds(seconds)})")

    def fail(self, op: str, urn: str, kind: str, error: str) -> None:
        """An operation has failed."""
        self.message("error", error, urn)
        self._event("resOpFailedEvent", {"metadata": {"op": op, "urn": urn, "type": kind}, "status": 0, "steps": 0})
        sign, doing, _, _ = WORDS[op]
        self._print(f" {sign} {_short(kind)} {_name(urn)} **{doing} failed**")

    def message(self, severity: str, text: str, urn: str = "", *, passing: bool = False) -> None:
        """A message of the program, of a provider or of the stand-in; a `passing` one is not repeated at the end."""
        prefix = f"{severity}: " if severity in ("error", "warning") else ""
        for secret in self._hide:
            text = text.replace(secret, "[secret]")
        self._event(
            "diagnosticEvent",
            {
                "urn": urn,
                "prefix": prefix,
                "message": text + "\n",
                "severity": severity,
                "ephemeral": passing,
                "color": "never",
            },
        )
        # What is said again at the end need not be said in full now.
        for line in text.splitlines() if passing else text.splitlines()[:1]:
            self._print(f"    {_kind(urn)} {_name(urn)} {prefix}{line}" if urn else f"    {prefix}{line}")
        if not passing:
            self._errors.append((urn, prefix, text))

    def summary(self, *, failed: bool, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """Diagnostics once more, outputs with what changed in them, and the counts."""
        counts = dict(self._counts)
        self._event(
            "summaryEvent",
            {
                "maybeCorrupt": False,
                "durationSeconds": int(time.monotonic() - self._began),
                "resourceChanges": counts,
                "isPreview": self._preview,
                "result": "failed" if failed else "succeeded",
            },
        )
        if self._errors:
            self._print("Diagnostics:")
        for urn, prefix, text in self._errors:
            self._print(f"  {_kind(urn)} ({_name(urn)}):" if urn else "  stand-in:")
            self._print("\n".join(f"    {line}" for line in f"{prefix}{text}".splitlines()) + "\n")
        if new or old:
            self._print("Outputs:\n" + "\n".join(_outputs(old, new)) + "\n")
        self._print("Resources:")
        to, not_to = ("to ", "") if self._preview else ("", "d")
        for word, sign, done in SUMMARY:
            if counts.get(word):
                self._print(f"    {sign}{counts[word]} {to}{done if not_to else word}")
        if counts.get("same"):
            self._print(f"    {counts['same']} unchanged")
        if failed:
            self._print("    update failed: what runs was finished, nothing new was begun, nothing was deleted since")
        self._print(f"\nDuration: {_seconds(time.monotonic() - self._began)}")

    def _event(self, kind: str, content: Mapping[str, Any]) -> None:
        if self._events is None:
            return
        with self._lock:
            line = {"sequence": self._sequence, "timestamp": int(time.time()), kind: content}
            self._events.write(json.dumps(line) + "\n")
            self._events.flush()
            self._sequence += 1

    def _print(self, text: str) -> None:
        with self._lock:
            try:
                sys.stdout.write(text + "\n")
                sys.stdout.flush()
            except BrokenPipeError:
                # Whoever read this is gone; what runs must still be put right and recorded.
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _outputs(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    width = max(map(len, [*old, *new]))
    lines = []
    for key in sorted({*old, *new}):
        if key not in new:
            lines.append(f"  - {key:{width}}: {_shown(old[key])}")
        elif key not in old:
            lines.append(f"  + {key:{width}}: {_shown(new[key])}")
        elif same(old[key], new[key]):
            lines.append(f"    {key:{width}}: {_shown(new[key])}")
        else:
            lines.append(f"  ~ {key:{width}}: {_shown(old[key])} => {_shown(new[key])}")
    return lines


def _shown(value: Any) -> str:
    return "[secret]" if contains(value, Secret) else json.dumps(bare(value), default=repr)


def _name(urn: str) -> str:
    return urn.rsplit("::", 1)[-1]


def _kind(urn: str) -> str:
    return _short(urn.split("::")[2].rsplit("$", 1)[-1]) if urn else STACK


def _short(kind: str) -> str:
    """`aws:lb:TargetGroup` for `aws:lb/targetGroup:TargetGroup`."""
    package, module, name = kind.split(":")
    return f"{package}:{module.split('/')[0]}:{name}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f}s" if seconds < 1 else f"{seconds:.0f}s"
