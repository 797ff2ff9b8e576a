"""A drill asks first, takes no setting that reaches beyond it, sees what is there, and deletes that and nothing else.

The whole drill runs against the local cloud here, by its API alone, on each engine that this machine has.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from drill import __main__ as command
from drill import estimate, folder, settings
from drill.__main__ import main
from drill.folder import DrillRecord
from drill.left import DELETERS, Leftover, delete_leftovers, find_leftovers
from drill.observe import AccountWatch
from drill.place import cloud_of
from plan.config.settings import default_values
from rehearsal import PROJECT
from rehearsal.cloud.cloud import Cloud
from rehearsal.scenario.backend import add_bad_script
from rehearsal.scenario.record import AWS, LOCAL, read
from rehearsal.scenario.watch import sample
from steps.runtime.signals import interruptible
from tests.cycles.stack import ENGINES
from tests.rehearsal.boto3_stack import forward, in_service, stack, until
from tests.support.factories import settings as made

MINE = "drill/local"
OTHERS = "phoenix/local"


def test_somebody_has_decided_of_each_key_whether_a_drill_takes_it() -> None:
    assert set(default_values()) == settings.TAKEN | settings.LEFT_OUT
    assert not settings.TAKEN & settings.LEFT_OUT


@pytest.mark.parametrize("own", ["phoenix:", ""])
def test_a_drill_takes_what_makes_servers_and_nothing_that_reaches_beyond_it(own: str, tmp_path: Path) -> None:
    """`own`: a key without a namespace is the project's."""
    (tmp_path / "Pulumi.yaml").write_text("name: phoenix\n")
    text = (
        "config:\n  aws:region: eu-central-1\n  phoenix:service: shop\n  phoenix:instanceType: m7g.large\n"
        "  phoenix:listenerArn: arn:of:production\n  phoenix:hostname: shop.example.com\n  phoenix:protect: true\n"
        "  phoenix:imageSharedWith: [111122223333]\n  phoenix:canarySteps: [5]\n  other:instanceType: x\n"
        "  phoenix:previewToken:\n    secure: v1:abc\n"
    )
    (tmp_path / "Pulumi.prod.yaml").write_text(text.replace("phoenix:", own))
    found = settings.of_stack(tmp_path, "prod")
    assert found == {
        "aws:region": "eu-central-1",
        "instanceType": "m7g.large",
        "canarySteps": [5],
        "service": "drill",
        "active": "blue",
    }
    assert settings.parsed(found, "prod").identity == "drill/prod"
    assert settings.of_stack(tmp_path, "none", region="us-east-1") == {
        "aws:region": "us-east-1",
        "service": "drill",
        "active": "blue",
    }


@pytest.mark.parametrize(
    ("endpoints", "cloud"),
    [
        (("https://sts.eu-west-1.amazonaws.com", "https://ec2.eu-west-1.amazonaws.com"), AWS),
        (("https://sts.cn-north-1.amazonaws.com.cn/",), AWS),
        (("https://ec2.eu-west-1.api.aws",), AWS),
        (("https://sts.eu-west-1.amazonaws.com", "http://127.0.0.1:4566"), LOCAL),
        (("https://amazonaws.com.example.org",), LOCAL),
        (("http://sts.eu-west-1.amazonaws.com",), LOCAL),
    ],
)
def test_it_is_aws_only_when_every_call_goes_there(endpoints: tuple[str, ...], cloud: str) -> None:
    assert cloud_of(*endpoints) == cloud


