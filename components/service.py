"""One service on its listener: image, groups, gates, production. The part of an update that every program shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from components import outputs
from components.alarms import Limits
from components.auto_scaling_group import AutoScalingGroup
from components.dashboard import Dashboard
from components.existing_listener import ExistingListener
from components.image import MachineImage
from components.listener import StackListener
from components.load_balancer import LoadBalancer
from components.network import Network
from components.rollout import Rollout
from plan import estimates, lineage
from plan.config.settings import Settings
from plan.config.user_data import user_data
from plan.listener_move import ListenerMove
from plan.planner import CheckedPlan
from plan.readers.existing_balancer import ExistingBalancer


class Service(pulumi.ComponentResource):
    """A service that another program declares, perhaps beside others on one load balancer.

    Inputs: what its `ahead` found and decided; the `network` that its servers stand in; the `listener` that carries its
    rules; `token` that opens pre-production (by default that of the settings).

    Outputs: `url`, `live`, `certificates`, `past`, as those of the main program.
    """

    def __init__(
        self,
        name: str,
        checked: CheckedPlan,
        *,
        network: Network,
        listener: StackListener,
        token: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("phoenix:index:Service", name, {"active": checked.rollout.active.color}, opts)
        told = declare_service(checked, network=network, listener=listener, token=token, parent=self)
        self.url, self.live = told["url"], told["live"]
        self.certificates, self.past = told["certificates"], told["past"]
        self.register_outputs(dict(told))


def declare_network_and_listener(
    settings: Settings, shared: ExistingBalancer | None, *, doors: ListenerMove, parent: pulumi.Resource | None = None
) -> tuple[Network, StackListener]:
    """Declares what outlives every group, below `parent` or at the top: network and listener, each own or adopted."""
    tags, opts = {"phoenix:stack": settings.identity}, pulumi.ResourceOptions(parent=parent)
    network = Network(
        settings.name,
        vpc_id=settings.vpc_id,
        alb_subnet_ids=settings.alb_subnet_ids,
        server_subnet_ids=settings.server_subnet_ids,
        cidr=settings.vpc_cidr,
        tags=tags,
        opts=opts,
    )
    if shared:
        return network, ExistingListener(
            settings.name,
            listener_arn=shared.listener,
            arn_suffix=shared.suffix,
            vpc_id=shared.vpc_id,
            security_group_id=shared.security_groups[0],
            dns_name=shared.dns,
            hostname=settings.hostname,
            priority=settings.rule_priority,
            url=shared.url,
            protect=settings.protect,
            tags=tags,
            opts=opts,
        )
    return network, LoadBalancer(
        settings.name,
        vpc_id=network.vpc_id,
        subnet_ids=network.alb_subnet_ids,
        port=settings.port,
        allowed_cidrs=settings.allowed_cidrs,
        certificate_arn=settings.certificate_arn,
        hostname=settings.hostname,
        protect=settings.protect,
        tags=tags,
        doors=doors,
        opts=opts,
    )


def declare_service(
    checked: CheckedPlan,
    *,
    network: Network,
    listener: StackListener,
    token: pulumi.Input[str] | None = None,
    parent: pulumi.Resource | None = None,
) -> Mapping[str, pulumi.Output[Any]]:
    """Declares a service, below `parent` or at the top, and returns its outputs."""
    settings, plan, account, source = checked.settings, checked.rollout, checked.account, checked.image_source
    opts = pulumi.ResourceOptions(parent=parent)
    # Without a public address a build instance has its way to the internet, as servers have, by the NAT gateway.
    inside = settings.packer_variables.get("session_manager_profile")
    building = network.server_subnet_ids if inside else network.alb_subnet_ids
    # A color's own: its image, and the target group that the preview rule names before the group is born.
    baked = {
        color: MachineImage(
            f"{color.name}-image",
            color=color,
            account=account,
            service=settings.service,
            fingerprint=source.fingerprint,
            pinned=settings.image,
            folder=settings.image_dir,
            base_image=settings.base_image,
            architecture=settings.architecture,
            packer_variables=settings.packer_variables,
            copied_from=settings.image_from,
            kms_key=settings.image_kms_key,
            max_age_days=settings.max_age_days,
            subnet_id=building[0],
            live_image=plan.live_image,
            opts=opts,
        )
        for color in plan.groups
    }
    targets = {
        color: listener.target_group(
            color,
            port=settings.app_port,
            health_check_path=settings.health_check_path,
            health_check_interval_seconds=settings.health_check_interval_seconds,
            drain_seconds=settings.drain_seconds,
            tags={
                "fingerprint": source.fingerprint,
                "recipe": checked.server_spec.tag,
                **image.tags,
                **lineage.launch_tags(color, plan, checked.live, checked.lineage),
            },
        )
        for color, image in baked.items()
    }
    preview = listener.preview_rule(targets[plan.active].arn, token=settings.preview_token if token is None else token)
    groups = {
        color: AutoScalingGroup(
            color.name,
            color=color,
            account=account,
            image_id=image.id,
            root_device=image.root_device,
            instance_type=settings.instance_type,
            root_volume_gib=settings.root_volume_gib,
            user_data=user_data(settings, color=color.color, generation=color.generation),
            references=settings.references,
            permissions_boundary=settings.permissions_boundary,
            port=settings.app_port,
            vpc_id=network.vpc_id,
            subnet_ids=network.server_subnet_ids,
            target_group=targets[color],
            announced_by=[preview],
            load_balancer_security_group_id=listener.security_group_id,
            load_balancer_arn_suffix=listener.arn_suffix,
            listener_arn=listener.listener_arn,
            min_size=settings.min_size,
            max_size=settings.max_size,
            target_cpu_percent=settings.target_cpu_percent,
            boot_seconds=settings.boot_seconds,
            drain_seconds=settings.drain_seconds,
            tags={"fingerprint": source.fingerprint},
            limits=Limits(
                settings.max_error_percent,
                settings.max_response_milliseconds,
                settings.min_size,
                estimates.replacement_seconds(settings),
            ),
            opts=opts,
        )
        for color, image in baked.items()
    }

    # The gates, the flip, and the cleaning up. The engine deletes last what left the program: the previous group.
    rollout = Rollout(
        settings.name,
        plan=plan,
        live=checked.live,
        recorded=checked.recorded,
        settings=settings,
        account=account,
        group=groups[plan.active],
        targets={color: target.arn for color, target in targets.items()},
        listener_arn=listener.listener_arn,
        preview_rule_arn=preview.arn,
        shared=checked.existing_balancer is not None,
        opts=opts,
    )
    production = listener.production_rule(
        rollout.weights,
        after=[rollout.promoted],
        tags={**rollout.past(), **lineage.production_tags(plan, checked.live, checked.lineage)},
    )
    rollout.guard(production)
    rollout.prune(orphans=[*checked.live.unused_groups, *checked.orphans], after=[production])
    if settings.image_shared_with or source.is_shared:
        baked[plan.active].share(settings.image_shared_with, after=[production])
    if settings.dashboard:
        Dashboard(
            settings.name,
            region=settings.region,
            load_balancer_arn_suffix=listener.arn_suffix,
            alarm_arns=[arn for group in groups.values() for arn in group.alarm_arns],
            promoted=rollout.promoted.stdout,
            opts=opts,
        )
    return outputs.stack_outputs(
        url=listener.url,
        plan=plan,
        live=checked.live,
        fingerprint=source.fingerprint,
        image=baked[plan.active],
        rollout=rollout,
        after=production.arn,
    )
