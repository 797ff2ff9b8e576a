"""The applications that are here: the sample, the examples, the team's own, and those that the stacks' files choose."""

from __future__ import annotations

from pathlib import Path

import yaml  # type: ignore[import-untyped]  # it comes with pulumi

from core import image_base

PROJECT = Path(__file__).parents[2]
STACKS = sorted(PROJECT.glob("Pulumi.*.yaml"))


def said(stack: Path) -> dict[str, object]:
    """The keys of a stack's file, each with its namespace: one without is the project's."""
    keys: dict[str, object] = yaml.safe_load(stack.read_text(encoding="utf-8")).get("config") or {}
    return {name if ":" in name else f"{project()}:{name}": value for name, value in keys.items()}


def project() -> str:
    """The namespace of the stacks' keys: the project's name."""
    return str(yaml.safe_load((PROJECT / "Pulumi.yaml").read_text(encoding="utf-8"))["name"])


def images() -> list[Path]:
    """Every folder that `imageDir` may name here, by its way from the project."""
    laid = {file.parent for place in ("examples/apps", "apps") for file in PROJECT.glob(f"{place}/*/{image_base.BASE}")}
    chosen = {PROJECT / str(said(stack).get(f"{project()}:imageDir", "image")) for stack in STACKS}
    return sorted({one.relative_to(PROJECT) for one in {PROJECT / "image", *laid, *chosen}})
