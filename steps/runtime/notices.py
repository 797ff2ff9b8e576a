"""What steps tell of a release besides its success: that it was refused; and what is known of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from core import aws, tags
from core.errors import StepError
from core.release_events import REFUSED, Release
from steps.runtime.command import Context


@contextmanager
def refusing(
    context: Context, release: Release, *, why: bool = True, but: type[StepError] | None = None
) -> Iterator[None]:
    """Tells of the error that ends the block, unless it is one of `but`, which was told of already.

    Without `why` of its code and title alone: a program of others wrote the rest. Of more than its first line nobody is
    told who may not read the log: servers' consoles are there.
    """
    try:
        yield
    except (StepError, ClientError, BotoCoreError) as error:
        explained = error if isinstance(error, StepError) else aws.explain_error(error)
        if but is None or not isinstance(error, but):
            reason = [explained.title, *(explained.why.strip().splitlines()[:1] if why else [])]
            context.notify(release.event(REFUSED, at=context.clock.utc(), reason="\n".join(reason)))
        raise


def with_target_group(context: Context, release: Release, target_group: str) -> Release:
    """The release with what its target group's tags say: image, base, commit. What can't be read is left out."""
    try:
        return release.knowing(tags.read_tags(context.aws.elbv2, [target_group]).get(target_group, {}))
    except (ClientError, BotoCoreError):
        return release
