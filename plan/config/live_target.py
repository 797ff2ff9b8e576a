"""What a server is told of the live target, and may do for it: read the stack's table, and write its own item. Pure."""

from __future__ import annotations

import json

PATH = "/etc/phoenix/live.json"
# Of a table as the program's autonaming makes it: SERVICE-STACK-live- and seven characters.
SUFFIX = "live"


def file_content(table: str, generation: str, *, region: str, stop_seconds: int) -> str:
    """What user data writes to `PATH`."""
    said = {"region": region, "table": table, "generation": generation, "stop_seconds": stop_seconds}
    return json.dumps(said, indent=1)


def statements(table: str, *, account: str, region: str, partition: str) -> tuple[str, ...]:
    """Statements of the servers' role, as JSON. Which generation has production no server can write.

    An item's key is an instance's id, and `dynamodb:LeadingKeys` are the keys of what a request is about ("Using IAM
    policy conditions for fine-grained access control", Amazon DynamoDB developer guide). A scan has none.
    """
    arn = f"arn:{partition}:dynamodb:{region}:{account}:table/{table}"
    look = {"Effect": "Allow", "Action": "dynamodb:Scan", "Resource": arn}
    own = {
        "Effect": "Allow",
        "Action": ["dynamodb:DeleteItem", "dynamodb:PutItem"],
        "Resource": arn,
        "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["i-*"]}},
    }
    return json.dumps(look), json.dumps(own)
