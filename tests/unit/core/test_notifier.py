"""What is told arrives in its order; nobody waits for it, and its failure is one line."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from core import notifier, release_events
from core.notifier import Notifier, notifying
from core.release_events import Release
from tests.support.factories import NOW

RELEASE = Release(stack="shop/prod", color="green", generation="a" * 12)


@pytest.fixture
def session() -> Iterator[boto3.Session]:
    with mock_aws():
        yield boto3.Session("testing", "testing", region_name="eu-west-1")


def queue(session: boto3.Session, name: str) -> tuple[str, str]:
    """URL and ARN."""
    sqs: Any = session.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def received(session: boto3.Session, url: str) -> list[dict[str, Any]]:
    sqs: Any = session.client("sqs")
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(one["Body"]) for one in found]


def test_a_rule_for_the_source_and_a_topic_hear_of_all_that_happens_in_its_order(session: boto3.Session) -> None:
    url, arn = queue(session, "events")
    events: Any = session.client("events")
    events.put_rule(Name="all", EventPattern='{"source": ["phoenix"]}')
    events.put_targets(Rule="all", Targets=[{"Id": "queue", "Arn": arn}])
    sns: Any = session.client("sns")
    topic = sns.create_topic(Name="releases")["TopicArn"]
    texts, listener = queue(session, "texts")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=listener)
    told: list[str] = []

    with notifying(session, topic=topic, tell=told.append) as notify:
        for share in (10, 50, 100):
            notify(RELEASE.event(release_events.SHIFTED, at=NOW, production={"green": share}))

    assert told == []
    shares = [one["detail"]["production"]["green"] for one in received(session, url)]
    assert shares == [10, 50, 100]
    first = received(session, texts)[0]
    assert first["Subject"] == "shop/prod: Production Shifted"


class Client:
    """Plays both services."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, 0

    def client(self, _name: str, **_: Any) -> Client:
        return self

    def put_events(self, **_: Any) -> Any:
        self.asked += 1
        return self.answer()

    publish = put_events


def denied() -> Any:
    raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutEvents")


def refused() -> Any:
    return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}]}


@pytest.mark.parametrize(
    ("answer", "why"),
    [(denied, "PutEvents: AccessDeniedException: no"), (refused, "PutEvents: ThrottlingException: slow down")],
)
def test_what_fails_is_one_line_however_often_it_fails(answer: Any, why: str) -> None:
    told: list[str] = []
    made: Any = Client(answer)
    with notifying(made, topic="", tell=told.append) as notify:
        for _ in range(3):
            notify(RELEASE.event(release_events.SHIFTED, at=NOW))
    assert made.asked == 3, "the next one may get through"
    assert told == [
        "warning: PHX-021: 'Production Shifted' was not told to EventBridge; nothing waits for it: " + why,
    ]


def test_nobody_waits_for_a_service_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers only once everything else is done."""
    monkeypatch.setattr(notifier, "END_SECONDS", 0.05)
    released, done = threading.Event(), threading.Event()

    def late() -> Any:
        released.wait(60)
        done.set()
        return {"FailedEntryCount": 0, "Entries": []}

    made: Any = Client(late)
    tell = Notifier(made, topic="", tell=lambda _: None)
    tell.send(RELEASE.event(release_events.SHIFTED, at=NOW))
    tell.close()
    assert not done.is_set()
    released.set()
    assert done.wait(60)
