"""What is looked for in AWS when the state lacks it is what the program declares."""

from __future__ import annotations

from typing import Any

import pytest

from plan.readers import unrecorded
from tests.support.main_program import program

CIDRS = ["0.0.0.0/0"]
# AWS makes it with each VPC, and a second one can't be: the program takes the one that there is.
ADOPTED = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"


@pytest.mark.parametrize("config", [{}, {"allowedCidrs": ["10.0.0.0/8", "192.0.2.0/24"], "listenerPort": "8080"}])
def test_it_knows_what_the_program_declares(config: dict[str, Any]) -> None:
    cidrs = config.get("allowedCidrs", CIDRS)
    wanted = [
        *unrecorded.expected_network("phoenix-dev"),
        *unrecorded.expected_balancer("phoenix-dev", ports=[int(config.get("listenerPort", 80))], cidrs=cidrs),
    ]
    declared = {
        (one.type, one.name, one.parent)
        for one in program(**config).resources
        if one.parent == "phoenix-dev" and one.type.startswith(("aws:ec2/", "aws:vpc/")) and one.type != ADOPTED
    }
    assert {(one.type, one.name) for one in wanted} == {(type, name) for type, name, _ in declared}
