"""What an update that was killed left of AWS's guard over a promotion (`components.traffic_guard`); it does nothing.

Only a state has guards, and only the step promote arms them. So what no state knows watches nobody, though the group
may stand that it was meant for. A schedule has no tags: its description says whose it is. A list of schedules has no
descriptions, and one of documents has tags (API references of EventBridge Scheduler and Systems Manager).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from core.aws import CONFIG
from core.tags import UNKNOWN, ignore_not_found, tags_to_dict
from plan.readers.reads import Reads

Tagged = dict[str, dict[str, str]]
# What a schedule's description says, in this order.
DESCRIBED = ("stack", "color", "generation", "birth")


def is_part(name: str, prefix: str) -> bool:
    """Whether a guard's part may have such a name. `prefix`: SERVICE-STACK-."""
    return bool(re.fullmatch(re.escape(prefix) + "(blue|green)-guard-.*", name))


def describe(tags: Mapping[str, str]) -> str:
    """What a schedule's description says, from the tags that the rest of its guard has."""
    return " ".join(tags[f"phoenix:{key}"] for key in DESCRIBED if f"phoenix:{key}" in tags)


def find_parts(reads: Reads, prefix: str, known: frozenset[str]) -> Tagged:
    """Tags of schedules, rules (by ARN) and documents (document/NAME) with such names that the state does not hold."""
    asked = [reads.start(part, prefix, known) for part in PARTS]
    return {name: tags for one in asked for name, tags in one.result().items()}


def _schedules(reads: Reads, prefix: str, known: Collection[str]) -> Tagged:
    scheduler = reads.client("scheduler", config=CONFIG)
    pages = scheduler.get_paginator("list_schedules").paginate(NamePrefix=prefix)
    listed = [one for page in pages for one in page["Schedules"] if is_part(one["Name"], prefix)]
    found = {}
    for one in listed:
        group, name = one["GroupName"], one["Name"]
        if f"{group}/{name}" in known:
            continue
        with ignore_not_found(UNKNOWN):
            said = scheduler.get_schedule(GroupName=group, Name=name).get("Description", "").split()
            found[one["Arn"]] = {f"phoenix:{key}": value for key, value in zip(DESCRIBED, said, strict=False)}
    return found


def _rules(reads: Reads, prefix: str, known: Collection[str]) -> Tagged:
    events = reads.client("events", config=CONFIG)
    pages = events.get_paginator("list_rules").paginate(NamePrefix=prefix)
    arns = [one["Arn"] for page in pages for one in page["Rules"] if is_part(one["Name"], prefix)]
    found = {}
    for arn in [one for one in arns if one.rpartition("/")[2] not in known]:
        with ignore_not_found(UNKNOWN):
            found[arn] = tags_to_dict(events.list_tags_for_resource(ResourceARN=arn)["Tags"])
    return found


def _documents(reads: Reads, prefix: str, known: Collection[str]) -> Tagged:
    pages = (
        reads.client("ssm", config=CONFIG)
        .get_paginator("list_documents")
        .paginate(Filters=[{"Key": "Owner", "Values": ["Self"]}, {"Key": "DocumentType", "Values": ["Automation"]}])
    )
    return {
        f"document/{one['Name']}": tags_to_dict(one.get("Tags", []))
        for page in pages
        for one in page["DocumentIdentifiers"]
        if is_part(one["Name"], prefix) and one["Name"] not in known
    }


PARTS = (_schedules, _rules, _documents)
