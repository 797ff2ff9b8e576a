"""What is the stand-in's own: it says what it is and what it does not know, and its decisions as tables of cases."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from rehearsal.engine import StandIn, choose
from rehearsal.engine.standin import plan
from rehearsal.engine.standin.aws import pascal
from rehearsal.engine.standin.crypto import Passphrase, WrongPassphraseError
from rehearsal.engine.standin.monitor import seconds
from rehearsal.engine.standin.plan import Change, Decision, Goal, Rules
from rehearsal.engine.standin.project import segments
from rehearsal.engine.standin.provider import ProviderError, ResourceType, autoname
from rehearsal.engine.standin.provider_balancer import actions, conditions
from rehearsal.engine.standin.state import Resource, State
from rehearsal.engine.standin.values import UNKNOWN, Secret, reset, same
from tests.rehearsal.engine.projects import Project, engine_for
from tests.rehearsal.engine.test_crashes import STEP, appears

AWS = {
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_REGION": "eu-west-1",
    # Whatever asks AWS in these tests is a mistake, and must fail at once.
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_MAX_ATTEMPTS": "1",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project", engine_for("stand-in", tmp_path / "work", AWS))


def test_without_pulumi_on_the_path_the_stand_in_is_chosen(project: Project, tmp_path: Path) -> None:
    project.program("")
    engine = choose(project.folder, "dev", tmp_path / "work", {"PATH": str(tmp_path)})
    assert (engine.name, engine.stand_in, type(engine)) == ("stand-in", True, StandIn)
    with pytest.raises(FileNotFoundError):
        choose(project.folder, "dev", tmp_path / "work", {"PATH": str(tmp_path)}, stand_in=False)


def test_it_says_that_it_is_not_pulumi(project: Project) -> None:
    assert "stand-in for Pulumi" in project.up("").text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('import pulumi_aws as aws\naws.sns.Topic("t")', "resources of type aws:sns/topic:Topic"),
        ("import pulumi_aws as aws\naws.get_default_tags()", "the function aws:index/getDefaultTags"),
        ('import pulumi_aws as aws\naws.ec2.Vpc.get("v", "vpc-1")', "exists already"),
        ('import pulumi_aws as aws\naws.Provider("p", region="eu-west-1")', "resources of type pulumi:providers:aws"),
        ('run("x", opts=Options(import_="id"))', "does not know importId"),
        ('run("x", opts=Options(deleted_with=run("y")))', "does not support the DeletedWith option"),
        ('run("x", asset_paths=["*"])', "does not know assetPaths"),
        ('import pulumi_aws as aws\naws.autoscaling.Group("g", min_size=1, max_size=1)', "wait_for_capacity_timeout"),
    ],
)
def test_what_it_does_not_know_is_an_error(project: Project, text: str, complaint: str) -> None:
    assert complaint in project.up(text, ok=False).text


def test_a_name_that_does_not_fit_is_refused_before_anything_is_made(project: Project) -> None:
    result = project.up(
        'import pulumi_aws as aws\naws.lb.TargetGroup("a-name-of-more-than-24-letters", port=80)', ok=False
    )
    assert "only 32 are allowed" in result.text


def test_configuration_of_the_provider_that_it_would_leave_out_is_refused(project: Project) -> None:
    project.program("").engine.config_set("aws:allowedAccountIds", "1")
    assert "does not know aws:allowedAccountIds" in project.engine.up().text


def test_a_renamed_resource_with_an_alias_is_refused(project: Project) -> None:
    project.up('run("old")')
    result = project.up('run("new", opts=Options(aliases=[pulumi.Alias(name="old")]))', ok=False)
    assert "cannot rename" in result.text
    assert project.held() == ["old"]


ORPHAN = """
import os, pathlib, sys, time
from rehearsal.engine import choose
choose(pathlib.Path(sys.argv[1]), "dev", pathlib.Path(sys.argv[2]), {}, stand_in=True).start_up()
while not pathlib.Path(sys.argv[1], "begun").exists():
    time.sleep(0.05)
