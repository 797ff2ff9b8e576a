"""Which generation has production, as servers with a live target read it: one item of the stack's table in DynamoDB.

It has a number that grows each time another generation gets production. What servers do with it, and the items that
they write beside it, is in image/common/live_lease.py; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from botocore.exceptions import ClientError

from core.aws import Aws, error_code
from core.errors import StepError

PRODUCTION = "production"
# Seconds of a server's own, as image/common/live_lease.py has them: a test says so.
LEASE_SECONDS, WATCHDOG_SECONDS, KILL_SECONDS, CLOCKS_DIFFER = 20.0, 15.0, 10.0, 1.1
TRIES = 5


@dataclass(frozen=True)
class Holder:
    """A server whose target is or may be active: under which number, and in how many seconds it stops when cut off."""

    number: int
    within: float


@dataclass(frozen=True)
class LiveTarget:
    """What the table says. Number 0: nobody has had production yet."""

    number: int = 0
    generation: str = ""
    holders: Mapping[str, Holder] = field(default_factory=dict)

    def others(self) -> dict[str, Holder]:
        """Servers that may still work for a generation of before."""
        return {name: one for name, one in self.holders.items() if one.number < self.number}

    def at_work(self) -> list[str]:
        """Servers that work, or are about to, under the number that holds."""
        return [name for name, one in self.holders.items() if one.number == self.number]


def longest_gap(stop_seconds: int) -> int:
    """Seconds that nobody works at most after a change: a server that is cut off is waited for, for so long."""
    return round((LEASE_SECONDS + WATCHDOG_SECONDS + stop_seconds + KILL_SECONDS) * CLOCKS_DIFFER + 15)


def read(aws: Aws, table: str) -> LiveTarget:
    """Raises ClientError or BotoCoreError."""
    answer = aws.dynamodb.scan(TableName=table, ConsistentRead=True)
    items = list(answer["Items"])
    while "LastEvaluatedKey" in answer:
        answer = aws.dynamodb.scan(TableName=table, ConsistentRead=True, ExclusiveStartKey=answer["LastEvaluatedKey"])
        items += answer["Items"]
    said = {item["id"]["S"]: item for item in items}
    production = said.pop(PRODUCTION, None)
    holders = {name: Holder(int(one["number"]["N"]), float(one["within"]["N"])) for name, one in said.items()}
    if production is None:
        return LiveTarget(holders=holders)
    return LiveTarget(int(production["number"]["N"]), production["generation"]["S"], holders)


def publish(aws: Aws, table: str, generation: str, *, now: datetime) -> LiveTarget:
    """Says that a generation has production; nothing when it is said already. Returns what the table said before.

    Numbers are at least the time in seconds: a table that is made anew goes on above the one before it. Raises
    StepError when others write at the same time, again and again.
    """
    for _ in range(TRIES):
        before = read(aws, table)
        if before.generation == generation:
            return before
        number = max(before.number + 1, int(now.timestamp()))
        try:
            aws.dynamodb.put_item(
                TableName=table,
                Item={"id": {"S": PRODUCTION}, "number": {"N": str(number)}, "generation": {"S": generation}},
                ConditionExpression="attribute_not_exists(id) OR #number = :seen",
                ExpressionAttributeNames={"#number": "number"},
                ExpressionAttributeValues={":seen": {"N": str(before.number)}},
            )
            return before
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
    raise StepError(
        "PHX-723",
        f"which generation has production could not be written to {table}",
        why=f"somebody else wrote it {TRIES} times meanwhile",
        do="find out who else moves production of this stack, then run `pulumi up` again",
    )
