"""The options of a step: a frozen dataclass whose fields say how each is read.

`--smoke-path` may also come as PHOENIX_SMOKE_PATH, which is how the Pulumi program passes it. It says in
PHOENIX_OPTIONS which options it gives so: another variable of such a name, which a CI system happens to set, is none.
Whatever is missing or wrong is told at once.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from core.errors import StepError
from core.hooks import Hook, decode_hooks
from core.names import ARN, OPTIONS_VARIABLE
from core.partitions import REGION
from steps.runtime import parsers

T = TypeVar("T")


def option(
    help_: str, *, parse: Callable[[str], object] = str, default: object = dataclasses.MISSING, foreign: bool = False
) -> Any:
    """A field that is an option. `parse` raises ValueError with a reason; `default` is a parsed value.

    `foreign`: an ARN may be another account's.
    """
    return dataclasses.field(default=default, metadata={"help": help_, "parse": parse, "foreign": foreign})


@dataclass(frozen=True, kw_only=True)
class CommonOptions:
    """What every step is told."""

    stack: str = option(
        "SERVICE/STACK, as in the tag phoenix:stack",
        parse=lambda text: parsers.matching(text, r"[^\s/]+/[^\s/]+", "not SERVICE/STACK"),
    )
    account: str = option(
        "the AWS account that this step may work in",
        parse=lambda text: parsers.matching(text, r"[0-9]{12}", "not an account number (12 digits)"),
    )
    region: str = option(
        "the AWS region",
        parse=lambda text: parsers.matching(text, REGION.pattern, "not a region (like eu-west-1)"),
    )
    notify_topic: str = option(
        "ARN of an SNS topic that is told what becomes of a release; empty: none",
        parse=parsers.arn_or_empty,
        default="",
        foreign=True,
    )

    def arns(self) -> tuple[str, ...]:
        """The ARNs among the options; their account and region are compared with the ones above."""
        ours = (field for field in dataclasses.fields(self) if not field.metadata["foreign"])
        values = (getattr(self, field.name) for field in ours)
        return tuple(value for value in values if isinstance(value, str) and ARN.fullmatch(value))


@dataclass(frozen=True, kw_only=True)
class GateOptions(CommonOptions):
    """What both gates, verify and promote, are told of the active group."""

    color: str = option("blue or green", parse=parsers.color)
    generation: str = option("the group's generation", parse=parsers.generation)
    group: str = option("name of the auto-scaling group", parse=parsers.non_empty)
    target_group: str = option("ARN of the group's target group", parse=parsers.arn)
    listener: str = option("ARN of the listener", parse=parsers.arn)
    preview_rule: str = option("ARN of the preview rule", parse=parsers.arn)
    min_size: int = option("fewest servers of the group", parse=parsers.integer(0, 10000))
    smoke_path: str = option("path that probes ask for", parse=parsers.path, default="/")
    hostname: str = option("name that users ask for; needed with HTTPS", default="")
    hooks: tuple[Hook, ...] = option(
        'JSON object of the hooks that this step asks, like {"beforeShift": "make check"}',
        parse=decode_hooks,
        default=(),
    )
    smoke_environment: tuple[str, ...] = option(
        "JSON list of further variables that commands of hooks get", parse=parsers.json_names, default=()
    )


OptionsT = TypeVar("OptionsT", bound=CommonOptions)


def read_options(
    kind: type[OptionsT], *, step: str, about: str, arguments: Sequence[str], environment: Mapping[str, str]
) -> OptionsT:
    """The options: arguments, else environment, else defaults. Raises StepError with all that is wrong."""
    fields = dataclasses.fields(kind)
    parser = _Parser(
        prog=f"sh steps/run {step}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for field in fields:
        parser.add_argument(_flag(field.name), metavar="...", help=_help(field).replace("%", "%%"))
    options, unknown = parser.parse_known_args(list(arguments))
    wrong = [f"{one}: there is no such option" for one in unknown]
    counting = (
        environment[OPTIONS_VARIABLE].split() if OPTIONS_VARIABLE in environment else [field.name for field in fields]
    )
    values: dict[str, Any] = {}
    for field in fields:
        text = getattr(options, field.name)
        if text is None and field.name in counting:
            text = environment.get(_variable(field.name))
        if text is None and field.default is dataclasses.MISSING:
            wrong.append(f"{_flag(field.name)} (or {_variable(field.name)}) is missing: {field.metadata['help']}")
        elif text is not None:
            try:
                values[field.name] = field.metadata["parse"](text)
            except ValueError as error:
                wrong.append(f"{_flag(field.name)} {text!r}: {error}")
    if wrong:
        raise _wrong(step, "\n".join(wrong))
    return kind(**values)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _wrong(self.prog.rpartition(" ")[2], message)


def _wrong(step: str, why: str) -> StepError:
    return StepError(
        "PHX-008", "the step's options are not right", why=why, do=f"sh steps/run {step} --help tells what each is"
    )


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _variable(name: str) -> str:
    return "PHOENIX_" + name.upper()


def _help(field: dataclasses.Field[Any]) -> str:
    text = str(field.metadata["help"])
    if field.default is dataclasses.MISSING:
        return text
    shown = json.dumps(field.default) if not isinstance(field.default, str) else field.default or "empty"
    return f"{text} (default: {shown})"
