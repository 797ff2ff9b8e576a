"""The real AWS provider in a Terraform project, against a local cloud."""

from __future__ import annotations

from typing import Any


def aws_provider(region: str) -> dict[str, Any]:
    """The blocks that every project has; nothing is asked of an account that is not there."""
    return {
        "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
        "provider": {
            "aws": {
                "region": region,
                "skip_credentials_validation": True,
                "skip_metadata_api_check": True,
                "skip_requesting_account_id": True,
            }
        },
    }
