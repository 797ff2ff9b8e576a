"""What the stand-in knows to exist: a JSON file, written after every operation so that `kill -9` loses nothing.

It follows the engine's snapshots: resources in an order in which each comes after what it depends on; a replaced one
stays as `condemned` until its deletion succeeds; operations under way are listed, so that a crash is seen later.
Source: pulumi/pulumi, pkg/backend/snapshot.go, sdk/go/common/apitype/core.go.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from rehearsal.engine.standin.crypto import Passphrase
from rehearsal.engine.standin.values import Properties, from_json, to_json

VERSION = 1
STACK = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class Resource:
    """A resource of the state. Frozen: a change makes a new one, so what was read earlier stays as it was."""

    urn: str
    type: str
    custom: bool
    id: str = ""
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    parent: str = ""
    dependencies: tuple[str, ...] = ()
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    protect: bool = False
    retain_on_delete: bool = False
    replacement_trigger: Any = None
    delete_seconds: float = 0
    pending_delete: bool = False
    deleted_for_replacement: bool = False

    @property
    def name(self) -> str:
        """The logical name."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def needs(self) -> frozenset[str]:
        """URNs of everything that must exist as long as this one does."""
        return frozenset(filter(None, [self.parent, *self.dependencies]))


@dataclass(frozen=True)
class Pending:
    """An operation that was under way when the file was written."""

    urn: str
    operation: str


class State:
    """The file of one stack. Thread-safe; every change is on disk before the call returns."""

    def __init__(self, path: Path, passphrase: Passphrase, *, read_only: bool = False) -> None:
        self._path, self._read_only = path, read_only
        self._lock = threading.RLock()
        data: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        if data and data["version"] != VERSION:
            raise ValueError(f"{path} was written by another version of the stand-in ({data['version']})")
        self._passphrase = passphrase.for_salt(data.get("encryptionsalt", ""))
        self._old = [self._read(item) for item in data.get("resources", [])]
        self._new: list[Resource] = []
        self._pending = [Pending(**item) for item in data.get("pending_operations", [])]
        self.interrupted = tuple(self._pending)
        # What creates may have left behind is warned about until a refresh; the rest shows by itself.
        self._pending = [item for item in self._pending if item.operation == "creating"]

    def before(self) -> tuple[Resource, ...]:
        """What existed before, and was neither touched nor deleted since."""
        with self._lock:
            return tuple(self._old)

    def resources(self) -> tuple[Resource, ...]:
        """What exists, dependencies before dependents."""
        with self._lock:
            return (*self._new, *self._old)

    @contextmanager
    def operation(self, urn: str, doing: str) -> Iterator[None]:
        """An operation under way: `creating`, `updating` or `deleting`. A failed one is no longer under way."""
        entry = Pending(urn, doing)
        with self._lock:
            self._pending.append(entry)
            self._write()
        try:
            yield
        finally:
            with self._lock:
                self._pending.remove(entry)
                self._write()

    def put(self, resource: Resource, *, instead_of: Resource | None = None) -> None:
        """Record a resource as this update wants it, in place of an earlier record of it."""
        with self._lock:
            self._old = [item for item in self._old if item is not instead_of]
            self._new = [item for item in self._new if item is not instead_of]
            self._new.append(resource)
            self._write()

    def change(self, resource: Resource, **changes: Any) -> Resource:
        """Record changes of a resource where it stands."""
        changed = replace(resource, **changes)
        with self._lock:
            self._old = [changed if item is resource else item for item in self._old]
            self._new = [changed if item is resource else item for item in self._new]
            self._write()
        return changed

    def remove(self, resource: Resource) -> None:
        """Record that a resource is gone."""
        with self._lock:
            self._old = [item for item in self._old if item is not resource]
            self._new = [item for item in self._new if item is not resource]
            self._write()

    def clear_pending(self) -> None:
        """What `pulumi refresh --clear-pending-creates` does."""
        with self._lock:
            self._pending = []
            self._write()

    def _read(self, item: dict[str, Any]) -> Resource:
        item = from_json(item, self._passphrase.decrypt)
        return Resource(**{**item, "dependencies": tuple(item["dependencies"])})

    def _plain(self, item: Resource) -> Any:
        # Not `asdict`, which would take the secrets' wrappers apart.
        values = {each.name: getattr(item, each.name) for each in fields(item)}
        return to_json({**values, "dependencies": list(item.dependencies)}, self._passphrase.encrypt)

    def _write(self) -> None:
        if self._read_only:
            return
        data = {
            "version": VERSION,
            "written_by": "the rehearsal's stand-in, not Pulumi",
            "resources": [self._plain(item) for item in (*self._new, *self._old)],
            "pending_operations": [asdict(item) for item in self._pending],
        }
        if self._passphrase.used:
            data["encryptionsalt"] = self._passphrase.salt_line
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        with fresh.open("w") as file:
            json.dump(data, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
