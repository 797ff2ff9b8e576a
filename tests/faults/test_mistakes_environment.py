"""An ordinary mistake of nobody's: a CI system has variables of its own that are named like those of the steps."""

from __future__ import annotations

from tests.faults.trial import Trial

# Each would stop a step, or have it do something else than the plan said.
THEIRS = {
    "PHOENIX_PROJECT": "shop",
    "PHOENIX_OPTIONS": "--all",
    "PHOENIX_STACK": "shop",
    "PHOENIX_TRAFFIC": "0",
    "PHOENIX_IMAGE": "ami-0a",
    "PHOENIX_KMS_KEY": "no key",
    "PHOENIX_INSTANCE_TYPE": "a train",
    "PHOENIX_SMOKE_COMMAND": "false",
    "PHOENIX_SHARED": "perhaps",
    "PHOENIX_PARENT_PID": "1",
}


def test_variables_of_ci_that_are_named_like_ours(trial: Trial) -> None:
    """They are none of the steps': the update does what it says."""
    with trial.stack.engine.with_environment(**THEIRS):
        trial.change()
        trial.strike()
        done = trial.up()
        assert trial.stack.weights() == {trial.new: 100}
        trial.stack.idle()
    assert "there is no such option" not in done.text
    trial.ends()
