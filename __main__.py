"""One update of a phoenix stack: settings -> what is live -> flight plan -> components -> exports."""

from datetime import UTC, datetime
from pathlib import Path

import pulumi

from components import config, preflight, service

with config.errors(published=True):
    settings = config.settings()
    ahead = preflight.read(settings, Path.cwd(), now=datetime.now(UTC), alone=True)
    config.publish(ahead.brief.markdown)
pulumi.log.info(ahead.brief.text)

network, listener = service.permanent(settings, ahead.shared, doors=ahead.doors)
pulumi.export("dnsName", listener.dns_name)
for name, value in service.declare(ahead, network=network, listener=listener).items():
    pulumi.export(name, value)
