"""CloudWatch refuses a dashboard whose body it can't draw; moto takes any JSON.

Source: "Dashboard body structure and syntax", CloudWatch's API reference; PutDashboard (InvalidParameterInput).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from moto.cloudwatch.exceptions import DashboardInvalidInputError
from moto.cloudwatch.models import CloudWatchBackend

from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState

MOST_WIDGETS = 500
MOST_ALARMS = 100
MOST_METRICS = 500
LONGEST_SEARCH = 1024
"""Characters of a search expression's query ("Search expression quotas")."""


@around(CloudWatchBackend, "put_dashboard")
def check_dashboard_body(cloud: CloudState, original: Correction, backend: Any, name: str, body: str) -> Any:
    problems = list(dashboard_problems(json.loads(body)))
    if problems:
        count = len(problems)
        raise DashboardInvalidInputError(
            f"The dashboard body is invalid, there are {count} validation errors: {json.dumps(problems)}"
        )
    return original(backend, name, body)


def dashboard_problems(body: Any) -> Iterator[str]:
    """What is wrong with a dashboard's body, as far as the program's own could be."""
    widgets = body.get("widgets") if isinstance(body, dict) else None
    if not isinstance(widgets, list) or len(widgets) > MOST_WIDGETS:
        yield f"widgets must be an array of at most {MOST_WIDGETS}"
        return
    for number, widget in enumerate(widgets):
        where = f"/widgets/{number}"
        if not (widget.get("width", 6) >= 1 and widget.get("x", 0) + widget.get("width", 6) <= 24):
            yield f"{where}: x and width must stay within 24 columns"
        if not 1 <= widget.get("height", 6) <= 1000:
            yield f"{where}: height must be from 1 to 1000"
        said = widget.get("properties", {})
        if widget.get("type") == "metric":
            yield from _metric(where, said)
        elif widget.get("type") == "alarm" and not 1 <= len(said.get("alarms", [])) <= MOST_ALARMS:
            yield f"{where}: alarms must be from 1 to {MOST_ALARMS} ARNs"


def _metric(where: str, said: dict[str, Any]) -> Iterator[str]:
    if not said.get("region"):
        yield f"{where}: region is required"
    rows = said.get("metrics", [])
    if not 1 <= len(rows) <= MOST_METRICS:
        yield f"{where}: metrics must be from 1 to {MOST_METRICS}"
    named = [row[-1]["id"] for row in rows if isinstance(row[-1], dict) and "id" in row[-1]]
    if len(set(named)) != len(named) or not all(name[:1].islower() for name in named):
        yield f"{where}: ids must be unique and begin with a lower-case letter"
    if any(len(row[-1].get("expression", "")) > LONGEST_SEARCH for row in rows if isinstance(row[-1], dict)):
        yield f"{where}: a search expression must be at most {LONGEST_SEARCH} characters"
    for line in said.get("annotations", {}).get("vertical", []):
        try:
            datetime.fromisoformat(line["value"])
        except (KeyError, TypeError, ValueError):
            yield f"{where}: a vertical annotation's value must be a time in ISO 8601"
