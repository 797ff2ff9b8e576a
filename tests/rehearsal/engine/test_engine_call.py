"""A program, and a command that it declares, read off how the engine was called (core/engine_call.py)."""

from __future__ import annotations

import sys

from rehearsal import PROJECT
from tests.rehearsal.engine.projects import Project

ASK = "from core.engine_call import read_engine_call; print(read_engine_call().operation)"


def test_a_program_and_its_commands_know_the_operation(project: Project) -> None:
    went = project.folder / "went"
    command = f'cd {PROJECT} && {sys.executable} -c "{ASK}"'
    program = f"""
import sys
sys.path.append({str(PROJECT)!r})
from core.engine_call import read_engine_call
pulumi.export("program", read_engine_call().operation)
made = local.Command("asks", create={command!r}, delete={command + f" > {went}"!r})
pulumi.export("command", made.stdout)
"""
    project.up(program)
    assert project.engine.outputs() == {"program": "up", "command": "up"}
    assert project.engine.destroy().ok
    assert went.read_text().strip() == "destroy"