def test_time_and_money_follow_the_settings_by_the_plans_own_estimates() -> None:
    small = made(service="drill", soak_seconds=600, canary_steps=())
    usual, most = estimate.seconds(small)
    assert usual < most
    watched = replace(small, soak_seconds=3600)
    assert estimate.seconds(watched)[0] == usual + 2 * 3000, "a soak is waited for there and back"
    assert estimate.servers(small) == 4
    cheap, lacks = estimate.cost(small, 3600)
    assert not lacks
    # Load balancer, a unit of its capacity, addresses, NAT gateway: for one hour 0.0905; five machines.
    assert cheap == pytest.approx(0.0905 + 5 * 0.0208 + 0.045 * 9, abs=0.02)
    assert estimate.cost(small, 3601)[0] == pytest.approx(2 * cheap, rel=0.4)
    assert estimate.cost(replace(small, vpc_id="vpc-12345678"), 3600)[0] < cheap - 0.4
    _, lacks = estimate.cost(replace(small, instance_type="x9.huge"), 1)
    assert "price of x9.huge is not known (pricePerHour)" in lacks
    assert estimate.cost(replace(small, price_per_hour="10 USD"), 3600)[0] == pytest.approx(cheap + 50, abs=0.2)
    words = "\n".join(estimate.words(small))
    assert "USD; list prices of us-east-1 noted on 2026-11-27" in words and "flip to green, with a bake" in words


def test_the_bad_image_starts_the_application_only_where_it_is_inspected(tmp_path: Path) -> None:
    shop: Any = SimpleNamespace(folder=tmp_path)
    (tmp_path / "image" / "provision").mkdir(parents=True)
    assert add_bad_script(shop) == "image/provision/70-a-mistake.sh is new"
    script = tmp_path / "image" / "provision" / "70-a-mistake.sh"
    folders = {"/etc/systemd": f"{tmp_path}/systemd", "/etc/phoenix/application": f"{tmp_path}/application"}
    text = script.read_text()
    for here, there in folders.items():
        text = text.replace(here, there)
    (tmp_path / "application").write_text("tomcat10.service\n")
    subprocess.run(["sh", "-c", text], check=True)
    [unit] = (tmp_path / "systemd/system/tomcat10.service.d").iterdir()
    [_, line] = unit.read_text().splitlines()
    # As root: the file is not the application's to read.
    begin, _, asked = line.partition("+/bin/grep ")
    assert begin == "ExecStartPre="
    for service, starts in (("inspection", 0), ("drill", 1)):
        (tmp_path / "server.env").write_text(f"PHOENIX_SERVICE={service}\nPHOENIX_COLOR=green\n")
        given = asked.replace("/etc/phoenix", str(tmp_path)).split()
        assert subprocess.run(["grep", *given], check=False).returncode == starts
    assert "PHOENIX_SERVICE=inspection" in (PROJECT / "image/inspect/40-application.sh").read_text()


@pytest.mark.parametrize(
    ("confirm", "answer", "words"),
    [
        ("123456789012", None, ""),
        ("", "123456789012", ""),
        ("", " yes\n", ""),
        (
            "210987654321",
            None,
            "--confirm says 210987654321, and the credentials lead to 123456789012; nothing was done",
        ),
        ("", "no", "nothing was done"),
        ("", "", "nothing was done"),
        ("", "EOF", "nothing was done"),
        ("", "210987654321", "nothing was done"),
    ],
)
def test_it_begins_only_when_somebody_who_knows_the_account_agrees(
    monkeypatch: pytest.MonkeyPatch, confirm: str, answer: str | None, words: str
) -> None:
    monkeypatch.setattr("drill.__main__.available.is_terminal", lambda: True)

    def asked(question: str) -> str:
        assert "123456789012" in question and answer is not None
        if answer == "EOF":
            raise EOFError
        return answer

    given: Any = SimpleNamespace(confirm=confirm)
    if not words:
        command.confirm(given, "123456789012", asked)
        return
    with pytest.raises(command.DrillError, match=words):
        command.confirm(given, "123456789012", asked)


def test_where_nobody_can_be_asked_nobody_has_agreed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drill.__main__.available.is_terminal", lambda: False)
    given: Any = SimpleNamespace(confirm="")
    with pytest.raises(command.DrillError, match=r"nothing was done\.\nDo: --confirm 123456789012"):
        command.confirm(given, "123456789012", lambda question: pytest.fail("nobody is there"))


