"""How moto is corrected: a method is wrapped once, and is moto's own again whenever no cloud is open.

Of two corrections of one method the later one is outside: a module that must be outside another imports it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from rehearsal.state import cloud_state

Correction = Callable[..., Any]
"""`correction(cloud, original, self, *args, **kwargs)`: `original` is moto's method, still to be given `self`."""


def around(owner: type, name: str) -> Callable[[Correction], Correction]:
    """Puts a correction around `owner.name`. Raises AttributeError when this version of moto has no such method."""

    def install(correction: Correction) -> Correction:
        original = getattr(owner, name)

        @functools.wraps(original)
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            cloud = cloud_state.open_state()
            if cloud is None:
                return original(self, *args, **kwargs)
            return correction(cloud, original, self, *args, **kwargs)

        setattr(owner, name, method)
        return correction

    return install
