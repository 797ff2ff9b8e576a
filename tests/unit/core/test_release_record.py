"""A group's birth certificate: within the limits of tags, and the same whether it comes from AWS or from a step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from components.rollout import _release_tags
from core import release_record
from plan import history
from plan.rollout_plan import decide_rollout
from steps.promote.promote import promote
from tests.support.factories import NOW, group, live, recipe, settings
from tests.unit.steps.cloud import REGION, Balancer, World, balancer
from tests.unit.steps.promote.flipping import Flipping

OLD, NEW = "1" * 64, "2" * 64


def servers(count: int) -> dict[str, datetime]:
    return {f"i-{number:017x}": NOW + timedelta(seconds=number) for number in range(count)}


def test_servers_are_named_with_their_age_as_far_as_a_tag_can_hold_them() -> None:
    few = release_record.encode_launch(NOW, servers(2), 2)
    assert few == "at=2026-11-24T12:00:00Z servers=2 i-00000000000000000=+0s i-00000000000000001=+1s"
    many = release_record.encode_launch(NOW, servers(30), 30)
    assert len(many) <= 256
    said = release_record.decode_record({"born": many})["born"]
    assert (said["servers"], len(said["first"]) + said["more"]) == (30, 30)
    assert list(said["first"].values())[1] == "2026-11-24T12:00:01Z"


def test_weights_over_time_forget_the_oldest() -> None:
    text = release_record.encode_weights("", [(NOW, 10), (NOW + timedelta(minutes=1), 100)])
    assert text == "20261124T120000Z=10 20261124T120100Z=100"
    long = release_record.encode_weights(text, [(NOW + timedelta(hours=hour), hour) for hour in range(50)])
    assert len(long) <= 256
    assert long.endswith("20261126T130000Z=49")
    assert release_record.decode_record({"weights": text})["weights"] == [
        {"at": "2026-11-24T12:00:00Z", "percent": 10},
        {"at": "2026-11-24T12:01:00Z", "percent": 100},
    ]


def test_what_is_written_is_read_back() -> None:
    gate = release_record.encode_gate(NOW, 41.2, servers=2, errors=0)
    assert release_record.decode_gate(gate) == {"at": "2026-11-24T12:00:00Z", "seconds": 41, "servers": 2, "errors": 0}
    launched = release_record.encode_launch(NOW, {"i-0abc": NOW + timedelta(seconds=4)}, 1)
    assert release_record.decode_launch(launched) == {
        "at": "2026-11-24T12:00:00Z",
        "servers": 1,
        "first": {"i-0abc": "2026-11-24T12:00:04Z"},
    }
    weights = release_record.encode_weights("", [(NOW, 10)])
    assert release_record.decode_weights(weights) == [{"at": "2026-11-24T12:00:00Z", "percent": 10}]


@pytest.mark.parametrize(("tag", "text"), [("born", "i-0=soon"), ("born", "at=1 i-0=+1s"), ("weights", "a=b c=d")])
def test_what_somebody_wrote_over_is_shown_as_it_is(tag: str, text: str) -> None:
    assert text in json.dumps(release_record.decode_record({tag: text})[tag])


def test_a_vendors_name_becomes_a_tag() -> None:
    assert (
        release_record.taggable("ubuntu (24.04) [amd64] " + "x" * 300) == ("ubuntu -24.04- -amd64- " + "x" * 300)[:256]
    )


def test_a_newborn_and_the_same_group_read_from_aws_have_one_certificate() -> None:
    image = {
        "image": "ami-1",
        "baked_at": "2026-11-24T00:00:00Z",
        "commit": "c0ffee",
        "tree": "clean",
        "base": "ami-0",
        "base_name": "debian-12",
        "base_date": "2026-11-01T00:00:00Z",
    }
    verify = json.dumps(
        {
            "releases": {
                "green": {
                    "phoenix:born": release_record.encode_launch(NOW, servers(2), 2),
                    "phoenix:gate-verify": release_record.encode_gate(NOW, 41.2, servers=2),
                }
            }
        }
    )
    moved = [(NOW, 10), (NOW + timedelta(minutes=1), 100)]
    promoted = json.dumps(
        {
            "releases": {
                "green": {
                    "phoenix:weights": release_record.encode_weights("", moved),
                    "phoenix:gate-promote": release_record.encode_gate(NOW, 99, requests=7, errors=0),
                }
            }
        }
    )
    written = _release_tags(verify, promoted)
    given, made, before = settings(active="green"), recipe(NEW), live(group("blue", OLD))
    born = history.release_records(decide_rollout(given, made, before, now=NOW), before, NEW, image, written)
    tags = {
        "color": "green",
        "generation": made.generation,
        "fingerprint": NEW,
        "stack": "phoenix/dev",
        **{key.replace("_", "-"): value for key, value in image.items()},
        **written["green"],
    }
    after = live(group("green", NEW, tags=tags))
    stands = history.release_records(decide_rollout(given, made, after, now=NOW), after, NEW, image, {})
    assert born == stands
    assert born["green"]["gates"] == {
        "promote": {"at": "2026-11-24T12:00:00Z", "seconds": 99, "requests": 7, "errors": 0},
        "verify": {"at": "2026-11-24T12:00:00Z", "seconds": 41, "servers": 2},
    }
    assert born["green"]["fingerprint"] == NEW
    assert born["green"]["git"] == {"commit": "c0ffee", "tree": "clean"}


def test_a_kept_group_has_its_own_with_its_new_weights() -> None:
    blue = group("blue", OLD, tags={"color": "blue", "commit": "beef"})
    alive = live(replace(blue, weight=90), group("green", NEW, 10))
    flown = decide_rollout(settings(active="green", traffic=50), recipe(NEW), alive, now=NOW)
    said = history.release_records(flown, alive, NEW, {}, {"blue": {"weights": "20261124T120000Z=50"}})
    assert said["blue"]["git"]["commit"] == "beef"
    assert said["blue"]["weights"] == [{"at": "2026-11-24T12:00:00Z", "percent": 50}]


@pytest.fixture
def flipping() -> Iterator[Flipping]:
    with balancer() as playing, mock_aws():
        assert isinstance(playing, Balancer)
        yield Flipping(World(boto3.Session("testing", "testing", region_name=REGION), playing.port))


def tags_of(flipping: Flipping, name: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in flipping.world.scaling(name)["Tags"]}


def test_a_promotion_is_written_on_both_groups(flipping: Flipping) -> None:
    result = promote(flipping.given(), flipping.world.context())

    green, blue = tags_of(flipping, flipping.green.group), tags_of(flipping, flipping.blue.group)
    assert [part.split("=")[1] for part in green["phoenix:weights"].split()] == ["10", "50", "100"]
    assert [part.split("=")[1] for part in blue["phoenix:weights"].split()] == ["90", "50", "0"]
    figures = dict(part.split("=") for part in green["phoenix:gate-promote"].split())
    assert int(figures["seconds"]) >= 60 + 60 + 90
    assert (figures["servers"], figures["errors"]) == ("2", "0")
    assert int(figures["looks"]) > 10
    assert "phoenix:gate-promote" not in blue
    assert result["releases"] == {
        "green": {key: green[key] for key in ("phoenix:weights", "phoenix:gate-promote")},
        "blue": {"phoenix:weights": blue["phoenix:weights"]},
    }


def test_a_certificate_that_can_t_be_written_undoes_nothing(flipping: Flipping) -> None:
    def denied(**_: object) -> object:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "CreateOrUpdateTags")

    flipping.world.aws.autoscaling.answers["create_or_update_tags"] = denied  # type: ignore[attr-defined]

    assert promote(flipping.given(), flipping.world.context())["weights"] == {"green": 100, "blue": 0}
    assert flipping.moves[-1] == {"green": 100, "blue": 0}
    assert "could not be written (CreateOrUpdateTags: AccessDenied: no); it only informs" in flipping.world.said()
