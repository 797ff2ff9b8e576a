"""What is live of a stack at this moment, read from AWS and not from what the last update left in its outputs.

`python -m tools.status STACK` (`make status STACK=dev`): a row for each group that the production rule names.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from core import reachability, release_record
from core.aws import error_reason
from core.names import shown
from core.times import iso, parse_time
from plan.estimates import format_duration
from plan.readers.live_state import LiveGroup, LiveState, read_live_state
from plan.readers.load_balancers import find_load_balancer
from plan.readers.reads import Reads
from tools.history import HistoryError, table
from tools.stack_identity import StackIdentity, read_identity

DAY = 86400  # seconds


def rows(live: LiveState, now: datetime) -> list[dict[str, str]]:
    """The groups that production knows, the one with most of it first."""
    return [_row(group, live, now) for group in sorted(live.groups, key=lambda group: -group.weight)]


def _row(group: LiveGroup, live: LiveState, now: datetime) -> dict[str, str]:
    record = release_record.decode_record(group.tags)
    moves = [move for move in record["weights"] if "percent" in move]
    gone = "somebody else's" if group.is_taken_over else "no servers: its auto-scaling group is gone"
    serving = f"{group.in_service}/{group.desired}" if group.name else gone
    return {
        "color": group.color,
        "generation": group.generation,
        "production": f"{live.weights.get(group.color, 0)} %",
        "since": _ago(moves[-1]["at"] if moves else "", now),
        "servers in service": serving,
        "launched": _ago(str(record["born"].get("at", "")), now),
        "image": shown(group.fingerprint),
        "baked": _ago(record["bakedAt"], now),
        "commit": group.commit[:7] + ("+" if group.tree == "dirty" else ""),
    }


def _ago(moment: str, now: datetime) -> str:
    at = parse_time(moment)
    if at is None:
        return "not known"
    seconds = max(0, round((now - at).total_seconds()))
    return f"{seconds // DAY} days ago" if seconds >= 2 * DAY else f"{format_duration(seconds)} ago"


def notes(live: LiveState) -> Iterator[str]:
    """What whoever looks at the table must know beside it."""
    if not live.weights:
        yield "nobody has production"
    if live.promotion_interrupted:
        yield "a promotion runs now, or was killed: if no update is under way, the next one finishes it (make up)"
    if not live.has_preview_rule and any(not group.is_taken_over for group in live.groups):
        yield "the preview rule is gone: pulumi refresh, then pulumi up"
    for group in live.groups:
        for obstacle in group.obstacles:
            yield f"{group.color}: {obstacle.what}; {obstacle.do}"
    if live.unused_groups:
        yield f"production does not know {', '.join(live.unused_groups)}: the next update deletes it"


def guard_notes(live: LiveState, now: datetime) -> Iterator[str]:
    """Until when AWS itself watches, and what the kept servers still cost; or that it took production back."""
    guard, back = live.guard, live.way_back
    kept = [group for group in live.groups if not group.weight and group.desired]
    if back:
        yield f"AWS took production from generation {back.generation} at {iso(back.at)}, when {back.alarm} rang"
    elif guard and now < guard.until and kept:
        hours = (guard.until - now).total_seconds() / 3600
        servers = sum(group.desired for group in kept)
        yield (
            f"AWS watches {guard.generation} until {iso(guard.until)}, and goes back when an alarm rings:"
            f" {servers} kept servers, {servers * hours:.0f} server-hours from now"
        )


def read(where: StackIdentity) -> LiveState:
    """What is live. Raises ClientError, BotoCoreError."""
    reads = Reads(where.session)
    if where.listener:
        balancer = reachability.balancer_of(where.listener)
    else:
        # Two of them are refused by each plan.
        _, tagged = find_load_balancer(reads, where.identity, made=())
        balancer = tagged[0].arn if tagged else ""
    return read_live_state(
        reads,
        stack=where.identity,
        shared=(balancer, ""),
        main=where.listener,
        taken_over=where.taken_over,
    )


def main(stack: str) -> int:
    """Prints it; 1 and the reason when it can't be known, or nothing is there."""
    try:
        where = read_identity(stack)
        live = read(where)
    except HistoryError as error:
        print(error, file=sys.stderr)
        return 1
    except (ClientError, BotoCoreError) as error:
        print(
            f"AWS does not say what is live of {stack}: {error_reason(error)}\nDo: aws sts get-caller-identity",
            file=sys.stderr,
        )
        return 1
    place = f"{where.identity} in account {where.account}, {where.region}"
    if not live.groups:
        print(f"nothing is live of {place}.\nDo: make up STACK={stack}", file=sys.stderr)
        return 1
    print(table(f"live of {place}", rows(live, datetime.now(UTC))))
    for note in (*notes(live), *guard_notes(live, datetime.now(UTC))):
        print(f" {note}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or ["dev"]))
