"""Images whose servers are ill."""

from __future__ import annotations

import pytest

from tests.faults.trial import Trial


@pytest.mark.representative
def test_an_image_that_answers_500(trial: Trial) -> None:
    trial.ill("answers-500")
    trial.refused("was not born; production was not touched", "Target.ResponseCodeMismatch")
    trial.ends()
