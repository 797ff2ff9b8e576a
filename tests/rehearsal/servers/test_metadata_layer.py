"""What a rehearsal's machine finds beside its disk."""

from __future__ import annotations

import re
from pathlib import Path

from rehearsal import PROJECT
from rehearsal.servers.images.metadata_layer import write_layer

COMMON = PROJECT / "image" / "common"


def test_whatever_asks_aws_on_a_server_takes_the_local_clouds_certificate_for_its_own(tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    write_layer(layer, instance_id="i-1", user_data="", public_key="", builds=False, trusted="a certificate")
    asking = {
        unit.name
        for unit in COMMON.glob("*.service")
        for program in re.findall(r"/usr/local/lib/phoenix/(\w+\.py)", unit.read_text())
        if "from server_aws import" in (COMMON / program).read_text()
    }
    assert asking
    told = {file.parent.name.removesuffix(".d") for file in layer.rglob("metal.conf")}
    assert told == asking
