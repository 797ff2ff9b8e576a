"""Sign and Verify of KMS: by who is let in, with keys that may, and with AWS's answers.

moto knows no DryRun, takes any length, uses disabled keys, asks no policy, and answers a wrong signature with
SignatureValid false. Sources: KMS API reference, Sign and Verify.
"""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.kms.exceptions import AccessDeniedException, NotFoundException, ValidationException
from moto.kms.models import KmsBackend
from moto.kms.responses import KmsResponse

from rehearsal.cloud.moto_patches import kms_keys
from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState

MESSAGE_BYTES = 4096


@around(KmsResponse, "sign")
def sign(cloud: CloudState, original: Correction, response: Any) -> str:
    key = _key(response, "Sign")
    if response._get_param("DryRun"):
        raise JsonRESTError(
            "DryRunOperationException", "The request would have succeeded, but the DryRun option is set."
        )
    return _answer(response, key, original)


@around(KmsResponse, "verify")
def verify(cloud: CloudState, original: Correction, response: Any) -> str:
    key = _key(response, "Verify")
    answer = _answer(response, key, original)
    if '"SignatureValid": false' in answer:
        raise JsonRESTError("KMSInvalidSignatureException", "")
    return answer


def _answer(response: Any, key: Any, original: Correction) -> str:
    """moto's own, by the backend of the key's account."""
    account, region = response.current_account, response.region
    response.current_account, response.region = key.account_id, key.region
    try:
        return str(original(response))
    finally:
        response.current_account, response.region = account, region


def _key(response: Any, action: str) -> Any:
    asked, account = response._get_param("KeyId"), response.current_account
    if asked.split(":")[3] != response.region:
        raise NotFoundException(f"Invalid arn {asked.split(':')[3]}")
    key = kms_keys.found(asked)
    if key is None or not kms_keys.allows(key, account):
        if asked.split(":")[4] == account:
            raise NotFoundException(f"Key '{asked}' does not exist")
        raise AccessDeniedException(
            f"User: arn:aws:iam::{account}:root is not authorized to perform: kms:{action} on resource: {asked}"
        )
    if key.key_state != "Enabled":
        raise JsonRESTError("DisabledException", f"{asked} is {key.key_state.lower()}.")
    if key.key_usage != "SIGN_VERIFY":
        raise JsonRESTError(
            "InvalidKeyUsageException", f"{asked} key usage is {key.key_usage} which is not valid for {action}."
        )
    return key


@around(KmsBackend, "sign")
def short_enough(
    cloud: CloudState, original: Correction, backend: Any, key_id: str, message: bytes, **more: Any
) -> Any:
    if not 0 < len(message) <= MESSAGE_BYTES:
        raise ValidationException(
            "1 validation error detected: Value at 'message' failed to satisfy constraint: Member must have length less"
            f" than or equal to {MESSAGE_BYTES}"
        )
    return original(backend, key_id=key_id, message=message, **more)
