"""Debian packages out of folders, as dpkg-deb makes them (deb(5)), on hosts that may have none.

A folder holds what is installed, and in DEBIAN the control file and the maintainer's scripts.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

_MAGIC = b"!<arch>\n"


def build_deb(folder: Path) -> bytes:
    """The package of a folder; the same bytes for the same files."""
    control = folder / "DEBIAN"
    data = _tar(folder, leave_out=control)
    return _MAGIC + b"".join(
        (_member("debian-binary", b"2.0\n"), _member("control.tar.gz", _tar(control)), _member("data.tar.gz", data))
    )


def _tar(folder: Path, *, leave_out: Path | None = None) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            if leave_out is None or not path.is_relative_to(leave_out):
                entry = tar.gettarinfo(path, f"./{path.relative_to(folder)}")
                entry.uid = entry.gid = entry.mtime = 0
                entry.uname = entry.gname = "root"
                entry.mode = 0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644
                tar.addfile(entry, io.BytesIO(path.read_bytes()) if path.is_file() else None)
    return gzip.compress(packed.getvalue(), mtime=0)


def _member(name: str, content: bytes) -> bytes:
    """One file of an ar archive; each begins at an even byte."""
    head = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
    return head + content + b"\n" * (len(content) % 2)
