"""What of its environment a step hands on to a program of others. Pure.

A step inherits everything that the engine has: in CI the runner's tokens (ACTIONS_ID_TOKEN_REQUEST_TOKEN lets whoever
has it become this job), files that later steps of the job obey (GITHUB_ENV, GITHUB_PATH), Pulumi's access token and
passphrase. Packer with its plugins, and whatever a hook's command installs, need none of it; so what they get is
listed, and a variable that nobody has thought of is not in the list.

That is no wall: a program of the same user can read other processes' environments and the files below HOME.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

# How programs find others, their files and the network. Both spellings of the proxies are in use.
ANYONE = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TMP|TEMP|TZ|TERM|CI|NO_COLOR|LANG|LANGUAGE|LC_\w+|XDG_\w+"
    r"|https?_proxy|all_proxy|no_proxy|HTTPS?_PROXY|ALL_PROXY|NO_PROXY"
    r"|SSL_CERT_FILE|SSL_CERT_DIR|CURL_CA_BUNDLE|REQUESTS_CA_BUNDLE|NODE_EXTRA_CA_CERTS|PHOENIX_PYTHON"
)
# Its plugin acts in AWS, with session-manager-plugin as a child.
PACKER = re.compile(r"AWS_\w+|PACKER_\w+")


def for_packer(environment: Mapping[str, str]) -> dict[str, str]:
    """Packer's: the AWS identity and its own settings; and it asks nobody for news of versions."""
    kept = {name: value for name, value in environment.items() if PACKER.fullmatch(name)}
    return {**_anyones(environment), **kept, "CHECKPOINT_DISABLE": "1"}


def for_hook(environment: Mapping[str, str], *, names: Collection[str], added: Mapping[str, str]) -> dict[str, str]:
    """A hook's command's: no AWS identity, but the variables that the stack's settings name, and what is `added`."""
    named = {name: environment[name] for name in names if name in environment}
    return {**_anyones(environment), **named, **added}


def _anyones(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if ANYONE.fullmatch(name)}
