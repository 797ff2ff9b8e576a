"""What a server does before it ends: the stack's `stopCommand`, and the right to tell its group that it is done. Pure.

A lifecycle hook of the group holds a server that leaves, after the load balancer has let it go and its requests have
ended ("How lifecycle hooks work in Auto Scaling groups", EC2 Auto Scaling user guide).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

HOOK = "phoenix-stop"
TRANSITION = "autoscaling:EC2_INSTANCE_TERMINATING"
# What a server may take to see that it is to end, to end a command that takes too long, and to say that it is done.
MARGIN_SECONDS = 60
PATH = "/etc/phoenix/stop.json"


def held_seconds(command: str, seconds: int) -> int:
    """How long the hook holds a server that says nothing; 0 without a command."""
    return seconds + MARGIN_SECONDS if command else 0


def file_content(command: str, seconds: int, *, region: str) -> str:
    """What user data writes to `PATH`."""
    return json.dumps({"region": region, "hook": HOOK, "command": command, "seconds": seconds}, indent=1)


def statements(tags: Mapping[str, str], *, account: str, region: str, partition: str) -> tuple[str, ...]:
    """What the servers' role may do for it, as JSON: to look which group they are in, and to end their own wait.

    AWS knows no resource of the first. `tags` are those of their group alone: its stack, color and generation.
    """
    own = {
        "Effect": "Allow",
        "Action": "autoscaling:CompleteLifecycleAction",
        "Resource": f"arn:{partition}:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/*",
        "Condition": {"StringEquals": {f"aws:ResourceTag/{key}": value for key, value in tags.items()}},
    }
    look = {"Effect": "Allow", "Action": "autoscaling:DescribeAutoScalingInstances", "Resource": "*"}
    return json.dumps(look), json.dumps(own)


def of_group(stack: str, color: str, generation: str) -> dict[str, str]:
    """The tags by which a group's servers know it."""
    return {"phoenix:stack": stack, "phoenix:color": color, "phoenix:generation": generation}
