"""Whether functions and documents can be asked at all, before traffic moves: what is misspelled or forbidden would
otherwise be found out with users on the new group, or when production must be told of a way back."""

from __future__ import annotations

from collections.abc import Iterable

from botocore.exceptions import BotoCoreError, ClientError

from core.aws import Aws, error_reason
from core.errors import StepError, coded_warning
from core.hooks import DOCUMENT, LAMBDA, ON_ROLLBACK, PARAMETER, Hook
from steps.hooks import function
from steps.runtime.command import Context


def check(context: Context, hooks: Iterable[Hook]) -> None:
    """Runs none of them. Raises StepError with all that can't be asked.

    What is only told of a way back is a warning: an update that is a way back itself has that hook too.
    """
    found = {hook.name: why for hook in hooks if (why := _why_not(context.aws, hook))}
    if why := found.pop(ON_ROLLBACK, ""):
        context.progress.line(coded_warning("PHX-026", f"the hook {ON_ROLLBACK} can't be told of anything: {why}"))
    if found:
        raise StepError(
            "PHX-025",
            "hooks can't be asked; production was not touched",
            why="\n".join(f"{name}: {why}" for name, why in found.items()),
            do="mend what AWS names (docs/hooks.md, docs/iam/hooks.json), then `pulumi up`",
        )


def _why_not(aws: Aws, hook: Hook) -> str:
    try:
        if hook.kind == LAMBDA:
            # Checks names and permissions, and runs nothing (Lambda API reference, Invoke).
            function.client(aws).invoke(FunctionName=hook.target, InvocationType="DryRun")
        if hook.kind == DOCUMENT:
            found = aws.ssm.describe_document(Name=hook.target)["Document"]
            if found.get("DocumentType") != "Automation":
                return f"{hook.target} is a document of type {found.get('DocumentType')}, not Automation"
            if PARAMETER not in {one.get("Name") for one in found.get("Parameters", [])}:
                return f"{hook.target} has no parameter {PARAMETER!r}"
    except (ClientError, BotoCoreError) as error:
        return error_reason(error)
    return ""
