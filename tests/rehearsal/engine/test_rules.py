"""The engine's rules, held by the stand-in and by the real `pulumi` alike."""

from __future__ import annotations

from tests.rehearsal.engine.projects import Project

# Each waits for the other: that ends only if both run at once.
MEET = "touch {0}; i=0; while [ ! -e {1} ]; do i=$((i+1)); [ $i -lt 600 ] || exit 1; sleep 0.05; done"
CHAIN = 'a = run("a")\nb = run("b", triggers=[a.stdout])\nc = run("c", opts=Options(depends_on=[b]))\n'


def test_what_a_resource_needs_is_there_before_it(project: Project) -> None:
    project.up(CHAIN)
    assert project.log() == ["+a", "+b", "+c"]


def test_independent_resources_are_made_at_the_same_time(project: Project) -> None:
    result = project.up(f'run("a", create="{MEET.format("a", "b")}")\nrun("b", create="{MEET.format("b", "a")}")')
    assert result.changes == {"create": 3}


def test_a_second_update_does_nothing(project: Project) -> None:
    project.up(CHAIN)
    project.log()
    again = project.up(CHAIN)
    assert (again.changes, again.operations, project.log()) == ({"same": 4}, (), [])


def test_a_preview_tells_the_plan_and_does_nothing(project: Project) -> None:
    text = CHAIN + 'a.stdout.apply(lambda said: open("applied", "w").write(said))\npulumi.export("said", a.stdout)'
    result = project.program(text).engine.preview()
    assert result.ok
    assert result.changes == {"create": 4}
    assert [item.op for item in result.operations if item.name in "abc"] == ["create"] * 3
    assert "unknown" in result.text
    assert project.log() == []
    assert not (project.folder / "applied").exists()
    assert project.engine.resources() == []


def test_a_trigger_replaces_and_the_old_one_goes_last(project: Project) -> None:
    project.up('run("a", say="a1", triggers=[1])\nrun("b")')
    project.log()
    result = project.up('a = run("a", say="a2", triggers=[2])\nrun("b")\nrun("c", triggers=[a.stdout])')
    assert project.log() == ["+a2", "+c", "-a1"]
    assert result.changes == {"replace": 1, "create": 1, "same": 2}
    assert [item.op for item in result.named("a")] == ["create-replacement", "delete-replaced"]


def test_a_replacement_trigger_replaces_create_before_delete(project: Project) -> None:
    project.up('run("a", opts=Options(replacement_trigger="one"))')
    project.log()
    result = project.up('run("a", opts=Options(replacement_trigger="two"))')
    assert (result.changes, project.log()) == ({"replace": 1, "same": 1}, ["+a", "-a"])


def test_a_first_replacement_trigger_replaces_nothing(project: Project) -> None:
    project.up('run("a")')
    assert project.up('run("a", opts=Options(replacement_trigger="one"))').changes == {"same": 2}


def test_delete_before_replace_takes_those_along_that_are_replaced_with_it(project: Project) -> None:
    text = (
        'a = run("a", triggers=[{0}], opts=Options(delete_before_replace=True))\n'
        'run("b", triggers=[a.id])\nrun("c", opts=Options(depends_on=[a]))\n'
    )
    project.up(text.format(1))
    project.log()
    result = project.up(text.format(2))
    assert project.log() == ["-b", "-a", "+a", "+b"]
    assert result.changes == {"replace": 2, "same": 2}


def test_a_changed_input_runs_update_in_place(project: Project) -> None:
    project.up('run("a", environment={"X": "1"}, update="echo ~a$X$PULUMI_COMMAND_STDOUT >> log")')
    project.log()
    result = project.up('run("a", environment={"X": "2"}, update="echo ~a$X$PULUMI_COMMAND_STDOUT >> log")')
    assert (result.changes, project.log()) == ({"update": 1, "same": 1}, ["~a2a"])


def test_a_changed_input_runs_create_where_there_is_no_update(project: Project) -> None:
    project.up('run("a", say="a1")')
    project.log()
    project.up('run("a", say="a2")')
    assert project.log() == ["+a2"]


def test_ignoring_every_change_freezes_triggers_too(project: Project) -> None:
    project.up('run("a", triggers=[1])')
    project.log()
    result = project.up('run("a", say="other", triggers=[2], opts=Options(ignore_changes=["*"]))')
    assert (result.changes, project.log()) == ({"same": 2}, [])


def test_ignoring_one_input_lets_others_change(project: Project) -> None:
    project.up('run("a", triggers=[1])')
    project.log()
    project.up('run("a", say="new", triggers=[2], opts=Options(ignore_changes=["triggers"]))')
    assert project.log() == ["+new"]


def test_a_failure_begins_nothing_new_and_deletes_nothing(project: Project) -> None:
    project.up('run("gone")\nrun("a", say="a1", triggers=[1])')
    project.log()
    bad = (
        'a = run("a", say="a2", triggers=[2])\n'
        'bad = run("bad", create="echo +bad >> log; echo no >&2; exit 3", triggers=[a.stdout])\n'
        'run("after", triggers=[bad.stdout])'
    )
    result = project.up(bad, ok=False)
    assert project.log() == ["+a2", "+bad"]
    assert "exit status 3" in result.text
    assert [item.failed for item in result.named("bad")] == [True]
    # The failed one is not recorded; the replaced one is still to be deleted.
    assert project.held() == ["a", "a", "gone"]


