"""The groups that left the program, a line each: tags of the production rule, which outlives them all.

The state of a stack holds its latest outputs only, and of the backends just Pulumi Cloud exports older ones
(`pulumi stack export --version`, pulumi/pulumi, pkg/cmd/pulumi/stack/stack_export.go). A tag's value has at most 256
characters, and a rule at most 50 tags (ELB API reference, Tag and AddTags). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from core.release_record import LONGEST
from plan.readers.live_state import LiveGroup, LiveState
from plan.releases import release_record
from plan.rollout_plan import RolloutPlan

KEPT = 8
FIGURES = frozenset({"servers", "most", "verify", "promote", "requests", "errors"})


def leaving_groups(plan: RolloutPlan, live: LiveState) -> list[LiveGroup]:
    """The groups that production knows and that this update deletes, youngest first."""
    stay = {(color.color, color.generation) for color in plan.groups}
    found = [group for group in live.groups if (group.color, group.generation) not in stay]
    return sorted(found, key=lambda group: group.created_at.timestamp() if group.created_at else 0, reverse=True)


def history_lines(plan: RolloutPlan, live: LiveState, written: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The past of a stack after an update, newest first. `written`: what the gates of it have tagged, by color."""
    gone = [encode({**group.tags, **written.get(group.color, {})}) for group in leaving_groups(plan, live)]
    return [*gone, *live.history][:KEPT]


def encode(tags: Mapping[str, str]) -> str:
    """A group's certificate, from its tags, keyed without `phoenix:`. The last words go first when it is too long."""
    said = release_record(tags)
    moves = [move for move in said["weights"] if "percent" in move]
    served = [move for move in moves if move["percent"]]
    promote = said["gates"].get("promote", {})
    told = {
        "color": said["color"],
        "generation": said["generation"],
        "fingerprint": said["fingerprint"],
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


def decode(line: str) -> dict[str, Any]:
    """What `line` wrote, for the stack's outputs: figures as numbers, times in full."""
    said = dict(part.split("=", 1) for part in line.split() if "=" in part)
    return {key: int(value) if key in FIGURES and value.isdigit() else _long(value) for key, value in said.items()}


def _short(moment: str) -> str:
    return re.sub(r"[-:]", "", moment)


def _long(moment: str) -> str:
    return re.sub(r"^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$", r"\1-\2-\3T\4:\5:\6Z", moment)
