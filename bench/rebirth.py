"""What a rebirth costs with real operating systems, in one run: each figure beside what it can't be below.

    python -m bench.rebirth [--rounds 2]        (root, Linux; everything is downloaded before anything is measured)

floor      the image's packages, installed by apt-get in a chroot of the same base image, through the same cache
bake       steps.bake: the real Packer with the project's template and scripts, to the image's id; two bakes of one
           fingerprint are compared, file by file
boot       from the call that runs an instance to its first healthy answer
memory     of such a machine after 200 requests: the proportional share of every process in it (Pss, proc_pid_smaps(5))
rebirth    an update that bakes, boots, verifies, promotes and ends the old group, by its stages
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rehearsal.cloud import Cloud
from rehearsal.engine.config import environment as cleaned
from rehearsal.machines import base, choice, runs, twins
from rehearsal.machines.box import Box, Spec
from rehearsal.machines.disks import fresh
from rehearsal.machines.nspawn import NspawnMachines
from rehearsal.machines.runs import Run
from rehearsal.story import REAL, engine_for, free_port
from rehearsal.workshop import PROJECT, Workshop

FINGERPRINT = "0123456789ab"
USER_DATA = {"write_files": [{"path": "/etc/phoenix/server.env", "content": "PHOENIX_PORT=8080\n"}]}
_INSTALL = """
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev"
printf '#!/bin/sh\\nexit 101\\n' >"$1/usr/sbin/policy-rc.d" && chmod 0755 "$1/usr/sbin/policy-rc.d"
chroot "$1" apt-get -qq update && chroot "$1" apt-get -qq -y full-upgrade
shift_to=$1; shift
chroot "$shift_to" apt-get -qq -y --no-install-recommends install "$@"
"""


def main() -> int:
    """0 when everything could be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.rebirth", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2, help="bakes and floors; the quickest of each counts")
    rounds = parser.parse_args().rounds
    runs.sweep()
    recipe = base.recipe()
    choice.choose(choice.REAL, print, recipe)
    root = base.root(recipe)
    with Run(runs.disks()) as run:
        machines = NspawnMachines(run, image=recipe.image, base=root, archive=base.archive_folder())
        with Cloud(run.folder / "cloud", machines=machines, boot_seconds=0) as cloud:
            bake(cloud, "download")
            bakes = [bake(cloud, f"bake{number}") for number in range(rounds)]
            images = [image for image, _ in bakes]
            packages = installed(cloud, machines, images[0]) - listed(root)
            floors = [floor(run, root, sorted(packages)) for _ in range(rounds)]
            quickest, least = min(seconds for _, seconds in bakes), min(floors)
            print(f"floor    {least:6.1f} s   {len(packages)} packages in a chroot ({_all(floors)})")
            print(f"bake     {quickest:6.1f} s   {quickest / least:.2f} x the floor ({_all([s for _, s in bakes])})")
            twice(run, cloud, images[:2])
            boot_and_memory(cloud, machines, images[0])
        rebirth(run, recipe, root)
    return 0


def _all(seconds: list[float]) -> str:
    return ", ".join(f"{one:.1f}" for one in seconds)


