"""What was asked and has not changed since is answered from memory: a step that polls asks for it hundreds of times."""

from __future__ import annotations

import copy
import json
from typing import Any

_READS = ("Describe", "Get", "List")


class Remembered:
    """Reading calls of clients, each answered by moto once, until any of the clients is asked to change something.

    It stands where a client sends its request (botocore's event `before-call`): what is asked is still judged and
    written by botocore, and counts as a call for whoever counts. An error is not remembered.
    """

    def __init__(self, *clients: Any) -> None:
        self._answers: dict[str, tuple[Any, Any]] = {}
        for client in clients:
            client.meta.events.register_first("before-call", self._answer)
            client.meta.events.register_first("after-call", self._remember)

    def _answer(self, *, model: Any, params: Any, context: dict[str, Any], **_: Any) -> tuple[Any, Any] | None:
        if not model.name.startswith(_READS):
            self._answers.clear()
            return None
        asked = json.dumps([model.service_model.service_name, model.name, params["body"]], default=str)
        if asked not in self._answers:
            context["remember as"] = asked
            return None
        http_response, parsed = self._answers[asked]
        return http_response, copy.deepcopy(parsed)

    def _remember(self, *, http_response: Any, parsed: Any, context: dict[str, Any], **_: Any) -> None:
        if "remember as" in context and http_response.status_code == 200:
            self._answers[context["remember as"]] = http_response, copy.deepcopy(parsed)
