"""What a plan reads of `bench.fleet`, without the engine: `python -m bench.plan_reads STACK LISTENER VPC RULE ...`.

The state is one that knows the stack's rules (ARNs), and nothing else.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from unittest import mock

from core import start_up  # noqa: F401 - as the program has it
from plan import situation
from plan.checks.ownership import RULE
from plan.config.settings import Settings
from plan.readers import stack_state
from plan.readers.stack_state import Resource, StateInventory
from plan.situation import Update
from rehearsal import PROJECT


def main(identity: str, listener: str, vpc: str, *rules: str) -> int:
    service, _, stack = identity.partition("/")
    settings = Settings(
        service=service,
        stack=stack,
        region=os.environ["AWS_REGION"],
        listener_arn=listener,
        vpc_id=vpc,
        hostname="shop.example.com",
    )
    tags = {"phoenix:stack": identity}
    made = StateInventory(tuple(Resource(f"urn::{arn}", RULE, {"id": arn, "arn": arn, "tags": tags}) for arn in rules))
    update = Update(settings=settings, folder=PROJECT, now=datetime.now(UTC), owner="", port=settings.port)
    with (
        mock.patch.object(stack_state, "read_state", lambda: made),
        mock.patch.object(stack_state, "check_account", lambda *_: None),
    ):
        found = situation.read_situation(update, alone=True)
    print(f"{len(found.live.groups)} groups, {len(found.shared.rules if found.shared else ())} rules")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
