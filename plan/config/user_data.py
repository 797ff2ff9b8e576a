"""The user data of a server: cloud-init writes a file of plain variables, which the application's unit reads.

One more has the names of secrets, which a unit of the image reads before the application starts, and one the command
that a unit of the image runs before the server ends.
"""

from __future__ import annotations

import json
import re
from typing import Any

from plan.config import live_target, secret_references, stop_command
from plan.config.settings import Settings

PATH = "/etc/phoenix/server.env"
SECRETS_PATH = "/etc/phoenix/secrets.json"
# Before base64 (EC2 user guide, "Run commands when you launch an EC2 instance with user data input"); a launch template
# with more is refused: "InvalidUserData.Malformed: User data is limited to 16384 bytes."
LIMIT = 16384
# What YAML 1.1 (5.1 and 5.4) takes in a text only as an escape: characters that can't be printed, and further breaks of
# a line, which it would fold to blanks.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def user_data(settings: Settings, *, color: str, generation: str, live_table: str = "") -> str:
    """`#cloud-config` that writes `/etc/phoenix/server.env` (JSON is YAML; systemd's EnvironmentFile syntax inside).

    In UTF-8, as cloud-init reads it. Not in JSON's own escapes, which are three times as long, and YAML would take
    those of a character beyond the first 65,536 for two that there are not. Nothing in it is a secret: whoever is on
    the server can read it from the metadata service. Variables that name a secret are no variables yet: they stand in
    `/etc/phoenix/secrets.json`, which is there only when there are any, so that no application gets a name for a value.
    `live_table`: the name of the table of a stack with a live target.
    """
    variables = {
        "PHOENIX_SERVICE": settings.service,
        "PHOENIX_STACK": settings.stack,
        "PHOENIX_COLOR": color,
        "PHOENIX_GENERATION": generation,
        "PHOENIX_PORT": str(settings.app_port),
        **{
            name: value
            for name, value in sorted(settings.environment.items())
            if not secret_references.parse_reference(value)
        },
    }
    files = [_file(PATH, "".join(f'{name}="{value}"\n' for name, value in variables.items()))]
    if secrets := {
        name: value for name, value in sorted(settings.environment.items()) if secret_references.parse_reference(value)
    }:
        files.append(_file(SECRETS_PATH, json.dumps({"region": settings.region, "variables": secrets}, indent=1)))
    if settings.stop_command:
        seconds = settings.stop_timeout_seconds
        files.append(
            _file(stop_command.PATH, stop_command.file_content(settings.stop_command, seconds, region=settings.region))
        )
    if settings.live_target:
        content = live_target.file_content(
            live_table, generation, region=settings.region, stop_seconds=settings.live_stop_seconds
        )
        files.append(_file(live_target.PATH, content))
    said = json.dumps({"write_files": files}, indent=1, ensure_ascii=False)
    return "#cloud-config\n" + _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", said) + "\n"


def size(settings: Settings) -> int:
    """Bytes of a server's user data: colors and generations make no difference but a byte."""
    return len(user_data(settings, color="green", generation="0" * 12, live_table="x" * 31).encode())


def _file(path: str, content: str) -> dict[str, Any]:
    return {"path": path, "owner": "root:root", "permissions": "0644", "content": content}
