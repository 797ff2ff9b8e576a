"""Numbers of the pull requests whose review stacks are to end: closed ones, and those that nobody has updated for long.

`expired.py HOURS STACKS OPEN`: files with what `pulumi stack ls --json` and `gh pr list --json number` have said.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

NAME = re.compile(r"(?:.*/)?pr-([1-9][0-9]*)")


def expired(stacks: Iterable[Mapping[str, Any]], still_open: set[int], *, now: datetime, hours: int) -> list[int]:
    """A stack that is being updated is left alone until it is not; other stacks than `pr-NUMBER` always."""
    found = []
    for stack in stacks:
        match = NAME.fullmatch(stack["name"])
        if match is None or stack.get("updateInProgress"):
            continue
        updated = stack.get("lastUpdate")
        old = bool(updated) and now - datetime.fromisoformat(str(updated)) > timedelta(hours=hours)
        if old or int(match[1]) not in still_open:
            found.append(int(match[1]))
    return sorted(found)


if __name__ == "__main__":
    hours, stacks, requests = sys.argv[1:]
    still_open = {one["number"] for one in json.loads(Path(requests).read_text())}
    for number in expired(json.loads(Path(stacks).read_text()), still_open, now=datetime.now(UTC), hours=int(hours)):
        print(number)
