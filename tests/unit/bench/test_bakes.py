"""A bake's seconds are told apart by what the step says of Packer's own output."""

from __future__ import annotations

from bench.bakes import parts_of
from steps.image.packer_output import PackerOutput

PACKER = (
    (2, "==> amazon-ebs.server: Launching a source AWS instance..."),
    (5, "==> amazon-ebs.server: Connected to SSH!"),
    (6, "==> amazon-ebs.server: Provisioning with shell script: /x/provision/10-operating-system.sh"),
    (7, "    amazon-ebs.server: Reading package lists..."),
    (26, "==> amazon-ebs.server: Provisioning with shell script: /x/inspect/40-application.sh"),
    (33, "==> amazon-ebs.server: Stopping the source instance..."),
    (34, "==> amazon-ebs.server: Creating AMI shop-1a2b3c from instance i-1"),
)


def test_each_script_has_its_seconds_and_all_of_them_are_told() -> None:
    output = PackerOutput("/x")
    lines = [(1.0, "[1 s of 3600 s] Packer 1.16.0 bakes shop-1a2b3c from ami-1 (debian-12); its log is x.log")]
    for at, said in PACKER:
        lines += [(float(at), f"[{at} s of 3600 s] packer: {line}") for line in output.lines(said, at)]
    parts = list(parts_of(lines, 36.0))
    assert parts == [
        ("the step begins", 1.0),
        ("Packer begins", 1.0),
        ("boot, to the first word by SSH", 3.0),
        ("provision/10-operating-system.sh", 21.0),
        ("inspect/40-application.sh", 7.0),
        ("stop", 1.0),
        ("image", 2.0),
    ]
    assert sum(seconds for _, seconds in parts) == 36.0
