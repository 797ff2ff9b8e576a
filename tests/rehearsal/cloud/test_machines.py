"""What the local cloud asks of machines: a disk at rest before it is an image, and gone when nobody needs it."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Set
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from rehearsal.cloud.cloud import Cloud
from rehearsal.servers.container.sockets import EventLoopThread
from rehearsal.servers.network.log_collector import LogCollector
from rehearsal.servers.process import ProcessMachines
from tests.rehearsal.boto3_stack import running, until


class Slow(ProcessMachines):
    """Shuts down when it is let, and notes what becomes of its disks."""

    def __init__(self, workdir: Path) -> None:
        super().__init__(workdir)
        self.down = False
        self.keys: dict[str, str] = {}
        self.frozen: list[tuple[str, str, str]] = []
        self.kept: Set[str] = frozenset()

    def start(self, *, instance_id: str, image_id: str, user_data: str, public_key: str = "") -> None:
        self.keys[instance_id] = public_key
        super().start(instance_id=instance_id, image_id=image_id, user_data=user_data)

    def halted(self, *, instance_id: str) -> bool:
        return self.down

    def freeze(self, *, instance_id: str, image_id: str, snapshot_id: str) -> None:
        self.frozen.append((instance_id, image_id, snapshot_id))

    def keep(self, snapshots: Set[str]) -> None:
        self.kept = snapshots


@pytest.fixture
def machines(tmp_path: Path) -> Slow:
    return Slow(tmp_path)


@pytest.fixture
def cloud(machines: Slow, tmp_path: Path) -> Iterator[Cloud]:
    with Cloud(tmp_path / "cloud", machines=machines, boot_seconds=0) as opened:
        yield opened


def launched(cloud: Cloud, **settings: str) -> str:
    image = cloud.client("ec2").describe_images(Owners=["136693071363"])["Images"][0]["ImageId"]
    answer = cloud.client("ec2").run_instances(ImageId=image, MinCount=1, MaxCount=1, **settings)
    return running(cloud, answer["Instances"][0]["InstanceId"])


def state(cloud: Cloud, server: str) -> str:
    found = cloud.client("ec2").describe_instances(InstanceIds=[server])["Reservations"][0]["Instances"][0]
    return str(found["State"]["Name"])


def test_an_instance_is_stopping_until_its_machine_is_down(cloud: Cloud, machines: Slow) -> None:
    ec2, server = cloud.client("ec2"), launched(cloud)
    change = ec2.stop_instances(InstanceIds=[server])["StoppingInstances"][0]
    assert change["PreviousState"]["Name"] == "running"
    assert state(cloud, server) == "stopping"
    with pytest.raises(ClientError, match="IncorrectState"):
        ec2.create_image(InstanceId=server, Name="too early")
    machines.down = True
    until(lambda: state(cloud, server) == "stopped", what="stopped")
    image = ec2.create_image(InstanceId=server, Name="in time")["ImageId"]
    [(instance_id, image_id, snapshot_id)] = machines.frozen
    assert (instance_id, image_id) == (server, image)
    until(lambda: snapshot_id in machines.kept, what="the snapshot kept")
    ec2.deregister_image(ImageId=image)
    ec2.delete_snapshot(SnapshotId=snapshot_id)
    until(lambda: snapshot_id not in machines.kept, what="the snapshot let go")


def test_a_machine_gets_the_public_key_of_the_pair_that_it_was_launched_with(cloud: Cloud, machines: Slow) -> None:
    cloud.client("ec2").create_key_pair(KeyName="packer")
    assert machines.keys[launched(cloud, KeyName="packer")].startswith("ssh-rsa ")
    assert machines.keys[launched(cloud)] == ""


def test_forwarded_lines_are_kept_by_machine_counted_or_not() -> None:
    loop, collector = EventLoopThread("test"), LogCollector()
    listener = socket.create_server(("127.0.0.1", 0))
    server = loop.serve(collector.serving("i-1"), listener)
    try:
        with socket.create_connection(listener.getsockname()) as connection:
            connection.sendall(b"11 <13>1 a\nb c<13>a line\n")
        until(lambda: len(collector.lines("i-1")) == 2, what="two messages")
        assert collector.lines("i-1") == ["<13>1 a\nb c", "<13>a line"]
        assert collector.lines("i-2") == []
    finally:
        loop.loop.call_soon_threadsafe(server.close)
        loop.close()
