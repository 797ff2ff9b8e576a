"""A secret reaches the real engine, and nobody who lists the machine's processes."""

from __future__ import annotations

import shlex
from pathlib import Path

from rehearsal.engine.real import RealEngine
from tests.support.standins import Bench


def test_a_secret_is_no_argument(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    given = tmp_path / "given"
    bench.stand_in("pulumi", f'case "$*" in *--secret*) read -r told; echo "$told" > {shlex.quote(str(given))} ;; esac')
    made = RealEngine(tmp_path, "dev", tmp_path / "work", {"PATH": str(bench.bin)}, str(bench.bin / "pulumi"))
    made.config_set("previewToken", "the-token", secret=True)
    made.config_set("minSize", "3")
    assert given.read_text() == "the-token\n"
    assert bench.calls[2:] == [
        "pulumi --non-interactive config set --stack dev --secret -- previewToken",
        "pulumi --non-interactive config set --stack dev --plaintext -- minSize 3",
    ]
