"""One update of a phoenix stack: read the settings, check the plan, declare the service, export what it has."""

from datetime import UTC, datetime
from pathlib import Path

import pulumi

from core import start_up  # before what is large
from plan import planner
from plan.config import pulumi_config
from plan.user_errors import publish, user_errors

with user_errors(published=True):
    settings = pulumi_config.read_settings()
    components = start_up.load("components.service")  # while AWS answers
    checked = planner.make_plan(settings, Path.cwd(), now=datetime.now(UTC), alone=True)
    publish(checked.report.markdown)
pulumi.log.info(checked.report.text)

service = components.result().Service(settings.name, checked)
pulumi.export("url", service.url)
pulumi.export("dnsName", service.dns_name)
pulumi.export("live", service.live)
pulumi.export("releases", service.releases)
pulumi.export("history", service.history)
pulumi.export("summary", service.summary)
