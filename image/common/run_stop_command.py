"""Runs the stack's `stopCommand` when this server's group takes it out of service, then lets the server end.

    python3 -I run_stop_command.py FILE [--try]

FILE is what user data wrote: {"region": "eu-west-1", "hook": "phoenix-stop", "command": "...", "seconds": 60}. The
command runs once, when the load balancer has let the server go and its requests have ended (the group's state of it is
Terminating:Wait), or at once when EC2 is about to take a Spot server back. After `seconds` it is ended with all that it
started. However it ended, the group is told to go on. `--try` runs the command now, and asks and tells nobody.

Sources: "Retrieve the target lifecycle state through instance metadata" and "How lifecycle hooks work in Auto Scaling
groups", EC2 Auto Scaling user guide; "Spot Instance interruption notices", EC2 user guide.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # -I leaves it out
sys.dont_write_bytecode = True  # nothing of one machine stays in the image

from botocore.exceptions import BotoCoreError, ClientError  # noqa: E402
from server_aws import client, metadata  # noqa: E402

LOOK_SECONDS = 5.0
# Without an answer about its state for so long, the server believes its metadata: it is to go.
BLIND_SECONDS = 30.0
# What a command gets between SIGTERM and SIGKILL.
LAST_SECONDS = 5.0
# The hook's own time is over then, and the server goes anyway.
TELL_SECONDS = 60.0
WAITS, GONE = "Terminating:Wait", "Terminated"

Look = Callable[[], "str | None"]
"""Asks one thing; None when there is nothing to say. May raise OSError, ClientError or BotoCoreError."""


def main(arguments: list[str]) -> int:
    file = Path(arguments[0])
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        region, hook, command = (str(said[key]) for key in ("region", "hook", "command"))
        seconds = float(said["seconds"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        tell(f"FAILED: {file} can't be read ({type(error).__name__}); stopCommand will not run")
        return 1
    if "--try" in arguments:
        return 0 if run(command, seconds) == 0 else 1
    server = instance_id()
    member: dict[str, str] = {}

    def state() -> str | None:
        member.update(ask_group(region, server))
        return member.get("state")

    why = wait_for_end(target=lambda: metadata("autoscaling/target-lifecycle-state"), spot=spot_notice, state=state)
    tell(f"{why}: stopCommand runs, for at most {seconds:g} s")
    run(command, seconds)
    go_on(lambda: complete(region, server, hook))
    return 0


def wait_for_end(
    *,
    target: Look,
    spot: Look,
    state: Look,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Returns when the command is to run, with the reason."""
    blind_since: float | None = None
    while True:
        if _asked(spot) is not None:
            return "EC2 takes this Spot server back"
        if _asked(target) == GONE:
            now = clock()
            found = _asked(state)
            if found == WAITS:
                return "the group takes this server out of service"
            if found is None:
                blind_since = now if blind_since is None else blind_since
                if now - blind_since >= BLIND_SECONDS:
                    return "the group takes this server out of service, and tells no more of it"
            else:
                blind_since = None
        sleep(LOOK_SECONDS)


def _asked(look: Look) -> str | None:
    try:
        return look()
    except (OSError, ClientError, BotoCoreError):
        return None


def instance_id() -> str:
    while True:
        with contextlib.suppress(OSError):
            if found := metadata("instance-id"):
                return found
        time.sleep(LOOK_SECONDS)


def spot_notice() -> str | None:
    said = metadata("spot/instance-action")
    # A server that is stopped or hibernated comes back; none of ours is.
    return said if said and '"terminate"' in said else None


def ask_group(region: str, server: str) -> Mapping[str, str]:
    """The name of this server's group, and its state there."""
    found = client("autoscaling", region).describe_auto_scaling_instances(InstanceIds=[server])["AutoScalingInstances"]
    return {"group": found[0]["AutoScalingGroupName"], "state": found[0]["LifecycleState"]} if found else {}


def run(command: str, seconds: float) -> int:
    """The command's exit code; None of what it started is left when it is over."""
    process = subprocess.Popen(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        code = process.wait(timeout=seconds)
        tell(f"stopCommand ended with {code}")
    except subprocess.TimeoutExpired:
        tell(f"FAILED: stopCommand did not end within {seconds:g} s, and is ended")
        _signal(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=LAST_SECONDS)
        code = 124
    _signal(process, signal.SIGKILL)
    process.wait()
    return code


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def complete(region: str, server: str, hook: str) -> None:
    """Tells the group to go on with this server's end. Raises ClientError while it does not wait for it yet."""
    group = ask_group(region, server).get("group")
    if group:
        client("autoscaling", region).complete_lifecycle_action(
            AutoScalingGroupName=group,
            LifecycleHookName=hook,
            InstanceId=server,
            LifecycleActionResult="CONTINUE",
        )


def go_on(
    told: Callable[[], Any],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Tells the group until it listens, or would go on by itself."""
    ends = clock() + TELL_SECONDS
    while True:
        try:
            told()
            tell("the group goes on with this server's end")
            return
        except (OSError, ClientError, BotoCoreError) as error:
            if clock() >= ends:
                tell(f"FAILED: the group was not told to go on, and does so when its time is over: {error}")
                return
        sleep(LOOK_SECONDS)


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
