"""A rehearsal cloud for tests in a process where others have used moto's mocks before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moto.ec2.models import ec2_backends
from moto.ssm.models import ssm_backends

from rehearsal.cloud import Cloud


@contextmanager
def fresh_cloud(folder: Path) -> Iterator[Cloud]:
    """When a mock ends, moto drops its backends from its own list but keeps most of them, with moto's base images
    instead of the vendors'; a cloud would find them again."""
    ec2_backends.clear()
    ssm_backends.clear()
    with Cloud(folder, boot_seconds=0.1, time_scale=0.1) as cloud:
        yield cloud
