"""Deletes the groups that a killed launch left of a color and no state knows, servers included.

Runs when the color's own things are deleted: after the group that the engine knows, and before the target group and
the security group, which can't go while servers are in them. It finds them by the target group, which each launch has
for itself. A group that users reach is refused, as retire does.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from core import server_groups
from steps.cleanup import sweep
from steps.runtime import command, parsers
from steps.runtime.command import Context
from steps.runtime.options import CommonOptions, option


@dataclass(frozen=True, kw_only=True)
class Options(CommonOptions):
    color: str = option("blue or green", parse=parsers.color)
    target_group: str = option("ARN of the color's target group", parse=parsers.arn)
    listener: str = option("ARN of the listener", parse=parsers.arn)


def delete_orphaned_groups(options: Options, context: Context) -> dict[str, object]:
    left = [
        one
        for one in server_groups.read_groups(context.aws, options.stack)
        if options.target_group in one.target_groups
    ]
    sweep.delete(context.aws, left, context.progress, listener=options.listener)
    return {"deleted": [one.name for one in left]}


if __name__ == "__main__":
    sys.exit(command.run_step("clear", __doc__, Options, delete_orphaned_groups))
