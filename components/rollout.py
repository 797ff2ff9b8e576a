"""The gates between a birth and its traffic, as commands: verify, promote; and prune, which cleans up behind them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_command as command

from components.auto_scaling_group import AutoScalingGroup
from components.step_command import step_command
from plan import estimates, history, production_weights
from plan.config.settings import Settings
from plan.group_key import GroupKey
from plan.readers.live_state import HISTORY_TAG, Account, LiveState
from plan.readers.recorded_steps import RecordedSteps, reported_weights
from plan.rollout_plan import RolloutPlan
from plan.user_errors import user_errors


class Rollout(pulumi.ComponentResource):
    """Proves the active group while nobody uses it, then moves production to it.

    Inputs: the `flight` (who is active, whether weights must move), what was `standing` before it and what earlier
    steps have `recorded`, the `settings` of the gates, the active `group`, the `targets` of all colors (ARNs of target
    groups), the `listener_arn`, and the `preview_rule_arn` through which it is tested; `shared`: the load balancer
    serves others too, so what it answers by itself says nothing about this group.

    Outputs: `verified`, `promoted` (the production rule comes after it), `weights` of the production rule (percent by
    target group), the same as `shares` by color; `left_out`: promote was to run, and was left out of this update;
    `born_at` of the active group (ISO 8601, UTC), `certificates`: the tags that the gates of this update have put on
    groups, by color; `lines` about the groups that died (`plan.history`).
    """

    def __init__(
        self,
        name: str,
        *,
        plan: RolloutPlan,
        live: LiveState,
        recorded: RecordedSteps,
        settings: Settings,
        account: Account,
        group: AutoScalingGroup,
        targets: Mapping[GroupKey, pulumi.Input[str]],
        listener_arn: pulumi.Input[str],
        preview_rule_arn: pulumi.Input[str],
        shared: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("phoenix:index:Rollout", name, {"active": plan.active.color}, opts)
        self._prefix, self._account, self._settings, self._flight = name, account, settings, plan
        self._standing, self._recorded = live, recorded
        self._group, self._listener = group.group_name, listener_arn
        about: dict[str, pulumi.Input[str]] = {
            "stack": settings.identity,
            "color": plan.active.color,
            "generation": plan.active.generation,
            "group": group.group_name,
            "target_group": targets[plan.active],
            "listener": listener_arn,
            "preview_rule": preview_rule_arn,
            "min_size": str(settings.min_size),
            "smoke_path": settings.smoke_path,
            "hostname": settings.hostname,
        }
        verified = {
            **about,
            "smoke_command": settings.smoke_command,
            "timeout_seconds": str(settings.verify_timeout_seconds),
        }
        self.verified = step_command(
            f"{name}-verify",
            run="verify",
            account=account,
            environment=verified,
            # A group that should stand and is not verified was changed by hand: the gate looks, whatever was recorded.
            triggers=[
                group.group_name,
                *([recorded.rerun_trigger(f"{name}-verify")] if plan.needs_verification else []),
            ],
            opts=self._gate([group.retire], closed=plan.is_up_to_date),
        )
        self._move = recorded.rerun_trigger(f"{name}-promote") if plan.needs_traffic_shift else ""
        promoted = {
            **about,
            "traffic": str(settings.traffic),
            "canary_steps": "" if plan.is_rollback else ",".join(map(str, settings.canary_steps)),
            "canary_pause_seconds": str(settings.canary_pause_seconds),
            "settle_seconds": str(settings.settle_seconds),
            "soak_seconds": str(settings.soak_seconds),
            "drain_seconds": str(settings.drain_seconds),
            "replacement_seconds": str(estimates.replacement_seconds(settings)),
            "alarms": pulumi.Output.all(*group.alarm_names).apply(lambda names: json.dumps([*names, *settings.alarms])),
            **({"shared": "true"} if shared else {}),
        }
        self.promoted = step_command(
            f"{name}-promote",
            run="promote",
            account=account,
            environment=promoted,
            # While weights differ from the wanted ones each update tries again, whatever an earlier one recorded.
            triggers=[group.group_name, self._move],
            opts=self._gate([self.verified], closed=not plan.needs_traffic_shift),
        )
        self._production(targets)
        stood = plan.existing.created_at if plan.existing else None
        born_at = f"{stood:%Y-%m-%dT%H:%M:%SZ}" if stood else ""
        # What a command recorded is lost when its inputs change in place.
        self.born_at = self.verified.stdout.apply(lambda said: born_at or (json.loads(said)["bornAt"] if said else ""))
        self.certificates = pulumi.Output.all(
            "" if plan.is_up_to_date else self.verified.stdout,
            self.promoted.stdout if plan.needs_traffic_shift else "",
        ).apply(lambda said: _certificates(*said))
        # Nobody dies in an update that has not moved production.
        self.lines: pulumi.Output[list[str]] = pulumi.Output.all(self.left_out, self.certificates).apply(
            lambda known: list(live.history) if known[0] else history.history_lines(plan, live, known[1])
        )
        self.register_outputs({"verified": self.verified.stdout, "promoted": self.promoted.stdout})

    def _production(self, targets: Mapping[GroupKey, pulumi.Input[str]]) -> None:
        """Sets what the production rule is declared with, by what promote reports."""
        plan, live = self._flight, self._standing
        # A command that is left out has the triggers of its last run.
        self.left_out = self.promoted.triggers.apply(
            lambda had: plan.needs_traffic_shift and (had or [""])[-1] != self._move
        )

        def found(known: list[Any]) -> list[dict[str, int]]:
            left_out, said, *arns = known
            declared = dict(zip((color.color for color in targets), arns, strict=True))
            with user_errors():
                weights = production_weights.production_weights(
                    plan, live, declared, reported_weights(said), left_out=left_out
                )
            shares = production_weights.weights_by_color(weights, live, declared)
            if left_out:
                told = ", ".join(f"{color} {share} %" for color, share in shares.items())
                pulumi.log.warn(f"promote was left out of this update: production stays {told}", self)
            return [weights, shares]

        both = pulumi.Output.all(self.left_out, self.promoted.stdout, *targets.values()).apply(found)
        self.weights: pulumi.Output[dict[str, int]] = both[0]
        self.shares: pulumi.Output[dict[str, int]] = both[1]

    def past(self) -> dict[str, pulumi.Input[str]]:
        """Tags for the production rule about the groups that died, and those that this update deletes.

        Plain text when none is deleted: an update without changes has none here either.
        """
        plan, live = self._flight, self._standing
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

    def prune(self, *, orphans: Sequence[str], after: Sequence[pulumi.Resource]) -> command.local.Command:
        """Deregisters the stack's old images once production has moved, and what killed updates left behind.

        `strays` are groups that production did not know before this update, and things that nobody knew. An update
        without any, and without a birth or a move, has nothing to do here.
        """
        settings = self._settings
        return step_command(
            f"{self._prefix}-prune",
            run="prune",
            account=self._account,
            environment={
                "stack": settings.identity,
                "service": settings.service,
                "image_keep": str(settings.image_keep),
                "group": self._group,
                "listener": self._listener,
                "orphans": json.dumps(list(orphans)),
            },
            triggers=[self._group, self._recorded.rerun_trigger(f"{self._prefix}-prune") if orphans else ""],
            opts=self._gate(after, closed=self._flight.is_up_to_date and not orphans),
        )

    def _gate(self, after: Sequence[pulumi.Resource], *, closed: bool) -> pulumi.ResourceOptions:
        """A gate that has nothing to do keeps every input that it has in the state."""
        return pulumi.ResourceOptions(parent=self, depends_on=list(after), ignore_changes=["*"] if closed else None)


def _certificates(*said: str | None) -> dict[str, dict[str, str]]:
    """What each color's group was tagged with, without `phoenix:`, from what the steps printed."""
    found: dict[str, dict[str, str]] = {}
    for text in said:
        for color, tags in (json.loads(text).get("certificates", {}) if text else {}).items():
            found.setdefault(color, {}).update({key.removeprefix("phoenix:"): value for key, value in tags.items()})
    return found
