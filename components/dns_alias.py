"""The records of a hosted zone that lead the host name to the load balancer."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws


class DnsAlias(pulumi.ComponentResource):
    """Aliases of a load balancer: its addresses change, and Route 53 answers with those that it has.

    Inputs: `hostname`; the hosted zone `zone_id`; `dns_name` of the load balancer, in the hosted zone `balancer_zone`
    of AWS's; `types` of records: A, and AAAA for one with IPv6 addresses too; `takes_over`: a record that leads there
    yet becomes the stack's; `after` which requests are answered.
    """

    def __init__(
        self,
        name: str,
        *,
        hostname: str,
        zone_id: str,
        dns_name: pulumi.Input[str],
        balancer_zone: pulumi.Input[str],
        types: Sequence[str],
        takes_over: bool = False,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("phoenix:index:DnsAlias", name, {"hostname": hostname}, opts)
        for type in types:
            aws.route53.Record(
                f"{name}-{type.lower()}",
                zone_id=zone_id,
                name=hostname,
                type=type,
                # There is nothing else to answer with when no server is healthy.
                aliases=[{"name": dns_name, "zone_id": balancer_zone, "evaluate_target_health": False}],
                allow_overwrite=takes_over or None,
                opts=pulumi.ResourceOptions(
                    parent=self,
                    depends_on=list(after),
                    # It is about the making alone.
                    ignore_changes=["allowOverwrite"],
                ),
            )
        self.register_outputs({"hostname": hostname})
