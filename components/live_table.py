"""The table in which a stack's servers read which generation has production, and say that they work."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from plan.config.live_target import SUFFIX


class LiveTable(pulumi.ComponentResource):
    """One small table of DynamoDB, paid by the request. It outlives every group.

    Not protected from deletion: servers that lose it stop their work, and a new one is filled by the next promotion.

    Outputs: `name`.
    """

    def __init__(
        self,
        name: str,
        *,
        tags: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("phoenix:index:LiveTable", name, {}, opts)
        table = aws.dynamodb.Table(
            f"{name}-{SUFFIX}",
            attributes=[{"name": "id", "type": "S"}],
            hash_key="id",
            billing_mode="PAY_PER_REQUEST",
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.name = table.name
        self.register_outputs({"name": self.name})
