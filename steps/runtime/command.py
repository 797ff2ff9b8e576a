"""How every step begins and ends: options in, JSON on stdout, lines and errors on stderr, exit 0 or 1."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from core import aws, newest_line, notifier, session
from core.aws import Aws
from core.errors import StepError
from core.progress import Clock, Progress, RealClock, write
from core.release_events import ReleaseEvent
from steps.runtime import options
from steps.runtime.options import OptionsT
from steps.runtime.signals import Interrupted, Interrupts, recorded_parent


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a step works with besides its options; tests pass their own. `notify` tells AWS of an event, and returns at
    once."""

    aws: Aws
    clock: Clock
    progress: Progress
    interrupts: Interrupts
    notify: Callable[[ReleaseEvent], object] = lambda _: None


def run_step(
    name: str,
    about: str | None,
    kind: type[OptionsT],
    step: Callable[[OptionsT, Context], Mapping[str, object]],
) -> int:
    """Runs `step` with the options and credentials of this process. Returns the exit code.

    `step` returns what goes to stdout as JSON, and raises StepError (told as it is) or an error of botocore.
    """
    interrupts = Interrupts()
    session.expand(os.environ)
    try:
        with interrupts.listening(parent=recorded_parent()):
            given = options.read_options(
                kind, step=name, about=about or "", arguments=sys.argv[1:], environment=os.environ
            )
            asked = aws.connect(account=given.account, region=given.region, arns=given.arns())
            result = _run(given, asked, interrupts, step)
    except StepError as error:
        return _failed(name, error)
    except (ClientError, BotoCoreError) as error:
        return _failed(name, aws.explain_error(error))
    except OSError as error:
        return _failed(
            name,
            StepError(
                "PHX-007",
                "this machine did not let the step do its work",
                why=str(error),
                do=f"let it write in {Path.cwd()} and the temporary folder, and see that the disk has room; "
                "then run `pulumi up` again",
            ),
        )
    except Interrupted as error:
        return _failed(
            name, StepError(error.code, error.what, do="run `pulumi up` again; it goes on from what is there")
        )
    print(json.dumps(result, sort_keys=True), flush=True)
    return 0


def _run(
    given: OptionsT, asked: Aws, interrupts: Interrupts, step: Callable[[OptionsT, Context], Mapping[str, object]]
) -> Mapping[str, object]:
    clock = RealClock()
    progress = Progress(clock, newest=partial(newest_line.leave, given.stack))
    with notifier.notifying(asked.session, topic=given.notify_topic, tell=progress.line) as notify:
        try:
            return step(given, Context(aws=asked, clock=clock, progress=progress, interrupts=interrupts, notify=notify))
        finally:
            # What the step did is done: a signal now would only take the last events away.
            interrupts.block()


def _failed(name: str, error: StepError) -> int:
    write(f"{name} failed: {error}")
    return 1
