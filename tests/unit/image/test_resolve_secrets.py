"""What reads a server's secrets when it starts: what it asks for again, what it refuses, and that it tells no value."""

from __future__ import annotations

import json
import runpy
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from plan.config import user_data
from rehearsal import PROJECT

COMMON = PROJECT / "image" / "common"
# Run, not imported: what is compiled would lie in the image's folder.
TOOL = SimpleNamespace(**runpy.run_path(str(COMMON / "resolve_secrets.py")))
Unreadable = TOOL.Unreadable


class Clock:
    now = 0.0
    slept: list[float]

    def __init__(self) -> None:
        self.slept = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def resolve(variables: dict[str, str], read: Callable[[str, str], Any], clock: Clock | None = None) -> Any:
    clock = clock or Clock()
    return TOOL.resolve(variables, lambda: read, clock=clock, sleep=clock.sleep)


def refused(code: str, message: str = "no", status: int = 400) -> Any:
    said: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return TOOL.refused(ClientError(said, "Get"))


def test_each_name_is_asked_for_once_and_values_arrive_as_they_are() -> None:
    asked = []

    def read(kind: str, name: str) -> Any:
        asked.append((kind, name))
        return (
            {"Parameter": {"Value": "x"}}
            if kind == "ssm"
            else {"SecretString": '{"user": "me", "port": 5432, "on": true, "of": {"a": "\\u00fc"}}'}
        )

    values, failed = resolve(
        {
            "A": "ssm:/a",
            "AGAIN": "ssm:/a",
            "WHOLE": "secretsmanager:s",
            "USER": "secretsmanager:s:user",
            "PORT": "secretsmanager:s:port",
            "ON": "secretsmanager:s:on",
            "OF": "secretsmanager:s:of",
        },
        read,
    )
    assert failed == {}
    assert values == {
        "A": "x",
        "AGAIN": "x",
        "WHOLE": '{"user": "me", "port": 5432, "on": true, "of": {"a": "\\u00fc"}}',
        "USER": "me",
        "PORT": "5432",
        "ON": "true",
        "OF": '{"a": "\u00fc"}',
    }
    assert asked == [("ssm", "/a"), ("secretsmanager", "s")]


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (refused("AccessDeniedException"), True),
        (refused("ThrottlingException"), True),
        (refused("UnrecognizedClientException"), True),
        (refused("InternalServerError", status=500), True),
        (refused("Whatever", status=503), True),
        (refused("ParameterNotFound"), False),
        (refused("ResourceNotFoundException"), False),
        (refused("InvalidKeyId"), False),
        (refused("DecryptionFailure"), False),
        (refused("InvalidRequestException"), False),
    ],
)
def test_what_may_pass_is_asked_for_again_for_a_minute_and_the_rest_at_once_told(error: Any, passes: bool) -> None:
    clock = Clock()

    def read(kind: str, name: str) -> Any:
        raise error

    values, failed = resolve({"A": "ssm:/a"}, read, clock)
    assert (values, failed) == ({}, {"A": str(error)})
    assert (50 < clock.now <= 60) if passes else clock.slept == []
    assert max(clock.slept, default=0) <= 8


def test_what_was_read_stays_while_the_rest_is_asked_for_again() -> None:
    answers: dict[str, list[Any]] = {
        "/a": [{"Parameter": {"Value": "a"}}],
        "/b": [refused("ThrottlingException"), {"Parameter": {"Value": "b"}}],
    }

    def read(kind: str, name: str) -> Any:
        answer = answers[name].pop(0)
        if isinstance(answer, Unreadable):
            raise answer
        return answer

    assert resolve({"A": "ssm:/a", "B": "ssm:/b"}, read) == ({"A": "a", "B": "b"}, {})


def test_one_that_can_never_be_read_ends_the_waiting_for_others() -> None:
    clock = Clock()

    def read(kind: str, name: str) -> Any:
        raise refused("AccessDeniedException") if name == "/a" else refused("ParameterNotFound", "")

    _, failed = resolve({"A": "ssm:/a", "B": "ssm:/b"}, read, clock)
    assert clock.slept == [] and set(failed) == {"A", "B"}
    assert failed["B"] == "ParameterNotFound: there is no parameter of this name in this region"


