"""AWS has made what nobody was told of."""

from __future__ import annotations

from collections import Counter

from rehearsal import faults
from tests.faults.test_aws_errors import MADE
from tests.faults.trial import LONGEST_UPDATE, Trial


def test_the_answer_of_each_create_is_lost(trial: Trial) -> None:
    """AWS has done it, the caller hears of an error and asks again: what AWS then refuses nobody knows, and it goes.

    Going back begins after the first update that failed of it.
    """
    left = {*MADE, "ec2:RunInstances"}
    trial.change()
    trial.strike()
    while left:
        met: Counter[str] = Counter()
        lost = faults.first(faults.counted(faults.broken(*left, performed=True), met))
        with trial.stack.cloud.calls.failing(lost):
            done = trial.begin().wait(LONGEST_UPDATE)
        assert met, f"an update makes no such call any more: {left}\n{done.text}"
        left -= met.keys()
        if done.ok:
            break
        trial.is_safe()
        if trial.ending == "back":
            break
    assert trial.ending == "back" or not left
    trial.ends()
