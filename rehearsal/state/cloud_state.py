"""What the local cloud knows beyond moto's own records, and the one lock under which both are changed.

moto's backends are global to a process, so one cloud is open at a time. The corrections in
`rehearsal.cloud.moto_patches` ask `open_state()`; without an open cloud they leave moto exactly as it is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rehearsal.servers.images import base_images
from rehearsal.state.journal import Journal
from rehearsal.state.scaling_activity import Activity
from rehearsal.state.target_health import Health

ACCOUNT = "123456789012"

TargetKey = tuple[str, str]
"""A target group's ARN and a target's id."""


@dataclass(frozen=True, kw_only=True)
class Draining:
    """A target that left its group: `since` and `until` are seconds of `CloudState.now()`."""

    port: int
    since: float
    until: float


@dataclass(kw_only=True)
class Scan:
    """Amazon Inspector's of an image: when it `began`, and `at` which second of `CloudState.now()`."""

    id: str
    image: str
    began: datetime
    at: float
    failure: str = ""
    looks: int = 0
    """How often somebody has asked for findings since it ended."""


@dataclass(kw_only=True)
class CloudState:
    region: str
    journal: Journal
    boot_seconds: float = 2.0
    time_scale: float = 1.0
    minute_seconds: int = 60
    """How long a minute of CloudWatch's is here."""
    ports: Mapping[int, int] = field(default_factory=dict)
    """Ports of load balancers that are others on this machine, where 80 may need rights or be taken."""
    vcpus: int = 128
    """The quota of vCPUs for running instances of the standard families."""
    launch_fault: str | None = None
    """Why launches fail, in EC2's words; None when they work."""
    faulty_zones: frozenset[str] = frozenset()
    """Where they fail; empty for everywhere."""
    refused_types: frozenset[str] = frozenset()
    """Instance types of which there are none to be had."""
    boot_fault: str | None = None
    """Why instances of groups end instead of running, in EC2's words; None when they run."""
    findings: dict[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    """What Inspector finds in an image, as EC2 tells it."""
    scan_seconds: float = 2.0
    scan_failure: str = ""
    """Why scans that begin now fail, in Inspector's words; empty when they end well."""
    scans: list[Scan] = field(default_factory=list)
    schedules_ahead: float = 0
    """By how many seconds EventBridge Scheduler's clock is ahead."""
    schedules_invoked: set[tuple[str, str]] = field(default_factory=set)
    """What Scheduler has called: a schedule's ARN, and the time that it was set to."""
    metrics_stopped: bool = False
    """CloudWatch gets no metrics from the load balancer."""
    read_console: Callable[[str], str] = lambda instance_id: ""
    create_image: Callable[..., None] = lambda **ids: None
    """Makes a machine's disk an image's (`Machines.freeze`)."""
    copy_image: Callable[..., None] = lambda **ids: None
    """Gives a copied image the disk of its original (`Machines.copy`)."""
    base_images: tuple[base_images.BaseImage, ...] = base_images.IMAGES
    lock: threading.RLock = field(default_factory=threading.RLock)
    changed: threading.Event = field(default_factory=threading.Event)
    """Set after every call that may have changed something, so that nobody waits for the next tick."""
    health: dict[TargetKey, Health] = field(default_factory=dict)
    draining: dict[TargetKey, Draining] = field(default_factory=dict)
    idempotent_answers: dict[str, Any] = field(default_factory=dict)
    """What was answered to whom may ask again, by what it asked."""
    activities: dict[str, list[Activity]] = field(default_factory=dict)
    """By group name, oldest first; kept after the group is deleted, as AWS does."""

    def now(self) -> float:
        return time.monotonic()

    def scaled(self, seconds: float) -> float:
        """A duration of AWS's, in seconds of this rehearsal."""
        return seconds * self.time_scale


_open: CloudState | None = None


def open_state() -> CloudState | None:
    return _open


def open_cloud(state: CloudState) -> None:
    """Raises RuntimeError when a cloud is open in this process already: they would share moto's records."""
    global _open
    if _open is not None:
        raise RuntimeError("a rehearsal cloud is open in this process already; close it first")
    _open = state


def close_cloud(state: CloudState) -> None:
    global _open
    if _open is state:
        _open = None