@pytest.mark.parametrize(
    ("reference", "answer", "reason"),
    [
        ("secretsmanager:s", {"SecretBinary": b"x"}, "it is binary"),
        ("secretsmanager:s:k", {"SecretString": "hunter2"}, "it holds no JSON object, so it has no k"),
        ("secretsmanager:s:k", {"SecretString": '["hunter2"]'}, "it holds no JSON object, so it has no k"),
        ("secretsmanager:s:k", {"SecretString": '{"hunter2": 1}'}, "the object that it holds has no k"),
        *(
            ("ssm:/s", {"Parameter": {"Value": f"hunter2{character}"}}, "no environment variable can have")
            for character in "\0\ufffe\uffff\ufdd0\U0001fffe"
        ),
        ("secretsmanager:s:k", {"SecretString": '{"k": "hunter2\\ud800"}'}, "no environment variable can have"),
    ],
)
def test_what_is_no_text_for_a_variable_is_refused_and_no_value_told(reference: str, answer: Any, reason: str) -> None:
    values, failed = resolve({"A": reference}, lambda kind, name: answer)
    assert values == {} and reason in failed["A"] and "hunter2" not in failed["A"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("", '""'),
        ("two\nlines\r\n", '"two\nlines\r\n"'),
        (" \t", '" \t"'),
        ('a"b', '"a\\"b"'),
        ("a\\", '"a\\\\"'),
        ("\\n", '"\\\\n"'),
        ("$A `c`", '"\\$A \\`c\\`"'),
        ("'# ; =%", '"\'# ; =%"'),
        ("\x01\x7f", '"\x01\x7f"'),
    ],
)
def test_a_value_in_the_file_is_quoted_for_systemd(value: str, written: str) -> None:
    """What systemd itself makes of it is asked in tests/rehearsal/real_machines/test_secrets.py."""
    assert TOOL.quoted(value) == written


def run(tmp_path: Path, names: str, monkeypatch: pytest.MonkeyPatch, read: Any = None) -> tuple[int, Path]:
    (tmp_path / "names").write_text(names)
    if read is not None:
        monkeypatch.setitem(TOOL.main.__globals__, "reader", lambda region: read)
    return TOOL.main([str(tmp_path / "names"), str(tmp_path / "env")]), tmp_path / "env"


def test_the_file_is_its_owners_alone_and_another_start_writes_it_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = json.dumps({"region": "eu-west-1", "variables": {"A": "ssm:/a"}})
    for value in ("hunter2", "hunter3"):
        code, file = run(tmp_path, names, monkeypatch, lambda kind, name, value=value: {"Parameter": {"Value": value}})
        assert code == 0 and file.read_text() == f'A="{value}"\n'
        assert stat.S_IMODE(file.stat().st_mode) == 0o400
    told = capsys.readouterr().err
    assert told == "read 1 secrets: A\n" * 2


@pytest.mark.parametrize("names", ["", "[]", "{}", '{"region": "x", "variables": []}', '{"region": "x"}'])
def test_names_that_can_not_be_understood_are_told_and_nothing_is_written(
    names: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, file = run(tmp_path, names, monkeypatch)
    assert code == 1 and not file.exists()
    assert "FAILED: " in (told := capsys.readouterr().err) and "the application does not start" in told


def test_one_that_can_not_be_read_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(kind: str, name: str) -> Any:
        if name == "/b":
            raise refused("ParameterNotFound", "")
        return {"Parameter": {"Value": "hunter2"}}

    names = json.dumps({"region": "eu-west-1", "variables": {"A": "ssm:/a", "B": "ssm:/b"}})
    (tmp_path / "env").write_text('A="of an earlier start"')
    code, file = run(tmp_path, names, monkeypatch, read)
    told = capsys.readouterr().err
    assert code == 1 and not file.exists() and "hunter2" not in told
    assert told.splitlines() == [
        "FAILED: B: ssm:/b can't be read: ParameterNotFound: there is no parameter of this name in this region",
        "FAILED: 1 of 2 secrets can't be read; the application does not start",
    ]


def test_without_a_role_each_service_is_asked_once_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody's")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")
    read = TOOL.reader("eu-west-1")
    for name in ("/a", "/b"):
        with pytest.raises(Unreadable, match=NoCredentialsError.__name__) as error:
            read("ssm", name)
        assert error.value.passing


def test_the_image_and_the_program_speak_of_the_same_files() -> None:
    unit = (COMMON / "phoenix-secrets.service").read_text()
    application = (COMMON / "application.conf").read_text()
    written = unit.split("resolve_secrets.py ")[-1].split("\n")[0].split()
    assert written == [user_data.SECRETS_PATH, "/run/phoenix-secrets/env"]
    assert f"ConditionPathExists={user_data.SECRETS_PATH}\n" in unit
    assert f"EnvironmentFile=-{written[1]}\n" in application
    assert "Requires=phoenix-secrets.service\nAfter=phoenix-secrets.service\n" in application
    assert user_data.SECRETS_PATH in (PROJECT / "image/provision/90-sealing.sh").read_text()
