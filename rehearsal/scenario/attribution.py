"""Which generation answered, where the application does not say it: by the production rule's target groups.

Pure. What is not known stays so: where two groups had production at once, nobody says which of them answered.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from rehearsal.scenario.load import Request
from rehearsal.scenario.watch import Sample

UNTOLD = "not told"
WORDS = "which generation answered is by target group: the application sends no X-Phoenix-Generation"


def is_silent(requests: Sequence[Request]) -> bool:
    """Whether requests were answered, and none of the answers named a generation."""
    answered = [request for request in requests if not request.failed]
    return bool(answered) and not any(request.generation for request in answered)


def by_target_group(requests: Sequence[Request], samples: Sequence[Sample]) -> list[Request]:
    """The requests, those without a generation with that of the only group that had production when they were due."""
    times = [instant.t for instant in samples]
    return [
        request
        if request.generation or request.failed
        else replace(request, generation=_only_serving(samples, bisect_right(times, request.t) - 1))
        for request in requests
    ]


def _only_serving(samples: Sequence[Sample], number: int) -> str:
    """The one generation with production in a sample and in the next, between which a request was due."""
    serving = {
        group.generation
        for instant in samples[max(number, 0) : number + 2]
        for group in instant.groups
        if any(instant.weights.get(arn) for arn in group.target_groups)
    }
    return serving.pop() if len(serving) == 1 else UNTOLD
