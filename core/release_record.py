"""The release record of a group: who it is, what it was made from, how it passed its gates, what it served.

Written and read here, side by side. The steps write it into tags of the auto-scaling group, out of band (the program
ignores changes of a group's tags), and the program adds what it tags the target group with. Once a group has left the
program, a line of it stays as a tag of the production rule. Pure; the same words from AWS and from a step give the same
record, so an update without changes has none.

A tag's value has at most 256 characters (EC2 Auto Scaling and ELB API references, Tag), so lists are cut, and say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from core.names import shown
from core.times import iso, parse_time

LAUNCHED, VERIFY, PROMOTE, WEIGHTS = "phoenix:born", "phoenix:gate-verify", "phoenix:gate-promote", "phoenix:weights"
OVERRIDE = "phoenix:override"
LONGEST = 256
# What a tag of Elastic Load Balancing may not hold (ELB API reference, Tag).
UNTAGGABLE = re.compile(r"[^\w\s+\-=.:/@]")
# Of a history line: the rest is text, even when it is all digits.
FIGURES = frozenset({"servers", "most", "verify", "promote", "requests", "errors"})


def taggable(text: str) -> str:
    """Text as a tag may hold it: at most 256 characters, others than allowed as `-`."""
    return UNTAGGABLE.sub("-", text)[:LONGEST]


def encode_launch(created: datetime, launched: Mapping[str, datetime], servers: int) -> str:
    """`at=... servers=2 i-0abc=+4s i-0def=+5s`: servers by the seconds that they were launched after their group."""
    oldest = sorted(launched.items(), key=lambda one: (one[1], one[0]))
    words = [f"{id_}={(when - created).total_seconds():+.0f}s" for id_, when in oldest]
    return _cut([f"at={iso(created)}", f"servers={servers}"], words)


def decode_launch(text: str) -> dict[str, Any]:
    """What `encode_launch` wrote, as `{at, servers, first: {i-0abc: TIME}, more}`."""
    words = decode_gate(text)
    first = {key: words.pop(key) for key in list(words) if key.startswith("i-")}
    if not first:
        return words
    try:
        at = _time(str(words["at"]))
        times = {key: at + timedelta(seconds=int(str(age).strip("+s"))) for key, age in first.items()}
    except (KeyError, ValueError):  # somebody wrote over it
        return {"said": text}
    return {**words, "first": {key: iso(when) for key, when in times.items()}}


def encode_gate(at: datetime, seconds: float, **figures: int) -> str:
    """What a gate saw: `at=... seconds=41 servers=2`."""
    return " ".join([f"at={iso(at)}", f"seconds={seconds:.0f}", *(f"{key}={value}" for key, value in figures.items())])


def decode_gate(text: str) -> dict[str, Any]:
    """What `encode_gate` wrote, by key; figures are numbers."""
    pairs = [part.partition("=") for part in text.split() if "=" in part]
    return {key: int(value) if value.isdigit() else value for key, _, value in pairs}


def encode_weights(before: str, moves: Iterable[tuple[datetime, int]]) -> str:
    """Shares of production over time: `20261124T120102Z=10 20261124T120202Z=100`; the oldest are dropped first."""
    told = before.split() + [f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}={share}" for at, share in moves]
    while len(" ".join(told)) > LONGEST:
        told.pop(0)
    return " ".join(told)


def decode_weights(text: str) -> list[dict[str, Any]]:
    """What `encode_weights` wrote, as `[{at, percent}, ...]`."""
    try:
        return [{"at": iso(_time(at)), "percent": share} for at, share in decode_gate(text).items()]
    except ValueError:  # somebody wrote over it
        return [{"said": text}]


def without_prefix(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags of this program among AWS's, keyed as a record is read."""
    return {key.removeprefix("phoenix:"): value for key, value in tags.items() if key.startswith("phoenix:")}


def decode_record(tags: Mapping[str, str]) -> dict[str, Any]:
    """The whole record, from tags keyed without `phoenix:`."""

    def tag(key: str) -> str:
        return tags.get(key, "")

    gates = {
        key.removeprefix("gate-"): decode_gate(text) for key, text in sorted(tags.items()) if key.startswith("gate-")
    }
    return {
        "color": tag("color"),
        "generation": tag("generation"),
        "fingerprint": tag("fingerprint"),
        "image": tag("image"),
        "bakedAt": tag("baked-at"),
        "base": {"image": tag("base"), "name": tag("base-name"), "date": tag("base-date")},
        "git": {"commit": tag("commit"), "tree": tag("tree")},
        "born": decode_launch(tag("born")),
        "gates": gates,
        "weights": decode_weights(tag("weights")),
        "override": tag("override"),
    }


def encode_history_line(tags: Mapping[str, str]) -> str:
    """What stays of a record, from tags keyed without `phoenix:`. The last words go first when it is too long."""
    said = decode_record(tags)
    moves = [move for move in said["weights"] if "percent" in move]
    served = [move for move in moves if move["percent"]]
    promote = said["gates"].get("promote", {})
    told = {
        "color": said["color"],
        "generation": said["generation"],
        "fingerprint": shown(said["fingerprint"]),
        "born": _short(str(said["born"].get("at", ""))),
        "servers": said["born"].get("servers"),
        "from": _short(served[0]["at"]) if served else "",
        "most": max((move["percent"] for move in served), default=0),
        "until": _short(moves[-1]["at"]) if moves and not moves[-1]["percent"] else "",
        "commit": said["git"]["commit"][:12],
        "tree": "dirty" if said["git"]["tree"] == "dirty" else "",
        "verify": said["gates"].get("verify", {}).get("seconds"),
        "promote": promote.get("seconds"),
        "requests": promote.get("requests"),
        "errors": promote.get("errors"),
        "base": said["base"]["date"][:10],
    }
    parts = [f"{key}={value}" for key, value in told.items() if value not in ("", None)]
    while len(" ".join(parts)) > LONGEST:
        parts.pop()
    return " ".join(parts)


def decode_history_line(line: str) -> dict[str, Any]:
    """What `encode_history_line` wrote, for the stack's outputs: figures as numbers, times in full."""
    said = dict(part.split("=", 1) for part in line.split() if "=" in part)
    return {key: int(value) if key in FIGURES and value.isdigit() else _long(value) for key, value in said.items()}


def _short(moment: str) -> str:
    return re.sub(r"[-:]", "", moment)


def _long(moment: str) -> str:
    return re.sub(r"^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$", r"\1-\2-\3T\4:\5:\6Z", moment)


def _time(text: str) -> datetime:
    found = parse_time(text)
    if found is None:
        raise ValueError(f"{text!r} is no time")
    return found


def _cut(first: list[str], rest: list[str]) -> str:
    for kept in range(len(rest), -1, -1):
        more = [f"more={len(rest) - kept}"] if kept < len(rest) else []
        text = " ".join([*first, *rest[:kept], *more])
        if len(text) <= LONGEST:
            return text
    return " ".join(first)[:LONGEST]
