"""Ordinary mistakes with git: an older commit is deployed last, and files that git does not answer for."""

from __future__ import annotations

import pytest

from rehearsal.cloud.calls import Call
from tests.cycles.stack import until
from tests.faults.trial import Trial


@pytest.mark.representative("forward")
def test_an_older_commit_deploys_last(trial: Trial) -> None:
    """A pipeline is run again, with `active: auto`: its plan would take production back like any change."""
    stack, shop = trial.stack, trial.stack.shop
    stack.set(active="auto")
    shop.commit("The flag flips by itself")
    older = shop.head()
    stack.change()
    newer = shop.head()
    stack.up()
    [born] = stack.groups().values()
    assert stack.weights() == {trial.new: 100}
    stack.idle()

    stack.check_out(older)
    trial.before, trial.live = {trial.new: 100}, born
    planned = stack.engine.preview()
    assert not planned.ok
    refused = (
        f"must be true before an older commit changes production: it was made from {newer[:12]}, 2 commits after"
        f" {older[:12]}, which is checked out here"
    )
    assert refused in planned.text
    trial.refused(refused, "pulumi up --config allowOlder=true")
    assert list(stack.groups().values()) == [born]

    if trial.ending == "forward":
        stack.check_out(newer)
        stack.idle()
        stack.change()
        done = stack.up()
        assert "production was made from" not in done.text
    else:
        stack.set(allowOlder=True)
        done = stack.up()
        assert f"production was made from {newer[:12]}, 2 commits after {older[:12]}" in done.text
        assert "allowOlder lets it be" in done.text
        stack.set(allowOlder=False)
    [last] = stack.groups().values()
    assert last.color != born.color and last.generation != born.generation
    assert stack.weights() == {last.color: 100}
    # From here on the commit that was let be is production's: the newer one is newer again.
    stack.idle()
    stack.change()
    stack.up()
    stack.idle()
    trial.ended = True


def test_a_revert_of_the_last_commit_needs_no_word(trial: Trial) -> None:
    stack = trial.stack
    stack.set(active="auto")
    stack.change()
    stack.up()
    trial.strike()
    stack.shop.commit("Settings")
    if trial.ending == "back":
        stack.back_to(trial.begun)
        stack.set(active="auto")
    else:
        stack.change()
    done = stack.up()
    assert "production was made from" not in done.text
    stack.idle()
    trial.ended = True


def test_a_script_that_git_ignores(trial: Trial) -> None:
    """It would have been uploaded, and a fix of it would have been `nothing to do`."""
    folder = trial.stack.shop.folder
    (folder / "image" / ".gitignore").write_text("*.local.sh\n")
    script = folder / "image" / "provision" / "15-mine.local.sh"
    script.write_text("#!/bin/sh\n")
    trial.change()
    trial.refused(
        "['provision/15-mine.local.sh']: must not be ignored by git",
        "type: git add --force image/provision/15-mine.local.sh",
    )
    assert trial.born() is None
    script.unlink()
    trial.ends()


def test_a_script_is_changed_while_the_update_runs(trial: Trial) -> None:
    """The plan has seen one image; another one is not baked under its name."""
    stack = trial.stack
    trial.change()
    script = stack.shop.folder / "image" / "provision" / "15-late.sh"
    with stack.cloud.calls.holding(_looks_for_the_image) as held:
        running = trial.begin()
        try:
            until(lambda: held.reached.is_set() or running.ended, what="the bake has begun")
            script.write_text("#!/bin/sh\n")
            trial.strike()
        finally:
            held.released.set()
        trial.ends_badly(
            running,
            "the files of image are not those of the fingerprint",
            "run `pulumi up` again: its plan reads them anew",
        )
    assert trial.born() is None
    script.unlink()
    trial.ends()


def _looks_for_the_image(call: Call) -> bool:
    """The first that a bake asks of AWS."""
    return call.name == "ec2:DescribeImages" and "fingerprint" in call.body