def test_credentials_that_end_before_the_drill_does_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    scene: Any = SimpleNamespace(print=said.append)
    place: Any = SimpleNamespace(session=SimpleNamespace(get_credentials=lambda: None))
    for hours, refused in ((0.3, True), (9, False)):
        found = SimpleNamespace(ends=datetime.now(UTC) + timedelta(hours=hours), temporary=True)
        monkeypatch.setattr("drill.__main__.credentials.credential_lifetime", lambda _, found=found: found)
        if refused:
            with pytest.raises(command.DrillError, match="before the drill does, and nothing was done"):
                command.check_credentials(place, made(service="drill"), scene)
        else:
            command.check_credentials(place, made(service="drill"), scene)
    assert said == []
    monkeypatch.setattr(
        "drill.__main__.credentials.credential_lifetime", lambda _: SimpleNamespace(ends=None, temporary=True)
    )
    command.check_credentials(place, made(service="drill"), scene)
    assert "don't say when they end; they are needed for about" in said[0]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with Cloud(tmp_path / "cloud", boot_seconds=0.2, time_scale=0.1, minute_seconds=2) as opened:
        yield opened


def _tags(owner: str, kind: str) -> Any:
    return [{"ResourceType": kind, "Tags": [{"Key": "phoenix:stack", "Value": owner}]}]


def furnish(cloud: Cloud, owner: str, cidr: str) -> None:
    """One of each kind that a stack has in AWS, made through its API."""
    ec2, elbv2, iam = cloud.client("ec2"), cloud.client("elbv2"), cloud.client("iam")
    tag = [{"Key": "phoenix:stack", "Value": owner}]
    name = owner.replace("/", "-")
    vpc = ec2.create_vpc(CidrBlock=f"{cidr}.0.0/16", TagSpecifications=_tags(owner, "vpc"))["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc,
            CidrBlock=f"{cidr}.{number}.0/24",
            AvailabilityZone=f"{cloud.region}{zone}",
            TagSpecifications=_tags(owner, "subnet"),
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate("ab")
    ]
    gateway = ec2.create_internet_gateway(TagSpecifications=_tags(owner, "internet-gateway"))["InternetGateway"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=_tags(owner, "route-table"))["RouteTable"]
    ec2.associate_route_table(RouteTableId=table["RouteTableId"], SubnetId=subnets[0])
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=_tags(owner, "elastic-ip"))["AllocationId"]
    ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address, TagSpecifications=_tags(owner, "natgateway"))
    firewall = ec2.create_security_group(
        GroupName=name, Description="x", VpcId=vpc, TagSpecifications=_tags(owner, "security-group")
    )["GroupId"]
    ec2.create_volume(AvailabilityZone=f"{cloud.region}a", Size=1, TagSpecifications=_tags(owner, "volume"))
    ec2.create_key_pair(KeyName=name, TagSpecifications=_tags(owner, "key-pair"))
    base = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    built = ec2.run_instances(
        ImageId=base,
        MinCount=1,
        MaxCount=1,
        SubnetId=subnets[0],
        SecurityGroupIds=[firewall],
        TagSpecifications=_tags(owner, "instance"),
    )["Instances"][0]["InstanceId"]
    until(
        lambda: (
            ec2.describe_instances(InstanceIds=[built])["Reservations"][0]["Instances"][0]["State"]["Name"] == "running"
        ),
        what="a build machine",
    )
    image = ec2.create_image(
        InstanceId=built,
        Name=name,
        TagSpecifications=[
            {"ResourceType": "image", "Tags": [*tag, {"Key": "phoenix:service", "Value": owner.split("/")[0]}]},
            {"ResourceType": "snapshot", "Tags": tag},
        ],
    )["ImageId"]
    cloud.client("ssm").put_parameter(
        Name=f"/phoenix/{owner.split('/')[0]}/images/{image}/packages/1", Value="x", Type="String"
    )
    template = ec2.create_launch_template(
        LaunchTemplateName=name,
        LaunchTemplateData={"ImageId": image, "InstanceType": "t3.small"},
        TagSpecifications=_tags(owner, "launch-template"),
    )["LaunchTemplate"]["LaunchTemplateId"]
    balancer = elbv2.create_load_balancer(Name=name, Subnets=subnets, Tags=tag)["LoadBalancers"][0]["LoadBalancerArn"]
    target = elbv2.create_target_group(Name=name, Protocol="HTTP", Port=8080, VpcId=vpc, Tags=tag)["TargetGroups"][0][
        "TargetGroupArn"
    ]
    listener = elbv2.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTP",
        Port=20000 + int(cidr.split(".")[1]),
        Tags=tag,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
    )["Listeners"][0]["ListenerArn"]
    elbv2.create_rule(
        ListenerArn=listener,
        Priority=1,
        Actions=[forward({target: 1})],
        Tags=tag,
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}],
    )
    cloud.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=name,
        LaunchTemplate={"LaunchTemplateId": template, "Version": "1"},
        MinSize=1,
        MaxSize=1,
        VPCZoneIdentifier=subnets[0],
        TargetGroupARNs=[target],
        Tags=[{"Key": "phoenix:stack", "Value": owner, "PropagateAtLaunch": True}],
    )
    iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}", Tags=tag)
    iam.put_role_policy(
        RoleName=name,
        PolicyName="x",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}]}
        ),
    )
    iam.create_instance_profile(InstanceProfileName=name, Tags=tag)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        MetricName="m",
        Namespace="n",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        Tags=tag,
    )
    cloud.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody='{"widgets": []}')
    cloud.client("logs").create_log_group(logGroupName=f"/phoenix/{owner}/servers")


