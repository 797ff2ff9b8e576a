"""A stack's configuration as a whole: keys of another project's namespace, and secrets that could not stay secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml  # type: ignore[import-untyped]  # it comes with pulumi
from pulumi.runtime.config import set_all_config

from plan.config import pulumi_config
from plan.config.parsing import SettingsError
from plan.config.settings import Settings
from tests.support.factories import TOKEN
from tests.support.recorder import record

PROJECT = Path(__file__).parents[4]
SECRET = "hunter2-hunter2"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(
    texts: dict[str, str],
    *,
    project: str = "shop",
    secrets: tuple[str, ...] = (),
    service: str = "",
    token: bool = True,
    esc: bool = False,
) -> Settings:
    own = {f"{project}:previewToken": TOKEN} if token else {}
    made: list[Settings] = []
    file = Path("Pulumi.dev.yaml")
    if not file.exists() and not esc:
        others = {key: text for key, text in texts.items() if not key.startswith(f"{project}:")}
        file.write_text(yaml.safe_dump({"config": others}))

    def program() -> None:
        set_all_config({"aws:region": "eu-west-1", **own, **texts}, [*own, *secrets])
        made.append(pulumi_config.read_settings(service=service))

    record(program, project=project)
    return made[0]


def problems(texts: dict[str, str], **options: Any) -> list[str]:
    with pytest.raises(SettingsError) as error:
        settings(texts, **options)
    assert SECRET not in str(error.value)
    assert SECRET[:7] not in str(error.value)
    return [str(one).removeprefix(f"{one.code}: ") for one in error.value.problems]


def test_keys_of_a_project_that_was_renamed_are_refused_with_the_commands_that_move_them() -> None:
    found = problems(
        {
            "phoenix:minSize": "3",
            "phoenix:maxSize": "12",
            "phoenix:smokeCommand": "make smoke",
            "phoenix:protect": "true",
            "phoenix:canarySteps": "[5,25,50]",
            "phoenix:environment": '{"A":"it\'s"}',
            "phoenix:previewToken": SECRET * 2,
        },
        secrets=("phoenix:previewToken",),
        token=False,
    )
    assert found[0] == (
        "phoenix:minSize = '3': has no effect: keys of this program are those of its project, shop (name in"
        " Pulumi.yaml).\n    type: pulumi config set shop:minSize 3 && pulumi config rm phoenix:minSize"
    )
    assert [one.partition("type: ")[2].removesuffix(f" && pulumi config rm {one.split()[0]}") for one in found] == [
        "pulumi config set shop:minSize 3",
        "pulumi config set shop:maxSize 12",
        "pulumi config set shop:smokeCommand 'make smoke'",
        "pulumi config set shop:protect true",
        """pulumi config set-all --json '{"shop:canarySteps": {"value": "[5,25,50]", "objectValue": [5, 25, 50]}}'""",
        'pulumi config set-all --json \'{"shop:environment": {"value": "{\\"A\\":\\"it\'"\'"\'s\\"}",'
        ' "objectValue": {"A": "it\'"\'"\'s"}}}\'',
        "pulumi config get phoenix:previewToken | pulumi config set --secret shop:previewToken",
    ]


def test_what_would_be_wrong_after_the_move_is_told_at_once() -> None:
    found = problems({"phoenix:minSize": "12", "phoenix:traffic": "101"})
    assert [one.split(" = ")[0].strip() for one in found] == [
        "phoenix:minSize",
        "phoenix:traffic",
        "traffic",
        "minSize",
    ]


def test_a_key_that_stands_in_both_is_only_taken_away() -> None:
    [problem] = problems({"phoenix:minSize": "3", "shop:minSize": "4", "shop:maxSize": "5"})
    assert problem.endswith("type: pulumi config rm phoenix:minSize")


def test_the_projects_defaults_are_no_values_of_the_stack(folder: Path) -> None:
    """Pulumi gives them to the program all the same."""
    schema = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["config"]
    every = {
        f"shop:{key}": said["default"]
        if isinstance(said["default"], str)
        else json.dumps(said["default"], separators=(",", ":"))
        for key, said in schema.items()
    }
    given = {**every, "phoenix:minSize": "3", "phoenix:canarySteps": "[5,25]", "phoenix:previewToken": TOKEN}
    found = problems(given, secrets=("phoenix:previewToken",), token=False)
    assert [one.partition("type: ")[2].split(" && ")[0].split(" --json")[0] for one in found] == [
        "pulumi config set shop:minSize 3",
        "pulumi config set-all",
        "pulumi config get phoenix:previewToken | pulumi config set --secret shop:previewToken",
    ]
    (folder / "Pulumi.dev.yaml").write_text("config:\n  shop:minSize: 2\n  phoenix:minSize: 3\n")
    assert problems(given, secrets=("phoenix:previewToken",), token=False)[0].endswith(
        "type: pulumi config rm phoenix:minSize"
    )


def test_an_environment_of_several_projects_may_hold_their_keys_unless_ours_are_missing() -> None:
    theirs = {"web:minSize": "3", "web:environment": "{}"}
    assert settings({"shop:minSize": "2", **theirs}, esc=True).min_size == 2
    found = problems(theirs, esc=True, token=False)
    assert [one.split(" = ")[0].strip() for one in found][:2] == ["web:minSize", "web:environment"]


def test_a_misspelt_namespace_is_found() -> None:
    [problem] = problems({"pheonix:minSize": "3"}, project="phoenix")
    assert "pulumi config set phoenix:minSize 3 && pulumi config rm pheonix:minSize" in problem


@pytest.mark.parametrize(
    "key",
    [
        "aws:profile",
        "aws:maxRetries",
        "command:image",
        "pulumi:tags",
        "pulumi:disable-default-providers",
        "other:whatItReads",
        "azure-native:location",
    ],
)
def test_other_namespaces_are_not_ours(key: str) -> None:
    assert settings({key: "x"}).min_size == 2


def test_a_service_of_a_program_is_its_key_and_other_keys_are_the_programs() -> None:
    found = problems(
        {"two-services:shop": '{"minSize": 3}', "team:image": "x", "team:environment": "y"},
        project="edge",
        service="shop",
    )
    assert [one.split(" = ")[0].strip() for one in found] == ["two-services:shop"]
    assert 'pulumi config set-all --json \'{"edge:shop": ' in found[0]
    there = settings(
        {"edge:shop": '{"minSize": 3}', "two-services:shop": "{}", "team:image": "x"}, project="edge", service="shop"
    )
    assert there.min_size == 3


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("smokeCommand", f"curl -u me:{SECRET} $PHOENIX_URL", "a step's command stands in plain text in state and log"),
        ("hooks", json.dumps({"beforeShift": f"curl -u me:{SECRET}"}), "--path hooks.beforeShift 'sh smoke.sh'"),
        ("packerVariables", json.dumps({"license": SECRET}), "an image keeps what it was made with"),
        ("environment", json.dumps({"PASSWORD": SECRET}), "user data can be read on the server"),
        ("hostname", f"{SECRET}.example.com", 'pulumi config set --plaintext hostname "$(pulumi config get hostname)"'),
        ("alarms", json.dumps([SECRET]), "stands in plain text in state and log all the same"),
        ("canarySteps", f'["{SECRET}"]', "stands in plain text"),
        ("minSize", SECRET, "stands in plain text"),
        ("service", SECRET, "stands in plain text"),
        ("tarffic", SECRET, "is no key of this program"),
    ],
)
def test_a_secret_of_any_key_is_refused_and_no_part_of_it_shown(key: str, text: str, says: str) -> None:
    [problem] = problems({f"shop:{key}": text}, secrets=(f"shop:{key}",))
    assert says in problem


def test_the_file_says_which_part_of_an_object_is_secret(folder: Path) -> None:
    (folder / "Pulumi.dev.yaml").write_text(
        "config:\n  shop:environment:\n    PASSWORD:\n      secure: v1:xyz\n    MODE: fast\n  shop:alarms:\n  - a\n"
        "  - secure: v1:abc\n  shop:hostname:\n    secure: v1:abc\n"
    )
    found = problems(
        {
            "shop:environment": json.dumps({"PASSWORD": SECRET, "MODE": "fast"}),
            "shop:alarms": json.dumps(["a", SECRET]),
            "shop:hostname": SECRET,
        },
        secrets=("shop:environment", "shop:alarms", "shop:hostname"),
    )
    assert [one.split(" = ")[0].strip() for one in found] == ["environment.PASSWORD", "hostname", "alarms[1]"]
    assert "pulumi config set --plaintext --path environment.PASSWORD ssm:/PASSWORD" in found[0]
    assert "pulumi config set --plaintext --path 'alarms[1]' \"$(pulumi config get --path 'alarms[1]')\"" in found[2]


def test_a_secret_of_one_of_several_services_is_refused(folder: Path) -> None:
    text = json.dumps({"environment": {"PASSWORD": SECRET}, "minSize": "many", "hostname": "shop.example.com"})
    secret = ("edge:shop",)
    [problem] = problems({"edge:shop": text}, project="edge", service="shop", secrets=secret)
    assert "shop = '[secret]'" in problem
    (folder / "Pulumi.dev.yaml").write_text(
        "config:\n  edge:shop:\n    minSize: many\n    environment:\n      PASSWORD:\n        secure: v1:x\n"
    )
    found = problems({"edge:shop": text}, project="edge", service="shop", secrets=secret)
    assert [one.split(" = ")[0].strip() for one in found] == ["shop.environment.PASSWORD", "minSize"]
    assert "pulumi config set --plaintext --path shop.environment.PASSWORD ssm:/PASSWORD" in found[0]


def test_the_providers_region_and_profile_are_no_secrets() -> None:
    [problem] = problems({"aws:profile": SECRET}, secrets=("aws:profile",))
    assert "aws:profile = '[secret]': must not be stored as a secret" in problem


def inputs(
    said: dict[str, Any], texts: dict[str, str], *secrets: str, project: str = "theirs", output: str = ""
) -> Settings:
    made: list[Settings] = []

    def program() -> None:
        set_all_config({"aws:region": "eu-west-1", **texts}, list(secrets))
        given = {output: pulumi.Output.secret(SECRET)} if output else {}
        # An output is made where the program runs.
        made_here = {key: value() if callable(value) else value for key, value in said.items()}
        made.append(pulumi_config.settings_from_inputs({"service": "shop", **given, **made_here}, token=TOKEN))

    record(program, project=project)
    return made[0]


def test_a_package_takes_no_output_and_no_secret_of_the_configuration() -> None:
    with pytest.raises(SettingsError) as error:
        inputs(
            {"environment": {"A": f"x{SECRET}"}, "minSize": "many"},
            {"theirs:password": SECRET, "theirs:all": json.dumps({"a": [SECRET], "b": 1})},
            "theirs:password",
            "theirs:all",
            output="smokeCommand",
        )
    assert SECRET not in str(error.value)
    assert [one.what.split(" = ")[0] for one in error.value.problems] == ["smokeCommand", "environment", "minSize"]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("smokeCommand", f"curl -H 'X-Phoenix-Preview: {TOKEN}' $PHOENIX_URL"),
        ("environment", json.dumps({"A": f"x{TOKEN}"})),
        ("hostname", f"https://{TOKEN}"),
        ("alarms", json.dumps([TOKEN])),
        ("minSize", TOKEN),
    ],
)
def test_the_preview_token_is_refused_where_it_is_copied_in_plain_text(key: str, text: str) -> None:
    secret = {"shop:previewToken": TOKEN, f"shop:{key}": text}
    [problem] = problems(secret, secrets=("shop:previewToken",))
    assert f"{key} = '[secret]': must not hold a secret" in problem and TOKEN not in problem
    one = {"edge:previewToken": TOKEN, "edge:shop": json.dumps({key: json.loads(text) if text[0] in "[{" else text})}
    [problem] = problems(one, project="edge", service="shop", secrets=("edge:previewToken",))
    assert f"{key} = '[secret]': must not hold a secret" in problem and TOKEN not in problem
    with pytest.raises(SettingsError) as error:
        inputs({key: text}, {"theirs:previewToken": TOKEN}, "theirs:previewToken")
    assert TOKEN not in str(error.value) and "must not hold a secret" in str(error.value)


def test_an_output_deep_in_an_input_and_a_secret_that_json_writes_otherwise_are_found() -> None:
    hidden = 'pass"wörd\\x'
    with pytest.raises(SettingsError) as error:
        inputs(
            {
                "environment": lambda: {"A": pulumi.Output.secret(SECRET)},
                "canarySteps": lambda: [pulumi.Output.from_input(1)],
                "alarms": [hidden],
            },
            {"theirs:password": hidden},
            "theirs:password",
        )
    assert [one.what.split(": must")[0] for one in error.value.problems] == [
        "environment = '[output]'",
        "canarySteps = '[output]'",
        "alarms = '[secret]'",
    ]


def test_no_part_of_a_list_of_files_that_is_secret_is_shown() -> None:
    found = problems(
        {"aws:sharedCredentialsFiles": json.dumps([SECRET, "other"])}, secrets=("aws:sharedCredentialsFiles",)
    )
    assert any("must be a list of one file" in one for one in found)


def test_a_package_has_no_configuration_of_its_own() -> None:
    with pytest.raises(SettingsError, match="minSize is an input of the component") as error:
        inputs({}, {"phoenix:minSize": "3", "theirs:minSize": "4"})
    assert len(error.value.problems) == 1
    assert inputs({}, {"phoenix:minSize": "3"}, project="phoenix").min_size == 2


def test_a_programs_numbers_are_whole_as_they_were_there() -> None:
    made = inputs({"environment": {"PORT": 8080.0, "ON": True}, "canarySteps": [5.0]}, {})
    assert (made.environment, made.canary_steps) == ({"PORT": "8080", "ON": "true"}, (5,))
    with pytest.raises(SettingsError, match=r"environment.V = 1.1: must be written as a text"):
        inputs({"environment": {"V": 1.1}}, {})
