"""Proves a new group while nobody uses it: its servers are healthy, answer, and are what was asked for.

Sweeps what a crash left of this color, lifts the group to what it is to take over from, waits for healthy servers,
asks through the preview rule, runs the smoke command, and tags the group phoenix:verified=GENERATION.
Gives up as soon as waiting can't help, and says why.

The smoke command is the short form of the hook afterVerify: it is given what a hook is (docs/hooks.md), PHOENIX_URL
(the load balancer itself), PHOENIX_HOST (the Host header to send), PHOENIX_PREVIEW_HEADER, PHOENIX_PREVIEW_TOKEN and
PHOENIX_GENERATION, and of this step's environment what any program needs, and what --smoke-environment names: no
credentials of AWS, no tokens of Pulumi's or the CI system's.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from core import listener_rules, names, release_record, server_groups
from core.aws import Aws
from core.errors import Problem, StepError
from core.hooks import AFTER_VERIFY, COMMAND, SMOKE, Hook
from core.listener_rules import Rule
from core.obstacles import GROW
from core.progress import Backoff, Progress
from core.release_events import VERIFIED, Release
from core.server_groups import Group, Target
from core.times import iso
from steps.cleanup import sweep
from steps.hooks import asking
from steps.hooks.answer import FAIL
from steps.hooks.asking import Hooks
from steps.runtime import command, notices, parsers, polling
from steps.runtime.command import Context
from steps.runtime.options import GateOptions, option
from steps.verify import group_health, lifecycle_hooks, probe, scaling_activities
from steps.verify.group_health import GroupSnapshot
from steps.verify.probe import ListenerEndpoint


@dataclass(frozen=True, kw_only=True)
class Options(GateOptions):
    smoke_command: str = option("shell command that must succeed (see above)", default="")
    first_share: int = option(
        "percentage of production that it gets first: so many of the live group's servers, and one more, are enough",
        parse=parsers.integer(0, 100),
        default=100,
    )
    timeout_seconds: int = option("seconds for all of it", parse=parsers.integer(1, 86400), default=900)


def verify(options: Options, context: Context) -> dict[str, object]:
    release = Release(stack=options.stack, color=options.color, generation=options.generation)
    with notices.refusing(context, release):
        return _verify(options, context, release)


def _verify(options: Options, context: Context, release: Release) -> dict[str, object]:
    progress = context.progress.bounded(options.timeout_seconds)
    aws = context.aws
    found, token = polling.retry_until_visible(lambda: _announced(aws, options), progress)
    door = probe.find_endpoint(aws, options.listener, options.hostname)
    live = listener_rules.weighted(found)
    everything = server_groups.read_groups(aws, options.stack)
    left = sweep.leftovers(everything, stack=options.stack, color=options.color, ours=options.group, live=live)
    sweep.delete(aws, left, progress, listener=options.listener)
    needed = raise_min_size(
        aws,
        server_groups.read_group(aws, options.group),
        server_groups.servers_for_share(_capacity(everything, live - {options.target_group}), options.first_share),
        options,
        progress,
    )
    progress.line(
        f"{options.color} is to have {needed} healthy servers, then to answer {group_health.GOOD_ROUNDS} times in a row"
        f" through the preview rule{', then to pass the smoke command' if options.smoke_command else ''}"
    )
    waiting = HealthWait(options, context, progress, needed=needed, door=door, token=token)
    waiting.wait()
    made = notices.with_target_group(context, release, options.target_group)
    hooks = asking.of_gate(options, context, made, url=door.url, host=door.host, token=token)
    if options.smoke_command:
        run_smoke_command(options, hooks, progress)
    remaining = progress.left()
    hooks.ask(AFTER_VERIFY, then="; production was not touched")
    if options.smoke_command or AFTER_VERIFY in hooks.hooks:
        # It may have taken a while, and been the first real work that the servers got. A hook has time of its own.
        waiting.progress = context.progress.bounded(remaining)
        waiting.wait()
    group, now = server_groups.read_group(aws, options.group), context.clock.utc()
    if other_types := group_health.types_line(group.wanted_types, group.types):
        progress.line(other_types)
    said = {
        # A group that is verified again, on a way back, was launched once.
        release_record.LAUNCHED: group.tags.get(release_record.LAUNCHED)
        or release_record.encode_launch(group.created, server_groups.launch_times(aws, group), needed),
        release_record.VERIFY: release_record.encode_gate(
            now, progress.elapsed(), servers=needed, answers=group_health.GOOD_ROUNDS
        ),
    }
    server_groups.tag_group(aws, options.group, {server_groups.VERIFIED: options.generation, **said})
    context.notify(made.knowing({**group.tags, **said}).event(VERIFIED, at=now))
    who = f"{options.color} {options.generation}"
    progress.line(f"{who} is verified: {needed} servers healthy, and they answer; promote is next")
    return {
        "group": options.group,
        "generation": options.generation,
        "servers": needed,
        "bornAt": iso(group.created),
        "verifiedAt": iso(now),
        "releases": {options.color: said},
    }


def _announced(aws: Aws, options: Options) -> tuple[tuple[Rule, ...], str]:
    """The listener's rules and the preview rule's token, once AWS shows the group and the rule that names it."""
    server_groups.read_group(aws, options.group)
    found = listener_rules.read_rules(aws, options.listener)
    return found, listener_rules.preview_token(found, preview=options.preview_rule, target_group=options.target_group)


def _capacity(everything: Iterable[Group], live: frozenset[str]) -> int:
    return max((group.desired for group in everything if live.intersection(group.target_groups)), default=0)


def raise_min_size(aws: Aws, group: Group, live: int, options: Options, progress: Progress) -> int:
    """Lifts the group to the live group's size, so that it can take over. Returns how many servers it is to have.

    By MinSize: an idle group with a scaling policy would shrink otherwise.
    """
    server_groups.require_servers(group)
    needed = server_groups.target_size(minimum=options.min_size, live=live, maximum=group.maximum)
    if needed < live:
        progress.line(
            f"the live group has {live} servers, but maxSize lets {group.name} have only {needed}: "
            "raise maxSize if that is too few for the traffic"
        )
    if group.minimum < needed:
        progress.line(f"lifting {group.name} to {needed} servers")
        server_groups.set_minimum(aws, group, needed)
    return needed


class HealthWait:
    """The wait for a group to be launched, and what it has seen so far."""

    def __init__(
        self, options: Options, context: Context, progress: Progress, *, needed: int, door: ListenerEndpoint, token: str
    ) -> None:
        self.given, self.context, self.progress = options, context, progress
        self.needed, self.door, self.token = needed, door, token
        self.seen: set[str] = set()
        self.well: set[str] = set()
        self.sick: tuple[Target, ...] = ()
        self.good = self.bad = 0
        self.smoke = ""
        self.silent = False
        self.stale = scaling_activities.acknowledged_failures(
            context.aws, server_groups.read_group(context.aws, options.group), context.clock.utc()
        )

    def wait(self) -> None:
        """Returns when the group is healthy and answers. Raises StepError when it will not be, with the reason.

        Asks anew each time, but remembers the servers that it has seen.
        """
        self.good = self.bad = 0
        pace = Backoff(self.context.clock)
        while True:
            look = self._look()
            verdict = group_health.verdict(look)
            if verdict.healthy:
                return
            if verdict.failure:
                raise self._failure(look, verdict.failure)
            pace.wait(self.progress, self._tell(look), hurry=bool(look.passes or look.fails))

    def _look(self) -> GroupSnapshot:
        aws, options = self.context.aws, self.given
        group = server_groups.read_group(aws, options.group)
        self.seen.update(group.instances)
        # A server that is on its way out is still registered, but no longer one of ours.
        targets = tuple(one for one in server_groups.read_targets(aws, options.target_group) if one.state != "draining")
        self.sick = tuple(one for one in targets if one.state == "unhealthy") or self.sick
        healthy = {one.id for one in targets if one.state == "healthy"}
        self.well |= healthy
        self._smoke(len(healthy) >= self.needed)
        return GroupSnapshot(
            elapsed=self.progress.elapsed(),
            limit=self.progress.limit or math.inf,
            needed=self.needed,
            launched=len(group.instances),
            targets=targets,
            failures=scaling_activities.failures(aws, options.group, but=self.stale),
            replaced=len(self.seen.difference(group.instances)),
            lost=len(self.well - healthy),
            unhealthy=self.sick,
            obstacles=group.barred(GROW),
            held=lifecycle_hooks.holding(aws, group),
            passes=self.good,
            fails=self.bad,
            smoke=self.smoke,
        )

    def _smoke(self, ready: bool) -> None:
        """One round. It counts only while the servers are healthy: with none, a balancer asks any of them."""
        if not ready:
            self.good, self.bad, self.smoke = 0, 0, ""
            return
        answers = probe.probe(self.door, self.given.smoke_path, token=self.token)
        self.smoke = probe.probe_error(answers, self.given.generation)
        if self.smoke:
            self.good, self.bad = 0, self.bad + 1
            return
        self.good, self.bad = self.good + 1, 0
        if not probe.reports_generation(answers) and not self.silent:
            self.silent = True
            self.progress.line(
                f"the application sends no {names.GENERATION_HEADER} header: which generation answers is not checked"
            )

    def _tell(self, look: GroupSnapshot) -> str:
        text = f"{server_groups.healthy(look.targets)} of {self.needed} servers healthy"
        detail = (
            [server_groups.summary(look.targets)]
            + ([f"smoke test: {look.smoke}"] if look.smoke else [])
            + ([look.held.what] if look.held else [])
            + ([f"{look.replaced} replaced"] if look.replaced else [])
            + ([f"last launch failed: {look.failures[0]}"] if look.failures else [])
        )
        return "; ".join([text, *(part for part in detail if part)])

    def _failure(self, look: GroupSnapshot, failure: Problem) -> StepError:
        sick = [target.id for target in (*look.unhealthy, *look.targets) if target.state != "healthy"]
        console = scaling_activities.console(self.context.aws, dict.fromkeys([*sick, *sorted(self.seen)]))
        do = scaling_activities.SECRETS_DO if console.startswith(scaling_activities.SECRETS) else failure.fix
        scaling_activities.failure_lines(self.context.aws, self.given.group, self.context.clock.utc())
        return StepError(
            "PHX-601",
            f"{self.given.color} {self.given.generation} was not verified; production was not touched",
            why=failure.title + (f"\n{console}" if console else ""),
            do=f"{do}\nthen run `pulumi up` again",
        )


def run_smoke_command(options: Options, hooks: Hooks, progress: Progress) -> None:
    """Runs the user's own test, with the time that the step has left. Raises StepError when it fails, or time ends."""
    failed = StepError(
        "PHX-610",
        f"{options.color} {options.generation} did not pass the smoke command; production was not touched",
        do=f"its output is above. The command: {options.smoke_command}",
    )
    seconds = max(1, round(progress.left()))
    try:
        answer = hooks.answer(Hook(name=SMOKE, kind=COMMAND, target=options.smoke_command, timeout_seconds=seconds))
    except TimeoutError as error:
        failed.why = f"{error} when the {options.timeout_seconds} s of the step were over"
        raise failed from error
    if answer.decision == FAIL:
        failed.why = answer.reason
        raise failed


if __name__ == "__main__":
    sys.exit(command.run_step("verify", __doc__, Options, verify))
