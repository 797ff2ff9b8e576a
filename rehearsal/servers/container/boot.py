"""How systemd-nspawn boots a machine inside a container: what of this host it gets, and who is root there."""

from __future__ import annotations

from rehearsal.servers.container import idmap


def boot_command(name: str, root: str, *, first_user: int) -> list[str]:
    """For the machine whose files are at `root`; `first_user` as in `Spec`."""
    users = [f"--private-users={first_user}:{idmap.COUNT}", "--private-users-ownership=off"] if first_user else []
    return [
        "env",
        # Its network is its own, and so are the settings of it (systemd, docs/ENVIRONMENT.md).
        "SYSTEMD_NSPAWN_API_VFS_WRITABLE=network",
        "systemd-nspawn",
        "--quiet",
        "--register=no",
        "--keep-unit",
        "--private-network",
        *users,
        f"--directory={root}",
        f"--machine={name}",
        "--drop-capability=CAP_MKNOD",
        "--console=read-only",
        "--link-journal=no",
        "--resolv-conf=off",
        "--timezone=off",
        "--settings=no",
        "--boot",
        "--",
        # What services say is what one wants to read when a machine does not come up.
        "systemd.journald.forward_to_console=1",
        "systemd.show_status=error",
        # Its network is a loopback: with the right to set up more, no boot may wait for somebody to have done so.
        *(f"systemd.mask=systemd-networkd{unit}" for unit in (".service", ".socket", "-wait-online.service")),
    ]
