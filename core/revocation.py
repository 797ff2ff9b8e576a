"""Images that nobody is to be launched from any more: a fingerprint is revoked by a tag on each of its images.

The tag says when, and why. Servers that run go on, and their group may replace one: taking them away is a flip. Images
are kept while they are revoked, for they are what says so. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from core import images
from core.errors import StepError
from core.images import Image
from core.names import shown
from core.times import iso

# Characters that the value of a tag may have: the API reference of EC2 allows 256.
REASON_CHARACTERS = 200
_REASON = re.compile(r"[\w .:/=+@-]*")


def parse_reason(text: str) -> str:
    """Raises ValueError for what a tag can't hold."""
    if len(text) > REASON_CHARACTERS or not _REASON.fullmatch(text):
        raise ValueError(
            f"more than {REASON_CHARACTERS} characters, or others than letters, digits, blanks and .:/=+@-_"
        )
    return text.strip()


def mark(now: datetime, reason: str) -> str:
    """The value of the tag."""
    return f"{iso(now)} {reason}".strip()


def words(image: Image) -> str:
    """When its fingerprint was revoked and why, for people."""
    moment, _, reason = image.revoked.partition(" ")
    return f"fingerprint {shown(image.fingerprint)} was revoked at {moment}" + (f": {reason}" if reason else "")


def undo(image: Image, *, stack: str) -> str:
    """What to type to take it back; `stack` is SERVICE/STACK or the stack's name."""
    return f"make revoke FINGERPRINT={shown(image.fingerprint)} STACK={stack.rpartition('/')[2]} UNDO=true"


def error(image: Image, *, stack: str, pinned: bool = False) -> StepError:
    """Why nobody is launched from it; `pinned`: somebody named it."""
    other = "name another image" if pinned else "change what makes the image, for example by git revert"
    return StepError(
        "PHX-430",
        f"nobody is launched from a revoked image: {words(image)}",
        why=f"{image.id} says so in its tag {images.REVOKED}",
        do=f"{other}; or take the revocation back: {undo(image, stack=stack)}",
    )


def refuse(ours: Iterable[Image], image: Image, *, stack: str) -> None:
    """Raises StepError when the fingerprint of `image`, which somebody named, is revoked by any of `ours`."""
    if revoked := images.find_revoked([image, *ours], image.fingerprint):
        raise error(revoked, stack=stack, pinned=True)
