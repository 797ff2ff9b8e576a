"""Two services behind one load balancer, told by their hosts; each has its own flag, and flips on its own."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pulumi

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))  # the checkout of Phoenix

from components.load_balancer import LoadBalancer, LoadBalancerArgs  # noqa: E402
from components.log_bucket import LogBucket  # noqa: E402
from components.network import Network  # noqa: E402
from components.service import Service  # noqa: E402
from plan import planner  # noqa: E402 (found by the line above)
from plan.config import pulumi_config  # noqa: E402
from plan.config.settings import LOG_DAYS  # noqa: E402
from plan.user_errors import user_errors  # noqa: E402

SERVICES = ("shop", "blog")
edge = f"edge-{pulumi.get_stack()}"
owner = f"edge/{pulumi.get_stack()}"
port = pulumi.Config().require_int("listenerPort")
protect = pulumi.Config().get_bool("protect") or False

# Everything is decided, and refused, before anything is declared.
plans = []
for name in SERVICES:
    with user_errors(service=name):
        checked = planner.make_plan(
            pulumi_config.read_settings(service=name), HERE, now=datetime.now(UTC), owner=owner, port=port
        )
    pulumi.log.info(checked.report.text)
    plans.append(checked)

tags = {"phoenix:stack": owner}
logs = LogBucket(edge, account=plans[0].account, days=LOG_DAYS, protect=True, tags=tags) if protect else None
network = Network(edge, logs=logs, tags=tags)
balancer = LoadBalancer(
    edge,
    LoadBalancerArgs(port=port, allowed_cidrs=["0.0.0.0/0"], protect=protect),
    vpc_id=network.vpc_id,
    subnet_ids=network.alb_subnet_ids,
    tags=tags,
    listener_move=plans[0].listener_move,
    logs=logs,
)

for checked in plans:
    settings = checked.settings
    with user_errors(service=settings.service):
        listener = balancer.listener_for(
            settings.name,
            hostname=settings.hostname,
            priority=settings.rule_priority,
            tags={"phoenix:stack": settings.identity},
        )
    service = Service(settings.name, checked, network=network, listener=listener)
    pulumi.export(settings.service, {"url": service.url, "live": service.live})
pulumi.export("loadBalancer", balancer.dns_name)
