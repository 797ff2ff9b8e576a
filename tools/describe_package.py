"""Writes package/arguments.py and package/schema.json: the inputs of the Pulumi package, from Pulumi.yaml.

`PYTHONPATH=. python tools/describe_package.py`; a test holds both against it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # it comes with pulumi

PROJECT = Path(__file__).resolve().parents[1]
ARGUMENTS, SCHEMA = PROJECT / "package" / "arguments.py", PROJECT / "package" / "schema.json"
TYPES = {"string": "str", "integer": "int", "boolean": "bool", "object": "dict[str, str]"}
# Texts in a program, whatever `pulumi config set` makes of them.
TEXTS = ("imageSharedWith",)
# Objects of any values.
OBJECTS = ("policyStatements",)
# Texts and lists or objects of them.
MIXED = ("packerVariables", "hooks", "schedule")
# Without a default in the package: two services of a program can't both be the default's.
REQUIRED = ("service", "previewToken")
HEAD = '''"""The inputs of the package's component: the keys of the configuration. Made by tools/describe_package.py.

All but the token are plain values, no outputs: the rollout plan is decided by them before anything is declared.
"""

from typing import Any, Required, TypedDict

import pulumi


class ServiceArgs(TypedDict, total=False):
'''


def arguments(project: Mapping[str, Any]) -> str:
    """The module with the typed inputs, in the words of Pulumi.yaml."""
    lines = []
    for key, said in project["config"].items():
        kind = (
            TYPES[said["type"]]
            if said["type"] != "array"
            else (f"list[{'str' if key in TEXTS else TYPES[said['items']['type']]}]")
        )
        if key in MIXED:
            kind = "dict[str, Any]"
        if key in OBJECTS:
            kind = "list[dict[str, Any]]"
        if key == "previewToken":
            kind = f"pulumi.Input[{kind}]"
        note = "" if key in REQUIRED or said["default"] in ("", [], {}) else f" Default: {_shown(said['default'])}."
        lines += [
            f"    {key}: {f'Required[{kind}]' if key in REQUIRED else kind}",
            f'    """{said["description"]}.{note}"""',
        ]
    return HEAD + "\n".join([*lines, ""])


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def schema() -> str:
    """The schema that Pulumi reads off the component, by the SDK's own analyzer. For `package` as it is on the disk."""
    code = (
        "import json; from pulumi.provider.experimental.component import ComponentProvider;"
        "from package.service import Service;"
        "said = json.loads(ComponentProvider([Service], 'phoenix').schema or '');"
        "print(json.dumps(said, indent=2, sort_keys=True))"
    )
    return subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True, capture_output=True, text=True).stdout


def main() -> int:
    """Writes both."""
    ARGUMENTS.write_text(arguments(yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())))
    SCHEMA.write_text(schema())
    print(f"written: {ARGUMENTS}, {SCHEMA}")
    return 0


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    sys.exit(main())
