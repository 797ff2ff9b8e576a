"""The network that the program makes, with or without IPv6."""

import pulumi

from components.network import Network

made = Network("net", ipv6=pulumi.Config().require_bool("ipv6"), tags={"phoenix:stack": "net/dev"})
pulumi.export("public", pulumi.Output.all(*made.alb_subnet_ids))
pulumi.export("private", pulumi.Output.all(*made.server_subnet_ids))
