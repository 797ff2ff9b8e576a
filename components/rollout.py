"""The gates between a launch and its traffic, as commands: verify, promote; and prune, which cleans up behind them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_command as command

from components.auto_scaling_group import AutoScalingGroup
from components.progress_row import show_progress
from components.step_command import step_command
from components.traffic_guard import TrafficGuard
from core.errors import coded
from core.guard import GUARD, WAY_BACK
from core.hooks import Hook, encode_hooks
from core.release_record import without_prefix
from core.times import iso
from plan import asked_hooks, estimates, history, production_weights
from plan.group_key import GroupKey
from plan.planner import CheckedPlan
from plan.readers.live_state import HISTORY_TAG
from plan.readers.recorded_steps import reported_weights
from plan.user_errors import user_errors

Environment = Mapping[str, pulumi.Input[str]]


class Rollout(pulumi.ComponentResource):
    """Proves the active group while nobody uses it, then moves production to it.

    Inputs: the `checked` plan (who is active, whether weights must move, what is live, what earlier steps have
    recorded, the settings of the gates); the active `group`; the `targets` of all colors (ARNs of target groups); the
    `listener_arn`; and the `preview_rule_arn` through which the group is tested; the `production_rule` where promote
    finds it only once this update has made it; the `traffic_guard` that promote arms when it is over, if this update
    moves production to a group that AWS is to watch; the `live_table` by which it hands the work of servers over (name;
    empty: there is no live target).

    Outputs: `verified`, `promoted` (the production rule comes after it), `weights` of the production rule (percent by
    target group), the same as `shares` by color; `left_out`: promote was to run, and was left out of this update;
    `born_at` of the active group (ISO 8601, UTC), `release_tags`: the tags that the gates of this update have put on
    groups, by color; `lines` about the groups that were deleted (`plan.history`).
    """

    def __init__(
        self,
        name: str,
        checked: CheckedPlan,
        *,
        group: AutoScalingGroup,
        targets: Mapping[GroupKey, pulumi.Input[str]],
        listener_arn: pulumi.Input[str],
        preview_rule_arn: pulumi.Input[str],
        production_rule: pulumi.Resource | None = None,
        traffic_guard: TrafficGuard | None = None,
        live_table: pulumi.Input[str] = "",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        plan, live = checked.rollout, checked.live
        # Without inputs nothing of it ever changes: its row has room for what the gates do.
        super().__init__("phoenix:index:Rollout", name, {}, opts)
        show_progress(self, stack=checked.settings.identity)
        self._prefix, self._checked, self._plan, self._live = name, checked, plan, live
        self._settings, self._account, self._recorded = checked.settings, checked.account, checked.recorded
        self._group, self._listener, self._traffic_guard = group, listener_arn, traffic_guard
        self._before_promote = [one for one in (production_rule, traffic_guard) if one]
        self._live_table = live_table
        about = self._about(targets[plan.active], preview_rule_arn)
        self.verified = self._verify(about)
        self._move = self._recorded.rerun_trigger(f"{name}-promote") if plan.needs_traffic_shift else ""
        self.promoted = self._promote(about)
        self._production(targets)
        created = plan.existing.created_at if plan.existing else None
        born_at = iso(created) if created else ""
        # What a command recorded is lost when its inputs change in place.
        self.born_at = self.verified.stdout.apply(lambda said: born_at or (json.loads(said)["bornAt"] if said else ""))
        self.release_tags = pulumi.Output.all(
            "" if plan.is_up_to_date else self.verified.stdout,
            self.promoted.stdout if plan.needs_traffic_shift else "",
        ).apply(lambda said: _release_tags(*said))
        # No group is deleted in an update that has not moved production.
        self.lines: pulumi.Output[list[str]] = pulumi.Output.all(self.left_out, self.release_tags).apply(
            lambda known: list(live.history) if known[0] else history.history_lines(plan, live, known[1])
        )
        self.register_outputs({"verified": self.verified.stdout, "promoted": self.promoted.stdout})

    def _about(self, target_group: pulumi.Input[str], preview_rule: pulumi.Input[str]) -> Environment:
        """What both gates are given."""
        settings, active = self._settings, self._plan.active
        topic: Environment = {"notify_topic": settings.notify_topic_arn} if settings.notify_topic_arn else {}
        return {
            "stack": settings.identity,
            "color": active.color,
            "generation": active.generation,
            "group": self._group.group_name,
            "target_group": target_group,
            "listener": self._listener,
            "preview_rule": preview_rule,
            "min_size": str(settings.min_size),
            "smoke_path": settings.smoke_path,
            "hostname": settings.hostname,
            **topic,
        }

    def _verify(self, about: Environment) -> command.local.Command:
        settings, name = self._settings, f"{self._prefix}-verify"
        share = estimates.first_share(settings, self._plan)
        first: Environment = {"first_share": str(share)} if share < 100 else {}
        hooks = asked_hooks.verify_hooks(settings, self._plan)
        # A group that should exist and is not verified was changed by hand: the gate looks, whatever was recorded.
        again = [self._recorded.rerun_trigger(name)] if self._plan.needs_verification else []
        return step_command(
            name,
            run="verify",
            account=self._account,
            environment={
                **about,
                "smoke_command": settings.smoke_command,
                **self._hooks(hooks),
                "smoke_environment": json.dumps(list(settings.smoke_environment)),
                "timeout_seconds": str(settings.verify_timeout_seconds),
                **first,
            },
            triggers=[self._group.group_name, *again],
            opts=self._gate([self._group.retire], closed=self._plan.is_up_to_date),
        )

    def _promote(self, about: Environment) -> command.local.Command:
        settings, plan = self._settings, self._plan
        alarms = pulumi.Output.all(*self._group.alarm_names).apply(lambda names: json.dumps([*names, *settings.alarms]))
        # A load balancer that serves others too: what it answers by itself says nothing about this group.
        shared: Environment = {"shared": "true"} if self._checked.existing_balancer is not None else {}
        approve: Environment = (
            {
                "approve_at": ",".join(map(str, settings.approve_at)),
                "approval_timeout_minutes": str(settings.approval_timeout_minutes),
            }
            if settings.approve_at
            else {}
        )
        sticky: Environment = {"sticky": "true"} if settings.sticky_canary else {}
        scheduled: Environment = {"scheduled": "true"} if settings.schedule else {}
        proportional: Environment = {"proportional": "true"} if estimates.is_proportional(settings, plan) else {}
        return step_command(
            f"{self._prefix}-promote",
            run="promote",
            account=self._account,
            environment={
                **about,
                "traffic": str(settings.traffic),
                "canary_steps": "" if plan.is_rollback else ",".join(map(str, settings.canary_steps)),
                "canary_pause_seconds": str(settings.canary_pause_seconds),
                "settle_seconds": str(settings.settle_seconds),
                "soak_seconds": str(settings.soak_seconds),
                "drain_seconds": str(settings.drain_seconds),
                "replacement_seconds": str(estimates.replacement_seconds(settings)),
                "slow_milliseconds": str(settings.max_response_milliseconds),
                "alarms": alarms,
                **shared,
                **sticky,
                **scheduled,
                **approve,
                **self._hooks(asked_hooks.promote_hooks(settings, plan, self._live)),
                **self._guard_order(),
                **self._live_target(),
                **proportional,
            },
            # While weights differ from the wanted ones each update tries again, whatever an earlier one recorded.
            triggers=[self._group.group_name, self._move],
            # All of the guard is there before promote arms it.
            opts=self._gate([self.verified, *self._before_promote], closed=not plan.needs_traffic_shift),
        )

    def _hooks(self, hooks: Mapping[str, Hook]) -> Environment:
        """The hooks that a gate asks, and what their commands get of the environment."""
        if not hooks:
            return {}
        names = json.dumps(list(self._settings.smoke_environment))
        return {"hooks": encode_hooks(hooks.values()), "smoke_environment": names}

    def _guard_order(self) -> Environment:
        """What promote arms at its end."""
        if not self._traffic_guard:
            return {}
        return {
            "guard_hours": str(self._settings.guard_hours),
            "guard_rule": self._traffic_guard.rule_name,
            "guard_schedules": pulumi.Output.json_dumps(self._traffic_guard.schedules),
        }

    def _live_target(self) -> Environment:
        """The table by which promote hands the work of servers over. On the way back nobody waits for it in vain."""
        if isinstance(self._live_table, str):
            return {}
        told: Environment = {"live_table": self._live_table}
        return told if not self._plan.is_rollback else {**told, "live_required": "false"}

    def guard_tags(self) -> dict[str, pulumi.Input[str]]:
        """Tags for the production rule about AWS's guard: as promote and AWS write them, so that neither is taken away.

        Plain text when promote has nothing to do: an update without changes has none here either.
        """
        plan, live = self._plan, self._live
        told: dict[str, pulumi.Input[str]] = {}
        if plan.arms_guard:
            told[GUARD] = self.promoted.stdout.apply(lambda said: json.loads(said).get("guard", "") if said else "")
        elif live.guard and (plan.guarded or not plan.needs_traffic_shift):
            # Of one that is over too: only promote takes the tag away, and the provider sees all that are there.
            told[GUARD] = live.guard.text()
        if live.way_back and live.weights == {color: share for color, share in plan.weights.items() if share}:
            told[WAY_BACK] = live.way_back.text()
        return told

    def _production(self, targets: Mapping[GroupKey, pulumi.Input[str]]) -> None:
        """Sets what the production rule is declared with, by what promote reports."""
        plan, live = self._plan, self._live
        # A command that is left out has the triggers of its last run.
        self.left_out = self.promoted.triggers.apply(
            lambda had: plan.needs_traffic_shift and (had or [""])[-1] != self._move
        )

        def found(known: list[Any]) -> list[dict[str, int]]:
            left_out, said, *arns = known
            declared = dict(zip((color.color for color in targets), arns, strict=True))
            if live.taken_over and live.taken_over.color in plan.weights:
                declared[live.taken_over.color] = live.taken_over.target_group
            with user_errors():
                weights = production_weights.production_weights(
                    plan, live, declared, reported_weights(said), left_out=left_out
                )
            shares = production_weights.weights_by_color(weights, live, declared)
            if left_out:
                told = ", ".join(f"{color} {share} %" for color, share in shares.items())
                pulumi.log.warn(coded("PHX-210", f"promote was left out of this update: production stays {told}"), self)
            return [weights, shares]

        both = pulumi.Output.all(self.left_out, self.promoted.stdout, *targets.values()).apply(found)
        self.weights: pulumi.Output[dict[str, int]] = both[0]
        self.shares: pulumi.Output[dict[str, int]] = both[1]

    def history_tags(self) -> dict[str, pulumi.Input[str]]:
        """Tags for the production rule about the groups that died, and those that this update deletes.

        Plain text when none is deleted: an update without changes has none here either.
        """
        plan, live = self._plan, self._live
        told = history.history_lines(plan, live, {})
        if not history.leaving_groups(plan, live):
            return {f"{HISTORY_TAG}{number + 1}": text for number, text in enumerate(told)}

        def line(number: int) -> pulumi.Output[str]:
            return self.lines.apply(lambda lines: lines[number] if number < len(lines) else "")

        return {f"{HISTORY_TAG}{number + 1}": line(number) for number in range(len(told))}

    def guard(self, production: pulumi.CustomResource) -> command.local.Command:
        """Keeps the production rule: deleted before it, and refuses while users reach servers by it."""
        return step_command(
            f"{self._prefix}-guard",
            run="guard",
            on_delete=True,
            account=self._account,
            environment={"stack": self._settings.identity, "rule": production.id},
            triggers=[production.id],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[production]),
        )

    def prune(self, *, after: Sequence[pulumi.Resource]) -> command.local.Command:
        """Deregisters the stack's old images once production has moved, and deletes what killed updates left behind.

        Left behind are groups that production did not know before this update, and things that no state knew. An update
        without any, which launches no group and moves no traffic, has nothing to do here.
        """
        settings = self._settings
        orphans = [*self._live.unused_groups, *self._checked.orphans]
        return step_command(
            f"{self._prefix}-prune",
            run="prune",
            account=self._account,
            environment={
                "stack": settings.identity,
                "service": settings.service,
                "image_keep": str(settings.image_keep),
                "group": self._group.group_name,
                "listener": self._listener,
                "orphans": json.dumps(orphans),
            },
            triggers=[self._group.group_name, self._recorded.rerun_trigger(f"{self._prefix}-prune") if orphans else ""],
            opts=self._gate(after, closed=self._plan.is_up_to_date and not orphans),
        )

    def _gate(self, after: Sequence[pulumi.Resource], *, closed: bool) -> pulumi.ResourceOptions:
        """A gate that has nothing to do keeps every input that it has in the state."""
        return pulumi.ResourceOptions(parent=self, depends_on=list(after), ignore_changes=["*"] if closed else None)


def _release_tags(*said: str | None) -> dict[str, dict[str, str]]:
    """What each color's group was tagged with, without `phoenix:`, from what the steps printed."""
    found: dict[str, dict[str, str]] = {}
    for text in said:
        for color, tags in (json.loads(text).get("releases", {}) if text else {}).items():
            found.setdefault(color, {}).update(without_prefix(tags))
    return found
