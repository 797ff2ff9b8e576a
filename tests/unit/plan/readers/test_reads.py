"""What a plan asks of AWS: side by side, each question once."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import boto3
import pytest

from core import session
from plan.readers.reads import WORKERS, Reads
from tests.support.account import moto_only

LONG_SECONDS = 30


def test_questions_are_asked_side_by_side() -> None:
    met = threading.Barrier(3, timeout=LONG_SECONDS)  # broken unless all three are there at once

    def meets(_: Reads, name: str) -> str:
        met.wait()
        return name

    assert Reads(boto3.Session()).each(meets, ["a", "b", "c"]) == ["a", "b", "c"]


def test_a_question_is_asked_once_whoever_asks_it_and_about_each_thing() -> None:
    asked: Counter[str] = Counter()

    def groups(_: Reads, stack: str) -> str:
        asked[stack] += 1
        return f"groups of {stack}"

    def servers(its: Reads, stack: str) -> str:
        return f"servers in the {its.ask(groups, stack)}"

    its = Reads(boto3.Session())
    its.start(groups, "shop/dev")
    assert its.each(servers, ["shop/dev", "shop/prod"])[0] == "servers in the groups of shop/dev"
    assert its.ask(groups, "shop/dev") == "groups of shop/dev"
    assert asked == {"shop/dev": 1, "shop/prod": 1}


def test_what_aws_refuses_it_refuses_to_each_that_asks() -> None:
    def refused(_: Reads) -> None:
        raise PermissionError("DescribeRules")

    def needs_it(its: Reads) -> Any:
        return its.ask(refused)

    its = Reads(boto3.Session())
    for question in (needs_it, refused):
        with pytest.raises(PermissionError, match="DescribeRules"):
            its.ask(question)


def test_as_many_readers_as_there_are_may_wait_for_others() -> None:
    """Each of a plan's readers waits for one that has not begun: none of them keeps it out."""

    def one(its: Reads, number: int) -> int:
        return its.ask(last) + number

    def last(_: Reads) -> int:
        return 1

    assert Reads(boto3.Session()).each(one, range(WORKERS - 1)) == list(range(1, WORKERS))


def test_clients_are_made_once_and_in_one_thread_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    moto_only(monkeypatch)
    making, most = [0], [0]
    connected = boto3.Session.client

    def made(self: Any, *said: Any, **given: Any) -> Any:
        making[0] += 1
        most[0] = max(most[0], making[0])
        try:
            return connected(self, *said, **given)
        finally:
            making[0] -= 1

    monkeypatch.setattr(boto3.Session, "client", made)
    its = Reads(session.connect(region="eu-west-1"))
    clients = its.each(Reads.client, ["sts", "autoscaling", "iam", "elbv2"])
    assert its.each(lambda same, name: same.client(name), ["sts", "iam"]) == [clients[0], clients[2]]
    assert most == [1]
