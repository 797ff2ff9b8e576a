"""Whom the policy of a key lets use it."""

from __future__ import annotations

from typing import Any

import pytest

from plan.readers.volume_key import ROLE, allows

ACTION = "kms:CreateGrant"
ROLE_OF_THE_ACCOUNT = ROLE.format(partition="aws", account="123456789012")
OURS = {"Effect": "Allow", "Principal": {"AWS": ROLE_OF_THE_ACCOUNT}, "Action": "kms:*", "Resource": "*"}
IF: dict[str, Any] = {"Condition": {"Bool": {"kms:GrantIsForAWSResource": "false"}}}


@pytest.mark.parametrize(
    ("said", "may"),
    [
        ([OURS], True),
        (OURS, True),  # a statement need not be in a list
        ([{**OURS, "Principal": "*"}], True),
        ([{**OURS, "Principal": {"AWS": ["arn:aws:iam::123456789012:role/x", ROLE_OF_THE_ACCOUNT]}}], True),
        ([{**OURS, "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}], False),
        ([{**OURS, "Action": ["kms:Decrypt", "kms:createGrant"]}], True),
        ([{**OURS, "Action": "kms:Decrypt"}], False),
        ([OURS, {**OURS, "Effect": "Deny", "Action": ACTION}], False),
        ([OURS, {**OURS, "Effect": "Deny", "Action": "kms:Decrypt"}], True),
        # As AWS's own example denies what is no grant for a resource of AWS's: what it asks for can't be known here.
        ([OURS, {**OURS, **IF, "Effect": "Deny"}], True),
    ],
)
def test_whom_a_policy_names_may_use_a_key_unless_it_denies_that(said: Any, *, may: bool) -> None:
    assert allows({"Version": "2012-10-17", "Statement": said}, ROLE_OF_THE_ACCOUNT, ACTION) is may