def test_after_a_failure_the_next_update_does_what_is_left(project: Project) -> None:
    project.up('run("a", say="a1", triggers=[1])')
    project.up('a = run("a", say="a2", triggers=[2])\nrun("b", create="exit 1", triggers=[a.stdout])', ok=False)
    project.log()
    project.up('a = run("a", say="a2", triggers=[2])\nrun("b", triggers=[a.stdout])')
    assert project.log() == ["+b", "-a1"]
    assert project.held() == ["a", "b"]


def test_deletes_come_last_and_dependents_go_first(project: Project) -> None:
    project.up(CHAIN)
    project.log()
    project.up('run("new")')
    assert project.log() == ["+new", "-c", "-b", "-a"]


def test_a_delete_runs_as_it_was_recorded(project: Project) -> None:
    project.up('run("a", delete="echo -recorded$PULUMI_COMMAND_STDOUT >> log")')
    project.log()
    project.up("")
    assert project.log() == ["-recordeda"]


def test_destroy_deletes_everything_dependents_first(project: Project) -> None:
    project.up(CHAIN)
    project.log()
    result = project.engine.destroy()
    assert (result.ok, result.changes, project.log()) == (True, {"delete": 4}, ["-c", "-b", "-a"])
    assert project.engine.resources() == []


def test_children_go_before_their_component(project: Project) -> None:
    project.up(
        "class Part(pulumi.ComponentResource):\n"
        "    def __init__(self, name):\n"
        '        super().__init__("small:index:Part", name, {"x": 1})\n'
        '        self.said = run(f"{name}-child", opts=Options(parent=self)).stdout\n'
        '        self.register_outputs({"said": self.said})\n'
        'part = Part("part")\nrun("b", opts=Options(depends_on=[part]))'
    )
    assert project.log() == ["+part-child", "+b"]
    result = project.up("")
    assert project.log() == ["-b", "-part-child"]
    assert [item.name for item in result.operations] == ["b", "part-child", "part"]


def test_a_protected_resource_is_not_deleted_but_others_are(project: Project) -> None:
    project.up('a = run("a")\nrun("kept", triggers=[a.stdout], opts=Options(protect=True))\nrun("other")')
    project.log()
    result = project.up("", ok=False)
    assert "protect" in result.text
    assert project.log() == ["-other"]
    assert project.held() == ["a", "kept"]


def test_a_protected_resource_is_not_replaced(project: Project) -> None:
    project.up('run("kept", triggers=[1], opts=Options(protect=True))')
    project.log()
    result = project.up('run("kept", triggers=[2], opts=Options(protect=True))', ok=False)
    assert "protect" in result.text
    assert project.log() == []


def test_retain_on_delete_forgets_without_deleting(project: Project) -> None:
    project.up('run("a", opts=Options(retain_on_delete=True))')
    project.log()
    project.up("")
    assert (project.log(), project.held()) == ([], [])


def test_a_program_that_fails_deletes_nothing(project: Project) -> None:
    project.up('run("a")')
    project.log()
    result = project.up('raise ValueError("nothing of this kind")', ok=False)
    assert "nothing of this kind" in result.text
    assert (project.log(), project.held()) == ([], ["a"])


def test_an_error_for_the_user_comes_without_a_stack_trace(project: Project) -> None:
    result = project.up('raise pulumi.RunError("type this instead")', ok=False)
    assert "type this instead" in result.text
    assert "Traceback" not in result.text


def test_names_must_be_unique(project: Project) -> None:
    result = project.up('run("a")\nrun("a")', ok=False)
    assert "uplicate resource URN" in result.text


def test_a_program_may_ask_what_its_own_stack_has_made(project: Project) -> None:
    text = (
        'name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"\n'
        'read = pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", {"stackName": name})\n'
        'made = [one for one in read.value["outputs"].values() if one["type"].startswith("command:")]\n'
        'pulumi.export("made", [one["outputs"]["stdout"] for one in made])\n'
    )
    assert project.program(text + 'run("a", triggers=[1])').engine.preview().ok
    project.up(text + 'run("a", triggers=[1])')
    assert project.engine.outputs()["made"] == []
    project.up(text + 'run("a", say="a2", triggers=[2], opts=Options(depends_on=[run("b")]))')
    assert project.engine.outputs()["made"] == ["a"]
    project.up(text)
    assert sorted(project.engine.outputs()["made"]) == ["a2", "b"]


def test_a_replacement_trigger_replaces_what_ignores_every_change_by_what_the_program_says_then(
    project: Project,
) -> None:
    text = (
        'a = run("a", say="a{0}", triggers=[{0}], opts=Options(ignore_changes=["*"], replacement_trigger="{1}"))\n'
        'pulumi.export("said", a.stdout)\n'
    )
    project.up(text.format(1, "one"))
    assert project.up(text.format(2, "one")).changes == {"same": 2}
    assert (project.log(), project.engine.outputs()["said"]) == (["+a1"], "a1")
    assert project.up(text.format(3, "two")).changes == {"replace": 1, "same": 1}
    assert project.log() == ["+a3", "-a1"]
    assert project.up(text.format(4, "two")).changes == {"same": 2}
    assert project.engine.outputs()["said"] == "a3"