def test_what_is_there_is_seen_kind_by_kind_and_all_of_it_goes_and_nothing_of_others(cloud: Cloud) -> None:
    assert find_leftovers(cloud, MINE) == []
    furnish(cloud, MINE, "10.1")
    furnish(cloud, "drill/other", "10.2")
    before = find_leftovers(cloud, "drill/other")
    assert {one.kind for one in find_leftovers(cloud, MINE)} == set(DELETERS) == {one.kind for one in before}
    said: list[str] = []
    assert delete_leftovers(cloud, MINE, said.append, sleep=lambda _: time.sleep(0.5)) == []
    assert any("to be deleted yet: auto-scaling group drill-local" in text for text in said)
    assert find_leftovers(cloud, MINE) == []
    # Its servers come and go by themselves; everything else is as it was.
    assert {one for one in before if one.kind != "instance"} <= set(find_leftovers(cloud, "drill/other"))


def test_what_does_not_go_is_told_and_not_waited_for_without_end(cloud: Cloud) -> None:
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=_tags(MINE, "vpc"))["Vpc"]["VpcId"]
    # Somebody else's machine in the drill's network.
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")
    said: list[str] = []
    clock = iter(range(0, 100_000, 600))
    remains = delete_leftovers(cloud, MINE, said.append, sleep=lambda _: None, now=lambda: float(next(clock)))
    assert remains == [Leftover(kind="VPC", id=vpc)]
    assert f"waits: VPC {vpc}: DependencyViolation" in said


def test_the_watch_by_aws_answers_sees_what_the_local_clouds_own_watch_sees(cloud: Cloud) -> None:
    s = stack(cloud)
    target = s.target_group("green")
    tags = [
        {"Key": key, "Value": value}
        for key, value in {
            "phoenix:stack": MINE,
            "phoenix:color": "green",
            "phoenix:generation": "0123456789ab",
            "phoenix:verified": "0123456789ab",
        }.items()
    ]
    s.group("green", s.template("green"), targets=[target], Tags=[{**tag, "PropagateAtLaunch": False} for tag in tags])
    in_service(s, "green", 1)
    watch = AccountWatch(cloud.region, MINE, clients=cloud.client, search_seconds=0)
    seen, own = watch.take_sample(), sample(cloud.region, MINE)
    assert seen is not None and seen.groups == own.groups and seen.weights == own.weights == {}
    rule = s.rule({target: 100})
    elbv2 = cloud.client("elbv2")
    elbv2.add_tags(ResourceArns=[s.balancer, rule], Tags=[{"Key": "phoenix:stack", "Value": MINE}])
    elbv2.add_tags(ResourceArns=[rule], Tags=[{"Key": "phoenix:rule", "Value": "production"}])
    until(lambda: s.healthy(target), what="a healthy target")
    seen = watch.take_sample()
    assert seen is not None and seen.weights == sample(cloud.region, MINE).weights == {target: 100}
    [server] = s.members("green")
    assert [(one.kind, one.text.split()[0]) for one in watch.events if one.subject == server][-1] == (
        "health",
        "healthy",
    )
    elbv2.delete_rule(RuleArn=rule)
    gone, after = watch.take_sample(), watch.take_sample()
    assert gone is not None and after is not None and gone.weights == after.weights == {}