def timed(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def bake(cloud: Cloud, service: str) -> tuple[str, float]:
    """The image's id and the seconds that the step took."""
    asked = {"stack": f"{service}/bench", "account": cloud.account, "region": cloud.region, "service": service,
             "base_image": "debian-12", "fingerprint": FINGERPRINT}
    told = {f"PHOENIX_{key.upper()}": value for key, value in asked.items()}
    begun = time.monotonic()
    done = subprocess.run(
        ["sh", "steps/run", "bake"], cwd=PROJECT, env={**cleaned(cloud.environment), **told}, capture_output=True,
        text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr[-3000:])
    return str(json.loads(done.stdout)["image"]), time.monotonic() - begun


def listed(root: Path) -> set[str]:
    """Names of the packages that a tree has."""
    done = subprocess.run(
        ["dpkg-query", "--admindir", str(root / "var/lib/dpkg"), "--show", "--showformat", "${Package}\\n"],
        capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def booted(cloud: Cloud, image: str) -> str:
    answer = cloud.client("ec2").run_instances(
        ImageId=image, InstanceType="t3.small", MinCount=1, MaxCount=1,
        UserData="#cloud-config\n" + json.dumps(USER_DATA))
    return str(answer["Instances"][0]["InstanceId"])


def until(question: Callable[[], bool]) -> None:
    while not question():
        time.sleep(0.05)


def installed(cloud: Cloud, machines: NspawnMachines, image: str) -> set[str]:
    server = booted(cloud, image)
    until(lambda: server in machines.running())
    found = listed(machines.root(server))
    cloud.client("ec2").terminate_instances(InstanceIds=[server])
    until(lambda: server not in machines.running())
    return found


def floor(run: Run, root: Path, packages: list[str]) -> float:
    """Seconds for the bare installation."""
    with tempfile.TemporaryDirectory(dir=run.folder) as work, base.serving(base.archive_folder()) as proxy:
        folder = fresh(Path(work) / "disk")
        merged, log = str(folder / "merged"), Path(work) / "log"
        command = ["env", f"http_proxy={proxy}", "sh", "-ec", _INSTALL, "floor", merged, *packages]
        begun = time.monotonic()
        box = Box(Spec(lower=[str(root)], upper=str(folder / "upper"), work=str(folder / "work"), merged=merged,
                       command=command, console=str(log), network=False))
        if box.wait() != 0:
            raise SystemExit(log.read_text()[-3000:])
        return time.monotonic() - begun


def twice(run: Run, cloud: Cloud, images: list[str]) -> None:
    layers = []
    for one in cloud.client("ec2").describe_images(ImageIds=images)["Images"]:
        snapshot = one["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
        layers.append(run.folder / "disks" / snapshot)
    different = twins.differences(*layers)
    print(f"twins    {len(different)} files differ beyond what is stated, of "
          f"{sum(len(files) for _, _, files in os.walk(layers[0])):,} that a bake writes")
    for line in different[:20]:
        print(f"         {line}")


def boot_and_memory(cloud: Cloud, machines: NspawnMachines, image: str) -> None:
    begun = time.monotonic()
    server = booted(cloud, image)
    until(lambda: asked(machines, server) == 200)
    print(f"boot     {time.monotonic() - begun:6.1f} s   to the first healthy answer")
    for _ in range(200):
        asked(machines, server)
    print(f"memory   {memory(machines.cgroups(server)) / 2**20:6.0f} MB")
    cloud.client("ec2").terminate_instances(InstanceIds=[server])


def asked(machines: NspawnMachines, server: str) -> int:
    """The status of /health; 0 while there is no answer."""
    try:
        made = machines.socket(instance_id=server)
        made.settimeout(5)
        made.connect(("127.0.0.1", 8080))
        connection = http.client.HTTPConnection("127.0.0.1", 8080)
        connection.sock = made
        connection.request("GET", "/health", headers={"Connection": "close"})
        status = connection.getresponse().status
        connection.close()
        return status
    except OSError:
        return 0


def memory(groups: list[str]) -> int:
    """Bytes, of all processes in the first of the cgroups."""
    total = 0
    for file in Path(groups[0]).rglob("cgroup.procs"):
        for pid in file.read_text().split():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def rebirth(run: Run, recipe: base.Recipe, root: Path) -> None:
    """One stack, born and then born again with one more script; the second update by its stages."""
    with Run(runs.disks()) as mine:
        machines = NspawnMachines(mine, image=recipe.image, base=root, archive=base.archive_folder())
        with Cloud(mine.folder / "cloud", machines=machines, boot_seconds=0) as cloud:
            shop = Workshop(mine.folder / "project")
            engine = engine_for(shop.folder, mine.folder, cloud, {**REAL, "listenerPort": free_port()}, stand_in=True)
            shop.commit("Configure the stack")
            engine.up()
            shop.add_log_collector()
            engine.config_set("active", "green")
            shop.commit("Collect logs, in a green group")
            begun = time.monotonic()
            done = engine.up()
            total = time.monotonic() - begun
    if not done.ok:
        raise SystemExit(done.text[-3000:])
    print(f"rebirth  {total:6.1f} s")
    commands = [item for item in done.operations if "command" in item.type and item.seconds >= 0.5]
    for item in commands:
        print(f"  {item.started:6.1f} s  {item.seconds:6.1f} s  {item.op} {item.name}")


if __name__ == "__main__":
    sys.exit(main())
