"""Names, tags and patterns that a plan and the steps share."""

from __future__ import annotations

import re

# An ARN of any service; its groups are region and account, empty where the service has none.
ARN = re.compile(r"arn:[a-z0-9-]+:[a-z0-9-]+:([a-z0-9-]*):([0-9]*):.+")
# Which of a step's options its environment gives (`PHOENIX_<OPTION>`), by name.
OPTIONS_VARIABLE = "PHOENIX_OPTIONS"
