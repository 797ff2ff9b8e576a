"""Moves production traffic to a verified group, in watched steps, and back again if it does not do well.

Canary steps, each watched: alarms, 5xx, slow answers, connections, health, own probes. After the last, every address of
the load balancer must answer as the new generation, and the group is watched on. Whatever stops it - a bad sign, a
signal, the death of whoever started it - the weights go back first, then sizes, then it tells why.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from core import credentials, listener_rules, obstacles, release_record, server_groups, shift_schedule, tags
from core.aws import error_reason
from core.errors import StepError
from core.guard import GUARD, WAY_BACK, parse_guard, parse_way_back
from core.hooks import BEFORE_SHIFT, held_seconds
from core.listener_rules import Rule
from core.release_events import PROMOTED, Release
from core.server_groups import VERIFIED, Group
from core.shift_schedule import RollbackPoint, ShiftSchedule, Weights
from core.times import iso
from steps.hooks import asking, reachable
from steps.hooks.asking import Hooks
from steps.promote import pause
from steps.promote.capacity import Capacity, wait_healthy
from steps.promote.hand_over import HAND_OVER_SECONDS, HandOver
from steps.promote.observe import PromotionTarget
from steps.promote.rollback import NOTE, PromotionError
from steps.promote.traffic_shift import ShiftTimes, TrafficShift, wait_for_answers
from steps.promote.way_back_guard import GuardOrder, Guards
from steps.runtime import command, notices, parsers
from steps.runtime.command import Context
from steps.runtime.options import GateOptions, option
from steps.verify import probe

_SECONDS = parsers.integer(0, 86400)
_HOURS = parsers.integer(0, 48)
# What the last line calls the figures of a certificate.
FIGURES = {"minutes": "whole minutes of metrics", "blind": "moves blind"}


def percentages(text: str) -> tuple[int, ...]:
    """Percentages like `10,50`; empty for none."""
    parse = parsers.integer(1, 99)
    return tuple(parse(part.strip()) for part in text.split(",")) if text.strip() else ()


@dataclass(frozen=True, kw_only=True)
class Options(GateOptions):
    traffic: int = option("percentage of production traffic it is to get", parse=parsers.integer(0, 100))
    canary_steps: tuple[int, ...] = option(
        "percentages on the way, like 10,50; empty: none, as when going back", parse=percentages, default=()
    )
    canary_pause_seconds: int = option(
        "how long each is watched at least; 0: not at all, and without CloudWatch", parse=_SECONDS, default=180
    )
    settle_seconds: int = option("how long every answer must be the new generation's", parse=_SECONDS, default=10)
    approve_at: tuple[int, ...] = option(
        "those of the percentages at which somebody must approve before it goes on, like 10",
        parse=percentages,
        default=(),
    )
    approval_timeout_minutes: int = option(
        "how long it waits for that before it goes back", parse=parsers.integer(1, 1440), default=60
    )
    soak_seconds: int = option(
        "how long it is watched after that at least; 0: not at all, and without CloudWatch", parse=_SECONDS, default=180
    )
    drain_seconds: int = option("how long the previous group may end what it began", parse=_SECONDS, default=60)
    replacement_seconds: int = option(
        "how long a server's replacement may take, from its failure to the new one's health",
        parse=_SECONDS,
        default=600,
    )
    alarms: tuple[str, ...] = option(
        "CloudWatch alarms to watch, as a JSON list of names", parse=parsers.json_names, default=()
    )
    proportional: bool = option(
        "true: before each share the group has only the servers that the share needs; all of them before 100 %",
        parse=parsers.boolean,
        default=False,
    )
    scheduled: bool = option(
        "true: AWS gives the group that serves other sizes at set times", parse=parsers.boolean, default=False
    )
    slow_milliseconds: int = option(
        "how long the slowest answers may take; 0: any time, and slow ones are not compared with the other group's",
        parse=parsers.integer(0, 4_000_000),
        default=0,
    )
    sticky: bool = option(
        "true: users who keep cookies stay with their group while several share the traffic",
        parse=parsers.boolean,
        default=False,
    )
    guard_hours: int = option("hours that AWS is to watch it after that; 0: not at all", parse=_HOURS, default=0)
    guard_rule: str = option("name of EventBridge's rule that starts AWS's way back", default="")
    guard_schedules: tuple[str, ...] = option(
        "JSON list: names of the schedules that end the guard, and take the kept servers away",
        parse=parsers.json_names,
        default=(),
    )
    live_table: str = option("table by which servers of the live target know who has production", default="")
    live_required: bool = option(
        "true: production goes back when no server takes its work over", parse=parsers.boolean, default=True
    )
    shared: bool = option(
        "true: others' rules are on the load balancer too, and its own 5xx say nothing about this group",
        parse=parsers.boolean,
        default=False,
    )


def promote(options: Options, context: Context) -> dict[str, object]:
    release = Release(stack=options.stack, color=options.color, generation=options.generation)
    with notices.refusing(context, release, but=PromotionError):
        return _promote(options, context, release)


def _promote(options: Options, context: Context, release: Release) -> dict[str, object]:
    aws = context.aws
    ours = server_groups.read_group(aws, options.group)
    refused = unverified(ours, options)
    if refused:
        raise refused
    server_groups.require_servers(ours)
    if options.traffic and not ours.protected and not ours.barred(obstacles.VANISH):
        _protect(context, ours)
    found = listener_rules.read_rules(aws, options.listener)
    rule = listener_rules.production_rule(found, options.stack)
    token = listener_rules.preview_token(found, preview=options.preview_rule, target_group=options.target_group)
    door = probe.find_endpoint(aws, options.listener, options.hostname)
    subject = PromotionTarget(
        door=door,
        rule=rule.arn if rule else "",
        token=token,
        path=options.smoke_path,
        generation=options.generation,
        region=options.region,
        ours=options.target_group,
        alarms=options.alarms,
        rollback_point=bool(rule and NOTE in rule.tags),
        names=_names(context, options, rule),
        release=notices.with_target_group(context, release, options.target_group).knowing(ours.tags),
        shared=options.shared,
        sticky=options.sticky,
        slow_milliseconds=options.slow_milliseconds,
    )
    if rule is None:
        return _first(options, context, ours, subject)
    return _move(options, context, ours, subject, rule)


def _protect(context: Context, ours: Group) -> None:
    """From its first user until its own retire, AWS lets nobody delete it. What fails is told: it only guards hands."""
    try:
        server_groups.protect(context.aws, ours.name)
    except (ClientError, BotoCoreError) as error:
        context.progress.line(f"{ours.name} could not be protected from deletion by hand ({error_reason(error)})")


def unverified(group: Group, options: Options) -> StepError | None:
    """Why a group may not get production traffic: nobody has verified it, or it is not what it is said to be."""
    verified = group.tags.get(VERIFIED)
    if verified == options.generation and options.target_group in group.target_groups:
        return None
    why = (
        f"its servers are not those of {options.target_group}"
        if verified == options.generation
        else f"its tag {VERIFIED} says {verified or 'nothing'}"
    )
    return StepError(
        "PHX-703",
        f"{group.name} was not verified as {options.generation}; production was not touched",
        why=why,
        do="run `pulumi up`: it verifies first",
    )


def _names(context: Context, options: Options, rule: Rule | None) -> dict[str, str]:
    """Target groups by color. A leftover of a color that is named already is told by its generation too."""
    names = {options.target_group: options.color}
    others = [arn for arn in rule.weights if arn != options.target_group] if rule else []
    for arn, known in tags.read_tags(context.aws.elbv2, others).items():
        color = known.get("phoenix:color", "") or shift_schedule.short_name(arn)
        names[arn] = f"{color} {known.get('phoenix:generation', '')}" if color in names.values() else color
    return names


def _first(options: Options, context: Context, ours: Group, subject: PromotionTarget) -> dict[str, object]:
    """Nobody is live: the group only has to be well. The engine makes the production rule next."""
    context.progress.line("there is no production rule yet: this is the first birth")
    reachable.check(context, options.hooks)
    _hooks(options, context, subject).ask(BEFORE_SHIFT, then="; production was not touched")
    needed = server_groups.target_size(minimum=options.min_size, live=0, maximum=ours.maximum)
    wait_healthy(context, options.target_group, needed, options.color, group=ours)
    wait_for_answers(subject, context)
    Capacity(ours=ours, other=None, min_size=options.min_size, other_minimum=None).release(context)
    _hand_over(options).take(context, options.generation, options.color, lambda: None)
    context.progress.line(f"{options.color} is well; the production rule is made next, and users come")
    now = context.clock.utc()
    tags = {
        release_record.WEIGHTS: release_record.encode_weights("", [(now, 100)]),
        release_record.PROMOTE: release_record.encode_gate(now, context.progress.elapsed(), servers=needed),
    }
    server_groups.write_record(context.aws, context.progress, ours.name, tags)
    context.notify(subject.release.knowing(tags).event(PROMOTED, at=now, production={options.color: 100}))
    names = {options.target_group: options.color}
    return _result(options, context, {options.target_group: 100}, names, first=True, said={options.color: tags})


def _move(options: Options, context: Context, ours: Group, subject: PromotionTarget, rule: Rule) -> dict[str, object]:
    observed = rule.shares()
    note = shift_schedule.parse_rollback_point(rule.tags.get(NOTE, ""), list(observed))
    if note and not note.counts(ours=options.target_group, observed=observed):
        note = None
    rescue = not _check_anybody_serves(context, options, observed)
    canaries = () if rescue else options.canary_steps
    way = shift_schedule.plan_shift(
        ours=options.target_group,
        observed=observed,
        before=note.weights if note else observed,
        traffic=options.traffic,
        canaries=canaries,
    )
    spare = _announce(options, context, way, subject, note, watched=bool(canaries))
    if way.steps:
        reachable.check(context, options.hooks)
    everything = server_groups.read_groups(context.aws, options.stack)
    flip = TrafficShift(
        way,
        subject=subject,
        times=ShiftTimes(
            canary_pause=options.canary_pause_seconds,
            settle=options.settle_seconds,
            soak=options.soak_seconds,
            drain=options.drain_seconds,
            replaced_in=options.replacement_seconds,
            # Doubt is rare, so nobody's credentials are refused for it: it has what they have to spare.
            doubt=min(pause.DOUBT_SECONDS, spare / max(1, len(way.steps))),
            approve_at=options.approve_at,
            approval_minutes=options.approval_timeout_minutes,
        ),
        capacity=Capacity(
            ours=ours,
            other=server_groups.groups_serving(everything, way.other) if way.other else None,
            min_size=options.min_size,
            other_minimum=note.minimum if note else None,
            proportional=options.proportional and not rescue,
            scheduled=options.scheduled and not rescue,
        ),
        context=context,
        cautious=bool(canaries),
        hooks=_hooks(options, context, subject),
        rescue=rescue,
        hand_over=_hand_over(options, required=not rescue),
        guards=Guards(
            order=_order(options),
            earlier=parse_guard(rule.tags.get(GUARD, "")),
            back=parse_way_back(rule.tags.get(WAY_BACK, "")),
        ),
    )
    flip.run()
    figures = ", ".join(f"{count} {FIGURES.get(what, what)}" for what, count in flip.figures.items())
    context.progress.line(
        f"{shift_schedule.describe_weights(way.last, subject.names)}: it holds{figures and f' ({figures})'}"
    )
    said = _write_records(context, subject, flip)
    if flip.moves:
        promoted = subject.release.knowing(said.get(options.color, {}))
        production = shift_schedule.named_weights(way.last, subject.names)
        context.notify(promoted.event(PROMOTED, at=context.clock.utc(), production=production))
    return {
        **_result(options, context, way.last, subject.names, first=False, said=said),
        "guard": flip.guards.text(options.generation),
    }


def _hooks(options: Options, context: Context, subject: PromotionTarget) -> Hooks:
    door = subject.door
    return asking.of_gate(options, context, subject.release, url=door.url, host=door.host, token=subject.token)


def _hand_over(options: Options, *, required: bool = True) -> HandOver:
    return HandOver(table=options.live_table, required=required and options.live_required)


def _order(options: Options) -> GuardOrder | None:
    """What AWS is to do once production has moved."""
    if not options.guard_hours:
        return None
    end, servers = options.guard_schedules
    return GuardOrder(hours=options.guard_hours, rule=options.guard_rule, schedules=(end, servers))


def _write_records(context: Context, subject: PromotionTarget, flip: TrafficShift) -> dict[str, dict[str, str]]:
    """Writes down what the promotion was like for both groups. Returns it by color."""
    said: dict[str, dict[str, str]] = {}
    sides = ((flip.capacity.ours, subject.ours), (flip.capacity.other, flip.way.other))
    for group, arn in sides:
        if group is None or arn is None or not flip.moves:
            continue
        moved = [(at, weights.get(arn, 0)) for at, weights in flip.moves]
        tags = {
            release_record.WEIGHTS: release_record.encode_weights(group.tags.get(release_record.WEIGHTS, ""), moved)
        }
        if arn == subject.ours:
            tags[release_record.PROMOTE] = release_record.encode_gate(
                context.clock.utc(), context.progress.elapsed(), **flip.figures
            )
        server_groups.write_record(context.aws, context.progress, group.name, tags)
        said[group.tags.get("phoenix:color", subject.names[arn])] = tags
    return said


def _check_anybody_serves(context: Context, options: Options, observed: Weights) -> bool:
    """Whether the servers that have production now answer anything: else caution only makes users wait."""
    have = [arn for arn, share in observed.items() if share]
    if any(server_groups.healthy(server_groups.read_targets(context.aws, arn)) for arn in have):
        return True
    context.progress.line(f"no server that has production now is healthy: {options.color} takes over without a canary")
    return False


def _announce(
    options: Options,
    context: Context,
    way: ShiftSchedule,
    subject: PromotionTarget,
    note: RollbackPoint | None,
    *,
    watched: bool,
) -> float:
    """Says what is about to happen; returns how many seconds the credentials have to spare.

    Raises StepError when they would end on the way.
    """
    least, most = shift_schedule.planned_seconds(
        steps=len(way.steps) or int(note is not None),
        full=options.traffic == 100,
        canary_pause=options.canary_pause_seconds,
        settle=options.settle_seconds,
        soak=options.soak_seconds,
        drain=options.drain_seconds,
        watched=watched,
        approvals=60 * options.approval_timeout_minutes * approved(way, options.approve_at) if watched else 0,
        hooks=held_seconds(options.hooks, [weights[way.ours] for weights in way.steps]),
        growing=options.replacement_seconds if options.proportional else 0,
    )
    most += HAND_OVER_SECONDS if options.live_table and options.traffic == 100 else 0
    told, spare = credentials.check(context.aws, now=context.clock.utc(), seconds=most)
    say = context.progress.line
    if told:
        say(told)
    if note:
        begun = shift_schedule.describe_weights(note.weights, subject.names)
        say(f"a promotion that began at {begun} was killed on its way; going on from what is there")
    if not way.steps:
        say(
            f"the traffic already is where it should be: {shift_schedule.describe_weights(way.observed, subject.names)}"
        )
        return spare
    took = f"about {most} s" if least == most else f"{least} to {most} s, by when CloudWatch shows each whole minute"
    say(f"from {shift_schedule.describe_weights(way.observed, subject.names)} in {len(way.steps)} steps and {took}")
    if way.other is None and options.traffic < 100:
        say(f"no other group shares the traffic: {options.color} gets all of it, not {options.traffic} %")
    return spare


def approved(way: ShiftSchedule, shares: Sequence[int]) -> int:
    """How often somebody must approve on the way."""
    return sum(weights[way.ours] in shares for weights in way.steps[:-1])


def _result(
    options: Options,
    context: Context,
    weights: Weights,
    names: Mapping[str, str],
    *,
    first: bool,
    said: dict[str, dict[str, str]],
) -> dict[str, object]:
    """What is printed. The production rule is declared with these `targets`, and with nothing else."""
    return {
        "color": options.color,
        "generation": options.generation,
        "weights": {names[arn]: share for arn, share in weights.items()},
        "targets": dict(weights),
        "promotedAt": iso(context.clock.utc()),
        "first": first,
        "releases": said,
    }


if __name__ == "__main__":
    sys.exit(command.run_step("promote", __doc__, Options, promote))
