"""What a stack's configuration says, typed and frozen: each key with its default and its own rule.

The schema that `pulumi config` shows is in Pulumi.yaml; a test holds the two against each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

from core import image_trust, kms, vulnerabilities
from core.image_sharing import PLACE
from core.names import COLORS
from plan.config import secret_references
from plan.config.egress import EVERYWHERE, parse_egress
from plan.config.freeze_windows import parse_window
from plan.config.policy_statements import MOST_POLICIES, POLICY_ARN, statement
from plan.config.schedule import EXAMPLE, ScheduledSize, parse_schedule
from plan.config.validators import (
    Validator,
    as_written,
    base_image,
    boolean,
    cidr,
    hook_object,
    image,
    integer,
    list_of,
    mapping,
    matching,
    network,
    one_of,
    path,
    slow_start,
    token,
)

# What AWS recommends, and gives whoever opens a listener in its console (ELB user guide, "Security policies for your
# Application Load Balancer", November 2026).
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
HSTS_SECONDS = 31_536_000
LOG_DAYS = 90
# AWS's own default (Elastic Load Balancing API reference, LoadBalancerAttribute).
IDLE_SECONDS = 60
DUALSTACK = "dualstack"
INSTANCE_TYPE = r"[a-z][a-z0-9-]*\.[a-z0-9-]+"
# That an auto-scaling group takes (EC2 Auto Scaling API reference, LaunchTemplateOverrides).
MOST_TYPES = 40


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
    guard_hours: int = _key(0, integer(0, 48, "hours (0: no guard)"), "24")
    acknowledge: str = _key("", matching(r"[0-9a-f]{12}", "a generation, of 12 digits", empty=True), "0123456789ab")
    allow_older: bool = _key(False, boolean, "true")
    freeze: tuple[str, ...] = _key((), list_of(as_written(parse_window)), '["Fri 16:00-Mon 07:00 Europe/Berlin"]')
    override: str = _key(
        "", matching(r"[^\x00-\x1f]{1,200}", "a reason on one line", empty=True), "'why it can not wait'"
    )
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
        "image",
        matching(r"(?!/)(?!\./*$)(?:\.\./)*(?!.*\.\.)[\w./-]+", "the way from the project to a folder"),
        "image",
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
    image_signing_key: str = _key(
        "",
        matching(image_trust.ARN.pattern, "the ARN of a KMS key of yours (no alias)", empty=True),
        "arn:aws:kms:eu-west-1:123456789012:key/ID",
    )
    image_keep: int = _key(3, integer(1, 100), "3")
    max_age_days: int = _key(30, integer(0, 3650, "days (0: no limit)"), "30")
    max_severity: str = _key(
        "",
        matching(
            "|".join((vulnerabilities.OFF, *vulnerabilities.LIMITS)),
            "off, none, low, medium, high or critical",
            empty=True,
        ),
        "high",
    )
    instance_type: str = _key(
        "t3.small",
        matching(
            rf"{INSTANCE_TYPE}(?:, ?{INSTANCE_TYPE}){{0,{MOST_TYPES - 1}}}",
            f"an EC2 instance type, or up to {MOST_TYPES} with commas between, the one that is preferred first",
        ),
        "t3.small",
    )
    spot_percent: int = _key(0, integer(0, 100, "percent"), "50")
    on_demand_base: int = _key(1, integer(0, 1000, "servers"), "1")
    # The vendors' images have 8 GiB, and no disk can be smaller than its image.
    root_volume_gib: int = _key(10, integer(8, 16384, "GiB"), "10")
    volume_kms_key: str = _key(
        "",
        matching(kms.ARN.pattern, "the ARN of a KMS key of yours", empty=True),
        "arn:aws:kms:eu-west-1:123456789012:key/ID",
    )
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
        "arn:aws:iam::123456789012:policy/phoenix-shop-dev-servers",
    )
    policy_arns: tuple[str, ...] = _key(
        (),
        list_of(matching(POLICY_ARN.pattern, "the ARN of an IAM policy"), most=MOST_POLICIES),
        '["arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy"]',
    )
    # Each as JSON, as a stack's file has it.
    policy_statements: tuple[str, ...] = _key(
        (),
        list_of(statement, most=50),
        '[{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::NAME/*"}]',
    )
    stop_command: str = _key(
        "", matching(r"[^\n\x00]{1,4096}", "a shell command on one line", empty=True), "'sh /opt/shop/flush.sh'"
    )
    stop_timeout_seconds: int = _key(60, integer(1, 3600, "seconds"), "60")
    live_target: bool = _key(False, boolean, "true")
    live_stop_seconds: int = _key(30, integer(1, 900, "seconds"), "30")
    min_size: int = _key(2, integer(1, 1000, "servers"), "2")
    max_size: int = _key(4, integer(1, 1000, "servers"), "4")
    target_cpu_percent: int = _key(50, integer(0, 100, "percent (0: no scaling)"), "50")
    requests_per_server: int = _key(0, integer(0, 10_000_000, "requests a minute (0: no scaling by them)"), "3000")
    schedule: Mapping[str, ScheduledSize] = _key({}, parse_schedule, EXAMPLE)
    vpc_id: str = _key("", matching(r"vpc-[0-9a-f]{8,17}", "a vpc- id", empty=True), "vpc-0123456789abcdef0")
    alb_subnet_ids: tuple[str, ...] = _key((), list_of(matching(r"subnet-[0-9a-f]{8,17}", "a subnet- id")), "[]")
    server_subnet_ids: tuple[str, ...] = _key((), list_of(matching(r"subnet-[0-9a-f]{8,17}", "a subnet- id")), "[]")
    vpc_cidr: str = _key("10.20.0.0/16", cidr(16, 24), "10.20.0.0/16")
    # A security group has at most 60 rules of a kind (Amazon VPC user guide, "Amazon VPC quotas").
    allowed_egress: tuple[str, ...] = _key(
        (EVERYWHERE,), list_of(as_written(parse_egress), most=50), '["0.0.0.0/0:443"]'
    )
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
    hosted_zone_id: str = _key(
        "",
        matching(r"[A-Z0-9]{1,32}", "the id of a hosted zone of Route 53", empty=True),
        "Z0123456789ABCDEFGHIJ",
    )
    tls_policy: str = _key(
        TLS_POLICY, matching(r"ELBSecurityPolicy-[A-Za-z0-9-]{1,100}", "the name of a security policy"), TLS_POLICY
    )
    log_days: int = _key(-1, integer(-1, 3650, f"days (0: none; -1: {LOG_DAYS} with protect, else none)"), "90")
    # Browsers keep it for so long, whatever the load balancer says by then.
    hsts_seconds: int = _key(
        -1, integer(-1, 63_072_000, f"seconds (0: none; -1: {HSTS_SECONDS} with protect, else none)"), "31536000"
    )
    web_acl_arn: str = _key(
        "",
        matching(
            r"arn:aws[a-z-]*:wafv2:[a-z0-9-]+:\d{12}:regional/webacl/[\w-]{1,128}/[\w-]+",
            "the ARN of a regional web ACL of AWS WAF",
            empty=True,
        ),
        "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/NAME/ID",
    )
    internal: bool = _key(False, boolean, "true")
    ip_address_type: str = _key("ipv4", one_of("ipv4", DUALSTACK), DUALSTACK)
    idle_timeout_seconds: int = _key(IDLE_SECONDS, integer(1, 4000, "seconds"), "120")
    listener_port: int = _key(0, integer(0, 65535, "(0: 80, or 443 with a certificate)"), "80")
    allowed_cidrs: tuple[str, ...] = _key(("0.0.0.0/0",), list_of(network, most=25), '["0.0.0.0/0"]')
    listener_arn: str = _key(
        "",
        matching(
            r"arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:listener/app/[\w-]+/[0-9a-f]+/[0-9a-f]+",
            "the ARN of an application load balancer's listener",
            empty=True,
        ),
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/NAME/ID/ID",
    )
    take_over_target_group: str = _key(
        "",
        matching(
            r"arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:targetgroup/[\w-]{1,32}/[0-9a-f]+",
            "the ARN of a target group",
            empty=True,
        ),
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/NAME/ID",
    )
    # The rule after it needs a number too, and AWS has 50,000.
    rule_priority: int = _key(0, integer(0, 49999, "(0: none)"), "10")
    preview_token: str = field(default="", repr=False, metadata={"rule": token, "example": ""})
    smoke_path: str = _key("/", path, "/")
    smoke_command: str = _key(
        "", matching(r"[^\n\x00]{1,4096}", "a shell command on one line", empty=True), "'make smoke'"
    )
    smoke_environment: tuple[str, ...] = _key(
        (),
        list_of(
            matching(
                r"(?!PHOENIX_|PULUMI_|ACTIONS_|GITHUB_)[A-Za-z_][A-Za-z0-9_]*",
                "a variable's name that does not begin with PHOENIX_, PULUMI_, ACTIONS_ or GITHUB_",
            )
        ),
        "[]",
    )
    # Each as it was written: a shell command, or an object (core.hooks).
    hooks: Mapping[str, Any] = _key({}, hook_object, '{"beforeShift": "make check"}')
    verify_timeout_seconds: int = _key(900, integer(30, 14400, "seconds"), "900")
    canary_steps: tuple[int, ...] = _key((10, 50), list_of(integer(1, 99, "percent"), most=20), "[10, 50]")
    approve_at: tuple[int, ...] = _key((), list_of(integer(1, 99, "percent"), most=20), "[10]")
    approval_timeout_minutes: int = _key(60, integer(1, 1440, "minutes"), "60")
    sticky_canary: bool = _key(False, boolean, "true")
    canary_capacity: str = _key("full", one_of("full", "proportional"), "proportional")
    canary_pause_seconds: int = _key(180, integer(0, 7200, "seconds"), "180")
    soak_seconds: int = _key(180, integer(0, 43200, "seconds"), "180")
    settle_seconds: int = _key(10, integer(0, 600, "seconds"), "10")
    alarms: tuple[str, ...] = _key(
        (), list_of(matching(r"[^\x00-\x1f]{1,255}", "the name of a CloudWatch alarm"), most=90), "[]"
    )
    # CloudWatch and SNS know other forms; an alarm tells no FIFO topic of ours.
    notify_topic_arn: str = _key(
        "",
        matching(
            r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}",
            "the ARN of a standard topic of SNS",
            empty=True,
        ),
        "arn:aws:sns:eu-west-1:123456789012:releases",
    )
    max_error_percent: int = _key(5, integer(1, 100, "percent"), "5")
    max_response_milliseconds: int = _key(5000, integer(0, 4_000_000, "milliseconds (0: any)"), "5000")
    drain_seconds: int = _key(30, integer(0, 3600, "seconds"), "30")
    slow_start_seconds: int = _key(0, slow_start, "60")
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
    def fewest_servers(self) -> int:
        """That the group which serves may have at any time."""
        return min([self.min_size, *(one.min_size for one in self.schedule.values())])

    @property
    def most_servers(self) -> int:
        """That the group which serves may have at any time."""
        return max([self.max_size, *(one.max_size for one in self.schedule.values())])

    @property
    def makes_certificate(self) -> bool:
        """Whether the listener's certificate is made with the stack. An adopted listener has its owner's."""
        return bool(self.hosted_zone_id and not self.certificate_arn and not self.listener_arn)

    @property
    def is_https(self) -> bool:
        """Whether a load balancer of the stack's own speaks HTTPS."""
        return bool(self.certificate_arn) or self.makes_certificate

    @property
    def port(self) -> int:
        """The listener's port."""
        return self.listener_port or (443 if self.is_https else 80)

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports that the load balancer listens on: with a certificate, 80 redirects to the listener's."""
        return (self.port, 80) if self.is_https else (self.port,)

    @property
    def kept_days(self) -> int:
        """Days for which access logs and flow logs are kept; 0 makes none. A shared load balancer's are its owner's."""
        if self.listener_arn or self.log_days >= 0:
            return max(0, self.log_days)
        return LOG_DAYS if self.protect else 0

    @property
    def hsts(self) -> int:
        """Seconds for which browsers are told to come by HTTPS alone; 0 tells them nothing.

        They then go to port 443 (RFC 6797, 8.3), so a listener on another port says nothing of itself.
        """
        if not self.is_https or self.hsts_seconds == 0:
            return 0
        if self.hsts_seconds > 0:
            return self.hsts_seconds
        return HSTS_SECONDS if self.protect and self.port == 443 else 0

    @property
    def severity_limit(self) -> str:
        """The highest severity of a vulnerability with a fix that an image is launched with; off: nobody looks."""
        return self.max_severity or ("high" if self.protect else vulnerabilities.OFF)

    @property
    def instance_types(self) -> tuple[str, ...]:
        """The types of `instance_type`, the one that is preferred first."""
        return tuple(self.instance_type.replace(" ", "").split(","))

    @property
    def architecture(self) -> str:
        """x86_64 or arm64: of the preferred type, and so of all."""
        return architecture_of(self.instance_types[0])

    @property
    def references(self) -> tuple[str, ...]:
        """The secrets that servers read, as `ssm:NAME` or `secretsmanager:NAME[:KEY]`; never their values."""
        return tuple(sorted({value for value in self.environment.values() if secret_references.parse_reference(value)}))


def architecture_of(instance_type: str) -> str:
    """x86_64 or arm64, read off a type's name: a `g` behind the generation's digit is a Graviton processor.

    https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
    """
    family = instance_type.split(".")[0]
    return "arm64" if family == "a1" or re.fullmatch(r"[a-z]+\d+[a-z]*g[a-z]*", family) else "x86_64"


def camel(name: str) -> str:
    """`rootVolumeGiB` for `root_volume_gib`: a name of Python's as a key of Pulumi's."""
    first, *rest = name.split("_")
    return first + "".join("GiB" if word == "gib" else word.capitalize() for word in rest)


def default_values() -> dict[str, Any]:
    """The keys of a stack's configuration, each with its default."""
    return {camel(item.name): default_value(item) for item in fields(Settings) if item.metadata}


def default_value(item: Field[Any]) -> Any:
    """What a field of `Settings` holds unless it is set."""
    return {} if item.default is MISSING else item.default
