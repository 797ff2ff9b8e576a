"""Deleting what AWS may keep: told, and no failure."""

from __future__ import annotations

from collections.abc import Callable

from botocore.exceptions import ClientError

from core import aws
from core.errors import StepError, coded_warning
from core.progress import Progress


def stays(what: str, why: object) -> str:
    """The line for what AWS keeps; the next update tries again."""
    return coded_warning("PHX-905", f"{what} stays for now: {why}")


def gone(progress: Progress, what: str, act: Callable[[], object]) -> bool:
    """Whether it is gone now; when AWS refuses, says so and goes on."""
    try:
        act()
    except ClientError as error:
        if ".NotFound" in aws.error_code(error) or aws.error_code(error) in (
            "InvalidAMIID.Unavailable",
            "InvalidDocument",
            "NoSuchEntity",
            "ResourceNotFoundException",
        ):
            return True
        progress.line(stays(what, aws.error_reason(error)))
        return False
    except StepError as error:
        progress.line(stays(what, error))
        return False
    progress.line(f"{what} is gone")
    return True
