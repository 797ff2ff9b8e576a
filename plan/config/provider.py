"""The AWS provider's own configuration, as far as the program's clients and the steps must do the same: as whom they
act, and where their calls go. Pure.

Names: the provider's configuration (pulumi-aws, "Installation & configuration"); variables: "AWS SDKs and Tools
Reference Guide", environment variables, which provider, boto3 and Packer all read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from core.errors import Problem, problem

# Each file that an identity may be in: the provider's list of them, what reads one here, and the environment's name.
FILES = {"sharedCredentialsFiles": "credentials_file", "sharedConfigFiles": "config_file"}
BY_HAND = "and give credentials by AWS_PROFILE, aws:profile or the environment"
IN_A_PROFILE = (
    "and have a profile assume the role (role_arn, with source_profile or credential_source, in"
    " ~/.aws/config; pulumi config set aws:profile NAME)"
)
# Keys that nothing but the provider reads, each with what does the same for everybody: as whom the provider acts.
AS_WHOM: Mapping[str, str] = {
    "accessKey": BY_HAND,
    "secretKey": BY_HAND,
    "token": BY_HAND,
    "assumeRole": IN_A_PROFILE,
    "assumeRoles": IN_A_PROFILE,
    "assumeRoleWithWebIdentity": "and export AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE, which all of them follow",
}
# And where its calls go.
WHERE: Mapping[str, str] = {
    "endpoints": "and export AWS_ENDPOINT_URL, or AWS_ENDPOINT_URL_SERVICE for one service",
    "useFipsEndpoint": "and export AWS_USE_FIPS_ENDPOINT=true",
    "useDualstackEndpoint": "and export AWS_USE_DUALSTACK_ENDPOINT=true",
    "customCaBundle": "and export AWS_CA_BUNDLE=FILE",
    "insecure": "and export AWS_CA_BUNDLE=FILE with the certificate that signs for what is between",
    "httpProxy": "and export HTTP_PROXY",
    "httpsProxy": "and export HTTPS_PROXY",
    "noProxy": "and export NO_PROXY",
}


def provider_identity(aws: Mapping[str, str]) -> dict[str, str]:
    """As whom the provider acts: `profile`, `credentials_file`, `config_file`; empty where the environment says.

    Of a list that is none, or holds several, it takes nothing: `problems` tells.
    """
    return {
        "profile": aws.get("profile", ""),
        **{name: (_paths(aws.get(key, "")) or [""])[0] for key, name in FILES.items()},
    }


def problems(aws: Mapping[str, str]) -> Iterator[Problem]:
    """What of the provider's configuration can't be followed."""
    for key, instead in {**AS_WHOM, **WHERE}.items():
        if key in aws and aws[key] not in ("", "false", "[]", "{}"):
            yield _alone(f"aws:{key}", f"pulumi config rm aws:{key}, {instead}", identity=key in AS_WHOM)
    for key in FILES:
        paths = _paths(aws.get(key, ""))
        if paths is None or len(paths) > 1:
            yield problem(
                "PHX-117",
                f"aws:{key}",
                # It may be stored as a secret.
                "[set]",
                "must be a list of one file: the steps of an update read one",
                f"pulumi config rm aws:{key}, and pulumi config set --path 'aws:{key}[0]' ~/.aws/FILE",
            )


def _alone(key: str, fix: str, *, identity: bool) -> Problem:
    if identity:
        return problem(
            "PHX-115",
            key,
            "[set]",
            "must not be set: the plan and the steps of an update would not act as the same identity",
            fix,
        )
    return problem(
        "PHX-116",
        key,
        "[set]",
        "must not be set: the plan and the steps of an update would not go the same way to AWS",
        fix,
    )


def _paths(text: str) -> list[str] | None:
    """The paths of a list as Pulumi stores it; None when it is no list of texts."""
    try:
        found = json.loads(text) if text else []
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, list) and all(isinstance(one, str) and one for one in found) else None
