"""What a machine finds without having it on its disk: user data and keys, as from AWS's metadata service.

It is one more read-only layer above the disk's own, so no image ever contains it. On a build machine there is also what
a vendor's image does at its first boot (`build_machine/`): apt-daily reads the archives, and holds apt's locks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from rehearsal.servers.network.archive_proxy import ARCHIVE_PORT, host_settings

_BUILD_MACHINE = Path(__file__).parent / "build_machine"

# Units of a server that ask AWS's API.
ASK_AWS = ("phoenix-secrets", "phoenix-stop", "phoenix-live")
_CLOUD_INIT = """\
datasource_list: [NoCloud, None]
# There is a loopback and nothing else.
network: {config: disabled}
"""
# Packer before 1.7 signs with RSA and SHA-1, which SSH servers of today refuse.
_OLD_PACKER = "PubkeyAcceptedAlgorithms +ssh-rsa\n"


def write_layer(
    folder: Path,
    *,
    instance_id: str,
    user_data: str,
    public_key: str,
    builds: bool,
    hosts: str = "",
    trusted: str = "",
    bucket: Mapping[str, bytes] | None = None,
) -> Path:
    """Writes the layer; `builds` adds the first boot's work, the ways to package archive and `bucket` (files by their
    paths), and one for an old Packer.

    Servers find AWS's API by `hosts` (lines of /etc/hosts), and what asks it there takes the certificate `trusted`
    for AWS's own; nothing of the image knows of either.
    """
    meta_data: dict[str, object] = {"instance-id": instance_id, "local-hostname": instance_id}
    if public_key:
        meta_data["public-keys"] = [public_key.strip()]
    seed = "var/lib/cloud/seed/nocloud"
    _write(folder, f"{seed}/meta-data", json.dumps(meta_data))
    _write(folder, f"{seed}/user-data", user_data)
    _write(folder, "etc/cloud/cloud.cfg.d/99_metal.cfg", _CLOUD_INIT)
    if builds:
        proxy = f'Acquire::http::Proxy "http://127.0.0.1:{ARCHIVE_PORT}";\n'
        _write(folder, "etc/apt/apt.conf.d/00metal", proxy + host_settings())
        _write(folder, "etc/ssh/sshd_config.d/00-metal.conf", _OLD_PACKER)
        for file in (path for path in _BUILD_MACHINE.rglob("*") if path.is_file()):
            _write(folder, str(file.relative_to(_BUILD_MACHINE)), file.read_bytes(), mode=file.stat().st_mode & 0o755)
        for name, content in (bucket or {}).items():
            _write(folder, name, content)
    elif trusted:
        _write(folder, "etc/hosts", f"127.0.0.1 localhost\n{hosts}")
        _write(folder, "etc/ssl/metal.pem", trusted)
        for unit in ASK_AWS:
            _write(
                folder,
                f"etc/systemd/system/{unit}.service.d/metal.conf",
                "[Service]\nEnvironment=AWS_CA_BUNDLE=/etc/ssl/metal.pem\n",
            )
    return folder


def _write(root: Path, name: str, content: str | bytes, *, mode: int = 0o644) -> None:
    file = root / name
    folder = root
    folder.mkdir(exist_ok=True)
    for part in Path(name).parent.parts:
        folder = folder / part
        folder.mkdir(exist_ok=True)
        # The topmost layer says what a folder's mode is.
        folder.chmod(0o755)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    file.chmod(mode)
