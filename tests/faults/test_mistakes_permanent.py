"""What outlives every group is changed while users are there: without their notice, or refused with the way."""

from __future__ import annotations

import pytest

from tests.faults.trial import Trial


def permanent(trial: Trial) -> set[tuple[str, str]]:
    """Of network and load balancer, what the state holds."""
    return {(one.urn, one.id) for one in trial.stack.engine.resources()
            if "$aws:" in one.urn and not {"blue", "green"} & set(one.urn.rsplit("::", 1)[-1].split("-"))}


NETWORKS: dict[str, dict[str, object]] = {
    "of its own": {"vpcCidr": "10.30.0.0/16"},
    "adopted": {"vpcId": "vpc-0123456789abcdef0",
                "albSubnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
                "serverSubnetIds": ["subnet-0123456789abcdef2"]}}


@pytest.mark.parametrize("to", [
    pytest.param("of its own", marks=pytest.mark.representative), "adopted"])
def test_the_network_is_changed(trial: Trial, to: str) -> None:
    """Refused before anything is made, with the deliberate way; and what is taken back is as if nothing was."""
    before, [key, *_] = permanent(trial), NETWORKS[to]
    assert before
    trial.stack.set(**NETWORKS[to])
    said = trial.refused(f"{key} = ", "must stay", "the network of a stack that stands can't change",
                         "another stack beside it: pulumi stack init NAME")
    assert "set active" not in said, "flipping mends no network"
    assert permanent(trial) == before
    trial.change()
    trial.refused(f"{key} = ", "must stay")
    assert permanent(trial) == before
    trial.stack.back_to(trial.begun)
    if trial.ending == "forward":
        trial.change()
    trial.ends()
