"""One update of a phoenix stack: settings -> what is live -> flight plan -> components -> exports."""

from datetime import UTC, datetime
from pathlib import Path

import pulumi

from components import service
from plan import planner
from plan.config import pulumi_config
from plan.user_errors import publish, user_errors

with user_errors(published=True):
    settings = pulumi_config.read_settings()
    ahead = planner.make_plan(settings, Path.cwd(), now=datetime.now(UTC), alone=True)
    publish(ahead.report.markdown)
pulumi.log.info(ahead.report.text)

network, listener = service.declare_network_and_listener(settings, ahead.existing_balancer, doors=ahead.listener_move)
pulumi.export("dnsName", listener.dns_name)
for name, value in service.declare_service(ahead, network=network, listener=listener).items():
    pulumi.export(name, value)
