"""Advice for one service of several names its keys as Pulumi takes them."""

from __future__ import annotations

import pytest

from plan.config import advice

KEYS = ("active", "alarms", "environment", "image", "imageKmsKey", "traffic")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pulumi config set active green", "pulumi config set --path shop.active green"),
        (
            "type: pulumi config set traffic 100 && pulumi config rm image",
            "type: pulumi config set --path shop.traffic 100 && pulumi config rm --path shop.image",
        ),
        ("pulumi config set --path environment.V 1", "pulumi config set --path shop.environment.V 1"),
        ("pulumi config set --path 'alarms[0]' NAME", "pulumi config set --path 'shop.alarms[0]' NAME"),
        (
            "pulumi config set --type string --path environment.V -- -010",
            "pulumi config set --type string --path shop.environment.V -- -010",
        ),
        (
            "pulumi config set --plaintext --path 'alarms[1]' \"$(pulumi config get --path 'alarms[1]')\"",
            "pulumi config set --plaintext --path 'shop.alarms[1]' \"$(pulumi config get --path 'shop.alarms[1]')\"",
        ),
        ("pulumi config set imageKmsKey none", "pulumi config set --path shop.imageKmsKey none"),
    ],
)
def test_a_key_of_the_service(text: str, expected: str) -> None:
    assert advice.for_service(text, "shop", KEYS) == expected
    assert advice.for_service(expected, "shop", KEYS) == expected, "once is enough"


@pytest.mark.parametrize(
    "text",
    [
        "pulumi config set --path 'aws:profile' NAME",
        "pulumi config set aws:region eu-west-1",
        "pulumi config set listenerPort 80",
        "the active color; pulumi up",
        "pulumi config rm image-tools:active",
    ],
)
def test_other_keys_stay(text: str) -> None:
    assert advice.for_service(text, "shop", KEYS) == text
