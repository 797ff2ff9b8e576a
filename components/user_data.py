"""The user data of a server: cloud-init writes one file of plain variables, which the application's unit reads."""

from __future__ import annotations

import json

from components.settings import Settings

PATH = "/etc/phoenix/server.env"


def user_data(settings: Settings, *, color: str, generation: str) -> str:
    """`#cloud-config` that writes `/etc/phoenix/server.env` (JSON is YAML; systemd's EnvironmentFile syntax inside).

    Nothing in it is a secret: whoever is on the server can read it from the metadata service.
    """
    variables = {
        "PHOENIX_SERVICE": settings.service,
        "PHOENIX_STACK": settings.stack,
        "PHOENIX_COLOR": color,
        "PHOENIX_GENERATION": generation,
        "PHOENIX_PORT": str(settings.app_port),
        **dict(sorted(settings.environment.items())),
    }
    content = "".join(f'{name}="{value}"\n' for name, value in variables.items())
    file = {"path": PATH, "owner": "root:root", "permissions": "0644", "content": content}
    return "#cloud-config\n" + json.dumps({"write_files": [file]}, indent=1) + "\n"
