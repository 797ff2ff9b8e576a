"""What became of a release, in the one line that an update ends with. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def outcome(record: Mapping[str, Any]) -> str:
    """Of the active group's record (`core.release_record`): its gates, its shares of production, what users saw.

    `green e2a89dc3d0bf: verified in 9 s; production 10 -> 50 -> 100 % in 34 s, 251 requests, 0 errors`.
    An update without a change says it again.
    """
    verify, promote = (record["gates"].get(gate, {}) for gate in ("verify", "promote"))
    shares = [move["percent"] for move in record["weights"] if "percent" in move]
    verified = f"verified in {verify['seconds']} s" if "seconds" in verify else "not verified"
    return f"{record['color']} {record['generation']}: {verified}; {_production(shares, promote)}"


def _production(shares: list[int], promote: Mapping[str, Any]) -> str:
    if not any(shares):
        return "no production yet"
    took = f" in {promote['seconds']} s" if "seconds" in promote else ""
    seen = f", {promote['requests']:,} requests, {promote.get('errors', 0):,} errors" if "requests" in promote else ""
    return f"production {' -> '.join(map(str, shares))} %{took}{seen}"
