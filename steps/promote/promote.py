"""Moves production traffic to a verified group, in watched steps, and back again if it does not do well.

Canary steps, each watched: alarms, 5xx, connections, health, own probes. After the last, every address of the load
balancer must answer as the new generation, and the group is watched on. Whatever stops it - a bad sign, a signal,
the death of whoever started it - the weights go back first, then sizes, then it tells why.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from core import credentials, listener_rules, release_record, server_groups, shift_schedule, tags
from core.errors import StepError
from core.listener_rules import Rule
from core.progress import iso
from core.server_groups import VERIFIED, Group
from core.shift_schedule import Note, Way, Weights
from steps.promote.capacity import Capacity, wait_healthy
from steps.promote.observe import Subject
from steps.promote.rollback import NOTE
from steps.promote.traffic_shift import Flip, Times, prove
from steps.runtime import command, options
from steps.runtime.command import Context
from steps.runtime.options import option
from steps.verify import probe

_SECONDS = options.whole_number(0, 86400)
# What the last line calls the figures of a certificate.
FIGURES = {"minutes": "whole minutes of metrics", "blind": "moves blind"}


def percentages(text: str) -> tuple[int, ...]:
    """Percentages like `10,50`; empty for none."""
    parse = options.whole_number(1, 99)
    return tuple(parse(part.strip()) for part in text.split(",")) if text.strip() else ()


@dataclass(frozen=True, kw_only=True)
class Given(options.Common):
    color: str = option("blue or green", parse=options.color)
    generation: str = option("the generation to promote", parse=options.generation)
    group: str = option("name of its auto-scaling group", parse=options.named)
    target_group: str = option("ARN of its target group", parse=options.arn)
    listener: str = option("ARN of the listener", parse=options.arn)
    preview_rule: str = option("ARN of the preview rule", parse=options.arn)
    traffic: int = option("percentage of production traffic it is to get", parse=options.whole_number(0, 100))
    min_size: int = option("fewest servers of the group afterwards", parse=options.whole_number(0, 10000))
    canary_steps: tuple[int, ...] = option(
        "percentages on the way, like 10,50; empty: none, as when going back", parse=percentages, default=()
    )
    canary_pause_seconds: int = option(
        "how long each is watched at least; 0: not at all, and without CloudWatch", parse=_SECONDS, default=180
    )
    settle_seconds: int = option("how long every answer must be the new generation's", parse=_SECONDS, default=10)
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
        "CloudWatch alarms to watch, as a JSON list of names", parse=options.json_names, default=()
    )
    smoke_path: str = option("path that probes ask for", parse=options.path, default="/")
    hostname: str = option("name that users ask for; needed with HTTPS", default="")
    shared: bool = option(
        "true: others' rules are on the load balancer too, and its own 5xx say nothing about this group",
        parse=options.truth,
        default=False,
    )


def promote(given: Given, context: Context) -> dict[str, object]:
    aws = context.aws
    ours = server_groups.group(aws, given.group)
    refused = unverified(ours, given)
    if refused:
        raise refused
    server_groups.refuse_none(ours)
    found = listener_rules.read(aws, given.listener)
    rule = listener_rules.production(found, given.stack)
    token = listener_rules.token(found, preview=given.preview_rule, target_group=given.target_group)
    door = probe.find(aws, given.listener, given.hostname)
    subject = Subject(
        door=door,
        rule=rule.arn if rule else "",
        token=token,
        path=given.smoke_path,
        generation=given.generation,
        region=given.region,
        ours=given.target_group,
        alarms=given.alarms,
        noted=bool(rule and NOTE in rule.tags),
        names=_names(context, given, rule),
        shared=given.shared,
    )
    if rule is None:
        return _first(given, context, ours, subject)
    return _move(given, context, ours, subject, rule)


def unverified(group: Group, given: Given) -> StepError | None:
    """Why a group may not get production traffic: nobody has verified it, or it is not what it is said to be."""
    verified = group.tags.get(VERIFIED)
    if verified == given.generation and given.target_group in group.target_groups:
        return None
    why = (
        f"its servers are not those of {given.target_group}"
        if verified == given.generation
        else f"its tag {VERIFIED} says {verified or 'nothing'}"
    )
    return StepError(
        f"{group.name} was not verified as {given.generation}; production was not touched",
        why,
        "run `pulumi up`: it verifies first",
    )


def _names(context: Context, given: Given, rule: Rule | None) -> dict[str, str]:
    """Target groups by color. A leftover of a color that is named already is told by its generation too."""
    names = {given.target_group: given.color}
    others = [arn for arn in rule.weights if arn != given.target_group] if rule else []
    for arn, known in tags.read(context.aws.elbv2, others).items():
        color = known.get("phoenix:color", "") or shift_schedule.short(arn)
        names[arn] = f"{color} {known.get('phoenix:generation', '')}" if color in names.values() else color
    return names


def _first(given: Given, context: Context, ours: Group, subject: Subject) -> dict[str, object]:
    """Nobody is live: the group only has to be well. The engine makes the production rule next."""
    context.progress.line("there is no production rule yet: this is the first birth")
    needed = server_groups.lifted(minimum=given.min_size, live=0, maximum=ours.maximum)
    wait_healthy(context, given.target_group, needed, given.color, group=ours)
    prove(subject, context)
    Capacity(ours=ours, other=None, min_size=given.min_size, other_minimum=None).release(context)
    context.progress.line(f"{given.color} is well; the production rule is made next, and users come")
    now = context.clock.utc()
    tags = {
        release_record.WEIGHTS: release_record.weights("", [(now, 100)]),
        release_record.PROMOTE: release_record.gate(now, context.progress.elapsed(), servers=needed),
    }
    release_record.note(context.aws, context.progress, ours.name, tags)
    names = {given.target_group: given.color}
    return _result(given, context, {given.target_group: 100}, names, first=True, said={given.color: tags})


def _move(given: Given, context: Context, ours: Group, subject: Subject, rule: Rule) -> dict[str, object]:
    observed = rule.shares()
    note = shift_schedule.note(rule.tags.get(NOTE, ""), list(observed))
    if note and not note.counts(ours=given.target_group, observed=observed):
        note = None
    rescue = not _anybody(context, given, observed)
    canaries = () if rescue else given.canary_steps
    way = shift_schedule.way(
        ours=given.target_group,
        observed=observed,
        before=note.weights if note else observed,
        traffic=given.traffic,
        canaries=canaries,
    )
    _announce(given, context, way, subject, note, watched=bool(canaries))
    everything = server_groups.groups(context.aws, given.stack)
    flip = Flip(
        way,
        subject=subject,
        times=Times(
            canary_pause=given.canary_pause_seconds,
            settle=given.settle_seconds,
            soak=given.soak_seconds,
            drain=given.drain_seconds,
            replaced_in=given.replacement_seconds,
        ),
        capacity=Capacity(
            ours=ours,
            other=server_groups.serving(everything, way.other) if way.other else None,
            min_size=given.min_size,
            other_minimum=note.minimum if note else None,
        ),
        context=context,
        cautious=bool(canaries),
        rescue=rescue,
    )
    flip.run()
    figures = ", ".join(f"{count} {FIGURES.get(what, what)}" for what, count in flip.figures.items())
    context.progress.line(f"{shift_schedule.told(way.last, subject.names)}: it holds{figures and f' ({figures})'}")
    return _result(given, context, way.last, subject.names, first=False, said=_certified(context, subject, flip))


def _certified(context: Context, subject: Subject, flip: Flip) -> dict[str, dict[str, str]]:
    """Writes down what the promotion was like for both groups. Returns it by color."""
    said: dict[str, dict[str, str]] = {}
    sides = ((flip.capacity.ours, subject.ours), (flip.capacity.other, flip.way.other))
    for group, arn in sides:
        if group is None or arn is None or not flip.moves:
            continue
        moved = [(at, weights.get(arn, 0)) for at, weights in flip.moves]
        tags = {release_record.WEIGHTS: release_record.weights(group.tags.get(release_record.WEIGHTS, ""), moved)}
        if arn == subject.ours:
            tags[release_record.PROMOTE] = release_record.gate(
                context.clock.utc(), context.progress.elapsed(), **flip.figures
            )
        release_record.note(context.aws, context.progress, group.name, tags)
        said[group.tags.get("phoenix:color", subject.names[arn])] = tags
    return said


def _anybody(context: Context, given: Given, observed: Weights) -> bool:
    """Whether the servers that have production now answer anything: else caution only makes users wait."""
    have = [arn for arn, share in observed.items() if share]
    if any(server_groups.healthy(server_groups.targets(context.aws, arn)) for arn in have):
        return True
    context.progress.line(f"no server that has production now is healthy: {given.color} takes over without a canary")
    return False


def _announce(given: Given, context: Context, way: Way, subject: Subject, note: Note | None, *, watched: bool) -> None:
    """Says what is about to happen. Raises StepError when the credentials would end on the way."""
    least, most = shift_schedule.planned_seconds(
        steps=len(way.steps) or int(note is not None),
        full=given.traffic == 100,
        canary_pause=given.canary_pause_seconds,
        settle=given.settle_seconds,
        soak=given.soak_seconds,
        drain=given.drain_seconds,
        watched=watched,
    )
    told = credentials.check(context.aws, now=context.clock.utc(), seconds=most)
    say = context.progress.line
    if told:
        say(told)
    if note:
        begun = shift_schedule.told(note.weights, subject.names)
        say(f"a promotion that began at {begun} was killed on its way; going on from what is there")
    if not way.steps:
        say(f"the traffic already is where it should be: {shift_schedule.told(way.observed, subject.names)}")
        return
    took = f"about {most} s" if least == most else f"{least} to {most} s, by when CloudWatch shows each whole minute"
    say(f"from {shift_schedule.told(way.observed, subject.names)} in {len(way.steps)} steps and {took}")
    if way.other is None and given.traffic < 100:
        say(f"no other group shares the traffic: {given.color} gets all of it, not {given.traffic} %")


def _result(
    given: Given,
    context: Context,
    weights: Weights,
    names: Mapping[str, str],
    *,
    first: bool,
    said: dict[str, dict[str, str]],
) -> dict[str, object]:
    """What is printed. The production rule is declared with these `targets`, and with nothing else."""
    return {
        "color": given.color,
        "generation": given.generation,
        "weights": {names[arn]: share for arn, share in weights.items()},
        "targets": dict(weights),
        "promotedAt": iso(context.clock.utc()),
        "first": first,
        "certificates": said,
    }


if __name__ == "__main__":
    sys.exit(command.main("promote", __doc__, Given, promote))
