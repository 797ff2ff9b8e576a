"""A web ACL of AWS WAF, as its ARN names it."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from core.aws import error_code


def read_web_acl(waf: Any, arn: str) -> bool | None:
    """Whether it is there; None when none is named. Raises ClientError.

    The ARN ends in `regional/webacl/NAME/ID` (Service Authorization Reference, "AWS WAF V2").
    """
    if waf is None:
        return None
    name, id = arn.rsplit("/", 2)[1:]
    try:
        found = waf.get_web_acl(Name=name, Scope="REGIONAL", Id=id)["WebACL"]
    except ClientError as error:
        if error_code(error) == "WAFNonexistentItemException":
            return False
        raise
    return bool(found["ARN"] == arn)
