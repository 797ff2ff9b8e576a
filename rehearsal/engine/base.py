"""What both engines do alike: a run is started in a process of its own, and may be awaited."""

from __future__ import annotations

from abc import ABC, abstractmethod

from rehearsal.engine.child import Child
from rehearsal.engine.model import OnLine, Result


class Base(ABC):
    """Everything of `Engine` that comes down to starting a process."""

    @abstractmethod
    def start(self, operation: str, on_line: OnLine | None) -> Child:
        """Start `preview`, `up`, `refresh`, `destroy` or `cancel`."""

    def start_preview(self, on_line: OnLine | None = None) -> Child:
        """Begin a preview."""
        return self.start("preview", on_line)

    def start_up(self, on_line: OnLine | None = None) -> Child:
        """Begin an update."""
        return self.start("up", on_line)

    def start_refresh(self, on_line: OnLine | None = None) -> Child:
        """Begin a refresh."""
        return self.start("refresh", on_line)

    def start_destroy(self, on_line: OnLine | None = None) -> Child:
        """Begin a destroy."""
        return self.start("destroy", on_line)

    def preview(self, on_line: OnLine | None = None) -> Result:
        """What would be done."""
        return self.start_preview(on_line).wait()

    def up(self, on_line: OnLine | None = None) -> Result:
        """An update."""
        return self.start_up(on_line).wait()

    def refresh(self, on_line: OnLine | None = None) -> Result:
        """Read again what exists; pending creates are forgotten too."""
        return self.start_refresh(on_line).wait()

    def destroy(self, on_line: OnLine | None = None) -> Result:
        """Delete everything."""
        return self.start_destroy(on_line).wait()

    def cancel(self) -> Result:
        """Take away the lock that a killed update left."""
        return self.start("cancel", None).wait()
