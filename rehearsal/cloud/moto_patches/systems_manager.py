"""Systems Manager: no server of a rehearsal runs its agent, so it reaches none; moto does not know the question.

Source: DescribeInstanceInformation in Systems Manager's API reference.
"""

from __future__ import annotations

import json

from moto.ssm.responses import SimpleSystemManagerResponse


def describe_instance_information(self: SimpleSystemManagerResponse) -> str:
    return json.dumps({"InstanceInformationList": []})


if not hasattr(SimpleSystemManagerResponse, "describe_instance_information"):
    SimpleSystemManagerResponse.describe_instance_information = describe_instance_information