os._exit(0)
"""


def test_it_ends_with_the_rehearsal_that_started_it(project: Project, tmp_path: Path) -> None:
    (project.folder / "step.py").write_text(STEP)
    project.program('run("a", create="python3 step.py; exit $?")')
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", ORPHAN, project.folder, tmp_path / "work"], cwd=root, check=True)
    assert appears(project.folder / "undone")
    # Interrupted, not killed: the lock is given back.
    assert gone(tmp_path / "work" / "locks" / "dev")


def gone(folder: Path) -> bool:
    for _ in range(600):
        if not list(folder.iterdir()):
            return True
        time.sleep(0.05)
    return False


def test_a_state_under_another_passphrase_is_refused(project: Project, tmp_path: Path) -> None:
    project.program('pulumi.export("token", config.require_secret("token"))').engine.config_set(
        "token", "opensesame", secret=True
    )
    other = engine_for("stand-in", tmp_path / "work", {**AWS, "PULUMI_CONFIG_PASSPHRASE": "another"})(project.folder)
    assert "incorrect passphrase" in other.up().text


def test_secrets_are_in_pulumis_own_format() -> None:
    # Written by Pulumi 3.260 under the passphrase "pp".
    line = "v1:en/wy/dYCww=:v1:AfrW3P+pVFrW/H6G:HxpA0B344aORwKQlhcSlPuv03qt4iw=="
    Passphrase("pp", line).check()
    with pytest.raises(WrongPassphraseError):
        Passphrase("other", line).check()
    mine = Passphrase("pp")
    assert Passphrase("pp", mine.salt_line).decrypt(mine.encrypt("opensesame")) == "opensesame"


def thing(name: str, *needs: str, **more: Any) -> Resource:
    return Resource(urn=name, type="t", custom=True, dependencies=needs, **more)


@pytest.mark.parametrize(
    ("doomed", "waves"),
    [
        ([thing("a"), thing("b", "a"), thing("c", "b"), thing("d", "a")], [["c"], ["b", "d"], ["a"]]),
        ([thing("stack"), thing("child", parent="stack")], [["child"], ["stack"]]),
        # What is needed but stays is no reason to wait.
        ([thing("b", "a"), thing("c", "a")], [["b", "c"]]),
        # Two records of one thing, left by failed updates.
        ([thing("a", pending_delete=True), thing("a"), thing("b", "a")], [["b"], ["a", "a"]]),
        ([thing("a", "b"), thing("b", "a")], [["b"], ["a"]]),
        ([], []),
    ],
)
def test_deletes_go_in_waves(doomed: list[Resource], waves: list[list[str]]) -> None:
    assert [[item.urn for item in wave] for wave in plan.in_waves(doomed)] == waves


NAMED = Rules(lambda key: key in ("name", "port"), "name")
OLD = {"name": "mine", "port": 1, "size": 1}


@pytest.mark.parametrize(
    ("inputs", "goal", "expected"),
    [
        (OLD, {}, Decision(Change.SAME)),
        ({**OLD, "size": 2}, {}, Decision(Change.UPDATE, ("size",))),
        ({**OLD, "size": UNKNOWN}, {}, Decision(Change.UPDATE, ("size",))),
        ({**OLD, "size": Secret(1)}, {}, Decision(Change.SAME)),
        # Two can't have one name of the program's own: the old one goes first.
        ({**OLD, "port": 2}, {}, Decision(Change.REPLACE, ("port",), delete_first=True)),
        ({**OLD, "port": 2}, {"delete_before_replace": False}, Decision(Change.REPLACE, ("port",))),
        ({**OLD, "port": 2, "__defaults": ["name"]}, {}, Decision(Change.REPLACE, ("port",))),
        ({**OLD, "name": "other"}, {}, Decision(Change.REPLACE, ("name",))),
        ({**OLD, "size": 2}, {"replace_on_changes": ("size",)}, Decision(Change.REPLACE, ("size",), delete_first=True)),
        # A trigger replaces without the provider being asked, so a name of the program's own does not matter.
        (OLD, {"replacement_trigger": "new"}, Decision(Change.REPLACE)),
        (OLD, {"replacement_trigger": UNKNOWN}, Decision(Change.REPLACE)),
    ],
)
def test_decisions(inputs: dict[str, Any], goal: dict[str, Any], expected: Decision) -> None:
    old = thing("a", inputs=OLD, replacement_trigger="old")
    wanted = Goal(**{"urn": "a", "type": "t", "custom": True, "inputs": inputs, "replacement_trigger": "old", **goal})
    assert plan.decide(wanted, old, inputs, NAMED) == expected


def test_a_name_is_kept_until_the_resource_is_replaced() -> None:
    kind = ResourceType(create=lambda *_: ("", {}), delete=lambda *_: None, name_input="name", name_length=32)
    first = kind.check("shop", {}, None)
    assert len(first["name"]) == len("shop-1234567")
    assert kind.check("shop", {}, first) == first
    assert kind.check("shop", {}, None)["name"] != first["name"]
    assert kind.check("shop", {"name": "own"}, first) == {"name": "own"}
    # What ignore_changes=["*"] brings counts as said by the program, and is not kept when it says nothing again.
    ours = kind.check("shop", first, first)
    assert ours["name"] == first["name"]
    assert kind.check("shop", {}, ours)["name"] != first["name"]
    with pytest.raises(ProviderError):
        autoname("a" * 25, 32)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("*", {"a": 1, "tags": {"x": 1, "y": 1}}),
        ("a", {"a": 1, "tags": {"x": 2}, "new": 1}),
        ("new", {"a": 2, "tags": {"x": 2}}),
        ("tags.x", {"a": 2, "tags": {"x": 1}, "new": 1}),
    ],
)
def test_ignored_changes_are_put_back(path: str, expected: dict[str, Any]) -> None:
    old, new = {"a": 1, "tags": {"x": 1, "y": 1}}, {"a": 2, "tags": {"x": 2}, "new": 1}
    assert reset(path, old, new) == expected


def test_unknown_equals_nothing() -> None:
    assert same({"a": [Secret(1)]}, {"a": [1]})
    assert not same(UNKNOWN, UNKNOWN)


def test_paths_of_configuration_keys() -> None:
    assert segments('a.b[0]["c d"].e') == ["a", "b", 0, "c d", "e"]


def test_durations() -> None:
    assert [seconds(text) for text in ("15.5m", "1h2m3s", "", "250ms")] == [930, 3723, 0, 0.25]


def test_rules_and_actions_in_the_words_of_the_api() -> None:
    header = {"httpHeader": {"httpHeaderName": "X", "values": ["v"]}}
    assert conditions([header, {"pathPattern": {"values": ["/*"]}}]) == [
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X", "Values": ["v"]}},
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}},
    ]
    forward = {"targetGroups": [{"arn": "tg", "weight": 5}], "stickiness": {"enabled": False, "duration": 60}}
    assert actions([{"type": "forward", "forward": forward}]) == [
        {
            "Type": "forward",
            "Order": 1,
            "ForwardConfig": {
                "TargetGroups": [{"TargetGroupArn": "tg", "Weight": 5}],
                "TargetGroupStickinessConfig": {"Enabled": False, "DurationSeconds": 60},
            },
        }
    ]
    assert actions([{"type": "redirect", "redirect": {"port": "443", "statusCode": "HTTP_301"}}])[0][
        "RedirectConfig"
    ] == {"Host": "#{host}", "Path": "/#{path}", "Query": "#{query}", "Port": "443", "StatusCode": "HTTP_301"}
    assert pascal({"a": "true", "b": True, "c": 1}) == {"A": True, "B": True, "C": 1}


def test_the_state_is_whole_at_every_instant(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    state = State(path, Passphrase("pp"))
    kept = thing("a", inputs={"token": Secret("opensesame")})
    state.put(kept)
    with state.operation("b", "creating"):
        seen = State(path, Passphrase("pp"))
        assert seen.resources() == (kept,)
        assert [(item.urn, item.operation) for item in seen.interrupted] == [("b", "creating")]
    assert State(path, Passphrase("pp")).interrupted == ()
    assert "opensesame" not in path.read_text()
    threads = [threading.Thread(target=state.put, args=(thing(f"t{number}"),)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(State(path, Passphrase("pp")).resources()) == 21
