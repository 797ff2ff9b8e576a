"""One update of a phoenix stack: settings -> what is live -> flight plan -> components -> exports."""

from datetime import UTC, datetime
from pathlib import Path

import pulumi

from components import briefing, config, preflight, service
from components.adopted import AdoptedListener
from components.load_balancer import LoadBalancer
from components.network import Network

with config.errors(published=True):
    settings = config.settings()
    ahead = preflight.read(settings, Path.cwd(), now=datetime.now(UTC))
    briefing.publish(ahead.brief.markdown)
pulumi.log.info(ahead.brief.text)

# What is permanent.
tags = {"phoenix:stack": settings.identity}
network = Network(
    settings.name, vpc_id=settings.vpc_id, alb_subnet_ids=settings.alb_subnet_ids,
    server_subnet_ids=settings.server_subnet_ids, cidr=settings.vpc_cidr, tags=tags)
shared = ahead.shared
listener = AdoptedListener(
    settings.name, listener_arn=shared.listener, arn_suffix=shared.suffix, vpc_id=shared.vpc_id,
    security_group_id=shared.security_groups[0], hostname=settings.hostname, priority=settings.rule_priority,
    url=shared.url, protect=settings.protect, tags=tags,
) if shared else LoadBalancer(
    settings.name, vpc_id=network.vpc_id, subnet_ids=network.alb_subnet_ids, port=settings.port,
    allowed_cidrs=settings.allowed_cidrs, certificate_arn=settings.certificate_arn, protect=settings.protect, tags=tags)

# The service itself: images, groups, gates, and the flip.
for name, value in service.declare(ahead, network=network, listener=listener).items():
    pulumi.export(name, value)
