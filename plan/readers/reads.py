"""What a plan asks of AWS: side by side, and each question once, whoever asks it.

A preview from a laptop waits for each answer about as long as light takes to the region and back, so it counts how many
questions wait for one another, not how many there are. A reader is a function that takes `Reads` first; what it needs
of another reader it asks for by that function, and gets the answer that is there, or on its way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import boto3
from botocore.config import Config

T = TypeVar("T")
# More than there are readers that wait for others: those alone can't fill it, and keep what they wait for out.
WORKERS = 32
# For what an update can do without: a preview is waited for by a person, and what does not answer soon is unknown.
QUICK = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=WORKERS,
)


class Reads:
    """The answers of one plan. `session` is of `core.session.connect`, which makes a client once, in one thread."""

    def __init__(self, session: boto3.Session) -> None:
        self.session = session
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="reads")
        self._answers: dict[Hashable, Future[Any]] = {}
        self._lock = threading.Lock()

    def client(self, service: str, **given: Any) -> Any:
        """As `boto3.Session.client`."""
        create: Any = self.session.client  # typed for literal names only
        return create(service, **given)

    def start(self, question: Callable[..., T], *about: Hashable) -> Future[T]:
        """Asks in a thread of its own, unless it is asked already; returns at once."""
        with self._lock:
            key = (question, about)
            if key not in self._answers:
                self._answers[key] = self._pool.submit(question, self, *about)
            return self._answers[key]

    def ask(self, question: Callable[..., T], *about: Hashable) -> T:
        """The answer. Raises what the question raises."""
        with self._lock:
            key, mine = (question, about), Future[T]()
            answer: Future[T] = self._answers.setdefault(key, mine)
        if answer is mine:  # nobody asks it yet: then here, where it is waited for
            try:
                mine.set_result(question(self, *about))
            except BaseException as error:
                mine.set_exception(error)
        return answer.result()

    def each(self, question: Callable[..., T], things: Iterable[Hashable]) -> list[T]:
        """The answer about each of them, in their order, all asked at once."""
        return [answer.result() for answer in [self.start(question, one) for one in things]]
