"""Secrets by name in real operating systems: read with the role's credentials before Tomcat starts, or it does not."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.bakes import bake
from plan.config.user_data import user_data
from rehearsal.cloud.calls import Call, Refusal
from rehearsal.cloud.cloud import Cloud
from tests.rehearsal.boto3_stack import GENERATION, stack, until
from tests.rehearsal.real_machines.host import birth, launched, metal, needed, real_cloud
from tests.rehearsal.servers import roles
from tests.support.factories import settings

pytestmark = needed()
# What a shell, systemd, JSON or a terminal would like to have a say in.
NASTY = (
    "  two\nlines\r\n\ttab \"double\" 'single' $HOME ${PATH} `id` back\\slash \\n \\\\ # ; = %h *\x01\x1b[1m\x7f"
    ' grüße 日本 \U0001f600 NAME="x"\nOTHER=y\\'
)
READ = {
    "PLAIN": "ssm:/shop/plain",
    "SECURE": "ssm:/shop/secure",
    "TWICE": "ssm:/shop/secure",
    "FLAT": "ssm:shop-flat",
    "WHOLE": "secretsmanager:shop/database",
    "USER": "secretsmanager:shop/database:username",
    "PORT": "secretsmanager:shop/database:port",
    "NASTY": "secretsmanager:shop/nasty",
    "GREETING": "hello $x",
}
DATABASE = json.dumps({"username": "shop", "password": 'p"w$`\\', "port": 5432})
EXPECTED = {
    "PLAIN": "plain value",
    "SECURE": "s3cure-value",
    "TWICE": "s3cure-value",
    "FLAT": "flat",
    "WHOLE": DATABASE,
    "USER": "shop",
    "PORT": "5432",
    "NASTY": NASTY,
    "GREETING": "hello $x",
}


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with real_cloud() as opened:
        ssm, secrets = opened.client("ssm"), opened.client("secretsmanager")
        key = opened.client("kms").create_key()["KeyMetadata"]["KeyId"]
        ssm.put_parameter(Name="/shop/plain", Value="plain value", Type="String")
        ssm.put_parameter(Name="/shop/secure", Value="s3cure-value", Type="SecureString", KeyId=key)
        ssm.put_parameter(Name="shop-flat", Value=EXPECTED["FLAT"], Type="SecureString")
        ssm.put_parameter(Name="/other/team", Value="not ours", Type="SecureString")
        secrets.create_secret(Name="shop/database", SecretString=DATABASE, KmsKeyId=key)
        secrets.create_secret(Name="shop/nasty", SecretString=NASTY)
        secrets.create_secret(Name="shop/binary", SecretBinary=b"\x00\x01")
        secrets.create_secret(Name="shop/unfit", SecretString="no\ufffecharacter")
        yield opened


@pytest.fixture(scope="module")
def image(cloud: Cloud) -> str:
    return bake(cloud, "secrets").image


def data(environment: Mapping[str, str]) -> str:
    return user_data(settings(environment=environment), color="green", generation=GENERATION)


def server(cloud: Cloud, image: str, environment: Mapping[str, str], *, role: Mapping[str, Any] | None = None) -> str:
    given = roles.profile(cloud, environment) if role is None else role
    return launched(cloud, image, user_data=data(environment), **given)


def tomcat(cloud: Cloud, server: str) -> int | None:
    """The process of Tomcat, when it runs."""
    # Units and processes end meanwhile; os.walk passes over folders that are gone, rglob of Python 3.11 does not.
    units = (Path(folder) for group in metal(cloud).cgroups(server) for folder, _, _ in os.walk(group))
    for unit in units:
        with contextlib.suppress(OSError):
            for pid in (unit / "cgroup.procs").read_text().split():
                if b"org.apache.catalina.startup.Bootstrap" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return int(pid)
    return None


def environment(cloud: Cloud, server: str) -> dict[str, str]:
    """What Tomcat was started with, once it runs."""
    pid = until(lambda: tomcat(cloud, server), what=f"Tomcat: {console(cloud, server)[-2000:]}")
    pairs = [pair.partition("=") for pair in Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")]
    return {name: value for name, _, value in pairs}


def console(cloud: Cloud, server: str) -> str:
    return metal(cloud).console(instance_id=server)


def said(cloud: Cloud, server: str, *, seconds: float = 60) -> str:
    """The console, once the secrets have failed."""
    return until(
        lambda: (
            text if "secrets can't be read; the application does not start" in (text := console(cloud, server)) else ""
        ),
        what="failed secrets on the console",
        seconds=seconds,
    )


def test_tomcat_starts_with_the_secrets_that_the_environment_names_and_nobody_else_has_them(
    cloud: Cloud, image: str
) -> None:
    born = server(cloud, image, READ)
    found = environment(cloud, born)
    assert {name: found.get(name) for name in EXPECTED} == EXPECTED
    assert "OTHER" not in found, "a value made a variable of its own"

    inside = Path(f"/proc/{tomcat(cloud, born)}/root")
    file = inside / "run/phoenix-secrets/env"
    user = metal(cloud).first_user(born) + next(
        int(line.split(":")[2])
        for line in (inside / "etc/passwd").read_text().splitlines()
        if line.startswith("tomcat:")
    )
    assert (file.stat().st_mode & 0o777, file.stat().st_uid) == (0o400, user)
    assert (file.parent.stat().st_mode & 0o777, file.parent.stat().st_uid) == (0o700, user)
    assert os.statvfs(file).f_fsid == os.statvfs(inside / "run").f_fsid
    mounts = [line.split() for line in Path(f"/proc/{tomcat(cloud, born)}/mounts").read_text().splitlines()]
    assert [kind for _, where, kind, *_ in mounts if where == "/run"][-1:] == ["tmpfs"]

    for value in ("s3cure-value", "plain value", "back\\slash"):
        assert value not in console(cloud, born) and value not in data(READ)
        holding = [
            path
            for path in metal(cloud).written(born)[0].rglob("*")
            if path.is_file() and not path.is_symlink() and value.encode() in path.read_bytes()
        ]
        assert holding == [], "a disk has it"


def test_a_changed_secret_is_read_by_the_next_generation_only(cloud: Cloud, image: str) -> None:
    ssm = cloud.client("ssm")
    ssm.put_parameter(Name="/shop/changes", Value="before", Type="SecureString")
    wanted = {"CHANGES": "ssm:/shop/changes"}
    old = server(cloud, image, wanted)
    assert environment(cloud, old)["CHANGES"] == "before"
    ssm.put_parameter(Name="/shop/changes", Value="after", Type="SecureString", Overwrite=True)
    new = server(cloud, image, wanted)
    before = tomcat(cloud, old)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    until(lambda: tomcat(cloud, old) not in (None, before), what="Tomcat restarted by systemd")
    assert environment(cloud, old)["CHANGES"] == "before", "a live server is never changed"
    assert environment(cloud, new)["CHANGES"] == "after"


def test_what_can_never_be_read_is_on_the_console_and_in_what_verify_says(cloud: Cloud, image: str) -> None:
    wanted = {
        "GOOD": "ssm:/shop/secure",
        "GONE": "ssm:/shop/gone",
        "LOST": "secretsmanager:shop/lost",
        "BINARY": "secretsmanager:shop/binary",
        "NO_KEY": "secretsmanager:shop/database:nothing",
        "NO_JSON": "secretsmanager:shop/nasty:password",
        "UNFIT": "secretsmanager:shop/unfit",
    }
    verifying = birth(stack(cloud, image=image), "unreadable", image, data=data(wanted), **roles.profile(cloud, wanted))
    _, told = verifying.communicate(timeout=300)
    assert verifying.returncode == 1 and "was not verified; production was not touched" in told
    for line in (
        "GONE: ssm:/shop/gone can't be read: ParameterNotFound: ",
        "LOST: secretsmanager:shop/lost can't be read: ResourceNotFoundException: ",
        "BINARY: secretsmanager:shop/binary can't be read: it is binary",
        "NO_KEY: secretsmanager:shop/database:nothing can't be read: the object that it holds has no nothing",
        "NO_JSON: secretsmanager:shop/nasty:password can't be read: it holds no JSON object",
        "UNFIT: secretsmanager:shop/unfit can't be read: it holds a character that no environment variable",
        "6 of 7 secrets can't be read; the application does not start",
    ):
        assert f"its secrets: FAILED: {line}" in told
    assert "put what lacks into Parameter Store or Secrets Manager" in told
    assert "s3cure-value" not in told and 'p\\"w' not in told


def test_what_the_role_may_not_read_and_a_server_without_a_role_start_no_application(cloud: Cloud, image: str) -> None:
    wanted = {"THEIRS": "ssm:/other/team"}
    denied = server(cloud, image, wanted, role=roles.profile(cloud, {}))
    bare = server(cloud, image, wanted, role={})
    text = said(cloud, denied, seconds=150)
    assert "THEIRS can't be read yet: AccessDeniedException" in text, "a new role may be shown a while later"
    assert "FAILED: THEIRS: ssm:/other/team can't be read: AccessDeniedException: User: arn:aws:sts::" in text
    assert "NoCredentialsError" in said(cloud, bare, seconds=150)
    assert tomcat(cloud, denied) is None and tomcat(cloud, bare) is None


def test_aws_that_throttles_is_asked_again(cloud: Cloud, image: str) -> None:
    refused: list[Call] = []

    def busy(call: Call) -> Refusal | None:
        if call.name != "ssm:GetParameter" or len(refused) >= 7:
            return None
        refused.append(call)
        return Refusal(status=400, code="ThrottlingException", message="Rate exceeded")

    with cloud.calls.failing(busy):
        born = server(cloud, image, {"SECURE": "ssm:/shop/secure"})
        assert environment(cloud, born)["SECURE"] == "s3cure-value"
    assert len(refused) == 7
    assert "SECURE can't be read yet: ThrottlingException: Rate exceeded" in console(cloud, born)
