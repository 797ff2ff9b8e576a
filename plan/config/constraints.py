"""The rules that join keys of the configuration, and the words for whatever rule is broken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set

from core import base_images, partitions
from core.errors import Problem, problem
from core.names import COLORS
from plan.config import egress, provider, secret_references, user_data
from plan.config.settings import TLS_POLICY, Settings

BrokenConstraints = Iterator[tuple[tuple[str, ...], Problem]]

# 32 characters for load balancers and target groups, less "-green" and the "-1a2b3c4" of autonaming.
NAME_LIMIT = 18


def broken_constraints(s: Settings, secrets: Set[str], aws: Mapping[str, str]) -> BrokenConstraints:
    """The rules that join keys: (the keys that it reads, the problem)."""
    if len(s.name) > NAME_LIMIT or not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", s.name):
        yield (
            ("service",),
            problem(
                "PHX-118",
                "service",
                s.service,
                f"with the stack's name ({s.name!r}) must be at most {NAME_LIMIT} lower-case letters,"
                f" digits and single hyphens, since AWS allows 32 in the name of a target group (here {len(s.name)})",
                "pulumi config set service SHORTER, or name the stack anew: pulumi stack rename NAME",
            ),
        )
    if not s.preview_token:
        yield (
            ("previewToken",),
            problem(
                "PHX-112",
                "previewToken",
                "",
                "must be set: it opens pre-production to you and to the smoke test",
                f"make preview-token STACK={s.stack}",
            ),
        )
    elif "previewToken" not in secrets:
        yield (
            ("previewToken",),
            problem(
                "PHX-113",
                "previewToken",
                "[plain text]",
                "must be stored as a secret",
                f"pulumi config rm previewToken && make preview-token STACK={s.stack}",
            ),
        )
    if not s.region:
        yield (), problem("PHX-111", "aws:region", "", "must be set", "pulumi config set aws:region eu-west-1")
    elif not partitions.REGION.fullmatch(s.region):
        yield (
            (),
            problem(
                "PHX-169",
                "aws:region",
                s.region,
                "must be the name of a region",
                "pulumi config set aws:region eu-west-1   (aws account list-regions shows those there are)",
            ),
        )
    yield from (((), one) for one in provider.problems(aws))
    if s.min_size > s.max_size:
        yield (
            ("minSize", "maxSize"),
            problem(
                "PHX-119",
                "minSize",
                s.min_size,
                f"must not be above maxSize ({s.max_size})",
                f"pulumi config set maxSize {s.min_size}",
            ),
        )
    if list(s.canary_steps) != sorted(s.canary_steps):
        yield (
            ("canarySteps",),
            problem(
                "PHX-120",
                "canarySteps",
                list(s.canary_steps),
                "must rise",
                command("canarySteps", str(sorted(s.canary_steps))),
            ),
        )
    if s.boot_seconds >= s.verify_timeout_seconds:
        yield (
            ("bootSeconds", "verifyTimeoutSeconds"),
            problem(
                "PHX-121",
                "bootSeconds",
                s.boot_seconds,
                f"must be below verifyTimeoutSeconds ({s.verify_timeout_seconds})",
                f"pulumi config set verifyTimeoutSeconds {s.boot_seconds * 3}",
            ),
        )
    colors = set(COLORS) & set(re.split(r"[^a-z]+", s.name))
    if s.dashboard and colors:
        yield (
            ("service", "dashboard"),
            problem(
                "PHX-122",
                "dashboard",
                "true",
                f"can't tell the colors apart while the name {s.name!r} holds the word"
                f" {' and '.join(sorted(colors))}: it finds target groups by the word of their color",
                "pulumi config set dashboard false, or pulumi config set service ANOTHER",
            ),
        )
    yield from _image(s)
    yield from _network(s)
    yield from _servers(s)
    yield from _listener(s)
    yield from _existing_listener(s)
    yield from _environment(s)


def _image(s: Settings) -> BrokenConstraints:
    here = partitions.of(s.region)
    if s.base_image in base_images.VENDORS and s.base_image not in base_images.known_names(here) and not s.image_from:
        yield (
            ("baseImage",),
            problem(
                "PHX-114",
                "baseImage",
                s.base_image,
                f"must be an image whose vendor's account is known in {here}, the partition of"
                f" {s.region} ({', '.join(base_images.known_names(here)) or 'none is'}), or one that you know to be its"
                " vendor's, by its id",
                f"pulumi config set baseImage {(base_images.known_names(here) or ['ami-...'])[0]}",
            ),
        )
    if s.image_shared_with and not s.image_kms_key:
        yield (
            ("imageSharedWith", "imageKmsKey"),
            problem(
                "PHX-139",
                "imageKmsKey",
                "",
                "must be set with imageSharedWith: an image that AWS's own key encrypts can't be shared;"
                " none leaves it unencrypted (it holds no secret, and servers' disks are encrypted at birth)",
                f"pulumi config set imageKmsKey arn:{here}:kms:{s.region}:ACCOUNT:key/ID   (or none)",
            ),
        )
    if s.image_kms_key == "none" and (s.image_from or not s.image_shared_with):
        yield (
            ("imageKmsKey", "imageFrom", "imageSharedWith"),
            problem(
                "PHX-140",
                "imageKmsKey",
                "none",
                "must be a key, or empty: only an image that is baked here and shared may do without encryption",
                "pulumi config rm imageKmsKey",
            ),
        )
    if twice := sorted({"encrypted", "kms_key_id"} & s.packer_variables.keys()) if s.image_kms_key else []:
        yield (
            ("imageKmsKey", "packerVariables"),
            problem(
                "PHX-141",
                "packerVariables",
                twice,
                "must not say what imageKmsKey says",
                " && ".join(f"pulumi config rm --path packerVariables.{name}" for name in twice),
            ),
        )
    disk = s.packer_variables.get("root_gib", "0")
    if not isinstance(disk, str) or not re.fullmatch(r"\d{1,6}", disk):
        yield (
            ("packerVariables",),
            problem(
                "PHX-311",
                "packerVariables.root_gib",
                disk,
                "must be a whole number of GiB",
                "pulumi config set --path packerVariables.root_gib 8",
            ),
        )
    elif int(disk) > s.root_volume_gib:
        yield (
            ("packerVariables", "rootVolumeGiB"),
            problem(
                "PHX-307",
                "rootVolumeGiB",
                s.root_volume_gib,
                f"must be at least packerVariables.root_gib ({disk} GiB), the size of"
                " the image: no disk can be smaller than its image",
                f"pulumi config set rootVolumeGiB {disk}",
            ),
        )
    if s.base_image.startswith("debian-") and s.packer_variables.get("session_manager_profile"):
        yield (
            ("baseImage", "packerVariables"),
            problem(
                "PHX-310",
                "packerVariables.session_manager_profile",
                s.packer_variables["session_manager_profile"],
                f"must be empty with baseImage {s.base_image}: Debian's images have no agent of Systems Manager, so"
                " nobody would reach the build instance",
                "pulumi config rm --path packerVariables.session_manager_profile   (or"
                " choose a baseImage that has one, as ubuntu-24.04)",
            ),
        )
    parts = s.image_kms_key.split(":")
    if len(parts) > 3 and parts[3] != s.region:
        yield (
            ("imageKmsKey",),
            problem(
                "PHX-143",
                "imageKmsKey",
                s.image_kms_key,
                f"must be a key of the stack's region ({s.region})",
                f"pulumi config set imageKmsKey arn:{here}:kms:{s.region}:...",
            ),
        )


def _network(s: Settings) -> BrokenConstraints:
    keys = ("vpcId", "albSubnetIds", "serverSubnetIds")
    given = dict(zip(keys, (s.vpc_id, s.alb_subnet_ids, s.server_subnet_ids), strict=True))
    missing = [key for key, value in given.items() if not value]
    if 0 < len(missing) < len(keys):
        there = next(key for key in keys if given[key])
        yield (
            keys,
            problem(
                "PHX-123",
                " and ".join(missing),
                "",
                f"must be set together with {there}: all three adopt a network, none makes one",
                f"pulumi config set {missing[0]} ..., or pulumi config rm {there}",
            ),
        )
    if len(s.alb_subnet_ids) == 1:
        yield (
            ("albSubnetIds",),
            problem(
                "PHX-124",
                "albSubnetIds",
                list(s.alb_subnet_ids),
                "must name subnets of at least two availability zones",
                "pulumi config set --path 'albSubnetIds[1]' subnet-...",
            ),
        )


def _servers(s: Settings) -> BrokenConstraints:
    """Where servers may go, and whose key their disks have."""
    if s.references and not egress.reaches_https(s.allowed_egress):
        yield (
            ("allowedEgress", "environment"),
            problem(
                "PHX-166",
                "allowedEgress",
                list(s.allowed_egress),
                f"must let servers out to port {egress.HTTPS}: they read {s.references[0]} there before the application"
                " starts",
                command("allowedEgress", '["0.0.0.0/0:443"]') + "   (or the network of your interface endpoints)",
            ),
        )
    if s.volume_kms_key and s.volume_kms_key.split(":")[3] != s.region:
        yield (
            ("volumeKmsKey",),
            problem(
                "PHX-167",
                "volumeKmsKey",
                s.volume_kms_key,
                f"must be a key of the stack's region ({s.region})",
                f"pulumi config set volumeKmsKey arn:{partitions.of(s.region)}:kms:{s.region}:...",
            ),
        )


def _listener(s: Settings) -> BrokenConstraints:
    if s.certificate_arn and not s.hostname:
        yield (
            ("certificateArn", "hostname"),
            problem(
                "PHX-125",
                "hostname",
                "",
                "must be the certificate's DNS name: probes check the certificate against it",
                "pulumi config set hostname shop.example.com",
            ),
        )
    if s.certificate_arn and s.certificate_arn.split(":")[3] != s.region:
        yield (
            ("certificateArn",),
            problem(
                "PHX-126",
                "certificateArn",
                s.certificate_arn,
                f"must be in the load balancer's region ({s.region})",
                f"pulumi config set certificateArn arn:{partitions.of(s.region)}:acm:{s.region}:...",
            ),
        )
    secured = "HTTPS" if s.certificate_arn else "HTTP"
    if s.hsts_seconds > 0 and not (s.certificate_arn and s.port == 443):
        yield (
            ("hstsSeconds", "certificateArn", "listenerPort"),
            problem(
                "PHX-168",
                "hstsSeconds",
                s.hsts_seconds,
                f"must be 0 or -1 unless the listener is HTTPS on port 443 (it is {secured}"
                f" on {s.port}): browsers that obey it go to no other",
                "pulumi config rm hstsSeconds   (or set certificateArn, and listenerPort 443)",
            ),
        )
    if s.web_acl_arn and s.web_acl_arn.split(":")[3] != s.region:
        yield (
            ("webAclArn",),
            problem(
                "PHX-164",
                "webAclArn",
                s.web_acl_arn,
                f"must be in the load balancer's region ({s.region})",
                f"pulumi config set webAclArn arn:{partitions.of(s.region)}:wafv2:{s.region}:...",
            ),
        )
    if s.internal and not s.vpc_id:
        yield (
            ("internal", "vpcId"),
            problem(
                "PHX-165",
                "internal",
                "true",
                "must come with vpcId: into a network that is only being made nobody has a way, and the probes of this"
                " very update must reach the load balancer",
                "pulumi config set vpcId vpc-...  (with its subnets), and run the update inside it",
            ),
        )
    if s.certificate_arn and s.port == 80:
        yield (
            ("listenerPort",),
            problem(
                "PHX-127",
                "listenerPort",
                80,
                "must not be 80 with a certificate: port 80 redirects to HTTPS",
                "pulumi config set listenerPort 443",
            ),
        )
    if not s.allowed_cidrs:
        yield (
            ("allowedCidrs",),
            problem(
                "PHX-128",
                "allowedCidrs",
                "[]",
                "must name who may reach the load balancer",
                command("allowedCidrs", '["0.0.0.0/0"]'),
            ),
        )


def _existing_listener(s: Settings) -> BrokenConstraints:
    if not s.listener_arn:
        return
    if s.listener_arn.split(":")[3] != s.region:
        yield (
            ("listenerArn",),
            problem(
                "PHX-129",
                "listenerArn",
                s.listener_arn,
                f"must be in the stack's region ({s.region})",
                f"pulumi config set listenerArn arn:{partitions.of(s.region)}:elasticloadbalancing:{s.region}:...",
            ),
        )
    for key, value, why, example in (
        ("vpcId", s.vpc_id, "servers stand in the network of the load balancer", "vpc-...  (with its subnets)"),
        ("hostname", s.hostname, "it tells this service's requests from others'", "shop.example.com"),
    ):
        if not value:
            yield (
                ("listenerArn", key),
                problem(
                    "PHX-130", key, "", f"must be set with listenerArn: {why}", f"pulumi config set {key} {example}"
                ),
            )
    refused: tuple[tuple[str, object, str], ...] = (
        ("certificateArn", s.certificate_arn, "the listener has its own"),
        ("listenerPort", s.listener_port, "the listener has its own"),
        ("tlsPolicy", s.tls_policy if s.tls_policy != TLS_POLICY else "", "the listener has its own"),
        ("hstsSeconds", s.hsts_seconds > 0 and s.hsts_seconds, "the listener's headers are its owner's"),
        ("logDays", s.log_days > 0 and s.log_days, "the logs of a load balancer are its owner's"),
        ("webAclArn", s.web_acl_arn, "the web ACL of a load balancer is its owner's"),
        ("internal", s.internal and "true", "the load balancer is there already"),
        ("dashboard", s.dashboard, "it could not tell this service from others on the load balancer"),
    )
    for key, said, why in refused:
        if said:
            yield (
                ("listenerArn", key),
                problem("PHX-131", key, said, f"must not be set with listenerArn: {why}", f"pulumi config rm {key}"),
            )


def _environment(s: Settings) -> BrokenConstraints:
    for name, value in s.environment.items():
        if secret_references.broken_reference(value):
            yield (
                ("environment",),
                problem(
                    "PHX-136",
                    f"environment.{name}",
                    value,
                    f"begins as a secret's name does, and must be one: {secret_references.RULE}",
                    f"pulumi config set --path environment.{name} ssm:/{s.service}/{s.stack}/{name}",
                ),
            )
    if (characters := secret_references.policy_size(s.references, region=s.region)) > secret_references.POLICY_LIMIT:
        yield (
            ("environment",),
            problem(
                "PHX-137",
                "environment",
                f"{len(s.references)} secrets",
                f"must name so few that the policies of the servers' role have at most"
                f" {secret_references.POLICY_LIMIT} characters, which is what a role may have (they have {characters})",
                "one secret of Secrets Manager holds many values: environment.NAME: secretsmanager:SECRET:KEY",
            ),
        )
    size = user_data.size(s)
    if size > user_data.LIMIT:
        longest = max(s.environment, key=lambda name: len(s.environment[name].encode()))
        yield (
            ("environment",),
            problem(
                "PHX-135",
                "environment",
                f"{len(s.environment)} variables",
                f"must make at most {user_data.LIMIT} bytes of user data,"
                f" which is what AWS takes (it makes {size}; the longest is {longest})",
                f"put it into an SSM parameter (aws ssm put-parameter --name /{longest} ...), and pulumi config set "
                f"--path environment.{longest} ssm:/{s.service}/{s.stack}/{longest}",
            ),
        )


def command(key: str, example: str) -> str:
    """What to type to set a key; lists and objects are written in the stack's file."""
    if key == "previewToken":
        return "make preview-token STACK=..."
    return f"in Pulumi.STACK.yaml, {key}: {example}" if example[:1] in "[{" else f"pulumi config set {key} {example}"
