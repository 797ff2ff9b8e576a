"""Real operating systems: the whole cycle with them, and births that verify refuses for what the console tells."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console as RichConsole

from bench.bakes import bake
from rehearsal.cloud.cloud import Cloud
from rehearsal.scenario.console import Console
from rehearsal.scenario.local import run_scenario
from rehearsal.scenario.report import Report
from rehearsal.servers import runs
from rehearsal.servers.images import compare_images
from tests.rehearsal.boto3_stack import GENERATION, stack, until, user_data
from tests.rehearsal.real_machines.host import (
    birth,
    booted,
    changed,
    inside,
    launched,
    metal,
    needed,
    real_cloud,
    state,
)

pytestmark = needed()
QUICK = {"canaryPauseSeconds": 2, "settleSeconds": 1, "soakSeconds": 1, "drainSeconds": 1}


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with real_cloud() as opened:
        yield opened


@pytest.fixture(scope="module")
def told(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, str, str]:
    """The story told once, what was said, and its bakes' logs; the cloud stays, with both images in it."""
    said = io.StringIO()
    folder = tmp_path_factory.mktemp("story") / "told"
    report, _ = run_scenario(
        folder, Console(RichConsole(file=said, width=200)), cloud=cloud, rate=50, settings=QUICK, stand_in=True
    )
    logs = "".join(log.read_text() for log in (folder / "project" / ".packer").glob("*.log"))
    return report, said.getvalue(), logs


@pytest.fixture(scope="module")
def image(cloud: Cloud, told: tuple[Report, str, str]) -> str:
    """The older image of the story: Tomcat, without a log collector."""
    found = cloud.client("ec2").describe_images(Owners=["self"])["Images"]
    return str(min(found, key=lambda one: one["CreationDate"])["ImageId"])


@pytest.mark.representative
def test_two_bakes_from_scratch_and_a_flip_fail_no_request(told: tuple[Report, str, str]) -> None:
    report, said, logs = told
    assert report.violations == []
    assert report.total.failed == 0
    assert report.machines.startswith("real operating systems")
    assert "proof from inside" in {stage.name for stage, _ in report.stages}
    assert "and no file of theirs is on i-" in said and "forwarded its lines" in said
    assert said.count("inspect/40-application.sh: ") == 2, "both bakes' inspections are told"
    assert logs.count("tomcat10.service answers /health on port") == 2
    assert logs.count("security updates were read from") == 2


def test_another_bake_of_the_same_scripts_writes_the_same_but_for_what_is_stated(cloud: Cloud, image: str) -> None:
    one, other = layer(cloud, image), layer(cloud, bake(cloud, "again").image)
    assert compare_images.compare_images(one, other) == []
    assert (one / "etc/phoenix/packages").read_text() == (other / "etc/phoenix/packages").read_text()


def layer(cloud: Cloud, image: str) -> Path:
    """What a bake wrote over the vendor's base."""
    described = cloud.client("ec2").describe_images(ImageIds=[image])["Images"][0]
    (found,) = runs.disks().glob(f"*/disks/{described['BlockDeviceMappings'][0]['Ebs']['SnapshotId']}")
    return found


BROKEN = {
    "unit": (
        r"printf '[Service]\nExecStart=\nExecStart=/usr/bin/no-such-program\n'"
        " >/etc/systemd/system/tomcat10.service.d/zz-broken.conf",
        "no-such-program: No such file or directory",
    ),
    "package": ("dpkg --purge --force-depends openjdk-17-jre-headless", "No JDK or JRE found"),
    "port": ("sed -i 's/[$]{PHOENIX_PORT:-8080}/9999/' /etc/tomcat10/server.xml", "http-nio-9999"),
}


def test_an_image_that_is_broken_fails_verify_with_the_end_of_its_console(cloud: Cloud, image: str) -> None:
    s = stack(cloud, image=image)
    verifying = {name: birth(s.fresh(), name, changed(cloud, image, change)) for name, (change, _) in BROKEN.items()}
    for name, process in verifying.items():
        _, said = process.communicate(timeout=300)
        assert process.returncode == 1, said
        assert "was not verified; production was not touched" in said
        assert "The console of i-" in said
        assert BROKEN[name][1] in said.partition("The console of")[2], said


def test_a_machine_that_stops_and_starts_has_its_disk_and_termination_ends_it(cloud: Cloud, image: str) -> None:
    ec2, machines, server = cloud.client("ec2"), metal(cloud), launched(cloud, image, user_data=user_data())
    booted(cloud, server)
    inside(cloud, server, "echo kept >/etc/mine").check_returncode()
    ec2.stop_instances(InstanceIds=[server])
    until(lambda: state(cloud, server) == "stopped", what="stopped")
    assert server not in machines.running()
    ec2.start_instances(InstanceIds=[server])
    until(lambda: server in machines.running(), what="booting again")
    assert (machines.root(server) / "etc/mine").read_text() == "kept\n"
    until(lambda: (machines.root(server) / "etc/phoenix/server.env").exists(), what="user data read by cloud-init")
    assert f"PHOENIX_GENERATION={GENERATION}" in (machines.root(server) / "etc/phoenix/server.env").read_text()
    ec2.terminate_instances(InstanceIds=[server])
    until(lambda: server not in machines.running() + machines.disks(), what="machine and disk gone")
    console = ec2.get_console_output(InstanceId=server)["Output"]
    assert "systemd" in console and "cloud-init" in console


def test_a_deregistered_image_gives_its_disk_back_when_its_snapshot_goes(cloud: Cloud, image: str) -> None:
    ec2 = cloud.client("ec2")
    made = changed(cloud, image, "true")
    snapshot = layer(cloud, made).name
    ec2.deregister_image(ImageId=made)
    ec2.delete_snapshot(SnapshotId=snapshot)
    until(lambda: not list(runs.disks().glob(f"*/disks/{snapshot}*")), what="the snapshot's disk gone")
