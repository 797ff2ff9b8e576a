"""How what is wrong reaches the person who can mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pulumi
from botocore.exceptions import BotoCoreError, ClientError

from core.aws import error_code, lacks_credentials
from core.errors import Problem, UserError
from core.plain_text import printable
from plan.config import advice
from plan.config.settings import default_values
from plan.report import report


@contextmanager
def user_errors(*, published: bool = False, about: str = "", service: str = "") -> Iterator[None]:
    """Turns what a user can mend into an error that Pulumi prints without a stack trace.

    `published`: it is also written where the rollout plan would have been, as Markdown. `about`: which service it is
    about, and where its keys are. `service`: the key of the program's that holds the keys which the error is about.
    """
    try:
        yield
    except UserError as error:
        why = str(error)
    except (BotoCoreError, ClientError) as error:
        why = str(
            Problem("PHX-225", f"AWS could not be asked what is live; nothing was changed: {error}", _next(error))
        )
    else:
        return
    if service:
        why = f"service {service}:\n{advice.for_service(why, service, default_values().keys() - {'previewToken'})}"
    if about:
        why = f"{about}:\n{why}"
    if published:
        publish(report.refusal_markdown(pulumi.get_stack(), why))
    raise pulumi.RunError(printable(why))


def publish(markdown: str) -> None:
    """Writes a plan as Markdown where the environment says; a file that can't be written is a warning."""
    if problem := report.publish(markdown):
        pulumi.log.warn(problem)


def _next(error: BotoCoreError | ClientError) -> str:
    """What to type after an error of AWS."""
    if lacks_credentials(error):
        return "aws sso login   (or what else renews the credentials; then pulumi up)"
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= 500 or "Throttling" in error_code(error):
            return "pulumi up   (AWS failed; it may answer by then)"
    return "aws sts get-caller-identity   (it tells whether the credentials are the right ones)"
