"""Holds the size of both groups while traffic moves: neither may shrink under a policy before it is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from core import obstacles, server_groups, timing
from core.aws import Aws, error_reason
from core.errors import StepError
from core.obstacles import Obstacle
from core.server_groups import Group, Target
from steps.runtime.command import Context
from steps.runtime.polling import Pending, poll
from steps.verify import lifecycle_hooks


class Capacity:
    """MinSize of our group and of the one that shares the traffic. `hold()` lifts them, `release()` puts them back.

    `min_size`: what ours is to have in the end. `other_minimum`: what the other is to have again. `proportional`: ours
    has only the servers that its share of the traffic needs; the other keeps all of its own in any case. `scheduled`:
    AWS gives the one that serves other sizes at set times, also while traffic moves: those are kept, and whoever takes
    all of production over has them too.
    """

    def __init__(
        self,
        *,
        ours: Group,
        other: Group | None,
        min_size: int,
        other_minimum: int | None,
        proportional: bool = False,
        scheduled: bool = False,
    ) -> None:
        self.ours, self.other, self.min_size, self.proportional = ours, other, min_size, proportional
        self.scheduled = scheduled
        self.other_minimum = other.minimum if other and other_minimum is None else other_minimum
        self._lifted: dict[str, int] = {}

    @property
    def grows(self) -> bool:
        """Whether ours may need more servers for its next share than it has."""
        return self.proportional or self.scheduled

    def needed(self, *, ours_gains: bool, other_gains: bool, share: int = 100) -> tuple[int, int]:
        """How many servers ours and the other must have: who gains traffic, as many as who has it now.

        `share`: percent of the traffic that ours gets next.
        """
        other = self.other.desired if self.other else 0
        ours = server_groups.target_size(
            minimum=max(self.min_size, self.ours.desired) if ours_gains else self.min_size,
            live=self._live(other, share) if ours_gains else 0,
            maximum=self.ours.maximum,
        )
        if self.other and other_gains:
            other = server_groups.target_size(minimum=other, live=self.ours.desired, maximum=self.other.maximum)
        return ours, other

    def _live(self, other: int, share: int) -> int:
        return server_groups.servers_for_share(other, share) if self.proportional else other

    def lift(self, context: Context, *, share: int) -> int:
        """Lifts ours to what a share of the traffic needs, by what the other has by now. Returns how many that are."""
        if self.other:
            grown = server_groups.read_group(context.aws, self.other.name).desired
            self.other = replace(self.other, desired=max(self.other.desired, grown))
        needed, _ = self.needed(ours_gains=True, other_gains=False, share=share)
        self._set(context.aws, self.ours, needed)
        return needed

    def hold(self, context: Context, *, ours: int, other: int) -> None:
        """Lifts both to at least what they have."""
        self._set(context.aws, self.ours, max(ours, self.ours.desired))
        if self.other:
            self._set(context.aws, self.other, max(other, self.other.desired))

    def release(self, context: Context, *, keeps_other: bool = False, has_all: bool = False) -> None:
        """Gives both groups the sizes that they are to have. What fails is told; it only costs servers.

        `keeps_other`: the other one may get production back at any time, so it keeps the servers that it has.
        `has_all`: ours has all of production.
        """
        minimum, maximum = self._scheduled_sizes(context)
        wanted = [(self.ours, self.min_size if minimum is None or not has_all else minimum)]
        if self.other and self.other_minimum is not None and not keeps_other:
            wanted.append((self.other, self.other_minimum if minimum is None else minimum))
        for group, minimum in wanted:
            try:
                if has_all and maximum is not None and group is self.ours:
                    server_groups.set_sizes(context.aws, group, minimum, maximum)
                else:
                    self._set(context.aws, group, minimum)
            except (ClientError, BotoCoreError) as error:
                context.progress.line(
                    f"MinSize of {group.name} could not be set to {minimum} ({error_reason(error)}). By hand: "
                    f"aws autoscaling update-auto-scaling-group --auto-scaling-group-name {group.name} "
                    f"--min-size {minimum}"
                )

    def _scheduled_sizes(self, context: Context) -> tuple[int | None, int | None]:
        """MinSize and MaxSize that the schedule has given the other group, whenever that was; none without one."""
        if not self.scheduled or self.other is None:
            return None, None
        try:
            now = server_groups.read_group(context.aws, self.other.name)
        except (ClientError, BotoCoreError) as error:
            context.progress.line(f"the sizes of {self.other.name} could not be read ({error_reason(error)})")
            return None, None
        except StepError as gone:
            context.progress.line(gone.title)
            return None, None
        held = self._lifted.get(self.other.name, self.other.minimum)
        return (self.other_minimum if now.minimum == held else now.minimum), now.maximum

    def _set(self, aws: Aws, group: Group, minimum: int) -> None:
        if self._lifted.get(group.name, group.minimum) == minimum:
            return
        # Noted first: a signal may come when AWS has done it and we don't know yet.
        self._lifted[group.name] = -1
        server_groups.set_minimum(aws, group, minimum)
        self._lifted[group.name] = minimum


def wait_healthy(context: Context, target_group: str, needed: int, name: str, *, group: Group | None) -> None:
    """Waits until a target group has that many healthy servers of an auto-scaling group (None: it is gone).

    Raises StepError when it takes too long, and at once when no time would bring them.
    """

    def check() -> Pending | None:
        found = server_groups.read_targets(context.aws, target_group)
        if server_groups.healthy(found) >= needed:
            return None
        _, error = shortage(context, found, needed, name, group=group, unseen="the rest not registered yet")
        return Pending(text=error.why, error=error)

    poll(context.progress.bounded(timing.HEALTHY_SECONDS), check)


def shortage(
    context: Context, found: Sequence[Target], needed: int, name: str, *, group: Group | None, unseen: str
) -> tuple[str, StepError]:
    """How many of a target group's servers are healthy, in words, and the error when it stays at fewer than `needed`.

    `unseen`: said of a target group without any. Raises StepError for what no time heals.
    """
    count = f"{server_groups.healthy(found)} of {needed} servers of {name} healthy"
    text = f"{count}: {server_groups.summary(found) or unseen}"
    held = _obstacle(context, group, registered=len(found), needed=needed) if group else None
    return text, StepError(
        "PHX-709",
        f"{name} has too few healthy servers to get traffic",
        why=text + (f"; {held.what}" if held else ""),
        do=held.do if held else "see why they are not healthy; `pulumi up` tries again",
    )


def _obstacle(context: Context, group: Group, *, registered: int, needed: int) -> Obstacle | None:
    """What holds servers of a group that is too small. Raises StepError for what no time heals."""
    now = server_groups.read_group(context.aws, group.name)
    barred = now.barred(obstacles.GROW)
    if barred and (registered < needed or len(now.instances) < needed):
        why, do = obstacles.describe_obstacles(barred)
        raise StepError(
            "PHX-708",
            f"{now.name} can't get the servers that it needs for the traffic",
            why=why,
            do=do,
        )
    return lifecycle_hooks.holding(context.aws, now)
