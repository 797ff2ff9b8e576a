"""What an instance of the local cloud is made of: a process anywhere, a booted OS where root allows it."""

from __future__ import annotations

import socket
from typing import Protocol

Address = tuple[str, int]


class Machines(Protocol):
    """The metal under EC2. Methods are called from the reconciler's and the balancer's threads; none may block long."""

    def start(self, *, instance_id: str, image_id: str, user_data: str) -> None:
        """Boots a machine from an image with (decoded) user data; a stopped one boots again."""

    def stop(self, *, instance_id: str) -> None:
        """Shuts the machine down; it may be started again."""

    def terminate(self, *, instance_id: str) -> None:
        """Shuts the machine down for good. Its console stays readable."""

    def address(self, *, instance_id: str, port: int) -> Address | None:
        """Where a port of the machine is reached from here; None when nothing could listen there."""

    def socket(self, *, instance_id: str) -> socket.socket:
        """A new TCP socket that can reach the machine's address (a machine may have a network of its own)."""

    def console(self, *, instance_id: str) -> str:
        """What the machine has written on its console so far."""

    def tick(self) -> None:
        """Called several times a second: the place to see to machines that are on their way out."""

    def close(self) -> None:
        """Ends every machine and waits until they are gone."""
