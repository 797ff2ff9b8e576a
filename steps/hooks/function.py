"""A hook that is a Lambda function: the facts are its payload, what it returns is the answer.

A call lasts up to 15 minutes ("Lambda quotas", Lambda developer guide), and nothing can end it from outside.
"""

from __future__ import annotations

import json
import queue
import threading
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from core.aws import CONFIG, Aws, error_code, error_reason, untyped_client
from core.hooks import Hook
from steps.hooks.answer import FAIL, WAIT, Answer, read_answer

CALL_SECONDS = 900
# Passing faults: it is asked again a little later, as long as there is time (Lambda API reference, Invoke).
PASSING = {"TooManyRequestsException", "EC2ThrottledException", "ServiceException", "ResourceNotReadyException"}
RETRY_SECONDS = 5.0


def client(aws: Aws) -> Any:
    """It waits as long as a call may last, and calls once: a second call would run the function twice."""
    patient = Config(read_timeout=CALL_SECONDS + 10, tcp_keepalive=True, retries={"total_max_attempts": 1})
    return untyped_client(aws.session, "lambda", CONFIG.merge(patient))


class Invocation:
    """One call, in a thread of its own that no end of the step waits for."""

    def __init__(self, calling: Any, hook: Hook, facts: str) -> None:
        self._lambda, self._hook, self._facts = calling, hook, facts
        self._done: queue.SimpleQueue[tuple[bytes, str] | ClientError | BotoCoreError] = queue.SimpleQueue()
        threading.Thread(target=self._invoke, name=hook.name, daemon=True).start()

    def answer(self, within: float) -> Answer | None:
        try:
            done = self._done.get(timeout=max(0.0, within))
        except queue.Empty:
            return None
        if isinstance(done, tuple):
            return _answer(*done, who=self._hook.target)
        passing = isinstance(done, HTTPClientError | ConnectionError) or (
            isinstance(done, ClientError) and error_code(done) in PASSING
        )
        return Answer(decision=WAIT if passing else FAIL, reason=error_reason(done), seconds=RETRY_SECONDS)

    def end(self) -> None:
        return

    def _invoke(self) -> None:
        try:
            said = self._lambda.invoke(FunctionName=self._hook.target, Payload=self._facts.encode())
            self._done.put((said["Payload"].read(), said.get("FunctionError", "")))
        except (ClientError, BotoCoreError) as error:
            self._done.put(error)


def _answer(payload: bytes, failed: str, *, who: str) -> Answer:
    try:
        said = json.loads(payload or b"null")
    except ValueError:
        said = payload.decode(errors="replace")
    if failed:
        told = said.get("errorMessage", said) if isinstance(said, dict) else said
        return Answer(decision=FAIL, reason=f"{who} failed: {told}")
    return read_answer(said, who=who)
