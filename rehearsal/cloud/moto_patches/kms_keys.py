"""Keys of KMS beyond one account and region: AWS's own for volumes, and who may use one of another account's.

moto finds any key by the last part of its ARN, and asks no policy whom it allows. Sources: KMS API reference,
DescribeKey; KMS developer guide, "Allowing users in other accounts to use a KMS key"; EC2 API reference,
GetEbsEncryptionByDefault, which moto does not know.
"""

from __future__ import annotations

import json
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.kms.exceptions import AccessDeniedException, NotFoundException
from moto.kms.models import kms_backends
from moto.kms.responses import KmsResponse

from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState

AWS_OWN = "alias/aws/ebs"


def found(arn: str) -> Any:
    """The key that an ARN (of a key or an alias) names, wherever it is; None when there is none."""
    _, _, _, region, account, name = arn.split(":", 5)
    backend = kms_backends[account][region]
    key = backend.get_key_id_from_alias(name) if name.startswith("alias/") else name.removeprefix("key/")
    return backend.keys.get(backend.get_key_id(key)) if key else None


def aws_own(key: Any) -> bool:
    """Whether it is the key that AWS made for the volumes of an account."""
    backend = kms_backends[key.account_id][key.region]
    return bool(backend.alias_exists(AWS_OWN)) and backend.get_key_id(backend.get_key_id_from_alias(AWS_OWN)) == key.id


def allows(key: Any, account: str) -> bool:
    """Whether its policy lets another account use it."""
    if key.account_id == account:
        return True
    statements = json.loads(key.policy or "{}").get("Statement", [])
    principals = [one.get("Principal", {}) for one in statements if one["Effect"] == "Allow"]
    named = [one if isinstance(one, str) else one.get("AWS", []) for one in principals]
    every = [who for one in named for who in ([one] if isinstance(one, str) else one)]
    return any(who in ("*", account) or f":iam::{account}:" in who for who in every)


@around(KmsResponse, "describe_key")
def of_whom(cloud: CloudState, original: Correction, response: Any) -> str:
    """Another account's key is described to those that its policy names; a key is of one region."""
    asked, account, region = response._get_param("KeyId"), response.current_account, response.region
    if not asked.startswith("arn:"):
        return str(original(response))
    if asked.split(":")[3] != region:
        raise NotFoundException(f"Invalid arn {asked.split(':')[3]}")
    key = found(asked)
    if key is None or not allows(key, account):
        if asked.split(":")[4] == account:
            raise NotFoundException(f"Key '{asked}' does not exist")
        raise AccessDeniedException(
            f"User: arn:aws:iam::{account}:root is not authorized to perform: kms:DescribeKey on resource: {asked}"
        )
    described = key.to_dict()
    described["KeyMetadata"]["KeyManager"] = "AWS" if aws_own(key) else "CUSTOMER"
    return json.dumps(described)


def never_by_default(response: Any) -> Any:
    """No account here encrypts what was not asked to be."""
    return ActionResult({"EbsEncryptionByDefault": False})


ElasticBlockStore.get_ebs_encryption_by_default = never_by_default
