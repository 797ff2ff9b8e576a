"""What an instance of the local cloud is made of: a process anywhere, a booted OS where root allows it."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Set
from typing import Protocol

from rehearsal.servers.images.base_images import BaseImage
from rehearsal.servers.metadata_service import AwsEndpoint

Address = tuple[str, int]


class Machines(Protocol):
    """The instances. Methods are called from the reconciler's and the balancer's threads; none may block long."""

    @property
    def kind(self) -> str:
        """What the machines are, in words for a report."""

    @property
    def images(self) -> tuple[BaseImage, ...]:
        """The vendors' images that there are."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that lead a bake to a Packer, and that to its build machine."""

    def connect(self, aws: AwsEndpoint) -> None:
        """Called once, before any machine starts: where AWS is, for machines that have a way to it."""

    def start(self, *, instance_id: str, image_id: str, user_data: str, public_key: str = "") -> None:
        """Boots a machine from an image with (decoded) user data; a stopped one boots again from its own disk.

        `public_key` is of the key pair that the instance was launched with, as OpenSSH writes it.
        """

    def stop(self, *, instance_id: str) -> None:
        """Begins to shut the machine down; it may be started again."""

    def halted(self, *, instance_id: str) -> bool:
        """Whether the machine is down, so that its disk changes no more."""

    def terminate(self, *, instance_id: str) -> None:
        """Shuts the machine down for good. Its console stays readable."""

    def freeze(self, *, instance_id: str, image_id: str, snapshot_id: str) -> None:
        """The machine's disk, as it is, becomes an image's snapshot. A machine that runs is rebooted for it."""

    def copy(self, *, source_id: str, image_id: str, snapshot_id: str) -> None:
        """An image's disk becomes another image's snapshot too."""

    def keep(self, snapshots: Set[str]) -> None:
        """These snapshots are there; what only others need may go."""

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
