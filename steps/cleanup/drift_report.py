"""How a group differs from its release record: reported before it is deleted, so that drift does not go unnoticed.

It only tells. Whatever goes wrong here is told too, and stops nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from core import release_record, server_groups
from core.aws import error_reason
from core.progress import Backoff
from steps.runtime.command import Context

if TYPE_CHECKING:
    from types_boto3_autoscaling.type_defs import AutoScalingGroupTypeDef

# A server that does not answer must not hold a deletion up.
SERVER_SECONDS = 60
SHOWN_LINES, LONGEST_LINE = 15, 200
# Files that differ from their package's (dpkg(1), --verify), and packages that came after the image was sealed:
# sealing empties dpkg's log, so what it says happened on the server.
LOOK = (
    "command -v dpkg >/dev/null || { echo 'no dpkg here: packages are not compared'; exit 0; }; "
    "dpkg --verify 2>/dev/null | sed 's/^/changed: /' | head -n 40; "
    "grep -hE ' (install|upgrade|remove|purge) ' /var/log/dpkg.log 2>/dev/null | sed 's/^/package: /' | head -n 40"
)


def report_drift(context: Context, *, group: str, target_group: str) -> None:
    """Reports on a group that is about to be deleted. Raises nothing of AWS's."""
    say = context.progress.line
    try:
        found = context.aws.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
        if not found:
            say(f"drift report of {group}: somebody has deleted it already")
            return
        targets = [
            target.id for target in server_groups.read_targets(context.aws, target_group) if target.state != "draining"
        ]
        lines = list(differences(found[0], targets))
        for line in lines or ["as it was launched"]:
            say(f"drift report of {group}: {line}")
        servers = [one["InstanceId"] for one in found[0].get("Instances", []) if one["LifecycleState"] == "InService"]
        for line in _server(context, servers[0]) if servers else ["no server is in service, so none is looked into"]:
            say(f"drift report of {group}: {line}")
    except (ClientError, BotoCoreError) as error:
        say(f"drift report of {group}: not done ({error_reason(error)}); the group is deleted all the same")
    except Exception as error:  # a fault of this report must not keep a group alive
        say(f"drift report of {group}: not done ({error!r}); the group is deleted all the same")


def differences(group: AutoScalingGroupTypeDef, targets: list[str]) -> Iterator[str]:
    """How a group differs from its release record and from what its own launch template makes. Pure."""
    tags = {tag["Key"]: tag.get("Value", "") for tag in group.get("Tags", [])}
    members = group.get("Instances", [])
    ids = [one["InstanceId"] for one in members]
    born = release_record.decode_launch(tags.get(release_record.LAUNCHED, "")).get("servers")
    if not isinstance(born, int):
        yield "it has no release record"
    elif len(ids) != born:
        yield f"{born} servers were launched, {len(ids)} are deleted"
    template = server_groups.template_of(group)
    for one in members:
        made = one.get("LaunchTemplate", {})
        if (made.get("LaunchTemplateId"), made.get("Version")) != (
            template.get("LaunchTemplateId"),
            template.get("Version"),
        ):
            yield f"{one['InstanceId']} was made by another launch template ({_named(made)}, not {_named(template)})"
    if tags.get("phoenix:generation") != tags.get(server_groups.VERIFIED):
        yield (
            f"its generation is {tags.get('phoenix:generation', 'none')}, "
            f"and {tags.get(server_groups.VERIFIED, 'none')} was verified"
        )
    strange = sorted(key for key in tags if not key.startswith("phoenix:") and key != "Name")
    if strange:
        yield f"tags that Phoenix did not write: {', '.join(strange)}"
    foreign = [target for target in targets if target not in ids]
    if foreign:
        yield f"targets that its group did not register: {', '.join(foreign)}"
    unregistered = [one for one in ids if one not in targets]
    if unregistered:
        yield f"servers that are no targets any more: {', '.join(unregistered)}"


def _named(template: Mapping[str, object]) -> str:
    return f"{template.get('LaunchTemplateId', 'none')} version {template.get('Version', 'none')}"


def _server(context: Context, server: str) -> list[str]:
    """Changed files and packages of one server, by Systems Manager; or why they are not known."""
    ssm = context.aws.best_effort_ssm
    try:
        known = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [server]}])
        online = [one for one in known["InstanceInformationList"] if one.get("PingStatus") == "Online"]
        if not online:
            return [f"Systems Manager does not reach {server}: its files and packages are not looked at"]
        sent = ssm.send_command(
            InstanceIds=[server],
            DocumentName="AWS-RunShellScript",
            Parameters={"commands": [LOOK], "executionTimeout": [str(SERVER_SECONDS)]},
            TimeoutSeconds=SERVER_SECONDS,
        )
        output = _answer(context, str(sent["Command"]["CommandId"]), server)
    except (ClientError, BotoCoreError) as error:
        return [f"Systems Manager does not answer for {server} ({error_reason(error)}): its files are not looked at"]
    if output is None:
        return [f"{server} did not answer within {SERVER_SECONDS} s: its files and packages are not known"]
    lines = [line[:LONGEST_LINE] for line in output.splitlines() if line.strip()]
    more = [f"and {len(lines) - SHOWN_LINES} more"] if len(lines) > SHOWN_LINES else []
    return [f"{server}: {line}" for line in [*lines[:SHOWN_LINES], *more] or ["files and packages are the image's"]]


def _answer(context: Context, command: str, server: str) -> str | None:
    """What the command wrote, or None when it does not end in time or fails."""
    until = context.progress.bounded(SERVER_SECONDS)
    pace = Backoff(context.clock)
    while until.left():
        pace.wait(until, f"asking {server} for changed files and packages")
        try:
            said = context.aws.best_effort_ssm.get_command_invocation(CommandId=command, InstanceId=server)
        except context.aws.best_effort_ssm.exceptions.InvocationDoesNotExist:
            continue  # it takes a moment to be known
        if said["Status"] == "Success":
            return said["StandardOutputContent"]
        if said["Status"] not in {"Pending", "InProgress", "Delayed"}:
            return None
    return None
