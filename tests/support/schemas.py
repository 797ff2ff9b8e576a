"""JSON Schema without the format of international addresses: its grammar, which no schema of ours names, is compiled at
import, for a quarter of the time that all tests take to be collected."""

from __future__ import annotations

import importlib
import sys
from typing import Any

_GRAMMAR = "rfc3987_syntax"


def _imported() -> Any:
    """jsonschema; a module that is None can't be imported, which it takes for one that is not installed."""
    sys.modules[_GRAMMAR] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("jsonschema")
    finally:
        del sys.modules[_GRAMMAR]


validate = _imported().validate
