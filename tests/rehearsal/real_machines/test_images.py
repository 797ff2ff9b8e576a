"""Each vendor's image, baked with its first boot at work: what the scripts make of it, and what they refuse."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.bakes import bake
from rehearsal import PROJECT
from rehearsal.cloud.cloud import Cloud
from rehearsal.servers.images.profiles import PROFILES
from tests.rehearsal.boto3_stack import until, user_data
from tests.rehearsal.real_machines.host import booted, inside, launched, metal, needed, real_cloud

pytestmark = needed()
LLMNR = 5355
DROP_IN = "/run/systemd/system/$(cat /etc/phoenix/application).d"
LOOSENED = {
    # What another script or a package might bring: who notices it, what is done, what undoes it, and what is said.
    "a listener over UDP": (
        "80-hardening.sh",
        """systemd-run --quiet -u loose python3 -c 'import socket, time
s = socket.socket(2, 2); s.bind(("", 5000)); time.sleep(600)'; sleep 1""",
        "systemctl stop loose",
        "Something answers over UDP that should not: 0.0.0.0:5000",
    ),
    "a setting of the network at the next boot": (
        "85-isolation.sh",
        "echo net.ipv6.conf.all.accept_redirects=1 >/etc/sysctl.d/zzz.conf",
        "rm /etc/sysctl.d/zzz.conf",
        "A server's kernel would not have net.ipv6.conf.*.accept_redirects = 0",
    ),
    "a setting of the network now": (
        "85-isolation.sh",
        "echo 1 >/proc/sys/net/ipv4/conf/lo/send_redirects",
        "echo 0 >/proc/sys/net/ipv4/conf/lo/send_redirects",
        "The kernel has 1 in /proc/sys/net/ipv4/conf/lo/send_redirects, and not 0.",
    ),
    **{
        f"{name} of the kernel": (
            "85-isolation.sh",
            f"echo {name}={value} >/etc/sysctl.d/zzz.conf",
            "rm /etc/sysctl.d/zzz.conf",
            f"A server's kernel would not have {name} = ",
        )
        for name, value in {
            "kernel.yama.ptrace_scope": "0",
            "kernel.unprivileged_bpf_disabled": "0",
            "kernel.kexec_load_disabled": "0",
            "kernel.core_pattern": "core",
        }.items()
    },
    "a unit that keeps less to itself": (
        "85-isolation.sh",
        f"mkdir -p {DROP_IN}; printf '[Service]\\nSystemCallFilter=\\nProtectProc=default\\n' >{DROP_IN}/zz-loose.conf",
        f"rm {DROP_IN}/zz-loose.conf",
        "is more exposed than it was: ",
    ),
    "core dumps": (
        "85-isolation.sh",
        f"mkdir -p {DROP_IN}; printf '[Service]\\nLimitCORE=infinity\\n' >{DROP_IN}/zz-loose.conf",
        f"rm {DROP_IN}/zz-loose.conf",
        ".service would write core dumps.",
    ),
    "configuration that Tomcat may write": (
        "40-application.sh",
        f"""mkdir -p {DROP_IN}; printf '[Service]\\nReadWritePaths=/etc/%%p\\n' >{DROP_IN}/zz-loose.conf
chmod 0777 /etc/tomcat10/Catalina""",
        f"rm {DROP_IN}/zz-loose.conf; chmod 0755 /etc/tomcat10/Catalina",
        "The user of tomcat10.service could change more than logs, caches and data of its own: /etc/tomcat10/Catalina",
    ),
    "applications that Tomcat takes up": (
        "40-application.sh",
        "sed -i 's/deployXML=.false./deployXML=\"true\"/' /etc/tomcat10/server.xml",
        "sed -i 's/deployXML=.true./deployXML=\"false\"/' /etc/tomcat10/server.xml",
        "Tomcat would take up applications or configuration by itself.",
    ),
}
INSPECTIONS = ("40-application.sh", "80-hardening.sh", "85-isolation.sh")
# On a server the rehearsal's metadata service listens; the inspections are made for a machine that bakes.
AS_WHEN_BAKED = """set -eu
systemctl stop "$(cat /etc/phoenix/application)"
mkdir -p /run/shim /run/app
cat >/run/app/inspect.sh
printf '#!/bin/sh\\n/usr/bin/ss "$@" | grep -v 169.254.169.254 || true\\n' >/run/shim/ss
chmod 0755 /run/shim/ss"""


