"""What became of a stack: its last generations and its last updates, as two tables.

`python tools/history.py STACK` (`make history STACK=dev`). Generations are the outputs `releases` and `history`, which
every update leaves; updates are `pulumi stack history`. Both work with every backend.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

UPDATES = 10
BORN = "Do: make up STACK={stack}   (it writes one)"


class HistoryError(Exception):
    """Pulumi has no answer; the text says what to do."""


def pulumi(*arguments: str, as_json: bool = True) -> Any:
    """What pulumi answers as JSON. Raises HistoryError with its own words. `as_json`: it has to be told so."""
    try:
        done = subprocess.run(
            ["pulumi", *arguments, *(["--json"] if as_json else [])], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise HistoryError("pulumi is not on PATH, and not in .pulumi/bin.\nDo: make pulumi") from None
    if done.returncode:
        raise HistoryError(f"{done.stderr.strip()}\nDo: pulumi stack ls   (which there are), or pulumi login")
    return json.loads(done.stdout or "null")


def generations(outputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each group that stands and each that died, youngest first."""
    rows = [_standing(one) for one in outputs.get("releases", {}).values()]
    rows += [_died(one) for one in outputs.get("history", ())]
    return sorted(rows, key=lambda row: str(row["born"]), reverse=True)


def _standing(said: Mapping[str, Any]) -> dict[str, Any]:
    moves = [move for move in said["weights"] if "percent" in move]
    verify, promote = (said["gates"].get(gate, {}) for gate in ("verify", "promote"))
    had_any = any(move["percent"] for move in moves)
    return {
        "generation": said["generation"],
        "color": said["color"],
        "born": _minute(said["born"].get("at", "")),
        "production": f"{moves[-1]['percent']} % since {_minute(moves[-1]['at'])}" if had_any else "none yet",
        **_gates(verify.get("seconds"), promote.get("seconds"), promote),
        "image": said["fingerprint"][:12],
        "commit": _commit(said["git"]["commit"], said["git"]["tree"]),
    }


def _died(said: Mapping[str, Any]) -> dict[str, Any]:
    start, end = _minute(said.get("from", "")), _minute(said.get("until", ""))
    # A span within a day names its day once, one within a year its year.
    end = end[11:] if end[:10] == start[:10] else end[5:] if end[:4] == start[:4] else end
    return {
        "generation": said.get("generation", ""),
        "color": said.get("color", ""),
        "born": _minute(said.get("born", "")),
        "production": f"{said['most']} %, {start} to {end or 'its end'}" if start else "none",
        **_gates(said.get("verify"), said.get("promote"), said),
        "image": said.get("fingerprint", "")[:12],
        "commit": _commit(said.get("commit", ""), said.get("tree", "")),
    }


def _commit(commit: str, tree: str) -> str:
    """As git shortens it; `+` when files were changed that it does not hold."""
    return commit[:7] + ("+" if tree == "dirty" else "")


def _gates(verify: Any, promote: Any, figures: Mapping[str, Any]) -> dict[str, str]:
    """Seconds; and requests with their errors, as CloudWatch counted them until the last look of promote, which is a
    minute behind.
    """
    counted = f"{figures['requests']:,}" if "requests" in figures else ""
    failed = f" ({figures['errors']:,})" if figures.get("errors") else ""
    took = {key: "" if value is None else f"{value} s" for key, value in (("verify", verify), ("promote", promote))}
    return {**took, "requests (failed)": counted + failed}


def updates(history: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row for each update, newest first (pulumi/pulumi, pkg/cmd/pulumi/stack/stack_history.go, updateInfoJSON)."""
    rows = []
    for one in history:
        config = {key.partition(":")[2]: value.get("value", "") for key, value in (one.get("config") or {}).items()}
        around = one.get("environment") or {}
        changed = {what: count for what, count in (one.get("resourceChanges") or {}).items() if what != "same"}
        rows.append(
            {
                "when": _minute(one.get("startTime", "")),
                "what": one.get("kind", ""),
                "result": one.get("result", ""),
                "took": _took(one.get("startTime"), one.get("endTime")),
                "active": config.get("active", ""),
                "traffic": config.get("traffic", ""),
                "commit": _commit(around.get("git.head", ""), "dirty" if around.get("git.dirty") == "true" else ""),
                "resources": ", ".join(f"{count} {what}" for what, count in sorted(changed.items())) or "none changed",
            }
        )
    return rows


def _took(start: str | None, end: str | None) -> str:
    if not start or not end:
        return ""
    return f"{(datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds():.0f} s"


def table(title: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """Columns as wide as they must be; those that say nothing are left out."""
    said = [{key: str(value) for key, value in row.items()} for row in rows]
    heads = [key for key in (said[0] if said else ()) if any(row[key] for row in said)]
    wide = {key: max(len(key), *(len(row[key]) for row in said)) for key in heads}
    lines = [[key.ljust(wide[key]) for key in heads], *([row[key].ljust(wide[key]) for key in heads] for row in said)]
    return "\n".join([title, *(f" {'  '.join(line)}".rstrip() for line in lines)])


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")


def main(stack: str) -> int:
    """Prints both tables; 1 and the reason when there is nothing to print."""
    try:
        outputs = pulumi("stack", "output", "--stack", stack) or {}
        found = pulumi("stack", "history", "--stack", stack, "--page-size", str(UPDATES)) or []
    except HistoryError as error:
        print(error, file=sys.stderr)
        return 1
    born = generations(outputs)
    if born:
        print(table(f"generations of {stack}, youngest first (times are UTC)", born), end="\n\n")
    else:
        print(f"no group of {stack} has a release record.\n{BORN.format(stack=stack)}", file=sys.stderr)
    if found:
        print(table(f"updates of {stack}, newest first", updates(found)))
    return 0 if born else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or ["dev"]))
