"""Reads the secrets that the environment names, before the application starts, into a file for its unit.

    python3 -I resolve_secrets.py NAMES FILE

NAMES is what user data wrote: {"region": "eu-west-1", "variables": {"DB_PASSWORD": "ssm:/shop/db", ...}}. A parameter
is decrypted; `secretsmanager:NAME` is a secret's whole text, `secretsmanager:NAME:KEY` one value of the JSON object
that it holds. The credentials are those of the server's role, from the metadata service alone. What AWS may still grant
or answer in a moment is asked for again, for PATIENCE_SECONDS; then, or when it can't be, nothing is written and the
exit code is 1: each variable and its reason is told, and no value ever.

Runs on the Python and the botocore of every distribution that the image can be made from (3.10 and 1.23 at least).
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # -I leaves it out
sys.dont_write_bytecode = True  # nothing of one machine stays in the image

from botocore.exceptions import BotoCoreError, ClientError  # noqa: E402
from server_aws import client  # noqa: E402

# A role is new with each generation, and IAM shows it everywhere only after a while ("Changes that I make are not
# always immediately visible", IAM user guide); servers that start together are throttled together.
PATIENCE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 8.0
PASSING = re.compile(
    "AccessDenied|UnrecognizedClient|InvalidClientTokenId|ExpiredToken|Throttl|TooManyRequests|RequestLimitExceeded"
    "|InternalS|ServiceUnavailable|RequestTimeout"
)
# A NUL ends a variable. A value with one of the others, which are no characters, is no UTF-8 to systemd: it leaves the
# variable out, and logs its value (utf8_is_valid and load_env_file_push in its source).
NO_CHARACTERS = "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
UNFIT = re.compile(f"[\x00\ud800-\udfff\ufdd0-\ufdef{NO_CHARACTERS}]")

Read = Callable[[str, str], "dict[str, Any]"]
"""What AWS answers for a kind (ssm, secretsmanager) and a name."""


class Unreadable(Exception):  # noqa: N818 - what is told, not a defect of ours
    """Why a value can't be had; `passing`: in a moment it may."""

    def __init__(self, reason: str, *, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing


def main(arguments: list[str]) -> int:
    names, file = map(Path, arguments)
    file.unlink(missing_ok=True)
    try:
        said = json.loads(names.read_text(encoding="utf-8"))
        region, variables = str(said["region"]), {str(name): str(what) for name, what in said["variables"].items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        tell(f"FAILED: {names} can't be read ({type(error).__name__}); the application does not start")
        return 1
    values, failed = resolve(variables, lambda: reader(region))
    for name, reason in failed.items():
        tell(f"FAILED: {name}: {variables[name]} can't be read: {reason}")
    if failed:
        tell(f"FAILED: {len(failed)} of {len(variables)} secrets can't be read; the application does not start")
        return 1
    write(file, "".join(f"{name}={quoted(value)}\n" for name, value in values.items()))
    tell(f"read {len(values)} secrets: {', '.join(values) or 'none is named'}")
    return 0


def resolve(
    variables: Mapping[str, str],
    connect: Callable[[], Read],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[dict[str, str], dict[str, str]]:
    """The values of variables, and of those that have none the reason."""
    ends, tries = clock() + PATIENCE_SECONDS, 0
    values: dict[str, str] = {}
    while True:
        # Anew each time: credentials that were refused, or were not there, would be kept.
        failed = dict(
            _failures({name: what for name, what in variables.items() if name not in values}, connect(), values)
        )
        pause = min(2.0**tries, LONGEST_PAUSE_SECONDS) * random.uniform(0.5, 1)
        if not failed or not all(one.passing for one in failed.values()) or clock() + pause > ends:
            return values, {name: str(one) for name, one in failed.items()}
        if tries == 0:
            tell("; ".join(f"{name} can't be read yet: {one}" for name, one in failed.items()))
        sleep(pause)
        tries += 1


def _failures(wanted: Mapping[str, str], read: Read, values: dict[str, str]) -> Iterator[tuple[str, Unreadable]]:
    """Puts what can be read into `values`, and says what can't. A name that several variables have is read once."""
    answers: dict[tuple[str, str], dict[str, Any] | Unreadable] = {}
    for variable, reference in wanted.items():
        kind, _, rest = reference.partition(":")
        name, _, key = rest.partition(":") if kind == "secretsmanager" else (rest, "", "")
        if (kind, name) not in answers:
            try:
                answers[kind, name] = read(kind, name)
            except Unreadable as error:
                answers[kind, name] = error
        answer = answers[kind, name]
        try:
            if isinstance(answer, Unreadable):
                raise answer
            values[variable] = fit(text(kind, answer, key))
        except Unreadable as error:
            yield variable, error


def reader(region: str) -> Read:
    """Asks AWS, with the credentials of the server's role."""
    clients: dict[str, Any] = {}
    unreached: dict[str, Unreadable] = {}

    def read(kind: str, name: str) -> dict[str, Any]:
        if kind in unreached:  # each name would wait as long as the first
            raise unreached[kind]
        try:
            if kind not in clients:
                clients[kind] = client(kind, region)
            if kind == "ssm":
                answer: dict[str, Any] = clients[kind].get_parameter(Name=name, WithDecryption=True)
            else:
                answer = clients[kind].get_secret_value(SecretId=name)
        except ClientError as error:
            raise refused(error) from None
        except BotoCoreError as error:
            unreached[kind] = Unreadable(f"{type(error).__name__}: {error}", passing=True)
            raise unreached[kind] from None
        return answer

    return read


def refused(error: ClientError) -> Unreadable:
    """What AWS said, in its own words: they name roles, actions and keys, and no value."""
    said: Mapping[str, Any] = error.response
    code = str(said.get("Error", {}).get("Code", "unknown"))
    message = str(said.get("Error", {}).get("Message", "")) or {
        "ParameterNotFound": "there is no parameter of this name in this region"
    }.get(code, "AWS says no more")
    status = int(said.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return Unreadable(f"{code}: {message}", passing=status >= 500 or PASSING.search(code) is not None)


def text(kind: str, answer: Mapping[str, Any], key: str) -> str:
    """The value in an answer. Raises `Unreadable`."""
    if kind == "ssm":
        return str(answer["Parameter"]["Value"])
    if "SecretString" not in answer:
        raise Unreadable("it is binary, and an environment variable is text")
    whole = str(answer["SecretString"])
    if not key:
        return whole
    try:
        held = json.loads(whole)
    except ValueError:
        held = None
    if not isinstance(held, dict):
        raise Unreadable(f"it holds no JSON object, so it has no {key}")
    if key not in held:
        raise Unreadable(f"the object that it holds has no {key}")
    value = held[key]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def fit(value: str) -> str:
    """The value, when an environment variable can have it. Raises `Unreadable`."""
    if UNFIT.search(value):
        raise Unreadable("it holds a character that no environment variable can have (NUL, or none of Unicode's)")
    return value


def quoted(value: str) -> str:
    """As systemd reads it back from an EnvironmentFile, line breaks and all (systemd.exec(5))."""
    return '"' + re.sub(r'(["\\`$])', r"\\\1", value) + '"'


def write(file: Path, content: str) -> None:
    """Whole or not at all, and readable by its owner alone from the first byte on."""
    partial = file.with_name(f".{file.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(
        os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w", encoding="utf-8", newline=""
    ) as opened:
        opened.write(content)
    partial.replace(file)


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
