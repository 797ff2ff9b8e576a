"""A pause between two moves of traffic: long enough, and until enough is known for the next one."""

from __future__ import annotations

from collections.abc import Callable

from core import timing
from core.errors import StepError
from core.progress import Backoff, LogThrottle
from steps.promote import compared, verdict
from steps.promote.observe import Observer
from steps.runtime.command import Context

TICK_SECONDS = 5.0
# How long more minutes are waited for when those that are known look bad and may still be chance.
DOUBT_SECONDS = 300.0


def pause(
    observer: Observer,
    look: Callable[[], verdict.Observation],
    *,
    context: Context,
    seconds: float,
    metrics: bool,
    doubt: float = DOUBT_SECONDS,
    what: str,
    then: str,
) -> verdict.Observation:
    """Looks again and again for `seconds`, at least once, and on until enough is known; returns the last look.

    Enough are all servers that are needed and, where `metrics` are to be waited for, one whole minute at the present
    weights. Then it ends early when they say that the new group does as well as the other, and goes on for up to
    `doubt` seconds when they make that doubtful. `what` is watched, for the reader, and what comes `then`. Raises
    StepError when a look does, when not one probe was answered, and when CloudWatch has nothing.
    """
    until = context.progress.bounded(max(0.0, seconds))
    late = context.progress.bounded(max(timing.MISSING_METRICS_SECONDS, seconds))
    observer.answered = 0
    teller = LogThrottle(context.clock)
    while True:
        seen = look()
        text = f"{what}: {verdict.summary(seen)}; then {then}"
        if not until.left():
            break
        if metrics and verdict.is_known_good(seen):
            until.line(f"{what}: as good as the others, so this ends {until.left():.0f} s early")
            break
        teller.log(until, text)
        context.clock.sleep(min(TICK_SECONDS, max(0.5, seconds / 4), until.left()))
    pace = Backoff(context.clock)
    while lacks := verdict.what_is_unknown(seen, metrics=metrics):
        # A replacement has a time of its own, after which the look raises.
        if metrics and not seen.minutes and not late.left():
            raise StepError(
                "PHX-713",
                "nothing is known of how it does: CloudWatch has shown no whole minute of the new servers",
                why=f"the probes were requests to them, and after {until.elapsed():.0f} s not one is counted",
                do="its health is unknown: see the load balancer's metrics in CloudWatch; `pulumi up` tries again",
            )
        until = late
        pace.wait(late, f"{what}: {verdict.summary(seen)}; waiting for {lacks}; then {then}")
        seen = look()
    doubtful = context.progress.bounded(doubt)
    while metrics and (why := compared.doubt(verdict.comparisons(seen))) and doubtful.left():
        pace.wait(doubtful, f"{what}: {verdict.summary(seen)}; waiting for {why}; then {then}")
        seen = look()
        until = doubtful
    until.line(f"{what}: {verdict.summary(seen)}; then {then}")
    if not observer.answered:
        raise StepError(
            "PHX-712",
            "nothing is known of how it does: not one probe was answered in the whole pause",
            why=seen.why,
            do="its health is unknown: see why the load balancer does not answer here",
        )
    return seen
