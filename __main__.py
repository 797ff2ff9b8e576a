"""One update of a phoenix stack: settings -> what is live -> flight plan -> components -> exports."""

from datetime import UTC, datetime
from pathlib import Path

import pulumi

from components import service
from plan import planner
from plan.config import pulumi_config

with pulumi_config.errors(published=True):
    settings = pulumi_config.settings()
    ahead = planner.read(settings, Path.cwd(), now=datetime.now(UTC), alone=True)
    pulumi_config.publish(ahead.brief.markdown)
pulumi.log.info(ahead.brief.text)

network, listener = service.permanent(settings, ahead.shared, doors=ahead.doors)
pulumi.export("dnsName", listener.dns_name)
for name, value in service.declare(ahead, network=network, listener=listener).items():
    pulumi.export(name, value)
