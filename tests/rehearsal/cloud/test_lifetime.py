"""The rehearsal's cloud leaves nothing behind, however it ends, and moto is moto again afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from rehearsal.cloud.cloud import Cloud
from rehearsal.servers.process import ProcessMachines
from steps.runtime.signals import interruptible
from tests.rehearsal.boto3_stack import stack, until
from tests.rehearsal.scenario.test_load import gone

ROOT = Path(__file__).parents[3]
REHEARSAL = """
import pathlib, sys, time
from rehearsal.cloud.cloud import Cloud
from tests.rehearsal.boto3_stack import stack, until
with Cloud(pathlib.Path(sys.argv[1]), boot_seconds=0.1) as cloud:
    s = stack(cloud)
    s.group("group", s.template("template"))
    (server,) = until(lambda: s.members("group"), what="in service")
    print(cloud.machines.pid(instance_id=server), flush=True)
    time.sleep(600)
"""


def test_closed_cloud_leaves_no_process_port_or_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with Cloud(tmp_path, boot_seconds=0.1) as cloud:
        s = stack(cloud)
        s.group("group", s.template("template"))
        (server,) = until(lambda: s.members("group"), what="in service")
        machines = cloud.machines
        assert isinstance(machines, ProcessMachines)
        pid = machines.pid(instance_id=server)
        assert pid is not None
    assert gone(pid)
    until(lambda: set(threading.enumerate()) <= before, what="no thread of the cloud left")
    for port in (s.port, int(cloud.endpoint.rpartition(":")[2])):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
    cloud.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_machines_die_with_the_cloud(tmp_path: Path, number: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", REHEARSAL, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, preexec_fn=interruptible,
    )  # fmt: skip
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert not gone(pid)
    parent.send_signal(number)
    parent.wait(timeout=60)
    parent.stdout.close()
    until(lambda: gone(pid), what="the machine gone")


def test_second_cloud_in_a_process_is_refused_until_the_first_is_closed(tmp_path: Path) -> None:
    with Cloud(tmp_path / "1") as first:
        with pytest.raises(RuntimeError, match="open in this process already"):
            Cloud(tmp_path / "2").start()
        first.client("ec2").create_key_pair(KeyName="forgotten")
    with Cloud(tmp_path / "3") as third:
        assert third.client("ec2").describe_key_pairs()["KeyPairs"] == []


def test_moto_is_as_it_was_when_no_cloud_is_open(tmp_path: Path) -> None:
    with Cloud(tmp_path):
        pass
    with mock_aws():
        ec2 = boto3.client("ec2", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
        image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        run = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]
        assert ec2.describe_instances(InstanceIds=[run["InstanceId"]])["Reservations"][0]["Instances"][0]["State"] == {
            "Code": 16, "Name": "running",
        }  # fmt: skip


def test_environment_leads_a_child_to_the_cloud(tmp_path: Path) -> None:
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    with Cloud(tmp_path) as cloud:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        answer = subprocess.run(
            [sys.executable, "-c", script], env={**inherited, **cloud.environment}, text=True, capture_output=True,
            check=True,
        )  # fmt: skip
    assert answer.stdout.strip() == cloud.account
