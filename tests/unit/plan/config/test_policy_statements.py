"""What servers may do besides: which statements are taken, and what is said of the others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from plan.config.policy_statements import statement
from plan.config.secret_references import policy_size, reference_policy
from tests.unit.plan.config.test_settings import problems, settings

READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shop/*"}


@pytest.mark.parametrize(
    "said",
    [
        READ,
        {**READ, "Sid": "Read1", "Action": ["s3:Get*", "sqs:SendMessage"], "Resource": ["*"]},
        {"Effect": "Deny", "NotAction": "s3:GetObject", "NotResource": "arn:aws:s3:::shop/*"},
        {**READ, "Condition": {"Bool": {"aws:SecureTransport": True}, "StringEquals": {"s3:prefix": ["a", "b"]}}},
        {**READ, "Effect": "Deny", "Action": "ssm:GetParameter*"},
    ],
)
def test_statements_are_kept_as_they_are(said: dict[str, Any]) -> None:
    assert json.loads(statement(json.dumps(said))) == said


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("x", "an object such as"),
        ({**READ, "Principal": "*"}, "and no Principal"),
        ({**READ, "Effect": "allow"}, "its Effect is Allow or Deny"),
        ({**READ, "Sid": "to read"}, "its Sid is letters and digits"),
        ({"Effect": "Allow", "Resource": "*"}, "it has one of Action and NotAction"),
        ({**READ, "NotAction": "s3:*"}, "it has one of Action and NotAction"),
        ({**READ, "Action": []}, "its Action is a text or a list of texts"),
        ({**READ, "Action": "GetObject"}, "each Action like s3:GetObject, and not GetObject"),
        ({**READ, "Resource": "shop"}, "each Resource an ARN, or *, and not shop"),
        ({**READ, "Condition": {"Bool": "true"}}, "its Condition is an object of operators"),
        ({**READ, "Action": "ssm:getParametersByPath"}, "is said by environment (NAME: ssm:/PATH/NAME)"),
    ],
)
def test_what_iam_would_refuse_or_the_roles_own_denial_would_undo_is_refused(said: Any, words: str) -> None:
    with pytest.raises(ValueError, match="a statement of an IAM policy: ") as refused:
        statement(json.dumps(said))
    assert words in str(refused.value)


def test_statements_stand_behind_the_secrets_and_count_with_them() -> None:
    where = {"account": "123456789012", "region": "eu-west-1", "partition": "aws"}
    plain = json.loads(reference_policy((), **where))["Statement"]
    both = json.loads(reference_policy((), **where, more=[json.dumps(READ)]))["Statement"]
    assert both == [*plain, READ]
    size = policy_size((), region="eu-west-1", more=[json.dumps(READ)])
    assert size == policy_size((), region="eu-west-1") + len(json.dumps(READ).replace(" ", "")) + 1


def test_settings_take_lists_of_both_and_no_more_than_a_role_does() -> None:
    arn = "arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy"
    good = settings(policyArns=json.dumps([arn]), policyStatements=json.dumps([READ]))
    assert good.policy_arns == (arn,)
    assert [json.loads(one) for one in good.policy_statements] == [READ]
    [many] = problems(policyArns=json.dumps([f"{arn}{n}" for n in range(11)]))
    assert "a list of at most 10 different items" in many
    [wrong] = problems(policyArns='["CloudWatchAgentServerPolicy"]')
    assert "each item is the ARN of an IAM policy" in wrong
    large = [{**READ, "Resource": [f"arn:aws:s3:::{'x' * 60}{n}/{m}" for m in range(25)]} for n in range(10)]
    [long] = problems(policyStatements=json.dumps(large))
    assert "with 10 policyStatements" in long
    assert "at most 10240 characters" in long
    assert "a managed policy (policyArns) holds what statements say" in long
