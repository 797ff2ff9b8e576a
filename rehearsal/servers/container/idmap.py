"""Users of a container that are nobody on this host: folders shown with their owners shifted (idmapped mounts).

On the disk everything belongs to whom it belongs to inside: 0 is root. Inside a user namespace 0 is the first of a
range of this host's numbers, none of which is anybody's. Between them is a mount that shifts one into the other
(mount_setattr(2), MOUNT_ATTR_IDMAP: Linux 5.12, and for what overlayfs is made of 5.19).
"""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

COUNT = 65536
"""Users of a container: those that 16 bits count, as systemd-nspawn has them."""
_FIRST, _RANGES = 524288, 28664
# systemd's own for containers (docs/UIDS-GIDS.md): 524288 to 1879048191.

_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442  # the same on all of Linux's architectures
_AT_FDCWD, _AT_EMPTY_PATH = -100, 0x1000
_OPEN_TREE_CLONE, _MOVE_MOUNT_F_EMPTY_PATH, _MOUNT_ATTR_IDMAP = 1, 4, 0x00100000
_CLONE_NEWUSER = 0x10000000
_PR_GET_SECUREBITS, _PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP = 27, 28, 4


def first_user(name: str) -> int:
    """This host's number of a container's root; the same for the same name."""
    return _FIRST + COUNT * (int.from_bytes(name.encode(), "big") % _RANGES)


def mount_shifted(folder: str, place: Path, *, first: int) -> str:
    """Shows the folder at `place`, with user 0 as `first`, 1 as the next, ..; the place. Raises OSError."""
    place.mkdir(parents=True)
    namespace = _user_namespace(first)
    try:
        tree = _call(_OPEN_TREE, _AT_FDCWD, folder.encode(), _OPEN_TREE_CLONE | os.O_CLOEXEC)
        try:
            wanted = struct.pack("QQQQ", _MOUNT_ATTR_IDMAP, 0, 0, namespace)  # struct mount_attr
            _call(_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH, wanted, len(wanted))
            _call(_MOVE_MOUNT, tree, b"", _AT_FDCWD, str(place).encode(), _MOVE_MOUNT_F_EMPTY_PATH)
        finally:
            os.close(tree)
    finally:
        os.close(namespace)
    return str(place)


def mount_overlay(options: str, place: str, *, first: int) -> None:
    """Mounts an overlay of shifted folders. Raises OSError.

    It works on them as whoever mounts it (overlayfs.rst, "Permission model"), who must be somebody there: as the
    container's root, with all of this process's capabilities.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    keep = libc.prctl(_PR_GET_SECUREBITS, 0, 0, 0, 0)
    libc.prctl(_PR_SET_SECUREBITS, keep | _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    libc.setfsgid(first)
    libc.setfsuid(first)
    done = libc.mount(b"overlay", place.encode(), b"overlay", 0, options.encode())
    code = ctypes.get_errno()
    libc.setfsuid(0)
    libc.setfsgid(0)
    libc.prctl(_PR_SET_SECUREBITS, keep, 0, 0, 0)
    if done != 0:
        raise OSError(code, os.strerror(code))


def enter(namespace: int) -> None:
    """This process is in the namespace from now on (an open file of it). Raises OSError."""
    if ctypes.CDLL(None, use_errno=True).setns(namespace, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def refusal(folder: Path) -> str:
    """Why folders on this file system can't be shown to containers with other users; empty when they can.

    Asked in a mount namespace of its own, with all that `mount_overlay` does.
    """
    done = subprocess.run(
        ["unshare", "--mount", sys.executable, "-I", "-S", __file__, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["unshare failed"])[-1]


def _try(folder: Path) -> None:
    """Writes a file as a container's root would, and looks whose it is on the disk."""
    first = first_user("trial")
    with tempfile.TemporaryDirectory(dir=folder) as made:
        for name in ("disk/upper", "disk/work", "lower", "merged"):
            Path(made, name).mkdir(parents=True)
        disk = mount_shifted(f"{made}/disk", Path(made, "place/disk"), first=first)
        lower = mount_shifted(f"{made}/lower", Path(made, "place/lower"), first=first)
        options = f"lowerdir={lower},upperdir={disk}/upper,workdir={disk}/work,volatile"
        mount_overlay(options, f"{made}/merged", first=first)
        try:
            merged = os.open(f"{made}/merged", os.O_RDONLY)  # whoever writes may not pass the folders above
            writer = os.fork()
            if writer == 0:
                try:
                    os.setgid(first)
                    os.setuid(first)
                    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=merged))
                finally:
                    os._exit(0)
            os.waitpid(writer, 0)
            os.close(merged)
            if Path(made, "disk/upper/file").stat().st_uid != 0:
                raise OSError("what is written is not shifted")
        finally:
            for place in ("merged", "place/disk", "place/lower"):
                subprocess.run(["umount", f"{made}/{place}"], check=True)


def _user_namespace(first: int) -> int:
    """A file of a user namespace with these users, in which nobody is. Raises OSError."""
    entered, enter = os.pipe()
    leave, left = os.pipe()
    child = os.fork()
    if child == 0:
        done = ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER) == 0
        os.write(enter, b"1" if done else b"0")
        os.close(left)
        os.read(leave, 1)
        os._exit(0)
    try:
        if os.read(entered, 1) != b"1":
            raise OSError("the kernel makes no user namespaces")
        for users in ("uid_map", "gid_map"):
            Path(f"/proc/{child}/{users}").write_text(f"0 {first} {COUNT}")
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        for file in (entered, enter, leave, left):
            os.close(file)
        os.waitpid(child, 0)


def _call(number: int, *arguments: int | bytes) -> int:
    given = [ctypes.c_char_p(one) if isinstance(one, bytes) else ctypes.c_long(one) for one in arguments]
    done = int(ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *given))
    if done < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return done


if __name__ == "__main__":
    _try(Path(sys.argv[1]))
