"""The birth certificate of a group: who it is, what it was made from, how it passed its gates, what it served.

What the steps write down (tags of the auto-scaling group) and what the program says (tags of the target group) as one
object for the stack's outputs. Pure; the same words from AWS and from a step give the same certificate, so an update
without changes has none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from core.release_record import LONGEST
from plan.readers.live_state import LiveState
from plan.rollout_plan import RolloutPlan

# What a tag of Elastic Load Balancing may not hold (ELB API reference, Tag).
UNTAGGABLE = re.compile(r"[^\w\s+\-=.:/@]")


def taggable(text: str) -> str:
    """Text as a tag may hold it: at most 256 characters, others than allowed as `-`."""
    return UNTAGGABLE.sub("-", text)[:LONGEST]


def release_records(
    plan: RolloutPlan,
    live: LiveState,
    fingerprint: str,
    image: Mapping[str, str],
    written: Mapping[str, Mapping[str, str]],
) -> dict[str, dict[str, Any]]:
    """The certificates of the groups that stand after an update, by color.

    `image`: what a newborn is made from. `written`: what the gates of this update have tagged, by color.
    """
    found = {}
    for color in plan.groups:
        group = live.group(color.color)
        born = color is plan.active and plan.existing is None
        known = (
            {
                "color": color.color,
                "generation": color.generation,
                "fingerprint": fingerprint,
                **{key.replace("_", "-"): value for key, value in image.items()},
            }
            if born or not group
            else group.tags
        )
        found[color.color] = release_record({**known, **written.get(color.color, {})})
    return found


def release_record(tags: Mapping[str, str]) -> dict[str, Any]:
    """A certificate from tags, keyed without `phoenix:`."""

    def tag(key: str) -> str:
        return tags.get(key, "")

    gates = {key.removeprefix("gate-"): _words(text) for key, text in sorted(tags.items()) if key.startswith("gate-")}
    return {
        "color": tag("color"),
        "generation": tag("generation"),
        "fingerprint": tag("fingerprint"),
        "image": tag("image"),
        "bakedAt": tag("baked-at"),
        "base": {"image": tag("base"), "name": tag("base-name"), "date": tag("base-date")},
        "git": {"commit": tag("commit"), "tree": tag("tree")},
        "born": _born(tag("born")),
        "gates": gates,
        "weights": _weights(tag("weights")),
    }


def _born(text: str) -> dict[str, Any]:
    """`at=... servers=2 i-0abc=+4s more=1` as `{at, servers, first: {i-0abc: TIME}, more}`."""
    try:
        return _with_times(_words(text))
    except (KeyError, ValueError):  # somebody wrote over it
        return {"said": text}


def _with_times(words: dict[str, Any]) -> dict[str, Any]:
    first = {key: words.pop(key) for key in list(words) if key.startswith("i-")}
    if not first:
        return words
    at = datetime.fromisoformat(str(words["at"]))
    times = {key: at + timedelta(seconds=int(str(said).strip("+s"))) for key, said in first.items()}
    return {**words, "first": {key: f"{when:%Y-%m-%dT%H:%M:%SZ}" for key, when in times.items()}}


def _weights(text: str) -> list[dict[str, Any]]:
    """`20261124T120102Z=10 ...` as `[{at, percent}, ...]`."""
    try:
        return [
            {"at": f"{datetime.fromisoformat(at):%Y-%m-%dT%H:%M:%SZ}", "percent": share}
            for at, share in _words(text).items()
        ]
    except ValueError:
        return [{"said": text}]


def _words(text: str) -> dict[str, Any]:
    pairs = [part.partition("=") for part in text.split() if "=" in part]
    return {key: int(value) if value.isdigit() else value for key, _, value in pairs}
