"""Asks the hooks of a gate: again while they say wait, within their time limit, looking at production meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from core import names
from core.aws import error_reason
from core.errors import StepError, coded_warning
from core.hooks import COMMAND, LAMBDA, SMOKE, Hook, facts, short_facts
from core.progress import LogThrottle, Progress
from core.release_events import Release, ReleaseEvent
from steps.hooks import automation, function, shell
from steps.hooks.answer import FAIL, WAIT, Answer, Asking
from steps.runtime import child_environment
from steps.runtime.command import Context
from steps.runtime.options import GateOptions

TICK_SECONDS = 5.0


def of_gate(options: GateOptions, context: Context, release: Release, *, url: str, host: str, token: str) -> Hooks:
    """The hooks that a gate was given. A command finds the new group as the gate does: at `url`, by host and token."""
    about = {
        "PHOENIX_URL": url,
        "PHOENIX_HOST": host,
        "PHOENIX_PREVIEW_HEADER": names.PREVIEW_HEADER,
        "PHOENIX_PREVIEW_TOKEN": token,
        "PHOENIX_GENERATION": release.generation,
    }
    return Hooks(
        hooks={hook.name: hook for hook in options.hooks},
        context=context,
        release=release,
        environment=child_environment.for_hook(os.environ, names=options.smoke_environment, added=about),
    )


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """Who is asked about a release. `environment`: of commands."""

    hooks: Mapping[str, Hook]
    context: Context
    release: Release
    environment: Mapping[str, str]

    def ask(
        self,
        name: str,
        *,
        production: Mapping[str, int] | None = None,
        look: Callable[[], object] = lambda: None,
        then: str = "",
    ) -> None:
        """Returns when the hook of this name lets the release go on, or there is none.

        Meanwhile it `look`s, which raises when the group does not do well. `production`: percent by color. `then`: what
        else a message says. Raises StepError when the hook refuses, or does not answer in time.
        """
        hook = self.hooks.get(name)
        if hook is None:
            return
        who = f"{self.release.color} {self.release.generation}"
        again = "`pulumi up` tries again"
        try:
            answer = self.answer(hook, production=production, look=look)
        except TimeoutError as error:
            raise StepError(
                "PHX-023",
                f"the hook {name} did not let {who} go on within {hook.timeout_seconds} s{then}",
                why=str(error),
                do=f"see what it waits for, or raise hooks.{name}.timeoutSeconds; {again}",
            ) from error
        if answer.decision == FAIL:
            lines = "\n".join(f"| {line}" for line in answer.lines)
            wrote = f"; it wrote last:\n{lines}\nThen" if lines else ""
            raise StepError(
                "PHX-022",
                f"the hook {name} refused {who}{then}",
                why=answer.reason,
                do=f"what it says{wrote}: {again}",
            )
        self.context.progress.line(f"the hook {name} lets {who} go on")

    def tell(self, name: str, *, production: Mapping[str, int], reason: str) -> None:
        """Tells the hook of this name what has happened. Whatever becomes of that is a line."""
        hook = self.hooks.get(name)
        if hook is None:
            return
        try:
            answer = self.answer(hook, production=production, reason=reason)
            why = answer.reason if answer.decision == FAIL else ""
        except OSError as error:  # a time limit is one too
            why = str(error)
        if why:
            self.context.progress.line(coded_warning("PHX-024", f"the hook {name} failed; nothing waits for it: {why}"))

    def answer(
        self,
        hook: Hook,
        *,
        production: Mapping[str, int] | None = None,
        reason: str = "",
        look: Callable[[], object] = lambda: None,
    ) -> Answer:
        """What a hook says in the end: proceed, or fail. Raises TimeoutError when its time is over before that."""
        event = self.release.event(hook.name, at=self.context.clock.utc(), production=production, reason=reason)
        until = self.context.progress.bounded(hook.timeout_seconds)
        teller = LogThrottle(self.context.clock)
        until.line(f"asking the hook {hook.name}: {hook.kind} {hook.target}")
        while True:
            found = self._once(hook, event, until, teller, look)
            if found.decision != WAIT:
                return found
            again = until.clock.now() + found.seconds
            while (pause := min(TICK_SECONDS, again - until.clock.now(), until.left())) > 0:
                teller.log(until, f"the hook {hook.name} waits: {found.reason or 'it says so'}")
                until.clock.sleep(pause)
                look()
            if not until.left():
                raise TimeoutError(f"it said wait{found.reason and ': ' + found.reason}")

    def _once(
        self, hook: Hook, event: ReleaseEvent, until: Progress, teller: LogThrottle, look: Callable[[], object]
    ) -> Answer:
        # A process takes real time, whatever clock a step has.
        end = time.monotonic() + until.left()
        try:
            asking = self._begin(hook, event, until)
        except (ClientError, BotoCoreError) as error:
            return Answer(decision=FAIL, reason=error_reason(error))
        except OSError as error:
            return Answer(decision=FAIL, reason=f"it can't be started: {error}")
        try:
            while True:
                left = min(until.left(), end - time.monotonic())
                found = asking.answer(max(0.0, min(TICK_SECONDS, left)))
                if found is not None:
                    return found
                if left <= 0:
                    raise TimeoutError("it was not done")
                look()
                teller.log(until, f"waiting for the answer of the hook {hook.name}")
        finally:
            asking.end()

    def _begin(self, hook: Hook, event: ReleaseEvent, until: Progress) -> Asking:
        aws = self.context.aws
        if hook.kind == COMMAND:
            return shell.Running(
                hook,
                facts(event),
                environment={**self.environment, "PHOENIX_HOOK": hook.name},
                line=lambda text: until.line(f"{'smoke' if hook.name == SMOKE else hook.name}: {text}"),
            )
        if hook.kind == LAMBDA:
            return function.Invocation(function.client(aws), hook, facts(event))
        return automation.Execution(aws, hook, short_facts(event), stack=self.release.stack, progress=until)
