"""What was asked and has not changed since is answered from memory: a step that polls asks for it hundreds of times."""

from __future__ import annotations

import copy
import json
from typing import Any

_READS = ("Describe", "Get", "List")


class Remembered:
    """Reading calls of clients, each answered by moto once, until any of the clients is asked to change something.

    It stands where a client's methods come together, before botocore judges and writes what is asked: it did so when
    the same was asked first. An error is not remembered.
    """

    def __init__(self, *clients: Any) -> None:
        self._answers: dict[tuple[str, str, str], Any] = {}
        for client in clients:
            client._make_api_call = self._asker(client.meta.service_model.service_name, client._make_api_call)

    def _asker(self, service: str, ask: Any) -> Any:
        def asked(operation: str, params: dict[str, Any]) -> Any:
            if not operation.startswith(_READS):
                self._answers.clear()
                return ask(operation, params)
            key = service, operation, json.dumps(params, sort_keys=True, default=str)
            if key not in self._answers:
                self._answers[key] = ask(operation, params)
            return copy.deepcopy(self._answers[key])

        return asked
