"""Live progress of the rehearsal on a terminal; plain lines elsewhere."""

from __future__ import annotations

import time

from rich.console import Console as RichConsole
from rich.panel import Panel
from rich.status import Status
from rich.table import Table
from rich.text import Text


class Console:
    """Shows which stage runs, for how long, and the engine's newest line."""

    def __init__(self, console: RichConsole) -> None:
        self._console = console
        self._status: Status | None = None
        self._stage, self._begun = "", 0.0

    def print(self, text: str) -> None:
        """A line that stays."""
        self._console.print(Text(text), soft_wrap=True)

    def print_table(self, table: Table) -> None:
        """A table that stays."""
        self._console.print(table)

    def print_panel(self, title: str, text: str) -> None:
        """A block that stays."""
        self._console.print(Panel(Text(text.strip()), title=title, title_align="left"))

    def start_stage(self, stage: str) -> None:
        """A stage begins."""
        self._stage, self._begun = stage, time.monotonic()
        if self._console.is_terminal:
            self._status = self._console.status(stage)
            self._status.start()
        else:
            self.print(f"-- {stage}")

    def show_engine_line(self, text: str) -> None:
        """A line of the engine's: the newest one shows on a terminal, each one elsewhere."""
        if not text.strip():
            return
        if self._status is None:
            self.print(f"   {text}")
            return
        room = max(self._console.width - 30 - len(self._stage), 20)
        shown = Text.assemble((self._stage, "bold"), f"  {time.monotonic() - self._begun:.0f} s  ", text.strip()[:room])
        self._status.update(shown)

    def end_stage(self, stage: str, seconds: float) -> None:
        """The stage is over, and went well."""
        self._stop()
        self.print(f"ok {stage} ({seconds:.1f} s)")

    def abort_stage(self, text: str) -> None:
        """No stage goes on, and why."""
        self._stop()
        self.print(text)

    def _stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None
