"""The thread in which services of AWS act by themselves: their calls arrive at the control plane as everybody's do."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from rehearsal.cloud.composite_alarms import evaluate_composites
from rehearsal.cloud.events import event_bus, schedules
from rehearsal.cloud.events.api_calls import Clients
from rehearsal.state.cloud_state import ACCOUNT, CloudState


class EventWorker:
    """`look()` is called under the cloud's lock, and never waits; what has to be done is done outside of it."""

    def __init__(self, state: CloudState, clients: Clients) -> None:
        self._state, self._clients = state, clients
        self._work: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._work.put(None)
        self._thread.join()

    def look(self) -> None:
        """Evaluates composite alarms, and finds the events and schedules that something follows from."""
        cloudwatch = cloudwatch_backends[ACCOUNT][self._state.region]
        before = {name: alarm.state_value for name, alarm in cloudwatch.alarms.items()}
        for alarm in evaluate_composites(cloudwatch):
            self._state.journal.record("alarm", alarm.name, f"{alarm.state_value}: {alarm.state_reason}")
            self._tell(alarm, before[alarm.name])
        for schedule in schedules.due(self._state):
            self._work.put(partial(schedules.invoke, self._state, self._clients, schedule))

    def _tell(self, alarm: Any, before: str) -> None:
        event = event_bus.alarm_event(alarm, before=before, region=self._state.region)
        self._work.put(partial(event_bus.deliver, self._state, self._clients, event))

    def _run(self) -> None:
        while work := self._work.get():
            try:
                work()
            except Exception as error:
                self._state.journal.record("error", "events", repr(error))
