"""What a person's own Pulumi has written into the local stack's file does not reach the rehearsal."""

from __future__ import annotations

from pathlib import Path

from rehearsal import PROJECT
from rehearsal.engine.standin import stack_yaml
from rehearsal.scenario.project_copy import forget_secrets


def test_secrets_of_another_passphrase_are_left_behind(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.local.yaml"
    shipped = (PROJECT / "Pulumi.local.yaml").read_text()
    file.write_text(
        f"{shipped}  phoenix:previewToken:\n    secure: v1:nonce:box\nencryptionsalt: v1:salt:v1:nonce:box\n"
    )
    forget_secrets(file)
    assert stack_yaml.load(file.read_text()) == stack_yaml.load(shipped)


def test_a_file_without_secrets_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.local.yaml"
    file.write_text("# a note\nconfig:\n  aws:region: eu-west-1\n")
    forget_secrets(file)
    assert file.read_text() == "# a note\nconfig:\n  aws:region: eu-west-1\n"
