"""Tables of DynamoDB."""

from __future__ import annotations

from rehearsal.engine.standin.aws import Aws, AwsType, pairs
from rehearsal.engine.standin.provider import Call
from rehearsal.engine.standin.values import Properties


class Table(AwsType):
    """`aws:dynamodb/table:Table`, of one key and paid by the request; its id is its name."""

    token = "aws:dynamodb/table:Table"
    replaced_by = frozenset({"name", "hashKey"})
    name_input = "name"
    gone = ("ResourceNotFoundException",)

    def make(self, call: Call, inputs: Properties) -> str:
        name = inputs["name"]
        self.aws.dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=[
                {"AttributeName": one["name"], "AttributeType": one["type"]} for one in inputs["attributes"]
            ],
            KeySchema=[{"AttributeName": inputs["hashKey"], "KeyType": "HASH"}],
            BillingMode=inputs["billingMode"],
            Tags=pairs(inputs.get("tags")),
        )
        self.aws.wait(f"table {name}", lambda: self._status(name) == "ACTIVE")
        return str(name)

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        return {"arn": self.aws.dynamodb.describe_table(TableName=ident)["Table"]["TableArn"]}

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        if "tags" in changed:
            arn = self.aws.dynamodb.describe_table(TableName=ident)["Table"]["TableArn"]
            self.aws.dynamodb.tag_resource(ResourceArn=arn, Tags=pairs(inputs["tags"]))

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.dynamodb.delete_table(TableName=ident)

    def _status(self, name: str) -> str:
        return str(self.aws.dynamodb.describe_table(TableName=name)["Table"]["TableStatus"])


def types(aws: Aws) -> list[AwsType]:
    """The types of this file."""
    return [Table(aws)]
