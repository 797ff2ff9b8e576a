"""What a run of the tests left out because nothing may be installed on this machine; nobody takes that for passed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping

import pytest


def why(environment: Mapping[str, str] = os.environ) -> str:
    """Why `make test` installs nothing here; empty: it may."""
    if environment.get("NO_INSTALL"):
        return "NO_INSTALL is set"
    return "only root can install" if os.geteuid() else ""


def lines(reports: Iterable[pytest.TestReport]) -> list[str]:
    """How many tests were skipped for each reason, the most first."""
    reasons = Counter(one.longrepr[2].removeprefix("Skipped: ") for one in reports if isinstance(one.longrepr, tuple))
    return [f"{count} skipped: {reason}" for reason, count in reasons.most_common()]
