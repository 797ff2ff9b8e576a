"""What Packer writes, as its reader wants it: a line for each script, and the reason when a build fails. Pure.

The log has all of it. How Packer marks its lines: packer/provisioner/shell/provisioner.go, packer/packer/ui.go.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

# `==>` before what Packer says itself and before a script's stderr, four spaces before details and a script's stdout.
_PREFIX = re.compile(r"^(?:==>|-->|    ) ?[\w.-]+:(?: |$)")
_SCRIPT = "Provisioning with shell script: "
# What ends the output of a script that did not fail.
_NEXT = (_SCRIPT, "Uploading ", "Downloading ", "Stopping the source instance")
_FAILED = "Provisioning step had errors"
# A dozen for each machine, image and snapshot, all of them in the plan.
_TAG = "Adding tag: "
# Once more what `Build ... errored after` has said, and that nothing came out of it.
_EPILOGUE = re.compile(
    r"^(?:==> (?:Wait completed|Some builds didn't|Builds finished but)|--> |Cleanup|Build '.*' finished)"
)
_ERRORED = re.compile(r"^Build '.*' errored(?: after [^:]*)?: (.*)$")
REASON_LINES = 6


class PackerOutput:
    """Packer's output, line by line.

    `folder`: of the image's files, which is taken from the paths of scripts.
    """

    def __init__(self, folder: str = "") -> None:
        self._folder = f"{folder.rstrip('/')}/" if folder else ""
        self._script = self._failed = ""
        self._began = 0.0
        self._last: deque[str] = deque(maxlen=REASON_LINES)
        # Of AWS it has lines of its own.
        self._reason: deque[str] = deque(maxlen=REASON_LINES)

    def lines(self, line: str, now: float) -> Iterator[str]:
        """What the reader is told of a line that came at `now` (seconds): nothing, it, or the end of a script."""
        text = _PREFIX.sub("", line)
        if text.startswith(_FAILED) and not self._failed:
            self._failed, self._script = self._script, ""
            return
        if text.startswith(_NEXT):
            yield from self._end_script(now)
            if text.startswith(_SCRIPT):
                self._script, self._began = text.removeprefix(_SCRIPT).removeprefix(self._folder), now
            return
        if not text.strip() or _EPILOGUE.match(line):
            return
        if match := _ERRORED.match(line):
            self._reason.append(match[1])
        elif self._reason:
            self._reason.append(text)
        elif not self._failed:
            self._last.append(text)
        # Without the mark, which is a third of what a terminal shows of a line.
        if not (self._script or line.startswith("    ") or text.startswith(_TAG)):
            yield text

    def waiting(self, now: float) -> str:
        """What has been going on silently, for whoever waits."""
        last = self._last[-1] if self._last else "nothing yet"
        if self._script:
            return f"{self._script} has been running for {now - self._began:.0f} s; it wrote last: {last}"
        return f"waiting for Packer, which wrote last: {last}"

    def failure(self) -> str:
        """Why the build failed: the script and its last lines, else Packer's own reason, else its last lines."""
        if self._failed:
            return "\n".join((f"{self._failed} failed: {' '.join(self._reason)}", *self._last))
        return "\n".join(self._reason or self._last)

    def _end_script(self, now: float) -> Iterator[str]:
        if self._script:
            yield f"{self._script}: {now - self._began:.0f} s"
        self._script = ""
        self._last.clear()
