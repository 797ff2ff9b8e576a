"""Names, tags and patterns that a plan and the steps share."""

from __future__ import annotations

import re

# An ARN of any service; its groups are region and account, empty where the service has none.
ARN = re.compile(r"arn:[a-z0-9-]+:[a-z0-9-]+:([a-z0-9-]*):([0-9]*):.+")
# Ids of images have 8 hex digits, or 17 since 2016 (EC2 user guide, "Resource IDs").
AMI = re.compile(r"ami-[0-9a-f]{8}(?:[0-9a-f]{9})?")
# Of everything that makes an image: a whole SHA-256, for accounts trust each other's images by it. What is shown of one
# may be typed for it.
FINGERPRINT = re.compile(r"[0-9a-f]{64}")
SHOWN_DIGITS = 12
TYPED_FINGERPRINT = re.compile(rf"[0-9a-f]{{{SHOWN_DIGITS},64}}")
# Of everything that makes a server: the first digits of a hash. It tells the groups of one stack apart.
GENERATION = re.compile(r"[0-9a-f]{12}")
# A request with it (its value is the preview token) is led to the active group before that has production traffic.
PREVIEW_HEADER = "X-Phoenix-Preview"
# An application answers with it, so that it is known which generation answered.
GENERATION_HEADER = "X-Phoenix-Generation"
COLORS = ("blue", "green")
# Which of a step's options its environment gives (`PHOENIX_<OPTION>`), by name.
OPTIONS_VARIABLE = "PHOENIX_OPTIONS"


def shown(fingerprint: str) -> str:
    """The first digits of a fingerprint, for people."""
    return fingerprint[:SHOWN_DIGITS]


def other_color(color: str) -> str:
    """The color beside this one."""
    return COLORS[1 - COLORS.index(color)]


# What a bake takes on the machine that runs it, and how to get it. With the plugin Packer talks to Session Manager.
PACKER_INSTALL = "sudo sh tools/install_packer.sh   (or by hand: https://developer.hashicorp.com/packer/install)"
SESSION_PLUGIN = "session-manager-plugin"
SESSION_PLUGIN_INSTALL = (
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html"
)