def test_a_watch_that_aws_does_not_answer_is_patient_and_then_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(service: str) -> Any:
        raise OSError("network is unreachable")

    watch = AccountWatch("eu-west-1", MINE, clients=none)
    assert watch.take_sample() is None
    monkeypatch.setattr("drill.observe.BLIND_SECONDS", -1.0)
    with pytest.raises(RuntimeError, match=r"AWS has not answered for .* network is unreachable"):
        watch.take_sample()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where drills keep what they need: not in the project."""
    monkeypatch.setattr(folder, "PARENT", tmp_path / "drills")
    return tmp_path / "drills"


BEGUN = DrillRecord(
    stack="local", account="123456789012", region="eu-west-1", profile="", endpoint="", date="2026-11-27"
)


def test_a_killed_drill_is_known_and_no_other_begins_before_it_is_clean(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with folder.locked("local"):
        folder.start(BEGUN)
        with pytest.raises(folder.BusyError, match="another process has the drill of local"), folder.locked("local"):
            pass
    assert folder.read_record("local") == BEGUN
    assert main(["--stack", "local", "--endpoint", "http://127.0.0.1:9", "--stand-in"]) == 1
    assert "was killed before its account was clean.\nDo: make drill-clean STACK=local" in capsys.readouterr().out
    with folder.locked("local"):
        folder.remove("local")
    assert not place.exists()


def test_what_a_killed_drill_left_running_is_ended_and_nothing_else(place: Path, tmp_path: Path) -> None:
    with folder.locked("local"):
        other, mine = (
            subprocess.Popen(["sleep", "60"], env={"PATH": os.environ["PATH"], "X": state}, preexec_fn=interruptible)
            for state in (f"{place}/locality/state", f"file://{place}/local/state")
        )
        until(lambda: folder._running(folder.folder_of("local")), what="a process of the drill")
        # Reaped, or it would stay in the list of processes.
        threading.Thread(target=mine.wait, daemon=True).start()
        assert folder.end_processes("local") == ["sleep"]
        assert mine.wait(10) == -signal.SIGINT
        assert other.poll() is None
        other.kill()
        other.wait()
        folder.remove("local")
    assert not place.exists()


def ask_for(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, *more: str) -> list[str]:
    """A drill's arguments, and the environment that `make cloud` prints."""
    for key in [key for key in os.environ if key.startswith("AWS_")]:
        monkeypatch.delenv(key)
    for key, value in cloud.environment.items():
        monkeypatch.setenv(key, value)
    return ["--stack", "local", "--endpoint", cloud.endpoint, "--stand-in", *more]


