"""What is told of a release when it goes on or back: an event of EventBridge, and the same in a few words. Pure.

The events are a contract (docs/notifications.md, docs/schemas/release-event.json): a consumer may rely on each field. A
new field leaves `VERSION` as it is; one that goes, or means something else, makes it another.

Limits: a detail type has at most 128 characters, and no source of ours begins with `aws.` (EventBridge API reference,
PutEventsRequestEntry). An entry is far below 256 KB: the reason is cut, and a record is a dozen tags of 256 characters.
A subject of SNS is one line of less than 100 characters (SNS API reference, Publish).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from core import release_record
from core.plain_text import one_line

SOURCE, VERSION = "phoenix", 1
PLANNED, REFUSED, BAKED, VERIFIED = "Release Planned", "Release Refused", "Image Baked", "Release Verified"
SHIFTED, PROMOTED, ROLLED_BACK = "Production Shifted", "Release Promoted", "Release Rolled Back"
AWAITED = "Approval Awaited"
# Said by what AWS itself runs after an update (`guardHours`), in the same form.
GUARD_ENDED, GUARD_ROLLED_BACK = "Guard Ended", "Guard Rolled Back"
KINDS = (PLANNED, REFUSED, BAKED, VERIFIED, SHIFTED, AWAITED, PROMOTED, ROLLED_BACK, GUARD_ENDED, GUARD_ROLLED_BACK)

REASON, SUBJECT = 4000, 99  # characters


@dataclass(frozen=True, kw_only=True)
class ReleaseEvent:
    """One transition of a release.

    `production`: percent of it by color from now on; empty where it is not known, or did not change. `reason`: why it
    was refused or went back. `tags`: what there is of the release record, keyed without `phoenix:`. `at`: when it was;
    None for one that AWS is to send by itself some day.
    """

    kind: str
    stack: str
    at: datetime | None
    color: str = ""
    generation: str = ""
    production: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def detail(self) -> dict[str, Any]:
        """What the event says, as docs/schemas/release-event.json has it."""
        return {
            "version": VERSION,
            "stack": self.stack,
            "color": self.color,
            "generation": self.generation,
            "production": dict(self.production),
            "reason": self._reason(),
            "release": release_record.decode_record(self.tags),
        }

    def entry(self) -> dict[str, Any]:
        """The event as PutEvents takes it, for the account's default bus."""
        entry = {"Source": SOURCE, "DetailType": self.kind, "Detail": json.dumps(self.detail(), sort_keys=True)}
        return entry if self.at is None else {**entry, "Time": self.at}

    def subject(self) -> str:
        """A line for e-mail: `shop/prod: Release Promoted`."""
        return re.sub(r"[^\x20-\x7e]", "-", f"{self.stack}: {self.kind}")[:SUBJECT]

    def text(self) -> str:
        """The event in a few words."""
        who = " ".join(part for part in (self.color, self.generation) if part)
        what = who or self.tags.get("image", "")
        shares = ", ".join(f"{color} {share} %" for color, share in self.production.items())
        parts = [f"{self.stack}: {self.kind}", *([f": {what}"] if what else []), *([f" ({shares})"] if shares else [])]
        return "".join(parts) + (f"\n{self._reason()}" if self.reason else "")

    def message(self) -> str:
        """The text as a message of SNS, by the protocol of whoever gets it.

        Chat applications are subscribed by HTTPS and show nothing but this form of theirs ("Custom notifications",
        Amazon Q Developer in chat applications administrator guide).
        """
        chat = {
            "version": "1.0",
            "source": "custom",
            "content": {"title": self.subject(), "description": self.text()},
            "metadata": {"threadId": self.stack, "summary": self.subject(), "eventType": self.kind},
        }
        return json.dumps({"default": self.text(), "https": json.dumps(chat)})

    def _reason(self) -> str:
        """Texts of others are in it: AWS's words, a hook's, a commit's."""
        return "\n".join(map(one_line, self.reason.strip().splitlines()))[:REASON]


@dataclass(frozen=True, kw_only=True)
class Release:
    """Whom events are about: a stack, and the group that is launched, proven or promoted."""

    stack: str
    color: str = ""
    generation: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def knowing(self, tags: Mapping[str, str]) -> Release:
        """The same with more of its record, from tags as AWS has them."""
        return replace(self, tags={**self.tags, **release_record.without_prefix(tags)})

    def event(
        self, kind: str, *, at: datetime | None, production: Mapping[str, int] | None = None, reason: str = ""
    ) -> ReleaseEvent:
        return ReleaseEvent(
            kind=kind,
            stack=self.stack,
            at=at,
            color=self.color,
            generation=self.generation,
            production=production or {},
            reason=reason,
            tags=self.tags,
        )
