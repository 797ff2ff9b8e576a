"""Each vendor's image, baked with its first boot at work: what the scripts make of it, and what they refuse."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bench.bakes import bake
from rehearsal.cloud.cloud import Cloud
from rehearsal.servers.images.profiles import PROFILES
from tests.rehearsal.boto3_stack import until, user_data
from tests.rehearsal.real_machines.host import launched, metal, needed, real_cloud

pytestmark = needed()
LLMNR = 5355


@dataclass(frozen=True, kw_only=True)
class Baked:
    base_image: str
    cloud: Cloud
    image: str
    said: str


@pytest.fixture(scope="module", params=list(PROFILES))
def baked(request: pytest.FixtureRequest) -> Iterator[Baked]:
    with real_cloud(request.param) as cloud:
        done = bake(cloud, "shop", base_image=request.param)
        yield Baked(base_image=request.param, cloud=cloud, image=done.image, said=done.said)


def test_a_bake_waits_for_the_first_boot_and_every_inspection_passes(baked: Baked) -> None:
    assert "the first boot still reads the archives: " in baked.said, "apt-daily held its lock when the scripts began"
    assert baked.said.count("/var/lib/apt/lists/lock") < 10, "it is told now and then, not all the time"
    for proof in ("security updates were read from", "tomcat10 answers on port", "no open port but the application's"):
        assert proof in baked.said
    agent = "snap.amazon-ssm-agent.amazon-ssm-agent" if "ubuntu" in baked.base_image else "amazon-ssm-agent"
    assert f"ok: {agent}.service starts at boot" in baked.said


def test_a_server_has_its_own_agent_its_application_and_nobody_else_to_ask(baked: Baked) -> None:
    machines, server = metal(baked.cloud), launched(baked.cloud, baked.image, user_data=user_data())
    until(lambda: opens(baked.cloud, server, 8080), what="the application")
    root = machines.root(server)
    registration = root / "var/lib/amazon/ssm/registration"
    until(lambda: registration.is_file() and registration.read_text() != "", what="the agent's start")
    assert registration.read_text() == (root / "etc/machine-id").read_text(), "not the machine that baked the image"
    assert [port for port in (22, LLMNR) if opens(baked.cloud, server, port)] == []
    packages = {line.split()[0] for line in (root / "etc/phoenix/packages").read_text().splitlines()}
    ubuntu = "ubuntu" in baked.base_image
    assert packages & {"unattended-upgrades", "snapd", "amazon-ssm-agent", "pollinate", "modemmanager", "apport"} == (
        {"snapd"} if ubuntu else {"amazon-ssm-agent"}
    )
    assert (root / "var/lib/snapd/held").is_file() == ubuntu
    for folder in ("etc/cloud-of-this-machine", "etc/systemd/system/first-boot.service", "usr/local/bin/gpgv"):
        assert not (root / folder).exists(), "what only a build machine has"


def test_the_vendors_image_itself_listens_as_its_vendors_does(baked: Baked) -> None:
    """Without this, that a server does not would prove nothing."""
    vendors = metal(baked.cloud).images[0].id
    server = launched(baked.cloud, vendors)
    if "debian" in baked.base_image:
        until(lambda: opens(baked.cloud, server, LLMNR), what="LLMNR on the vendor's image")
    until(lambda: opens(baked.cloud, server, 22), what="SSH on the vendor's image")
    baked.cloud.client("ec2").terminate_instances(InstanceIds=[server])


def test_an_agent_that_aws_did_not_sign_fails_the_bake_before_it_is_installed(baked: Baked) -> None:
    if "ubuntu" in baked.base_image:
        pytest.skip("Ubuntu's image has it")
    bucket = metal(baked.cloud).bucket
    bucket.broken = True
    try:
        with pytest.raises(SystemExit) as refused:
            bake(baked.cloud, "attacked", base_image=baked.base_image)
    finally:
        bucket.broken = False
    said = str(refused.value)
    assert "BAD signature" in said and "is not AWS's; nothing was installed from it" in said
    assert "Unpacking amazon-ssm-agent" not in said


def opens(cloud: Cloud, server: str, port: int) -> bool:
    """Whether somebody listens there."""
    with contextlib.suppress(OSError), metal(cloud).socket(instance_id=server) as made:
        made.settimeout(5)
        made.connect(("127.0.0.1", port))
        return True
    return False
