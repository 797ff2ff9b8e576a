"""What a stack's configuration says: typed, frozen, and checked as a whole before anything is declared.

`parse_settings` is pure. The schema that `pulumi config` shows is in Pulumi.yaml; a test holds the two against each
other.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Mapping, Set
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

from core import kms
from core.errors import UserError
from core.image_sharing import PLACE
from core.names import COLORS
from plan.config import provider, secret_references, secret_values, yaml_changes
from plan.config.constraints import broken_constraints, command, problem
from plan.config.typed import TypedWords
from plan.config.validators import (
    Validator,
    base_image,
    boolean,
    cidr,
    image,
    integer,
    list_of,
    mapping,
    matching,
    one_of,
    path,
    token,
)


class SettingsError(UserError):
    """Everything that is wrong with a stack's configuration, one line each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
        super().__init__("\n".join([f"the stack's configuration has {count}; nothing was changed:", *problems]))


def _key(default: Any, rule: Validator, example: str) -> Any:
    """A field of `Settings`: its default, the rule for its text, and a value to type when the rule is broken."""
    said = {"rule": rule, "example": example}
    return field(default_factory=dict, metadata=said) if default == {} else field(default=default, metadata=said)


@dataclass(frozen=True)
class Settings:
    """A stack's configuration. Names are those of `pulumi config`, in Python's spelling; units are in the names."""

    stack: str
    region: str
    active: str = _key("blue", one_of(*COLORS, "auto"), "green")
    traffic: int = _key(100, integer(0, 100, "percent"), "100")
    image: str = _key("", image, "0123456789ab")
    keep_previous: bool = _key(False, boolean, "true")
    allow_older: bool = _key(False, boolean, "true")
    # AWS keeps the names internal-... (load balancers) and sg-... (security groups) to itself.
    service: str = _key(
        "phoenix",
        matching(
            r"(?!(?:internal|sg)(?:-|$))[a-z](?:[a-z0-9-]*[a-z0-9])?",
            "lower-case letters, digits and single hyphens, a letter first, not internal or sg",
        ),
        "shop",
    )
    image_dir: str = _key(
        "image", matching(r"(?!/)(?!\./*$)(?!.*\.\.)[\w./-]+", "a folder inside the project"), "image"
    )
    base_image: str = _key("ubuntu-24.04", base_image, "debian-12")
    packer_variables: Mapping[str, str | tuple[str, ...]] = _key(
        {},
        mapping(
            r"[a-z_][a-z0-9_]*",
            "a Packer variable",
            "a text, a number, true or false, or a list of these, on one line without quotes or backslashes",
            lists=True,
        ),
        "{}",
    )
    image_from: str = _key(
        "",
        matching(PLACE.pattern, "ACCOUNT or ACCOUNT/REGION, as in 123456789012/eu-west-1", empty=True),
        "123456789012/eu-west-1",
    )
    image_shared_with: tuple[str, ...] = _key(
        (), list_of(matching(r"\d{12}", "an account of 12 digits"), most=100), "[]"
    )
    image_kms_key: str = _key(
        "",
        matching(f"{kms.NONE}|{kms.ARN.pattern}", "the ARN of a KMS key of yours, or none", empty=True),
        "arn:aws:kms:eu-west-1:123456789012:key/ID",
    )
    image_keep: int = _key(3, integer(1, 100), "3")
    max_age_days: int = _key(30, integer(0, 3650, "days (0: no limit)"), "30")
    instance_type: str = _key("t3.small", matching(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "an EC2 instance type"), "t3.small")
    # The vendors' images have 8 GiB, and no disk can be smaller than its image.
    root_volume_gib: int = _key(10, integer(8, 16384, "GiB"), "10")
    app_port: int = _key(8080, integer(1, 65535), "8080")
    health_check_path: str = _key("/health", path, "/health")
    health_check_interval_seconds: int = _key(10, integer(5, 300, "seconds"), "10")
    boot_seconds: int = _key(180, integer(10, 7200, "seconds"), "180")
    environment: Mapping[str, str] = _key(
        {},
        mapping(
            r"(?!PHOENIX_)[A-Za-z_][A-Za-z0-9_]*",
            "a variable's name that does not begin with PHOENIX_",
            "text on one line without quotes or backslashes",
        ),
        "{}",
    )
    permissions_boundary: str = _key(
        "",
        matching(r"arn:aws[a-z-]*:iam::\d{12}:policy/[\w+=,.@/-]+", "the ARN of an IAM policy", empty=True),
        "arn:aws:iam::123456789012:policy/phoenix-servers",
    )
    min_size: int = _key(2, integer(1, 1000, "servers"), "2")
    max_size: int = _key(4, integer(1, 1000, "servers"), "4")
    target_cpu_percent: int = _key(50, integer(0, 100, "percent (0: no scaling)"), "50")
    vpc_id: str = _key("", matching(r"vpc-[0-9a-f]{8,17}", "a vpc- id", empty=True), "vpc-0123456789abcdef0")
    alb_subnet_ids: tuple[str, ...] = _key((), list_of(matching(r"subnet-[0-9a-f]{8,17}", "a subnet- id")), "[]")
    server_subnet_ids: tuple[str, ...] = _key((), list_of(matching(r"subnet-[0-9a-f]{8,17}", "a subnet- id")), "[]")
    vpc_cidr: str = _key("10.20.0.0/16", cidr(16, 24), "10.20.0.0/16")
    certificate_arn: str = _key(
        "",
        matching(
            r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[\w-]+", "the ARN of an ACM certificate", empty=True
        ),
        "arn:aws:acm:eu-west-1:123456789012:certificate/ID",
    )
    hostname: str = _key(
        "", matching(r"(?=.{1,253}$)[a-z0-9-]+(?:\.[a-z0-9-]+)+", "a DNS name", empty=True), "shop.example.com"
    )
    listener_port: int = _key(0, integer(0, 65535, "(0: 80, or 443 with a certificate)"), "80")
    allowed_cidrs: tuple[str, ...] = _key(("0.0.0.0/0",), list_of(cidr(0, 32), most=25), '["0.0.0.0/0"]')
    listener_arn: str = _key(
        "",
        matching(
            r"arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:listener/app/[\w-]+/[0-9a-f]+/[0-9a-f]+",
            "the ARN of an application load balancer's listener",
            empty=True,
        ),
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/NAME/ID/ID",
    )
    # The rule after it needs a number too, and AWS has 50,000.
    rule_priority: int = _key(0, integer(0, 49999, "(0: none)"), "10")
    preview_token: str = field(default="", repr=False, metadata={"rule": token, "example": ""})
    smoke_path: str = _key("/", path, "/")
    smoke_command: str = _key(
        "", matching(r"[^\n\x00]{1,4096}", "a shell command on one line", empty=True), "'make smoke'"
    )
    verify_timeout_seconds: int = _key(900, integer(30, 14400, "seconds"), "900")
    canary_steps: tuple[int, ...] = _key((10, 50), list_of(integer(1, 99, "percent"), most=20), "[10, 50]")
    canary_pause_seconds: int = _key(180, integer(0, 7200, "seconds"), "180")
    soak_seconds: int = _key(180, integer(0, 43200, "seconds"), "180")
    settle_seconds: int = _key(10, integer(0, 600, "seconds"), "10")
    alarms: tuple[str, ...] = _key(
        (), list_of(matching(r"[^\x00-\x1f]{1,255}", "the name of a CloudWatch alarm"), most=90), "[]"
    )
    max_error_percent: int = _key(5, integer(1, 100, "percent"), "5")
    max_response_milliseconds: int = _key(5000, integer(0, 4_000_000, "milliseconds (0: any)"), "5000")
    drain_seconds: int = _key(30, integer(0, 3600, "seconds"), "30")
    price_per_hour: str = _key(
        "",
        matching(r"\d{1,6}(?:\.\d{1,6})?(?: [A-Z]{3})?", "a price like 0.0208 or 0.0208 USD", empty=True),
        "'0.0208 USD'",
    )
    dashboard: bool = _key(False, boolean, "true")
    protect: bool = _key(False, boolean, "true")
    profile: str = ""
    credentials_file: str = ""
    config_file: str = ""

    @property
    def identity(self) -> str:
        """SERVICE/STACK: the value of the tag `phoenix:stack` on everything that this stack owns."""
        return f"{self.service}/{self.stack}"

    @property
    def name(self) -> str:
        """SERVICE-STACK: the prefix of every resource's name."""
        return f"{self.service}-{self.stack}"

    @property
    def port(self) -> int:
        """The listener's port."""
        return self.listener_port or (443 if self.certificate_arn else 80)

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports that the load balancer listens on: with a certificate, 80 redirects to the listener's."""
        return (self.port, 80) if self.certificate_arn else (self.port,)

    @property
    def architecture(self) -> str:
        """x86_64 or arm64, read off the instance type: a `g` behind the generation's digit is a Graviton processor.

        https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
        """
        family = self.instance_type.split(".")[0]
        return "arm64" if family == "a1" or re.fullmatch(r"[a-z]+\d+[a-z]*g[a-z]*", family) else "x86_64"

    @property
    def references(self) -> tuple[str, ...]:
        """The secrets that servers read, as `ssm:NAME` or `secretsmanager:NAME[:KEY]`; never their values."""
        return tuple(sorted({value for value in self.environment.values() if secret_references.parse_reference(value)}))


