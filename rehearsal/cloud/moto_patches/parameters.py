"""What Parameter Store refuses and moto lets through: values that are too long, names, and too many names in one call.

Limits and names: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
"""

from __future__ import annotations

import re
from typing import Any

from moto.ssm.exceptions import ValidationException
from moto.ssm.models import SimpleSystemManagerBackend

from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState

CHARACTERS = {"Standard": 4096, "Advanced": 8192}
NAME = re.compile(r"[a-zA-Z0-9_.-]+|(/[a-zA-Z0-9_.-]+)+")
NAMES = 10


@around(SimpleSystemManagerBackend, "put_parameter")
def within_limits(
    cloud: CloudState,
    original: Correction,
    backend: Any,
    name: str,
    description: str,
    value: str,
    *args: Any,
    **kwargs: Any,
) -> Any:
    tier = kwargs.get("tier") or "Standard"
    most = CHARACTERS.get(tier, CHARACTERS["Advanced"])
    if len(value.encode()) > most:
        raise ValidationException(
            f"{tier} tier parameters support a maximum parameter value of {most} characters."
            + (
                " To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier."
                if tier == "Standard"
                else ""
            )
        )
    if not NAME.fullmatch(name):
        raise ValidationException(
            'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of '
            "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the "
            "following 3 symbols .-_"
        )
    return original(backend, name, description, value, *args, **kwargs)


@around(SimpleSystemManagerBackend, "delete_parameters")
def few_at_once(cloud: CloudState, original: Correction, backend: Any, names: list[str]) -> Any:
    if len(names) > NAMES:
        raise ValidationException(
            f"1 validation error detected: Value '{names}' at 'names' failed to satisfy constraint: "
            f"Member must have length less than or equal to {NAMES}"
        )
    return original(backend, names)
