"""One update of a phoenix stack: settings -> what is live -> flight plan -> components -> exports."""

from datetime import UTC, datetime
from pathlib import Path

import boto3
import pulumi

from components import briefing, changelog, config, foresight, generation, home, live, origin, outlook, packages, strays
from components.alarms import Limits
from components.dashboard import Dashboard
from components.image import MachineImage
from components.load_balancer import LoadBalancer
from components.network import Network
from components.outputs import export
from components.rollout import Rollout
from components.server_group import ServerGroup
from components.user_data import user_data

with config.errors(published=True):
    settings, now = config.settings(), datetime.now(UTC)
    session = boto3.Session(region_name=settings.region, profile_name=settings.profile or None)
    account = live.account(session, region=settings.region, profile=settings.profile)
    known = home.check(account)
    source = origin.source(session, settings, account, Path.cwd(), now=now)
    recipe = generation.recipe(settings, source.fingerprint)
    standing = live.read(session, stack=settings.identity)
    lost = strays.read(session, standing, stack=settings.identity, known=known)
    ahead = outlook.read(session, settings, standing, now=now)
    plan = foresight.cleared(settings, recipe, standing, ahead, source, now=now)
    changed = changelog.of(plan, settings, Path.cwd())
    differing = packages.lines(session, plan, source, service=settings.service)
    brief = briefing.write(settings, plan, recipe, standing, source, ahead, changed, packages=differing, now=now)
    briefing.publish(brief.markdown)
pulumi.log.info(brief.text)

# What is permanent.
tags = {"phoenix:stack": settings.identity}
network = Network(
    settings.name, vpc_id=settings.vpc_id, alb_subnet_ids=settings.alb_subnet_ids,
    server_subnet_ids=settings.server_subnet_ids, cidr=settings.vpc_cidr, tags=tags)
balancer = LoadBalancer(
    settings.name, vpc_id=network.vpc_id, subnet_ids=network.alb_subnet_ids, port=settings.port,
    allowed_cidrs=settings.allowed_cidrs, certificate_arn=settings.certificate_arn, protect=settings.protect, tags=tags)

# A color's own: its image, and the target group that the preview rule names before the group is born.
baked = {color: MachineImage(
    f"{color.name}-image", color=color, account=account, service=settings.service, fingerprint=source.fingerprint,
    pinned=settings.image, folder=settings.image_dir, base_image=settings.base_image,
    architecture=settings.architecture, packer_variables=settings.packer_variables, copied_from=settings.image_from,
    kms_key=settings.image_kms_key, max_age_days=settings.max_age_days, subnet_id=network.alb_subnet_ids[0],
    live_image=plan.live_image) for color in plan.colors}
targets = {color: balancer.target_group(
    color, port=settings.app_port, health_check_path=settings.health_check_path,
    health_check_interval_seconds=settings.health_check_interval_seconds, drain_seconds=settings.drain_seconds,
    tags={"fingerprint": source.fingerprint, "recipe": recipe.tag, **image.tags}) for color, image in baked.items()}
preview = balancer.preview_rule(targets[plan.active].arn, token=settings.preview_token)
groups = {color: ServerGroup(
    color.name, color=color, account=account, image_id=image.id, root_device=image.root_device,
    instance_type=settings.instance_type, root_volume_gib=settings.root_volume_gib,
    user_data=user_data(settings, color=color.color, generation=color.generation), references=settings.references,
    permissions_boundary=settings.permissions_boundary, port=settings.app_port, vpc_id=network.vpc_id,
    subnet_ids=network.server_subnet_ids, target_group=targets[color], announced_by=[preview],
    load_balancer_security_group_id=balancer.security_group_id, load_balancer_arn_suffix=balancer.arn_suffix,
    listener_arn=balancer.listener_arn, min_size=settings.min_size,
    max_size=settings.max_size, target_cpu_percent=settings.target_cpu_percent, boot_seconds=settings.boot_seconds,
    drain_seconds=settings.drain_seconds, tags={"fingerprint": source.fingerprint},
    limits=Limits(settings.max_error_percent, settings.max_response_milliseconds)) for color, image in baked.items()}

# The gates, the flip, and the cleaning up. The engine deletes last what left the program: the previous group.
active = groups[plan.active]
rollout = Rollout(
    settings.name, flight=plan, settings=settings, account=account, group=active,
    target_group_arn=targets[plan.active].arn, listener_arn=balancer.listener_arn, preview_rule_arn=preview.arn)
production = balancer.production_rule(
    [(rollout.to(color, targets[color].arn), plan.weights[color.color]) for color in plan.colors],
    after=[rollout.promoted], tags=rollout.past(standing))
rollout.prune(strays=[*standing.strays, *lost], after=[production])
if settings.image_shared_with or source.shared:
    baked[plan.active].share(settings.image_shared_with, after=[production])
if settings.dashboard:
    Dashboard(settings.name, region=settings.region, load_balancer_arn_suffix=balancer.arn_suffix,
              alarm_arns=[arn for group in groups.values() for arn in group.alarm_arns],
              promoted=rollout.promoted.stdout)

export(
    url=balancer.url, flight=plan, standing=standing, fingerprint=source.fingerprint, image=baked[plan.active],
    rollout=rollout, after=production.arn)
