"""The word of a person that a canary waits for, as two parameters of Systems Manager that different people may write.

    /phoenix-approvals/SERVICE/STACK/request   by whoever deploys: which share of which generation waits, since when
    /phoenix-approvals/SERVICE/STACK/answer    by whoever approves: the same words, and yes or no

An answer counts for the one request that it repeats, down to the second at which that began: not for another share, nor
for another attempt at the same generation. Who may write which is IAM's (docs/iam/hold.json, docs/iam/approve.json).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from core.aws import error_code

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

APPROVE, REJECT = "approve", "reject"
# A standard parameter holds 4096 characters.
REASON = 500


def folder(stack: str) -> str:
    return f"/phoenix-approvals/{stack}"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What waits: `color` in its `generation` has `share` percent of production; `since` (ISO 8601) it asks."""

    color: str
    generation: str
    share: int
    since: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`decision` about a request; `by`: who says so of themselves; the `reason` of a no."""

    request: Request
    decision: str
    by: str = ""
    reason: str = ""


def ask(ssm: SSMClient, stack: str, request: Request) -> None:
    """Says what waits, where whoever approves looks."""
    ssm.put_parameter(Name=f"{folder(stack)}/request", Value=_text(request), Type="String", Overwrite=True)


def asked(ssm: SSMClient, stack: str) -> Request | None:
    """What waits; None when nothing does."""
    said = _read(ssm, f"{folder(stack)}/request")
    share, texts = said.get("share"), [said.get(key) for key in ("color", "generation", "since")]
    if not isinstance(share, int) or not all(isinstance(text, str) for text in texts):
        return None  # nothing is there, or somebody wrote over it
    color, generation, since = map(str, texts)
    return Request(color=color, generation=generation, share=share, since=since)


def answer(ssm: SSMClient, stack: str, given: Answer) -> None:
    ssm.put_parameter(Name=f"{folder(stack)}/answer", Value=_text(given), Type="String", Overwrite=True)


def answered(ssm: SSMClient, stack: str, request: Request) -> Answer | None:
    """The answer to this very request; None when there is none, or it answers another."""
    said = _read(ssm, f"{folder(stack)}/answer")
    if said.get("request") != asdict(request) or said.get("decision") not in (APPROVE, REJECT):
        return None
    by, reason = (str(said.get(key, "")) for key in ("by", "reason"))
    return Answer(request=request, decision=str(said["decision"]), by=by, reason=reason[:REASON])


def forget(ssm: SSMClient, stack: str) -> None:
    """Takes both away."""
    ssm.delete_parameters(Names=[f"{folder(stack)}/request", f"{folder(stack)}/answer"])


def _text(said: Request | Answer) -> str:
    return json.dumps(asdict(said), sort_keys=True)


def _read(ssm: SSMClient, name: str) -> dict[str, object]:
    try:
        said = json.loads(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ClientError as error:
        if error_code(error) != "ParameterNotFound":
            raise
        return {}
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
