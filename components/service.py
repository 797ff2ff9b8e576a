"""One service: network, listener, images, groups, gates and the move of traffic. Every program composes with this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from components import outputs
from components.alarms import Limits
from components.auto_scaling_group import AutoScalingGroup, GroupArgs
from components.dashboard import Dashboard
from components.dns_alias import DnsAlias
from components.existing_listener import ExistingListener, ExistingListenerArgs
from components.image import ImageArgs, MachineImage
from components.issued_certificate import IssuedCertificate
from components.launch_template import LaunchTemplate, ServerArgs
from components.listener import StackListener
from components.live_table import LiveTable
from components.load_balancer import LoadBalancer, LoadBalancerArgs
from components.log_bucket import LogBucket
from components.network import Network
from components.rollout import Rollout
from components.size_schedule import SizeSchedule
from components.traffic_guard import GuardArgs, TrafficGuard
from plan import estimates, lineage
from plan.checks import freeze
from plan.config import stop_command
from plan.config.settings import DUALSTACK
from plan.config.user_data import user_data
from plan.group_key import GroupKey
from plan.planner import CheckedPlan
from plan.readers.existing_balancer import ExistingBalancer


class Service(pulumi.ComponentResource):
    """Servers that are never changed, in groups of two colors, behind a load balancer.

    Inputs: the `checked` plan; the `network` of its servers and the `listener` that carries its rules, where they are
    shared with other services (without them it makes its own, or adopts those that the settings name); `token` that
    opens pre-production (by default that of the settings).

    Outputs: `url` that users type; `dns_name` of the load balancer; `live`, `releases`, `history`,
    `summary` (`components.outputs`).
    """

    def __init__(
        self,
        name: str,
        checked: CheckedPlan,
        *,
        network: Network | None = None,
        listener: StackListener | None = None,
        token: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        plan, settings = checked.rollout, checked.settings
        super().__init__("phoenix:index:Service", name, {"active": plan.active.color}, opts)
        self._checked, self._settings, self._below = checked, settings, pulumi.ResourceOptions(parent=self)
        self._logs = self._own_logs(shared=bool(network and listener))
        self._network = network or self._own_network()
        self._listener = listener or self._own_listener()
        images = {color: self._image(color) for color in plan.groups}
        targets = {color: self._target_group(color, image) for color, image in images.items()}
        preview = self._listener.preview_rule(
            targets[plan.active].arn, token=settings.preview_token if token is None else token
        )
        self._live_table = self._own_live_table()
        groups = {color: self._group(color, image, targets[color], preview) for color, image in images.items()}
        # The engine deletes last what left the program: the previous group.
        active = images[plan.active]
        guard = (
            self._traffic_guard(groups, targets, active, checked.live.rules["production"]) if plan.arms_guard else None
        )
        taking_over = self._taking_over(targets[plan.active], groups[plan.active])
        rollout = self._rollout(groups[plan.active], targets, preview, guard, taking_over)
        production = taking_over or self._production_rule(rollout)
        moved = [production, rollout.promoted] if taking_over else [production]
        self._after_production(rollout, production, active, moved)
        if settings.schedule:
            self._size_schedule(groups, moved)
        if settings.hosted_zone_id:
            self._dns_alias(production)
        if plan.guarded and not guard:
            self._traffic_guard(groups, targets, active, production.arn)
        if settings.dashboard:
            self._dashboard(rollout, [arn for group in groups.values() for arn in group.alarm_arns])
        exported = outputs.stack_outputs(
            checked, url=self._listener.url, image=active, rollout=rollout, after=production.arn
        )
        self.url: pulumi.Output[str] = exported["url"]
        self.dns_name = self._listener.dns_name
        self.live: pulumi.Output[dict[str, Any]] = exported["live"]
        self.releases: pulumi.Output[dict[str, Any]] = exported["releases"]
        self.history: pulumi.Output[list[Any]] = exported["history"]
        self.summary: pulumi.Output[str] = exported["summary"]
        self.register_outputs(dict(exported))

    def _own_logs(self, *, shared: bool) -> LogBucket | None:
        """Of a network or a load balancer of its own."""
        settings = self._settings
        if shared or not settings.kept_days:
            return None
        return LogBucket(
            settings.name,
            account=self._checked.account,
            days=settings.kept_days,
            protect=settings.protect,
            tags={"phoenix:stack": settings.identity},
            opts=self._below,
        )

    def _own_live_table(self) -> LiveTable | None:
        settings = self._settings
        if not settings.live_target:
            return None
        return LiveTable(settings.name, tags={"phoenix:stack": settings.identity}, opts=self._below)

    def _own_network(self) -> Network:
        settings = self._settings
        return Network(
            settings.name,
            vpc_id=settings.vpc_id,
            alb_subnet_ids=settings.alb_subnet_ids,
            server_subnet_ids=settings.server_subnet_ids,
            cidr=settings.vpc_cidr,
            # What an existing network has stays: nothing is taken from the subnets of a load balancer.
            ipv6=settings.ip_address_type == DUALSTACK or self._checked.network_ipv6,
            logs=self._logs,
            tags={"phoenix:stack": settings.identity},
            opts=self._below,
        )

    def _own_listener(self) -> StackListener:
        """Of a load balancer of its own, or the one that the settings name."""
        settings, tags = self._settings, {"phoenix:stack": self._settings.identity}
        if existing := self._checked.existing_balancer:
            return self._existing_listener(existing, tags)
        return LoadBalancer(
            settings.name,
            LoadBalancerArgs(
                port=settings.port,
                allowed_cidrs=settings.allowed_cidrs,
                certificate_arn=self._certificate(tags) if settings.makes_certificate else settings.certificate_arn,
                hostname=settings.hostname,
                tls_policy=settings.tls_policy,
                hsts_seconds=settings.hsts,
                web_acl_arn=settings.web_acl_arn,
                internal=settings.internal,
                ip_address_type=settings.ip_address_type,
                idle_timeout_seconds=settings.idle_timeout_seconds,
                protect=settings.protect,
            ),
            vpc_id=self._network.vpc_id,
            subnet_ids=self._network.alb_subnet_ids,
            tags=tags,
            listener_move=self._checked.listener_move,
            logs=self._logs,
            opts=self._below,
        )

    def _certificate(self, tags: dict[str, str]) -> pulumi.Output[str]:
        """Of the load balancer's listener, which is made once it is issued."""
        settings = self._settings
        return IssuedCertificate(
            settings.name,
            hostname=settings.hostname,
            zone_id=settings.hosted_zone_id,
            validated=self._checked.zone.validated,
            tags=tags,
            opts=self._below,
        ).arn

    def _existing_listener(self, existing: ExistingBalancer, tags: dict[str, str]) -> ExistingListener:
        settings = self._settings
        return ExistingListener(
            settings.name,
            ExistingListenerArgs(
                listener_arn=existing.listener,
                arn_suffix=existing.suffix,
                vpc_id=existing.vpc_id,
                security_group_id=existing.security_groups[0],
                dns_name=existing.dns,
                zone_id=existing.zone,
                has_ipv6=existing.has_ipv6,
                url=existing.url,
            ),
            hostname=settings.hostname,
            priority=settings.rule_priority,
            protect=settings.protect,
            tags=tags,
            opts=self._below,
        )

    def _image(self, color: GroupKey) -> MachineImage:
        settings = self._settings
        # Without a public address a build instance reaches the internet as servers do, through the NAT gateway.
        private = settings.packer_variables.get("session_manager_profile")
        subnets = self._network.server_subnet_ids if private else self._network.alb_subnet_ids
        return MachineImage(
            f"{color.name}-image",
            color=color,
            account=self._checked.account,
            image=ImageArgs.wanted(settings, self._checked.image_source, live_image=self._checked.rollout.live_image),
            subnet_id=subnets[0],
            opts=self._below,
        )

    def _target_group(self, color: GroupKey, image: MachineImage) -> aws.lb.TargetGroup:
        """A color's own, which the preview rule names before the group exists."""
        settings, checked = self._settings, self._checked
        return self._listener.target_group(
            color,
            port=settings.app_port,
            health_check_path=settings.health_check_path,
            health_check_interval_seconds=settings.health_check_interval_seconds,
            drain_seconds=settings.drain_seconds,
            slow_start_seconds=settings.slow_start_seconds,
            tags={"recipe": checked.server_spec.tag, **self._record(color, image)},
        )

    def _record(self, color: GroupKey, image: MachineImage) -> dict[str, pulumi.Input[str]]:
        """What the program itself knows of a group's release record."""
        checked = self._checked
        return {
            "fingerprint": checked.image_source.fingerprint,
            **image.tags,
            **lineage.launch_tags(color, checked.rollout, checked.live, checked.lineage),
            **freeze.record_tags(color, checked.rollout, checked.live, checked.freeze),
        }

    def _group(
        self, color: GroupKey, image: MachineImage, target_group: aws.lb.TargetGroup, preview: aws.lb.ListenerRule
    ) -> AutoScalingGroup:
        settings = self._settings
        limits = Limits(
            settings.max_error_percent,
            settings.max_response_milliseconds,
            settings.fewest_servers,
            estimates.replacement_seconds(settings),
        )
        return AutoScalingGroup(
            color.name,
            color=color,
            account=self._checked.account,
            args=GroupArgs(
                subnet_ids=self._network.server_subnet_ids,
                instance_types=settings.instance_types,
                spot_percent=settings.spot_percent,
                on_demand_base=settings.on_demand_base,
                min_size=settings.min_size,
                max_size=settings.most_servers,
                target_cpu_percent=settings.target_cpu_percent,
                requests_per_server=settings.requests_per_server,
                boot_seconds=settings.boot_seconds,
                drain_seconds=settings.drain_seconds,
                stop_seconds=stop_command.held_seconds(settings.stop_command, settings.stop_timeout_seconds),
                limits=limits,
                topic=settings.notify_topic_arn,
                scheduled=bool(settings.schedule),
            ),
            template=self._template(color, image),
            target_group=target_group,
            listener=self._listener,
            after=[preview],
            tags={"fingerprint": self._checked.image_source.fingerprint},
            opts=self._below,
        )

    def _template(self, color: GroupKey, image: MachineImage) -> LaunchTemplate:
        settings = self._settings
        return LaunchTemplate(
            color.name,
            color=color,
            account=self._checked.account,
            server=ServerArgs(
                image_id=image.id,
                root_device=image.root_device,
                instance_type=settings.instance_types[0],
                root_volume_gib=settings.root_volume_gib,
                user_data=self._user_data(color),
                port=settings.app_port,
                egress=self._checked.kept_egress.get(color.color, settings.allowed_egress)
                if color.pinned
                else settings.allowed_egress,
                volume_kms_key=settings.volume_kms_key,
                references=settings.references,
                permissions_boundary=settings.permissions_boundary,
                policy_arns=self._checked.kept_policies.get(color.color, settings.policy_arns)
                if color.pinned
                else settings.policy_arns,
                policy_statements=settings.policy_statements,
                tells_its_end=bool(settings.stop_command),
                live_table=self._live_table.name if self._live_table else "",
            ),
            vpc_id=self._network.vpc_id,
            load_balancer_security_group_id=self._listener.security_group_id,
            tags={"fingerprint": self._checked.image_source.fingerprint},
            opts=self._below,
        )

    def _user_data(self, color: GroupKey) -> pulumi.Input[str]:
        settings, known = self._settings, {"color": color.color, "generation": color.generation}
        if not self._live_table:
            return user_data(settings, **known)
        return self._live_table.name.apply(lambda table: user_data(settings, **known, live_table=table))

    def _traffic_guard(
        self,
        groups: Mapping[GroupKey, AutoScalingGroup],
        targets: Mapping[GroupKey, aws.lb.TargetGroup],
        image: MachineImage,
        rule: pulumi.Input[str],
    ) -> TrafficGuard:
        """AWS's guard over the active group, of this image. It goes back by the production `rule` (ARN)."""
        settings, plan = self._settings, self._checked.rollout
        [previous] = [color for color in plan.groups if color is not plan.active]
        return TrafficGuard(
            plan.active.name,
            color=plan.active,
            account=self._checked.account,
            args=GuardArgs(
                rule=rule,
                target_group=targets[plan.active].arn,
                previous=targets[previous].arn,
                previous_group=groups[previous].group_name,
                alarms=[*groups[plan.active].alarm_names, *settings.alarms],
                kept_minimum=settings.min_size if settings.keep_previous else None,
                armed=not plan.arms_guard,
                previous_color=previous.color,
                record=self._record(plan.active, image),
                permissions_boundary=settings.permissions_boundary,
                topic=settings.notify_topic_arn,
                live_table=self._live_table.name if self._live_table else "",
                previous_generation=previous.generation,
            ),
            opts=self._below,
        )

    def _rollout(
        self,
        group: AutoScalingGroup,
        targets: Mapping[GroupKey, aws.lb.TargetGroup],
        preview: aws.lb.ListenerRule,
        guard: TrafficGuard | None,
        production: aws.lb.ListenerRule | None,
    ) -> Rollout:
        """The gates, and the move of traffic between them."""
        return Rollout(
            self._settings.name,
            self._checked,
            group=group,
            targets={color: target.arn for color, target in targets.items()},
            listener_arn=self._listener.listener_arn,
            preview_rule_arn=preview.arn,
            production_rule=production,
            traffic_guard=guard,
            live_table=self._live_table.name if self._live_table else "",
            opts=self._below,
        )

    def _taking_over(self, target_group: aws.lb.TargetGroup, group: AutoScalingGroup) -> aws.lb.ListenerRule | None:
        """The production rule, while others have all of production: promote moves it from them once the rule is there.

        None when there is nobody to take production over from, or the rule is there already.
        """
        checked = self._checked
        old = checked.live.taken_over
        if old is None or "production" in checked.live.rules:
            return None
        return self._listener.production_rule(
            target_group.arn.apply(lambda arn: {arn: 0, old.target_group: 100}),
            after=[group],
            tags=lineage.production_tags(checked.rollout, checked.live, checked.lineage),
        )

    def _production_rule(self, rollout: Rollout) -> aws.lb.ListenerRule:
        """The production rule, once promote has moved the traffic."""
        checked = self._checked
        return self._listener.production_rule(
            rollout.weights,
            after=[rollout.promoted],
            sticky=self._settings.sticky_canary,
            tags={
                **rollout.history_tags(),
                **rollout.guard_tags(),
                **lineage.production_tags(checked.rollout, checked.live, checked.lineage),
            },
        )

    def _after_production(
        self,
        rollout: Rollout,
        production: aws.lb.ListenerRule,
        image: MachineImage,
        after: Sequence[pulumi.Resource],
    ) -> None:
        """What is done once the rule is right."""
        settings, checked = self._settings, self._checked
        rollout.guard(production)
        rollout.prune(after=after)
        if settings.image_shared_with or checked.image_source.is_shared:
            image.share(settings.image_shared_with, after=after)

    def _size_schedule(
        self, groups: Mapping[GroupKey, AutoScalingGroup], after: Sequence[pulumi.Resource]
    ) -> SizeSchedule:
        """Of the group that serves, once it does; of another one it goes last of all."""
        [serving] = [color for color in groups if color.color == self._checked.rollout.serving]
        return SizeSchedule(
            f"{serving.name}-sizes",
            group_name=groups[serving].group_name,
            schedule=self._settings.schedule,
            after=after,
            opts=self._below,
        )

    def _dns_alias(self, production: aws.lb.ListenerRule) -> DnsAlias:
        """Leads users of the host name to the load balancer, once it has a group to send them to."""
        settings = self._settings
        return DnsAlias(
            settings.name,
            hostname=settings.hostname,
            zone_id=settings.hosted_zone_id,
            dns_name=self._listener.dns_name,
            balancer_zone=self._listener.zone_id,
            types=["A", "AAAA"] if self._listener.has_ipv6 else ["A"],
            takes_over=self._checked.zone.takes_over,
            after=[production],
            opts=self._below,
        )

    def _dashboard(self, rollout: Rollout, alarm_arns: list[pulumi.Output[str]]) -> Dashboard:
        return Dashboard(
            self._settings.name,
            region=self._settings.region,
            load_balancer_arn_suffix=self._listener.arn_suffix,
            alarm_arns=alarm_arns,
            promoted=rollout.promoted.stdout,
            opts=self._below,
        )