@dataclass(frozen=True, kw_only=True)
class Baked:
    base_image: str
    cloud: Cloud
    image: str
    log: str
    """What Packer wrote."""


@pytest.fixture(scope="module", params=list(PROFILES))
def baked(request: pytest.FixtureRequest) -> Iterator[Baked]:
    with real_cloud(request.param) as cloud:
        done = bake(cloud, "shop", base_image=request.param)
        [log] = set(re.findall(r"\S+\.log", done.said))
        yield Baked(base_image=request.param, cloud=cloud, image=done.image, log=Path(log).read_text())


def test_a_bake_waits_for_the_first_boot_and_every_inspection_passes(baked: Baked) -> None:
    assert "the first boot still reads the archives: " in baked.log, "apt-daily held its lock when the scripts began"
    assert baked.log.count("/var/lib/apt/lists/lock") < 10, "it is told now and then, not all the time"
    for proof in (
        "security updates were read from",
        "tomcat10.service answers /health on port",
        "no open port but the application's",
    ):
        assert proof in baked.log
    agent = "snap.amazon-ssm-agent.amazon-ssm-agent" if "ubuntu" in baked.base_image else "amazon-ssm-agent"
    assert f"ok: {agent}.service starts at boot" in baked.log


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


def test_an_inspection_notices_what_was_loosened(baked: Baked) -> None:
    """On one machine, one after another: each is noticed, and before and after it the inspection is content."""
    server = launched(baked.cloud, baked.image, user_data=user_data())
    until(lambda: opens(baked.cloud, server, 8080), what="the application")

    def inspect(script: str) -> str:
        program = (PROJECT / "image" / "inspect" / script).read_text()
        done = inside(baked.cloud, server, "PHOENIX_APP=/run/app PATH=/run/shim:$PATH sh", program=program)
        return f"{done.returncode} {done.stdout}{done.stderr}"

    def do(command: str, program: str = "") -> None:
        done = inside(baked.cloud, server, command, program=program)
        assert done.returncode == 0, (command, done.stderr)

    do(AS_WHEN_BAKED, (PROJECT / "image" / "app" / "inspect.sh").read_text())
    for script in INSPECTIONS:
        assert inspect(script).startswith("0 ok: "), inspect(script)
    for name, (script, loosen, undo, words) in LOOSENED.items():
        do(loosen)
        said = inspect(script)
        do(undo)
        assert said.startswith("1 ") and words in said, (name, said)
    for script in INSPECTIONS:
        assert inspect(script).startswith("0 ok: "), "nothing else was noticed"
    baked.cloud.client("ec2").terminate_instances(InstanceIds=[server])


def test_root_of_a_machine_is_nobody_on_this_host(baked: Baked) -> None:
    machines = metal(baked.cloud)
    if not machines.own_users:
        pytest.skip("this host's kernel can't show disks to users of their own")
    server = launched(baked.cloud, baked.image, user_data=user_data())
    booted(baked.cloud, server)
    assert inside(baked.cloud, server, "cat /proc/1/uid_map; echo made >/root/made").stdout.split()[0] == "0"
    seen, first = machines.root(server) / "root/made", machines.first_user(server)
    assert first >= 65536 and seen.stat().st_uid == first, "as this host sees it"
    assert [(one / "root/made").stat().st_uid for one in machines.written(server)[:1]] == [0], "as its disk keeps it"
    assert inside(baked.cloud, server, "echo 1 >/proc/sys/kernel/sysrq").returncode != 0, "the kernel is not its own"
    baked.cloud.client("ec2").terminate_instances(InstanceIds=[server])


def test_a_machine_makes_no_device(baked: Baked) -> None:
    """It shares this host's kernel: with a disk's device it would have the host's disk."""
    server = launched(baked.cloud, baked.image, user_data=user_data())
    until(lambda: opens(baked.cloud, server, 8080), what="the application")
    made = inside(baked.cloud, server, "systemd-run --quiet --wait --pipe mknod /root/disk b 254 0")
    assert made.returncode == 1 and "Operation not permitted" in made.stderr
    baked.cloud.client("ec2").terminate_instances(InstanceIds=[server])


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
