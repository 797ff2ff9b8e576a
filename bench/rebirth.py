"""What a rebirth costs with real operating systems, in one run: each figure beside what it can't be below.

    python -m bench.rebirth [--rounds 3]        (root, Linux; everything is downloaded before anything is measured)

floor      the image's packages, installed by apt-get in a chroot of the same base image, through the same cache
bake       steps.image.bake: the real Packer with the project's template and scripts, to the image's id; the quickest by
           its parts; two bakes of one fingerprint are compared, file by file
least      the floor, and the bake's parts that are no script: the starts of step and Packer, boot, stop, image
boot       from the call that runs an instance to its first healthy answer
memory     of such a machine after 200 requests: the proportional share of every process in it (Pss, proc_pid_smaps(5))
rebirth    an update that bakes, boots, verifies, promotes and ends the old group, by its stages
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from bench import goals
from bench.bakes import bake, floor, listed
from rehearsal.cloud.cloud import Cloud
from rehearsal.scenario.local import REAL_SERVER_SETTINGS, engine_for, free_port
from rehearsal.scenario.project_copy import ProjectCopy
from rehearsal.servers import choice, runs
from rehearsal.servers.images import compare_images, debootstrap
from rehearsal.servers.nspawn import NspawnMachines
from rehearsal.servers.runs import Run

AGENT = "amazon-ssm-agent"
USER_DATA = {"write_files": [{"path": "/etc/phoenix/server.env", "content": "PHOENIX_PORT=8080\n"}]}


def main() -> int:
    """0 when everything could be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.rebirth", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="a floor and a bake each; the quickest of each counts")
    rounds = parser.parse_args().rounds
    runs.sweep()
    recipe = debootstrap.base_image_spec()
    choice.choose(choice.REAL, print, recipe)
    root = debootstrap.root_folder(recipe)
    with Run(runs.disks()) as run:
        machines = NspawnMachines(run, image=recipe.image, base=root, archive=debootstrap.archive_folder())
        with Cloud(run.folder / "cloud", machines=machines, boot_seconds=0) as cloud:
            # The agent of Systems Manager is in no archive.
            packages = sorted(installed(cloud, machines, bake(cloud, "download").image) - listed(root) - {AGENT})
            bakes, floors = [], []
            for number in range(rounds):
                floors.append(floor(run, root, packages))
                bakes.append(bake(cloud, f"bake{number}"))
            best, least = min(bakes, key=lambda one: one.seconds), min(floors)
            goals.note("bake", best.seconds / least)
            goals.note("least", (least + best.apart) / least)
            print(f"floor    {least:6.1f} s   {len(packages)} packages in a chroot ({_all(floors)})")
            print(
                f"bake     {best.seconds:6.1f} s   {best.seconds / least:.2f} x the floor "
                f"({_all(one.seconds for one in bakes)})"
            )
            print(
                f"least    {least + best.apart:6.1f} s   {(least + best.apart) / least:.2f} x the floor, "
                "if its scripts did nothing but install"
            )
            for name, seconds in best.parts:
                print(f"         {seconds:6.1f} s   {name}")
            twice(run, cloud, [one.image for one in bakes[:2]])
            boot_and_memory(cloud, machines, best.image)
        rebirth(run, recipe, root)
    return 0


def _all(seconds: Iterable[float]) -> str:
    return ", ".join(f"{one:.1f}" for one in seconds)


def booted(cloud: Cloud, image: str) -> str:
    answer = cloud.client("ec2").run_instances(
        ImageId=image,
        InstanceType="t3.small",
        MinCount=1,
        MaxCount=1,
        UserData="#cloud-config\n" + json.dumps(USER_DATA),
    )
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


def twice(run: Run, cloud: Cloud, images: list[str]) -> None:
    layers = []
    for one in cloud.client("ec2").describe_images(ImageIds=images)["Images"]:
        snapshot = one["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
        layers.append(run.folder / "disks" / snapshot)
    different = compare_images.compare_images(*layers)
    print(
        f"twins    {len(different)} files differ beyond what is stated, of "
        f"{sum(len(files) for _, _, files in os.walk(layers[0])):,} that a bake writes"
    )
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


def rebirth(run: Run, recipe: debootstrap.BaseImageSpec, root: Path) -> None:
    """One stack, born and then born again with one more script; the second update by its stages."""
    with Run(runs.disks()) as mine:
        machines = NspawnMachines(mine, image=recipe.image, base=root, archive=debootstrap.archive_folder())
        with Cloud(mine.folder / "cloud", machines=machines, boot_seconds=0) as cloud:
            shop = ProjectCopy(mine.folder / "project")
            engine = engine_for(
                shop.folder, mine.folder, cloud, {**REAL_SERVER_SETTINGS, "listenerPort": free_port()}, stand_in=True
            )
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
