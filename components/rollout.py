"""The gates between a birth and its traffic, as commands: verify, promote; and prune, which cleans up behind them."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import pulumi
import pulumi_command as command

from components import past
from components.color import Color
from components.config import errors
from components.flight import Flight
from components.live import PAST, Account, Live
from components.server_group import ServerGroup
from components.settings import Settings
from components.step import step


class Rollout(pulumi.ComponentResource):
    """Proves the active group while nobody uses it, then moves production to it.

    Inputs: the `flight` (who is active, whether weights must move), the `settings` of the gates, the active `group`
    with its `target_group_arn`, the `listener_arn`, and the `preview_rule_arn` through which it is tested; `shared`:
    the load balancer serves others too, so what it answers by itself says nothing about this group.

    Outputs: `verified`, `promoted` (the production rule comes after it), `born_at` of the active group (ISO 8601, UTC),
    `certificates`: the tags that the gates of this update have put on groups, by color.
    """

    def __init__(
        self,
        name: str,
        *,
        flight: Flight,
        settings: Settings,
        account: Account,
        group: ServerGroup,
        target_group_arn: pulumi.Input[str],
        listener_arn: pulumi.Input[str],
        preview_rule_arn: pulumi.Input[str],
        shared: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("phoenix:index:Rollout", name, {"active": flight.active.color}, opts)
        self._prefix, self._account, self._settings, self._flight = name, account, settings, flight
        self._group, self._listener = group.group_name, listener_arn
        about: dict[str, pulumi.Input[str]] = {
            "stack": settings.identity,
            "color": flight.active.color,
            "generation": flight.active.generation,
            "group": group.group_name,
            "target_group": target_group_arn,
            "listener": listener_arn,
            "preview_rule": preview_rule_arn,
            "min_size": str(settings.min_size),
            "smoke_path": settings.smoke_path,
            "hostname": settings.hostname,
        }
        verified = {
            **about, "smoke_command": settings.smoke_command, "timeout_seconds": str(settings.verify_timeout_seconds)}
        self.verified = step(
            f"{name}-verify", run="verify", account=account, environment=verified,
            # A group that should stand and is not verified was changed by hand: the gate looks, whatever was recorded.
            triggers=[group.group_name, *([str(time.time_ns())] if flight.unproven else [])],
            opts=self._gate([group.retire], closed=flight.proven))
        promoted = {
            **about,
            "traffic": str(settings.traffic),
            "canary_steps": "" if flight.back else ",".join(map(str, settings.canary_steps)),
            "canary_pause_seconds": str(settings.canary_pause_seconds),
            "settle_seconds": str(settings.settle_seconds),
            "soak_seconds": str(settings.soak_seconds),
            "drain_seconds": str(settings.drain_seconds),
            "alarms": pulumi.Output.all(*group.alarm_names).apply(
                lambda names: json.dumps([*names, *settings.alarms])),
            **({"shared": "true"} if shared else {}),
        }
        self.promoted = step(
            f"{name}-promote", run="promote", account=account, environment=promoted,
            # While weights differ from the wanted ones each update tries again, whatever an earlier one recorded.
            triggers=[group.group_name, str(time.time_ns()) if flight.shift else ""],
            opts=self._gate([self.verified], closed=not flight.shift))
        standing = flight.standing.born_at if flight.standing else None
        born_at = f"{standing:%Y-%m-%dT%H:%M:%SZ}" if standing else ""
        # What a command recorded is lost when its inputs change in place.
        self.born_at = self.verified.stdout.apply(lambda said: born_at or (json.loads(said)["bornAt"] if said else ""))
        self.certificates = pulumi.Output.all(
            "" if flight.proven else self.verified.stdout, self.promoted.stdout if flight.shift else "",
        ).apply(lambda said: _certificates(*said))
        self.register_outputs({"verified": self.verified.stdout, "promoted": self.promoted.stdout})

    def to(self, color: Color, target_group_arn: pulumi.Input[str]) -> pulumi.Output[str]:
        """The target group for production, once it is sure to be the one that stands or that the gates have proven."""
        def checked(arn: str) -> str:
            with errors():
                return self._flight.same(color, arn)

        return pulumi.Output.from_input(target_group_arn).apply(checked)

    def past(self, standing: Live) -> dict[str, pulumi.Input[str]]:
        """Tags for the production rule about the groups that died, and those that this update deletes.

        Plain text when none is deleted: an update without changes has none here either.
        """
        flight = self._flight
        gone, told = len(past.leaving(flight, standing)), past.lines(flight, standing, {})

        def line(number: int) -> pulumi.Output[str]:
            return self.certificates.apply(lambda written: past.lines(flight, standing, written)[number])

        return {f"{PAST}{number + 1}": line(number) if number < gone else text for number, text in enumerate(told)}

    def guard(self, production: pulumi.CustomResource) -> command.local.Command:
        """Keeps the production rule: deleted before it, and refuses while users reach servers by it."""
        return step(
            f"{self._prefix}-guard", run="guard", on_delete=True, account=self._account,
            environment={"stack": self._settings.identity, "rule": production.id}, triggers=[production.id],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[production]))

    def prune(
        self, *, strays: Sequence[str], after: Sequence[pulumi.Resource]
    ) -> command.local.Command:
        """Deregisters the stack's old images once production has moved, and what killed updates left behind.

        `strays` are groups that production did not know before this update, and things that nobody knew. An update
        without any, and without a birth or a move, has nothing to do here.
        """
        settings = self._settings
        return step(
            f"{self._prefix}-prune", run="prune", account=self._account,
            environment={"stack": settings.identity, "service": settings.service,
                         "image_keep": str(settings.image_keep), "group": self._group, "listener": self._listener,
                         "strays": json.dumps(list(strays))},
            triggers=[self._group, str(time.time_ns()) if strays else ""],
            opts=self._gate(after, closed=self._flight.proven and not strays))

    def _gate(self, after: Sequence[pulumi.Resource], *, closed: bool) -> pulumi.ResourceOptions:
        """A gate that has nothing to do keeps every input that it has in the state."""
        return pulumi.ResourceOptions(
            parent=self, depends_on=list(after), ignore_changes=["*"] if closed else None)


def _certificates(*said: str | None) -> dict[str, dict[str, str]]:
    """What each color's group was tagged with, without `phoenix:`, from what the steps printed."""
    found: dict[str, dict[str, str]] = {}
    for text in said:
        for color, tags in (json.loads(text).get("certificates", {}) if text else {}).items():
            found.setdefault(color, {}).update({key.removeprefix("phoenix:"): value for key, value in tags.items()})
    return found
