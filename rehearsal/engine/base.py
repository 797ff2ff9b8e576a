"""What both engines do alike: a run is started in a process of its own, and may be awaited."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rehearsal.engine import tools
from rehearsal.engine.child import Child
from rehearsal.engine.model import Invocation, OnLine, Result

# An interrupted update puts weights back before it ends.
PATIENCE_SECONDS = 30


class Base(ABC):
    """Everything of `Engine` that comes down to starting a process."""

    _environment: dict[str, str]

    @contextmanager
    def with_environment(self, **variables: str) -> Iterator[None]:
        """Runs that begin inside it have these variables too."""
        before = self._environment
        self._environment = {**before, **variables}
        try:
            yield
        finally:
            self._environment = before

    @property
    def packer(self) -> str:
        """The Packer that bakes, in words."""
        return tools.packer(self._environment)

    @abstractmethod
    def start(self, operation: str, on_line: OnLine | None, flags: Sequence[str] = ()) -> Child:
        """Start `preview`, `up`, `refresh`, `destroy` or `cancel`, with flags of the engine's own."""

    @abstractmethod
    def invocation(self, operation: str) -> Invocation:
        """How an operation is started by hand."""

    def start_preview(self, on_line: OnLine | None = None, *, flags: Sequence[str] = ()) -> Child:
        """Begin a preview."""
        return self.start("preview", on_line, flags)

    def start_up(self, on_line: OnLine | None = None, *, flags: Sequence[str] = ()) -> Child:
        """Begin an update."""
        return self.start("up", on_line, flags)

    def start_refresh(self, on_line: OnLine | None = None) -> Child:
        """Begin a refresh."""
        return self.start("refresh", on_line)

    def start_destroy(self, on_line: OnLine | None = None) -> Child:
        """Begin a destroy."""
        return self.start("destroy", on_line)

    def preview(self, on_line: OnLine | None = None) -> Result:
        """What would be done."""
        return _finished(self.start_preview(on_line))

    def up(self, on_line: OnLine | None = None) -> Result:
        """An update."""
        return _finished(self.start_up(on_line))

    def refresh(self, on_line: OnLine | None = None) -> Result:
        """Read again what exists; pending creates are forgotten too."""
        return _finished(self.start_refresh(on_line))

    def destroy(self, on_line: OnLine | None = None) -> Result:
        """Delete everything."""
        return _finished(self.start_destroy(on_line))

    def cancel(self) -> Result:
        """Take away the lock that a killed update left."""
        return _finished(self.start("cancel", None))


def _finished(child: Child) -> Result:
    """The result of a child; whoever is interrupted while waiting for it ends it first, as a Ctrl-C would."""
    try:
        return child.wait()
    except BaseException:
        try:
            child.interrupt()
            child.wait(PATIENCE_SECONDS)
        except BaseException:  # too slow, or a second Ctrl-C
            child.kill()
            child.wait()
            raise
        raise
