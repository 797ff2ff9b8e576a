"""Weighted choice without chance: of any N requests in a row, each target group gets its share to within one."""

from __future__ import annotations


class WeightedRoundRobin:
    """Smooth weighted round robin (the algorithm of nginx's upstreams). Weights are not negative.

    An ALB promises the shares, not the order; without chance a short rehearsal can assert them.
    """

    def __init__(self, weights: tuple[tuple[str, int], ...]) -> None:
        self._weights = [(key, weight) for key, weight in weights if weight > 0]
        self._total = sum(weight for _, weight in self._weights)
        self._current = dict.fromkeys((key for key, _ in self._weights), 0)

    def next(self) -> str | None:
        """The next key; None when no weight is above 0."""
        if not self._weights:
            return None
        for key, weight in self._weights:
            self._current[key] += weight
        chosen = max(self._current, key=self._current.__getitem__)
        self._current[chosen] -= self._total
        return chosen