def test_nothing_is_made_where_nobody_agrees_or_something_is_there(
    cloud: Cloud, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ask_for(cloud, monkeypatch)
    made_by = len(cloud.client("ec2").describe_vpcs()["Vpcs"])
    assert main(arguments) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "drill in account 123456789012 (not AWS: calls go elsewhere), region eu-west-1" in said
    assert "cost: about" in said and "at most" in said and "phoenix:stack = drill/local" in said
    assert "nobody is there to be asked, and nothing was done. Do: --confirm 123456789012" in said
    cloud.client("ec2").create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=_tags(MINE, "vpc"))
    assert main([*arguments, "--confirm", "123456789012"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "has something with the tag phoenix:stack = drill/local: VPC vpc-" in said
    assert len(cloud.client("ec2").describe_vpcs()["Vpcs"]) == made_by + 1
    # Without its folder it is deleted by its tag, once somebody has agreed.
    assert main(["clean", *arguments]) == 1
    assert main(["clean", *arguments, "--confirm", "123456789012"]) == 0
    assert len(cloud.client("ec2").describe_vpcs()["Vpcs"]) == made_by
    assert not place.exists()


def test_in_an_account_no_stand_in_runs(capsys: pytest.CaptureFixture[str], place: Path) -> None:
    assert main(["--stack", "local", "--stand-in"]) == 1
    assert "in an account Pulumi itself runs" in capsys.readouterr().out


def start(cloud: Cloud, place: Path, monkeypatch: pytest.MonkeyPatch, engine: str, report: Path) -> list[str]:
    """A drill's whole command line, as a process of its own."""
    arguments = ask_for(cloud, monkeypatch, "--confirm", "123456789012", "--report", str(report))
    if engine != "stand-in":
        arguments.remove("--stand-in")
    code = (
        f"import sys; from pathlib import Path; from drill import folder; folder.PARENT = Path({str(place)!r});"
        "from drill.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    return [sys.executable, "-c", code, *arguments]


@pytest.mark.thorough
@pytest.mark.parametrize("engine", ENGINES)
def test_a_whole_drill_leaves_a_report_and_nothing_else(
    cloud: Cloud, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    done = subprocess.run(
        start(cloud, place, monkeypatch, engine, tmp_path / "report"),
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    record = read(tmp_path / "report" / "record.json")
    # Whoever leads its calls elsewhere has seen nothing of AWS.
    assert record.cloud == LOCAL and record.place == f"local {'stand-in' if engine == 'stand-in' else 'real engine'}"
    assert record.held[-2:] == ("a bad image", "the mistake is reverted")
    assert (record.figures["failed"], record.figures["left"]) == (0, 0)
    assert all(record.figures[f"{name}_seconds"] > 0 for name in ("bake", "birth", "flip", "way_back", "detection"))
    assert (tmp_path / "report" / "index.html").exists()
    assert "AWS shows nothing with the tag phoenix:stack = drill/local any more" in done.stdout
    assert find_leftovers(cloud, MINE) == [] and not place.exists()
    # For tools/evidence.py: pytest deletes its folders sooner or later.
    print((tmp_path / "report" / "record.json").read_text())


@pytest.fixture
def started(place: Path) -> Iterator[Callable[[list[str]], subprocess.Popen[str]]]:
    """Starts drills, of which nothing runs on after the test."""
    running: list[subprocess.Popen[str]] = []

    def start(line: list[str]) -> subprocess.Popen[str]:
        running.append(subprocess.Popen(line, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True))
        return running[-1]

    yield start
    for one in running:
        one.kill()
        one.wait()
    for pid in folder._running(folder.folder_of("local")):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.thorough
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_drill_that_is_ended_is_cleaned_by_itself_or_by_a_command(
    cloud: Cloud,
    place: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    engine: str,
    number: signal.Signals,
    started: Callable[[list[str]], subprocess.Popen[str]],
) -> None:
    line = start(cloud, place, monkeypatch, engine, tmp_path / "report")
    process = started(line)
    assert process.stdout is not None
    for said in process.stdout:
        if "packer: " in said:  # the first image is baked: the network is there, and everything else begins
            break
    until(
        lambda: {"auto-scaling group", "load balancer", "VPC"} <= {one.kind for one in find_leftovers(cloud, MINE)},
        what="servers of the drill",
        seconds=300,
    )
    process.send_signal(number)
    rest = process.stdout.read()
    assert process.wait() == (130 if number == signal.SIGTERM else -number)
    if number == signal.SIGKILL:
        assert find_leftovers(cloud, MINE)
        done = subprocess.run(
            [*line[:3], "clean", *line[3:]], cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        rest = done.stdout
        assert done.returncode == 0, rest[-4000:] + done.stderr[-2000:]
    assert "AWS shows nothing with the tag phoenix:stack = drill/local any more" in rest
    assert find_leftovers(cloud, MINE) == [] and not place.exists()
