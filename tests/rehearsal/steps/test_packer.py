"""Packer as a child: it is found, given what it knows, listened to, and never outlives the bake."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from core import images
from core.errors import StepError
from core.progress import Progress, RealClock
from rehearsal.cloud.cloud import Cloud
from steps.image import packer
from steps.image.packer import Packer
from tests.rehearsal.boto3_stack import until
from tests.rehearsal.steps.baking import image
from tests.support.standins import IGNORING
from tests.unit.steps.cloud import FakeClock

ROOT = Path(__file__).parents[3]

# A Packer that begins a bake and, when it is interrupted, takes a moment to clean up.
ENDLESS = """#!/bin/sh
case "$1" in
  version) echo "Packer v1.16.0"; exit 0 ;;
  init) exit 0 ;;
esac
trap 'echo cleaning up; : >"$PACKER_MARKS/cleaned"; exit 1' INT TERM
echo "$$" >"$PACKER_MARKS/pid"
echo provisioning
while :; do sleep 0.05; done
"""


def program(folder: Path, text: str) -> Path:
    path = folder / "packer"
    path.write_text(text)
    path.chmod(0o755)
    return path


def progress(limit: float = 60.0) -> tuple[Progress, io.StringIO]:
    stream = io.StringIO()
    return Progress(RealClock(), limit=limit, stream=stream), stream


def began(folder: Path) -> str:
    """The process id of the Packer that has begun."""
    return (folder / "pid").read_text() if (folder / "pid").exists() else ""


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").is_file() and ") Z " in Path(f"/proc/{pid}/stat").read_text()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Packer v1.6.6\n", (1, 6, 6)),
        ("Packer v1.14.0\n\nYour version of Packer is out of date!", (1, 14, 0)),
        ("packer: a tool of another trade", None),
    ],
)
def test_which_packer_it_is(said: str, expected: tuple[int, ...] | None) -> None:
    assert packer.parsed_version(said) == expected


def test_without_packer_it_is_told_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StepError, match="not installed") as error:
        packer.installed()
    assert "packer/install" in str(error.value)


def test_another_program_of_that_name_is_not_taken_for_packer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "#!/bin/sh\necho usage: packer DICTIONARY\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(StepError, match="does not say that it is Packer") as error:
        packer.installed()
    assert "usage: packer DICTIONARY" in str(error.value)


PINS = 'packer {\n  required_version = "1.16.0"\n}\n'


@pytest.mark.parametrize(
    ("templates", "expected"),
    [(PINS, (1, 16, 0)), (PINS.replace('"1', '"= 1'), (1, 16, 0)), (PINS.replace('"1', '">= 1'), None), ("", None)],
)
def test_which_packer_a_template_pins(templates: str, expected: tuple[int, ...] | None) -> None:
    assert packer.pinned(templates) == expected


def test_the_projects_own_template_pins_packer_and_its_plugin() -> None:
    text = (ROOT / "image" / "plugins.pkr.hcl").read_text()
    assert packer.pinned(text) is not None
    assert re.search(r'^ +version = "\d+\.\d+\.\d+"$', text, re.MULTILINE), "a plugin too has one version"


@pytest.mark.parametrize("version", [(1, 6, 6), (1, 15, 9), (1, 16, 1), (2, 0, 0)])
def test_another_packer_than_the_pinned_one_is_refused_with_what_to_type(version: tuple[int, ...]) -> None:
    other = Packer(program="/usr/bin/packer", version=version)
    with pytest.raises(StepError) as error:
        packer.refuse_other(other, PINS)
    assert f"/usr/bin/packer is Packer {packer.dotted(version)}, and the image is baked with Packer 1.16.0" in str(
        error.value
    )
    assert "sudo sh tools/install_packer.sh" in str(error.value)
    packer.refuse_other(other, "")
    packer.refuse_other(Packer(program="packer", version=(1, 16, 0)), PINS)


def test_session_manager_needs_its_plugin_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    packer.refuse_without_sessions("")
    with pytest.raises(StepError, match="is builder, and session-manager-plugin is not") as error:
        packer.refuse_without_sessions("builder")
    assert "install-plugin" in str(error.value)
    (tmp_path / "session-manager-plugin").write_text("#!/bin/sh\n")
    (tmp_path / "session-manager-plugin").chmod(0o755)
    packer.refuse_without_sessions("builder")


VARIABLES = {
    "b": 'with = and "',
    "a": {"k": "v"},
    "c": 8,
    "d": ["10.0.0.0/8", "x${y}%{z} \U0001f600"],
    "e": "x${y}",
    "f": False,
}
DECLARED = """variable "a" { type = map(string) }
variable "b" { type = string }
variable "c" { type = number }
variable "d" { type = list(string) }
variable "e" { type = string }
variable "f" { type = bool }
source "null" "x" { communicator = "none" }
build {
  sources = ["null.x"]
  post-processor "manifest" {
    output      = "manifest.json"
    custom_data = { all = jsonencode([var.a, var.b, var.c, var.d, var.e, var.f]) }
  }
}
"""


def test_variables_are_in_a_new_file_that_nobody_else_can_read(tmp_path: Path) -> None:
    file = tmp_path / "it.pkrvars.json"
    before = os.umask(0)
    try:
        packer.write_variables(VARIABLES, file)
    finally:
        os.umask(before)
    assert json.loads(file.read_text(encoding="utf-8")) == VARIABLES
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        packer.write_variables(VARIABLES, file)


def test_packer_takes_them_as_they_are(tmp_path: Path) -> None:
    if shutil.which("packer") is None or packer.installed().version < (1, 7, 0):
        pytest.skip("packer is not installed")
    (tmp_path / "it.pkr.hcl").write_text(DECLARED)
    packer.write_variables(VARIABLES, file := tmp_path / "it.pkrvars.json")
    code = packer.run(
        ["packer", "build", f"-var-file={file}", "."], log=tmp_path / "log", progress=progress()[0], folder=tmp_path
    )
    assert code == 0, (tmp_path / "log").read_text()
    [build] = json.loads((tmp_path / "manifest.json").read_text())["builds"]
    assert json.loads(build["custom_data"]["all"]) == [VARIABLES[name] for name in "abcdef"]


def test_the_manifest_names_the_image(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"builds": [{"artifact_id": "eu-west-1:ami-1,us-east-1:ami-2"}]}))
    assert packer.built_image(manifest, region="eu-west-1") == "ami-1"


@pytest.mark.parametrize("text", ["", "{}", '{"builds": []}', '{"builds": [{"artifact_id": "us-east-1:ami-2"}]}'])
def test_a_manifest_without_the_image_is_told(tmp_path: Path, text: str) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(text)
    with pytest.raises(StepError, match="does not name an image in eu-west-1"):
        packer.built_image(manifest, region="eu-west-1")


def test_every_line_is_passed_on_and_kept_whole_in_the_log(tmp_path: Path) -> None:
    wide = "x" * 100_000
    command = [sys.executable, "-c", f"print('first'); print('y\\r' + {wide!r}); print('last', end=''); exit(3)"]
    told, stream = progress()
    assert packer.run(command, log=tmp_path / "log", progress=told) == 3
    lines = stream.getvalue().splitlines()
    assert [line.partition("packer: ")[2][:5] for line in lines] == ["first", "xxxxx", "last"]
    assert max(map(len, lines)) < 65536
    assert wide in (tmp_path / "log").read_text()


def test_packer_gets_an_identity_in_aws_and_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PULUMI_CONFIG_PASSPHRASE", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITHUB_PATH", "PHOENIX_PREVIEW_TOKEN"):
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    command = [sys.executable, "-c", "import os; print('hunter2' in str(os.environ), os.environ['AWS_REGION'])"]
    packer.run(command, log=tmp_path / "log", progress=progress()[0])
    assert (tmp_path / "log").read_text() == "False eu-west-1\n"


def test_a_bake_that_takes_too_long_is_interrupted_and_cleans_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signals_so_far: str
) -> None:
    monkeypatch.setattr(packer, "CLEANUP_SECONDS", 20.0)
    monkeypatch.setenv("PACKER_MARKS", str(tmp_path))
    told, stream = progress(limit=1.0)
    with pytest.raises(TimeoutError, match="not done after"):
        packer.run([str(program(tmp_path, ENDLESS)), "build"], log=tmp_path / "log", progress=told)
    assert (tmp_path / "cleaned").exists()
    assert "cleaning up" in stream.getvalue()
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_packer_that_does_not_clean_up_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packer, "CLEANUP_SECONDS", 0.5)
    monkeypatch.setenv("PACKER_MARKS", str(tmp_path))
    stubborn = ENDLESS.replace("trap '", "trap '' INT TERM; : '")
    with pytest.raises(TimeoutError):
        packer.run([str(program(tmp_path, stubborn)), "build"], log=tmp_path / "log", progress=progress(limit=1.0)[0])
    assert gone(int((tmp_path / "pid").read_text()))


def bake_command(cloud: Cloud, asked: Mapping[str, str]) -> list[str]:
    return [
        "sh",
        "steps/run",
        "bake",
        "--stack",
        "phoenix/dev",
        "--account",
        cloud.account,
        "--region",
        cloud.region,
        "--service",
        "phoenix",
        *(word for name, value in asked.items() for word in (f"--{name.replace('_', '-')}", value)),
    ]


@pytest.mark.parametrize("shell", [(), IGNORING], ids=["heeded", "ignored"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_packer_cleans_up_when_the_step_is_ended(
    cloud: Cloud, tmp_path: Path, number: signal.Signals, shell: tuple[str, ...]
) -> None:
    if number == signal.SIGKILL and sys.platform != "linux":
        pytest.skip("only Linux tells a child of its parent's death")
    program(tmp_path, ENDLESS)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("AWS_")},
        **cloud.environment,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PACKER_MARKS": str(tmp_path),
        "PHOENIX_PYTHON": sys.executable,
    }
    step = subprocess.Popen(
        [*shell, *bake_command(cloud, image(f"signal-{number:d}"))],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with step:
        pid = until(lambda: step.poll() is not None or began(tmp_path), what="Packer has begun")
        assert step.poll() is None, step.stderr.read() if step.stderr else ""
        step.send_signal(number)
        until(lambda: (tmp_path / "cleaned").exists(), what="Packer has cleaned up")
        assert step.wait(timeout=60) != 0
        assert step.stderr is not None
        if number != signal.SIGKILL:
            assert "it was interrupted" in step.stderr.read()
    until(lambda: gone(int(pid)), what="Packer is gone")


def test_two_bakes_of_one_second_have_names_and_logs_of_their_own(tmp_path: Path) -> None:
    clock = FakeClock()

    def name() -> str:
        return images.name("phoenix", "1" * 64, clock.utc())

    first, first_log = packer.claimed(tmp_path, name, clock)
    second, second_log = packer.claimed(tmp_path, name, clock)
    assert first != second
    assert {first_log, second_log} == {tmp_path / f"{first}.log", tmp_path / f"{second}.log"} == set(tmp_path.iterdir())
