"""How long a bad image goes unnoticed: by `up`, and by the AWS provider's own wait for healthy servers.

    python -m bench.detection [--wait 10m] [--boot 30] [--plugin-dir DIR]

Both run on one local cloud whose clock is AWS's own (not the rehearsal's quick one), from the same launch template,
with the same number of servers, health check and grace period (`--boot`, seconds). Measured is from the call that
creates the auto-scaling group until the command has failed. `up` may take 900 s (verifyTimeoutSeconds, its default);
the provider waits for `min_elb_capacity` as long as its wait_for_capacity_timeout says (10 minutes is its default), by
Terraform with the AWS provider. Terraform has to be on PATH; `--plugin-dir` is where its provider lies when there is no
registry.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.terraform import aws_provider
from rehearsal import PROJECT
from rehearsal.cloud.cloud import Cloud
from rehearsal.engine import choose
from rehearsal.scenario.local import environment, free_port
from rehearsal.scenario.project_copy import ProjectCopy

IMAGES = {"in a crash loop": "dies-after=0", "never answers": "never-answers"}
CREATE = "autoscaling:CreateAutoScalingGroup"
SERVERS = 2
INTERVAL = 10  # seconds between two health checks, the program's default


@dataclass(frozen=True, kw_only=True)
class Found:
    """Seconds from the group's birth until a command failed, and the end of what it said."""

    seconds: float
    said: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wait", default="10m", help="the provider's wait_for_capacity_timeout (10m, its default)")
    parser.add_argument("--boot", type=int, default=30, help="bootSeconds, the grace period of both (30)")
    parser.add_argument("--plugin-dir", default="", help="terraform's -plugin-dir")
    parser.add_argument("--image", choices=IMAGES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.image:
        print(json.dumps([asdict(one) for one in measure(given)]))
        return 0
    if shutil.which("terraform") is None:
        parser.error(
            "terraform is not on PATH, so the provider's wait can't be measured: "
            "install it from https://developer.hashicorp.com/terraform/install"
        )
    # A process holds one local cloud: each image gets a process, and both are measured in one run.
    again = [sys.executable, "-m", "bench.detection", *sys.argv[1:], "--image"]
    running = {
        image: subprocess.Popen([*again, image], stdout=subprocess.PIPE, text=True, cwd=PROJECT) for image in IMAGES
    }
    print(
        f"{SERVERS} servers, bootSeconds {given.boot}, a health check every {INTERVAL} s; the provider's limit is "
        f"{given.wait}, that of `up` 900 s. Seconds from the group's birth to the failed command:\n",
        flush=True,
    )
    broken = False
    for image, process in running.items():
        text = process.communicate()[0]
        if process.returncode:
            broken = True
            print(f"an image that {image}: not measured")
            continue
        ours, wait = (Found(**one) for one in json.loads(text))
        print(
            f"image {image}: up {ours.seconds:.0f} s, provider {wait.seconds:.0f} s, "
            f"{wait.seconds / ours.seconds:.1f} times as long\n  up: {ours.said}\n  provider: {wait.said}\n"
        )
    return int(broken)


def measure(given: argparse.Namespace) -> tuple[Found, Found]:
    """What `up` and then the provider make of one image. Raises RuntimeError when one of them does not fail."""
    with tempfile.TemporaryDirectory() as folder:
        workdir = Path(folder)
        shop = ProjectCopy(workdir / "project")
        with Cloud(workdir / "cloud") as cloud:
            engine = choose(
                shop.folder,
                "local",
                workdir / "engine",
                environment(cloud),
                {
                    "environment": {"REHEARSAL_FAULT": IMAGES[given.image]},
                    "bootSeconds": given.boot,
                    "verifyTimeoutSeconds": 900,
                    "healthCheckIntervalSeconds": INTERVAL,
                    "minSize": SERVERS,
                    "listenerPort": free_port(),
                },
                secrets={"previewToken": secrets.token_urlsafe(24)},
            )
            shop.commit("An image that is ill")
            done = engine.up()
            if done.ok:
                raise RuntimeError(f"this update ought to have failed:\n{done.text}")
            ours = Found(seconds=time.time() - born(cloud), said=reason(done.text))
            return ours, wait(cloud, workdir / "terraform", given)


def born(cloud: Cloud) -> float:
    """When the newest group was asked for, in seconds since the epoch."""
    return max(call.t for call in cloud.calls.seen if call.name == CREATE)


def reason(text: str) -> str:
    """Of what `up` printed, why the group was not verified."""
    why = re.search(r"Why:\s+(?:PHX-\d+: )?(.+)", text)
    seen = re.search(r"Target\.\w+", text)
    return f"{why[1] if why else 'no reason'} ({seen[0] if seen else 'no health check was made'})"


def wait(cloud: Cloud, folder: Path, given: argparse.Namespace) -> Found:
    """The provider's wait for a group from the same template as the one that is there."""
    folder.mkdir()
    (folder / "main.tf.json").write_text(json.dumps(project(cloud, given)))
    surroundings = {
        **{key: value for key, value in os.environ.items() if not key.startswith("AWS_")},
        **cloud.environment,
    }
    begin = ["terraform", "init", "-no-color", *([f"-plugin-dir={given.plugin_dir}"] if given.plugin_dir else [])]
    subprocess.run(begin, cwd=folder, env=surroundings, check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run(
        ["terraform", "apply", "-no-color", "-auto-approve"],
        cwd=folder,
        env=surroundings,
        capture_output=True,
        text=True,
    )
    ended = time.time()
    said = [line.strip(" │╷╵") for line in done.stderr.splitlines()]
    if not done.returncode or not any("waiting for Auto Scaling Group" in line for line in said):
        raise RuntimeError(f"the provider was to fail in its wait:\n{done.stdout}{done.stderr}")
    return Found(seconds=ended - born(cloud), said=next(line for line in said if "Error" in line))


def project(cloud: Cloud, given: argparse.Namespace) -> dict[str, Any]:
    """A Terraform project: a second group like the one that is there, behind the same load balancer."""
    [group] = cloud.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    elb = cloud.client("elbv2")
    [balancer] = elb.describe_load_balancers()["LoadBalancers"]
    listener = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"][0]
    [target] = elb.describe_target_groups(TargetGroupArns=group["TargetGroupARNs"])["TargetGroups"]
    template = group["LaunchTemplate"]
    check = {
        "path": target["HealthCheckPath"],
        "interval": target["HealthCheckIntervalSeconds"],
        "timeout": target["HealthCheckTimeoutSeconds"],
        "healthy_threshold": target["HealthyThresholdCount"],
        "unhealthy_threshold": target["UnhealthyThresholdCount"],
    }
    return {
        **aws_provider(cloud.region),
        "resource": {
            "aws_lb_target_group": {
                "waited": {"port": target["Port"], "protocol": "HTTP", "vpc_id": target["VpcId"], "health_check": check}
            },
            "aws_lb_listener_rule": {
                "waited": {
                    "listener_arn": listener["ListenerArn"],
                    "priority": 900,
                    "action": {"type": "forward", "target_group_arn": "${aws_lb_target_group.waited.arn}"},
                    "condition": {"path_pattern": {"values": ["/waited"]}},
                }
            },
            "aws_autoscaling_group": {
                "waited": {
                    "min_size": SERVERS,
                    "max_size": SERVERS,
                    "min_elb_capacity": SERVERS,
                    "wait_for_capacity_timeout": given.wait,
                    "health_check_type": "ELB",
                    "health_check_grace_period": given.boot,
                    "vpc_zone_identifier": group["VPCZoneIdentifier"].split(","),
                    "launch_template": {"id": template["LaunchTemplateId"], "version": template["Version"]},
                    "target_group_arns": ["${aws_lb_target_group.waited.arn}"],
                    "depends_on": ["aws_lb_listener_rule.waited"],
                }
            },
        },
    }


if __name__ == "__main__":
    sys.exit(main())
