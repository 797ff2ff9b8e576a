"""Keeps the balancer's thread from waiting for the rest of its process.

moto, boto3 and their service descriptions are about a million objects; Python's collector goes through all of them now
and then and every thread stands still meanwhile (measured: 0.27 s, as long as a user's request then takes).
"""

from __future__ import annotations

import gc
import sys

_SWITCH_SECONDS = 0.001
"""How long a thread may keep the interpreter from another one; Python's default is 0.005."""


class GcTuning:
    """From `begin` to `end` the objects that exist are left out of collections, and threads take shorter turns."""

    def __init__(self) -> None:
        self._interval = sys.getswitchinterval()

    def start(self) -> None:
        sys.setswitchinterval(_SWITCH_SECONDS)
        gc.collect()
        gc.freeze()

    def freeze_loaded(self) -> None:
        """After something large was loaded that stays."""
        gc.freeze()

    def stop(self) -> None:
        gc.unfreeze()
        sys.setswitchinterval(self._interval)
