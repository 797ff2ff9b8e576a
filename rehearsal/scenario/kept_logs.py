"""What a failed run leaves to read: its folder goes, and with it the logs that its error names."""

from __future__ import annotations

import shutil
from pathlib import Path


def keep_logs(project: Path, report: Path, text: str) -> str:
    """Copies the logs of the project's bakes beside the report; the same error, which names them there."""
    for log in sorted((project / ".packer").glob("*.log")):
        kept = report / "logs" / log.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(log, kept)
        for named in (str(log.resolve()), str(log), f".packer/{log.name}"):
            text = text.replace(named, str(kept))
    return text
