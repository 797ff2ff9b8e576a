"""A text that YAML changed on its way into the program is refused, with the line that says it as a text."""

from __future__ import annotations

import json

import pytest

from plan.config.parsing import SettingsError, parse_settings
from plan.config.settings import Settings
from plan.config.typed import TypedWords

AWS = {"region": "eu-west-1"}


def parsed(
    arrived: dict[str, str], written: dict[str, object] | None = None, *, file: str = "Pulumi.dev.yaml"
) -> Settings:
    return parse_settings(
        {"previewToken": "a-token-of-24-characters", **arrived},
        stack="dev",
        aws=AWS,
        secret_keys={"previewToken"},
        typed=TypedWords(written or {}, file),
    )


def problems(
    arrived: dict[str, str], written: dict[str, object] | None = None, *, file: str = "Pulumi.dev.yaml"
) -> list[str]:
    with pytest.raises(SettingsError) as error:
        parsed(arrived, written, file=file)
    return [str(one).removeprefix(f"{one.code}: ") for one in error.value.problems]


@pytest.mark.parametrize(
    ("word", "arrives", "command"),
    [
        ("1.10", 1.1, "environment.V 1.10"),
        ("1.5", 1.5, "environment.V 1.5"),
        ("0755", 493, "environment.V 0755"),
        ("012345670123", 1402433619, "environment.V 012345670123"),
        ("1e3", 1000, "environment.V 1e3"),
        ("0x1F", 31, "environment.V 0x1F"),
        ("1_000", 1000, "environment.V 1_000"),
        ("True", True, "environment.V True"),
        ("+5", 5, "--type string --path environment.V +5"),
        ("-010", -8, "--type string --path environment.V -- -010"),
        ("2024-01-02", "2024-01-02 00:00:00 +0000 UTC", "environment.V 2024-01-02"),
    ],
)
def test_an_altered_text_is_refused_with_the_command_and_the_line(word: str, arrives: object, command: str) -> None:
    [problem] = problems({"environment": json.dumps({"V": arrives})}, {"environment": {"V": word}})
    assert problem.startswith(f"environment.V = {word!r}: must be written as a text; YAML takes it for ")
    assert f"pulumi config set {command}" in problem or f"pulumi config set --path {command}" in problem
    assert f'(or quote it in Pulumi.dev.yaml: V: "{word}")' in problem


@pytest.mark.parametrize("word", ["~", "null", ""])
def test_nothing_is_no_text(word: str) -> None:
    [problem] = problems({"environment": '{"V": null}'}, {"environment": {"V": word}})
    assert f"environment.V = {word!r}: must be written as a text; YAML takes it for nothing" in problem
    assert """config set --path environment.V ''   (or quote it in Pulumi.dev.yaml: V: "")""" in problem


@pytest.mark.parametrize("arrives", [1.1, None, "2024-01-02 00:00:00 +0000 UTC"])
def test_what_can_only_have_been_altered_needs_no_file(arrives: object) -> None:
    """An ESC environment, or another file by --config-file: what is written here is somebody else's."""
    files: tuple[dict[str, object], ...] = ({}, {"environment": {"V": "other"}})
    for written in files:
        [problem] = problems({"environment": json.dumps({"V": arrives})}, written)
        assert "environment.V" in problem


@pytest.mark.parametrize(
    ("word", "arrives"),
    [
        ("1.10", "1.10"),
        ("0755", "0755"),
        ("8080", 8080),
        ("222222222222", 222222222222),
        ("-5", -5),
        ("true", True),
        ("false", False),
        ("yes", "yes"),
        ("", ""),
        ("12:30", "12:30"),
        ("2024-01-02", "2024-01-02"),
        (None, 8080),
        (None, True),
        ("0755", 12),
    ],
)
def test_what_arrives_as_it_was_written_is_a_text(word: str | None, arrives: object) -> None:
    written: dict[str, object] = {} if word is None else {"environment": {"V": word}, "packerVariables": {"v": word}}
    held = json.dumps({"V": arrives})
    settings = parsed({"environment": held, "packerVariables": held.lower()}, written)
    assert settings.environment["V"] == (arrives if isinstance(arrives, str) else json.dumps(arrives))


def test_lists_keys_of_their_own_and_numbers_are_held_to_what_is_written_too() -> None:
    found = problems(
        {
            "imageSharedWith": "[12345678901, 222222222222]",
            "hostname": "1.1",
            "packerVariables": '{"v": 1.1}',
            "minSize": "8",
            "canarySteps": "[8, 50]",
        },
        {
            "imageSharedWith": ["012345678901", "222222222222"],
            "hostname": "1.10",
            "packerVariables": {"v": "1.10"},
            "minSize": "010",
            "canarySteps": ["010", "50"],
        },
    )
    told = {one.split(" = ")[0].strip(): one for one in found}
    assert told.keys() == {"imageSharedWith[0]", "hostname", "packerVariables.v", "minSize", "canarySteps[0]"}
    assert (
        "pulumi config set --path 'imageSharedWith[0]' 012345678901   (or quote it in Pulumi.dev.yaml: - \"0123"
        in (told["imageSharedWith[0]"])
    )
    assert "type: pulumi config set hostname 1.10" in told["hostname"]
    assert (
        "YAML takes it for 8: numbers that begin with 0 are octal.\n    type: pulumi config set minSize 10"
        in (told["minSize"])
    )
    assert "pulumi config set --path 'canarySteps[0]' 10" in told["canarySteps[0]"]


def test_whole_numbers_may_be_written_in_any_way_that_means_the_same() -> None:
    assert parsed({"appPort": "8080", "maxSize": "888"}, {"appPort": "0x1F90", "maxSize": "0888"}).app_port == 8080


def test_an_account_may_be_a_number_and_an_empty_key_has_its_default() -> None:
    settings = parsed(
        {"imageSharedWith": "[222222222222]", "imageKmsKey": "none", "hostname": ""},
        {"imageSharedWith": ["222222222222"], "imageKmsKey": "none", "hostname": "~"},
    )
    assert (settings.image_shared_with, settings.hostname) == (("222222222222",), "")


def test_a_programs_value_is_to_be_a_text_there() -> None:
    [problem] = problems({"environment": '{"V": 1.1}'}, file="")
    assert problem.endswith("type: give it as a text, in quotes")
