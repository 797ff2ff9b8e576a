"""Disks as EBS has them: a snapshot never changes, images and disks share what is the same, the last one frees it.

A disk is a folder of its own over read-only layers (overlayfs), so nothing is ever copied. Freezing a disk makes that
folder a layer, and gives the disk a fresh one over it.
"""

from __future__ import annotations

import shutil
from collections.abc import Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path


@dataclass(kw_only=True)
class Disk:
    """`layers` are read-only, the newest first; `upper` is what this machine wrote."""

    layers: tuple[Path, ...]
    folder: Path

    @property
    def upper(self) -> Path:
        return self.folder / "upper"


class Disks:
    """`vendors` are the root folders of images that are there from the beginning. Not made for threads."""

    def __init__(self, folder: Path, vendors: dict[str, Path]) -> None:
        self._folder = folder
        self._images: dict[str, tuple[Path, ...]] = {image: (root,) for image, root in vendors.items()}
        self._snapshots: dict[str, str] = {}
        self._disks: dict[str, Disk] = {}
        self._frozen: set[Path] = set()
        self._janitor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="janitor")

    def of(self, instance_id: str, image_id: str) -> Disk:
        """The machine's disk; a new one from the image at first. Raises KeyError for an image without a disk here."""
        if instance_id not in self._disks:
            layers = self._images[image_id]
            self._disks[instance_id] = Disk(layers=layers, folder=make_empty_folder(self._folder / instance_id))
        return self._disks[instance_id]

    def freeze(self, *, instance_id: str, image_id: str, snapshot_id: str) -> None:
        """The disk as it is becomes an image's. The machine must not run. Raises KeyError when it has no disk."""
        disk = self._disks[instance_id]
        layer = self._folder / snapshot_id
        disk.upper.rename(layer)
        disk.layers = (layer, *disk.layers)
        make_empty_folder(disk.folder)
        self._frozen.add(layer)
        self._images[image_id] = disk.layers
        self._snapshots[snapshot_id] = image_id

    def copy(self, *, source_id: str, image_id: str, snapshot_id: str) -> None:
        """What an image's snapshot holds is another's too, and outlives it. An image without a disk gives none."""
        if source_id in self._images:
            self._images[image_id] = self._images[source_id]
            self._snapshots[snapshot_id] = image_id

    @property
    def names(self) -> list[str]:
        """Machines that have one."""
        return list(self._disks)

    def written(self, instance_id: str) -> list[Path]:
        """What the machine's disk has on top of the vendor's base: its own writes first. Raises KeyError."""
        disk = self._disks[instance_id]
        return [disk.upper, *(layer for layer in disk.layers if layer in self._frozen)]

    def keep(self, snapshots: Set[str]) -> None:
        """Frees the disks of images whose snapshot is none of these any more, as far as nothing stands on them."""
        for gone in self._snapshots.keys() - snapshots:
            del self._images[self._snapshots.pop(gone)]
        self._free()

    def destroy(self, instance_id: str) -> None:
        """The machine's disk is gone. Does nothing when it has none."""
        disk = self._disks.pop(instance_id, None)
        if disk is not None:
            self._delete(disk.folder)
            self._free()

    def close(self) -> None:
        """Waits until what was thrown away is gone; what is left goes with the folder."""
        self._janitor.shutdown()

    def _free(self) -> None:
        used = {layer for layers in self._images.values() for layer in layers}
        used |= {layer for disk in self._disks.values() for layer in disk.layers}
        for layer in self._frozen - used:
            self._frozen.discard(layer)
            self._delete(layer)

    def _delete(self, folder: Path) -> None:
        """Renamed at once, so that its name is free; deleted by a thread, because that takes a while."""
        trash = folder.with_name(f"{folder.name}.gone")
        folder.rename(trash)
        self._janitor.submit(shutil.rmtree, trash, ignore_errors=True)


def make_empty_folder(folder: Path) -> Path:
    """Makes the folders of an overlay in `folder`: upper, work and merged, none of them with anything in it."""
    for name in ("upper", "work", "merged"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(parents=True)
        # What shows as "/" inside, where not everybody is root.
        (folder / name).chmod(0o755)
    return folder


def ready_to_mount(disk: Disk) -> None:
    """A clean work folder: a volatile overlay refuses one that a machine was killed on (overlayfs.rst, "Volatile")."""
    shutil.rmtree(disk.folder / "work", ignore_errors=True)
    (disk.folder / "work").mkdir()
