"""Tells AWS what becomes of a release, while whoever tells it goes on: nothing waits for it, nothing fails by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from core.aws import BEST_EFFORT, error_reason, untyped_client
from core.errors import coded_warning
from core.release_events import ReleaseEvent

# Of one call, so that a process that ends does not hang on a service that does not answer.
ANSWER = BEST_EFFORT.merge(Config(connect_timeout=3, read_timeout=5))
# How long a step that is done waits for what is under way.
END_SECONDS = 5.0


class Notifier:
    """Sends events in the order in which they happen. `topic`: ARN of an SNS topic that is told too; empty: none.

    `tell` gets one line for EventBridge and one for SNS, when they fail for the first time. What is still to be sent
    when the process ends is sent before it does.
    """

    def __init__(self, session: boto3.Session, *, topic: str, tell: Callable[[str], object]) -> None:
        self._session, self._topic, self._tell = session, topic, tell
        self._clients: dict[str, Any] = {}
        self._failed: set[str] = set()
        self._sending: list[Future[None]] = []
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="notifier")

    def send(self, event: ReleaseEvent) -> None:
        """Returns at once."""
        # Made here: making clients is not for several threads at once (boto3 guide, "Multithreading").
        for service in ("events", *(["sns"] if self._topic else [])):
            if service not in self._clients:
                self._clients[service] = untyped_client(self._session, service, ANSWER)
        self._sending.append(self._executor.submit(self._send, event))

    def close(self) -> None:
        """Waits for what is under way, but not long."""
        wait(self._sending, timeout=END_SECONDS)
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _send(self, event: ReleaseEvent) -> None:
        self._try("events", event, lambda: self._put(event))
        if self._topic:
            self._try("sns", event, lambda: self._publish(event))

    def _put(self, event: ReleaseEvent) -> str:
        """Why the default bus did not take it; empty when it did."""
        answer = self._clients["events"].put_events(Entries=[event.entry()])
        refused = [one for one in answer["Entries"] if one.get("ErrorCode")] if answer["FailedEntryCount"] else []
        return "; ".join(f"PutEvents: {one['ErrorCode']}: {one.get('ErrorMessage', '')}" for one in refused)

    def _publish(self, event: ReleaseEvent) -> str:
        sns = self._clients["sns"]
        sns.publish(TopicArn=self._topic, Subject=event.subject(), Message=event.message(), MessageStructure="json")
        return ""

    def _try(self, service: str, event: ReleaseEvent, act: Callable[[], str]) -> None:
        try:
            why = act()
        except (ClientError, BotoCoreError) as error:
            why = error_reason(error)
        if why and service not in self._failed:
            self._failed.add(service)
            where = "EventBridge" if service == "events" else self._topic
            self._tell(coded_warning("PHX-021", f"{event.kind!r} was not told to {where}; nothing waits for it: {why}"))


@contextmanager
def notifying(
    session: boto3.Session, *, topic: str, tell: Callable[[str], object]
) -> Iterator[Callable[[ReleaseEvent], None]]:
    """What sends an event; at its end it waits for them, but not long."""
    made = Notifier(session, topic=topic, tell=tell)
    try:
        yield made.send
    finally:
        made.close()
