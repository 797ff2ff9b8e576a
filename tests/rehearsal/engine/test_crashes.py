"""What is left, and how it goes on, when an update is interrupted, killed, or fails half-way."""

from __future__ import annotations

import time
from pathlib import Path

from tests.rehearsal.engine.projects import Project

# A step that ends when its parent does, as the project's steps do, and says so.
STEP = """
import os, pathlib, sys, time
parent = os.getppid()
pathlib.Path("begun").write_text("")
print("at work", file=sys.stderr, flush=True)
while not pathlib.Path("go").exists():
    if os.getppid() != parent:
        pathlib.Path("undone").write_text("")
        sys.exit(1)
    time.sleep(0.02)
"""
SLOW = (
    'a = run("a")\n'
    'b = run("b", create="{python} step.py; exit $?", triggers=[a.stdout], logging=local.Logging.STDERR)\n'
    'run("c", triggers=[b.stdout])\npulumi.export("a", a.stdout)'
)


def begin(project: Project, *, more: str = "") -> str:
    """The slow program, and the step that it runs."""
    (project.folder / "step.py").write_text(STEP)
    return more + SLOW.replace("{python}", "python3")


def appears(path: Path) -> bool:
    """Whether a file comes into being; the limit is only for a test that fails."""
    for _ in range(600):
        if path.exists():
            return True
        time.sleep(0.05)
    return False


def test_an_interrupt_cancels_what_runs_and_begins_nothing_new(project: Project) -> None:
    text = begin(project)
    running = project.start(text, until="begun")
    running.interrupt()
    result = running.wait(60)
    assert not result.ok
    assert "killed" in result.text
    assert appears(project.folder / "undone")
    assert (project.log(), project.held()) == (["+a"], ["a"])
    # No lock is left, so the next update can go on.
    (project.folder / "go").write_text("")
    again = project.up(text)
    assert again.changes == {"create": 2, "same": 2}


def test_a_killed_update_takes_its_steps_along_and_leaves_a_lock(project: Project) -> None:
    text = begin(project)
    running = project.start(text, until="begun")
    running.kill()
    assert running.wait(60).returncode == -9
    assert appears(project.folder / "undone")
    assert project.held() == ["a"]
    (project.folder / "go").write_text("")
    refused = project.up(text, ok=False)
    assert "locked" in refused.text
    assert project.log() == ["+a"]
    assert project.engine.cancel().ok
    done = project.up(text)
    assert "pending operations" in done.text
    assert project.held() == ["a", "b", "c"]
    assert project.log() == ["+c"]


def test_pending_creates_are_warned_about_until_a_refresh(project: Project) -> None:
    text = begin(project)
    running = project.start(text, until="begun")
    running.kill()
    running.wait(60)
    project.engine.cancel()
    (project.folder / "go").write_text("")
    project.up(text)
    assert "pending operations" in project.up(text).text
    assert project.engine.refresh().ok
    assert "pending operations" not in project.up(text).text


def test_outputs_of_a_failed_update_are_kept_with_those_from_before(project: Project) -> None:
    project.up('a = run("a")\npulumi.export("before", a.stdout)\npulumi.export("both", "one")')
    project.up(
        'a = run("a")\npulumi.export("both", "two")\nrun("b", create="sleep 0.3; exit 1", triggers=[a.stdout])',
        ok=False,
    )
    assert project.engine.outputs() == {"before": "a", "both": "two"}


def test_what_runs_beside_a_failure_is_finished_and_recorded(project: Project) -> None:
    wait = "i=0; while [ ! -e failed ]; do i=$((i+1)); [ $i -lt 600 ] || exit 1; sleep 0.05; done; sleep 0.3"
    project.up(
        f'run("slow", create="touch slow; {wait}; echo +slow >> log")\n'
        'run("bad", create="while [ ! -e slow ]; do sleep 0.05; done; touch failed; exit 1")',
        ok=False,
    )
    assert project.log() == ["+slow"]
    assert project.held() == ["slow"]


def test_a_delete_that_fails_is_tried_again(project: Project) -> None:
    project.up('run("a", delete="[ -e allowed ] && echo -a >> log")')
    project.log()
    result = project.up("", ok=False)
    assert [item.failed for item in result.named("a")] == [True]
    assert project.held() == ["a"]
    (project.folder / "allowed").write_text("")
    project.up("")
    assert (project.log(), project.held()) == (["-a"], [])


def test_a_failed_delete_keeps_what_it_needs(project: Project) -> None:
    project.up('a = run("a")\nrun("b", delete="exit 1", triggers=[a.stdout])')
    project.log()
    project.up("", ok=False)
    assert (project.log(), project.held()) == ([], ["a", "b"])


def test_a_killed_replacement_is_carried_on(project: Project) -> None:
    """Killed between the two halves of a delete before a create: nothing is deleted twice."""
    text = (
        'run("a", say="{0}", triggers=["{0}"], opts=Options(delete_before_replace=True),'
        ' create="echo +{0} >> log; touch begun-{0}; while [ ! -e go-{0} ]; do sleep 0.05; done")'
    )
    (project.folder / "go-one").write_text("")
    project.up(text.format("one"))
    running = project.start(text.format("two"), until="begun-two")
    running.kill()
    running.wait(60)
    project.engine.cancel()
    (project.folder / "go-two").write_text("")
    project.log()
    project.up(text.format("two"))
    assert (project.log(), project.held()) == (["+two"], ["a"])


def test_two_updates_at_once_are_refused(project: Project) -> None:
    text = begin(project)
    running = project.start(text, until="begun")
    assert "locked" in project.up(text, ok=False).text
    (project.folder / "go").write_text("")
    assert running.wait(60).ok
