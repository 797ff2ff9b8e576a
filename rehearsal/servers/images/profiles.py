"""What vendors put into their images for AWS, as far as it can be had from Debian's archive.

Debian's list is that of its cloud team (salsa.debian.org/cloud-team/debian-cloud-images, config_space/12 and 13: the
classes SYSTEM_BOOT, TIME_SYSTEMD, CLOUD, EC2 and EXTRAS of the vendor `ec2`). What a kernel needs is left out, since a
machine of the rehearsal runs on this host's: linux-image-cloud-amd64, grub-cloud-amd64, cloud-initramfs-growroot.

Ubuntu's archive is not Debian's, so its image is played: Debian's packages, with what Ubuntu's image is towards the
scripts of `image/`: os-release, SSH by its socket, no LLMNR, the packages that they know, and snapd with the agent of
Systems Manager as a snap (`packages/` has what Debian lacks).
"""

from __future__ import annotations

from dataclasses import dataclass

from rehearsal.servers.images.base_images import BaseImage

# Of SYSTEM_BOOT, and of Ubuntu's image too; libnss-resolve is installed and removed again on Debian 12.
_SYSTEM = (
    "sudo",
    "libpam-systemd",
    "systemd-resolved",
    "libnss-myhostname",
    "netplan.io",
    "polkitd",
    "unattended-upgrades",
    "apparmor",
    "zstd",
    "apt-utils",
    "init",
    "iptables",
    "iputils-ping",
    "less",
    "nano",
    "netbase",
    "vim-tiny",
)
_DEBIAN = (
    *_SYSTEM,
    "whiptail",
    "systemd-timesyncd",
    # CLOUD and EC2
    "openssh-server",
    "ssh-import-id",
    "awscli",
    "cloud-init",
    "cloud-guest-utils",
    "amazon-ec2-utils",
    # EXTRAS
    "apt-listchanges",
    "bash-completion",
    "bind9-host",
    "man-db",
    "manpages",
    "socat",
    "pciutils",
    "reportbug",
    "traceroute",
    "vim",
    "psmisc",
    "tcpdump",
    "ca-certificates",
    "curl",
    "ethtool",
    "uuid-runtime",
    "screen",
    "xz-utils",
)
_UBUNTU = (
    *_SYSTEM,
    "chrony",
    "openssh-server",
    "ssh-import-id",
    "cloud-init",
    "cloud-guest-utils",
    "bash-completion",
    "man-db",
    "ca-certificates",
    "curl",
    "ethtool",
    "uuid-runtime",
    "xz-utils",
    "needrestart",
    "modemmanager",
    "udisks2",
    "multipath-tools",
    "pollinate",
)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """`suite` is Debian's; `image` how the vendor's name of the image begins; `tree` has the vendor's own files."""

    suite: str
    image: str
    tree: str
    packages: tuple[str, ...]
    own_packages: tuple[str, ...] = ()
    """What Debian's archive lacks: folders of `packages/`."""
    enable: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    """Units, beyond what their packages do."""


PROFILES = {
    "debian-12": Profile(
        suite="bookworm",
        image="debian-12-",
        tree="debian",
        packages=_DEBIAN,
        enable=("systemd-networkd.service", "systemd-resolved.service"),
    ),
    "debian-13": Profile(
        suite="trixie",
        image="debian-13-",
        tree="debian",
        packages=(*_DEBIAN, "e2fsprogs", "libnss-resolve", "linux-sysctl-defaults"),
        enable=("systemd-networkd.service", "systemd-resolved.service"),
    ),
    "ubuntu-24.04": Profile(
        suite="bookworm",
        image="ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-",
        tree="ubuntu",
        packages=_UBUNTU,
        own_packages=("snapd", "apport"),
        disable=("ssh.service",),
        enable=(
            "systemd-networkd.service",
            "systemd-resolved.service",
            "ssh.socket",
            "snap.amazon-ssm-agent.amazon-ssm-agent.service",
        ),
    ),
}
"""By the name that `baseImage` has."""


def base_image(image: BaseImage) -> str:
    """What `baseImage` is called for a vendor's image. Raises StopIteration for one that none of them plays."""
    return next(name for name, profile in PROFILES.items() if image.name.startswith(profile.image))
