"""The measurement of detection: what it takes from the texts, and what it can't do without."""

from __future__ import annotations

import sys

import pytest

from bench import detection

SAID = """phoenix-local-verify  verify failed: PHX-601: blue e430148dfce6 was not verified; production was not touched
phoenix-local-verify  Why: PHX-606: the servers fail as fast as they are launched: 4 were replaced
phoenix-local-verify       i-f94abc678b4e9e3c0 unhealthy (Target.Timeout): Request timed out
"""


def test_the_reason_is_the_update_s_own() -> None:
    assert detection.reason(SAID) == "the servers fail as fast as they are launched: 4 were replaced (Target.Timeout)"


def test_without_terraform_there_is_nothing_to_compare_with(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "argv", ["detection"])

    with pytest.raises(SystemExit):
        detection.main()

    assert "terraform is not on PATH, so the provider's wait can't be measured: install it" in capsys.readouterr().err