def parse_settings(
    values: Mapping[str, str],
    *,
    stack: str,
    aws: Mapping[str, str],
    secret_keys: Set[str] = frozenset(),
    typed: TypedWords | None = None,
) -> Settings:
    """Settings from the texts of a stack's configuration.

    `values` and `secret_keys` are keyed without the project's name, `aws` is the configuration of the AWS provider
    (`region`, `profile`, ...), `typed` what the stack's file says. Raises `SettingsError` with every problem at once.
    """
    known = {camel(item.name): item for item in fields(Settings) if item.metadata}
    typed = typed or TypedWords(file=f"Pulumi.{stack}.yaml")
    problems = [_unknown(key, known) for key in values if key not in known]
    parsed: dict[str, Any] = {"stack": stack, "region": aws.get("region", ""), **provider.provider_identity(aws)}
    failed = set()
    for key, item in known.items():
        text = values.get(key)
        if text is None or (key == "previewToken" and text == ""):
            continue
        wrong = list(
            secret_values.problems(key, typed)
            if key in secret_keys and key != "previewToken"
            else yaml_changes.problems(key, _default(item), text, typed)
        )
        if wrong:
            failed.add(key)
            problems += wrong
            continue
        try:
            parsed[item.name] = item.metadata["rule"](text)
        except ValueError as rule:
            failed.add(key)
            shown = "[secret]" if key == "previewToken" else text
            problems.append(problem(key, shown, f"must be {rule}", command(key, item.metadata["example"])))
    settings = Settings(**parsed)
    # A key that breaks its own rule holds its default here: what joins it to others can't be judged.
    problems += [text for keys, text in broken_constraints(settings, secret_keys, aws) if not failed & set(keys)]
    if problems:
        raise SettingsError(problems)
    return settings


def camel(name: str) -> str:
    """`rootVolumeGiB` for `root_volume_gib`: a name of Python's as a key of Pulumi's."""
    first, *rest = name.split("_")
    return first + "".join("GiB" if word == "gib" else word.capitalize() for word in rest)


def default_values() -> dict[str, Any]:
    """The keys of a stack's configuration, each with its default."""
    return {camel(item.name): _default(item) for item in fields(Settings) if item.metadata}


def _default(item: Field[Any]) -> Any:
    return {} if item.default is MISSING else item.default


def _unknown(key: str, known: Mapping[str, Any]) -> str:
    whole, path, _ = re.split(r"([.[])", key, maxsplit=1) if re.search(r"[.[]", key) else (key, "", "")
    if path and whole in known:
        return problem(
            key,
            "...",
            f"is no key of this program; a part of {whole} is set with --path",
            f"pulumi config rm {shlex.quote(key)}, then pulumi config set --path {shlex.quote(key)} VALUE",
        )
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    nearest = f"the nearest is {near[0]}" if near else "pulumi config shows those there are"
    fix = f"pulumi config rm {key}" + (f", then pulumi config set {near[0]} VALUE" if near else "")
    return problem(key, "...", f"is no key of this program; {nearest}", fix)
