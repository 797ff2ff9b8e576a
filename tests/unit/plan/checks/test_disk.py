"""A disk that is smaller than the image of it is refused before anything is created, wherever the image comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.errors import problem
from plan.checks import disk
from plan.checks.known_failures import KnownFailureError, UpdateFacts, checked_plan
from plan.image_source import ImageSource
from plan.readers.account_limits import AccountLimits
from tests.support.factories import NOW, group, live, reads, recipe, settings

HERE = ImageSource("1" * 12, "", image="ami-00000001", image_ids=("ami-00000001",), gib=20)
BAKED = ImageSource("1" * 12, "", needs_bake=True)
COPIED = ImageSource("1" * 12, "", gib=12)


@pytest.mark.parametrize(
    ("source", "base", "said", "expected"),
    [
        (HERE, None, {}, ["rootVolumeGiB = 10: must be at least 20 GiB, the size of the image ami-00000001"]),
        (HERE, None, {"root_volume_gib": 20}, []),
        (COPIED, None, {}, ["rootVolumeGiB = 10: must be at least 12 GiB, the size of the image that is copied"]),
        (BAKED, 12, {}, ["rootVolumeGiB = 10: must be at least 12 GiB, the size of the image that is baked"]),
        (BAKED, 12, {"root_volume_gib": 12}, []),
        (BAKED, None, {}, []),
        (BAKED, 0, {}, []),  # the base is gone, which another rule says
        (
            BAKED,
            12,
            {"root_volume_gib": 30, "packer_variables": {"root_gib": "9"}},
            ["packerVariables.root_gib = 9: must be at least 12 GiB, the size of baseImage (ami-0000000b)"],
        ),
        (
            BAKED,
            12,
            {"packer_variables": {"root_gib": "9"}},
            ["packerVariables.root_gib = 9", "rootVolumeGiB = 10: must be at least 12 GiB"],
        ),
        (BAKED, 8, {"packer_variables": {"root_gib": "9"}}, []),
        (ImageSource("1" * 12, "", image="ami-00000001"), None, {}, []),  # AWS does not say its size
    ],
)
def test_the_disk_has_room_for_its_image(
    source: ImageSource, base: int | None, said: dict[str, Any], expected: list[str]
) -> None:
    found = list(disk.problems(settings(base_image="ami-0000000b", **said), source, AccountLimits(base=base)))
    assert [one.what[: len(wanted)] for one, wanted in zip(found, expected, strict=True)] == expected
    assert all(one.fix.startswith("pulumi config ") for one in found)


def test_only_a_birth_is_refused_for_it() -> None:
    with pytest.raises(KnownFailureError, match="rootVolumeGiB = 10: must be at least 20 GiB"):
        checked_plan(
            UpdateFacts(
                settings=settings(active="green"),
                spec=recipe("2" * 12),
                live=live(group("blue")),
                limits=AccountLimits(),
                source=HERE,
                now=NOW,
            )
        )
    assert checked_plan(
        UpdateFacts(
            settings=settings(), spec=recipe(), live=live(group("blue")), limits=AccountLimits(), source=HERE, now=NOW
        )
    ).existing


def test_what_the_template_refuses_is_told_with_what_else_is_known_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plan import image_origin, image_source
    from plan.checks import encryption

    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "phoenix.pkr.hcl").write_text('variable "ssh_from" {\n  type = list(string)\n}\n')
    monkeypatch.setattr(image_source, "select_source", lambda *_, **__: BAKED)
    monkeypatch.setattr(encryption, "key_problem", lambda *_: problem("PHX-328", "imageKmsKey", "x", "...", ""))
    here: Any = type("Account", (), {"id": "123456789012", "region": "eu-west-1"})
    said = settings(packer_variables={"ssh_from": "10.0.0.0/8", "typo": "x"})
    refused = image_origin.find_image_source(reads(None), said, here, tmp_path, now=NOW).problems
    assert [one.what.split(" = ")[0] for one in refused] == [
        "packerVariables.ssh_from",
        "packerVariables.typo",
        "imageKmsKey",
    ]
