"""AWS as moto plays it in this process: nothing of the user's own leads elsewhere."""

from __future__ import annotations

import pytest

import rehearsal.cloud.moto_patches  # noqa: F401 - what moto does not know of AWS and the program asks


def moto_only(patch: pytest.MonkeyPatch) -> None:
    """Credentials that are nobody's, and no profile or endpoint; for tests inside `mock_aws`."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        patch.delenv(name, raising=False)
