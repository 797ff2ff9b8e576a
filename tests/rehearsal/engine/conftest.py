"""The engines' fixture: a project of commands, for the stand-in and for the real `pulumi`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rehearsal.engine.projects import Project, engine_for


@pytest.fixture(params=["stand-in", "pulumi"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Project]:
    """An empty project, once for each engine."""
    if request.param == "pulumi" and shutil.which("pulumi") is None:
        pytest.skip("there is no `pulumi` on PATH to hold the stand-in against")
    yield Project(tmp_path / "project", engine_for(request.param, tmp_path / "work"))
