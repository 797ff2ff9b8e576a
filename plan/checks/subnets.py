"""Subnets: where they must be, and what must be free in them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.errors import Problem, problem
from plan import estimates
from plan.checks import permanent
from plan.config.settings import DUALSTACK, Settings
from plan.readers.account_limits import AccountLimits, Subnet
from plan.readers.live_state import LiveState
from plan.rollout_plan import RolloutPlan

# Elastic Load Balancing refuses a subnet with fewer free addresses for a new load balancer (ELB user guide,
# "Subnets for your load balancer").
BALANCER_ADDRESSES = 8


def problems(s: Settings, limits: AccountLimits) -> Iterator[Problem]:
    """Subnets that are adopted: there, of the adopted VPC, in enough zones, and servers where the balancer is."""
    if not s.vpc_id or limits.subnets is None:
        return
    known = {subnet.id: subnet for subnet in limits.subnets}
    for key, ids in (("albSubnetIds", s.alb_subnet_ids), ("serverSubnetIds", s.server_subnet_ids)):
        for id in ids:
            if id not in known:
                yield problem(
                    "PHX-301",
                    key,
                    id,
                    f"must be a subnet of this account in {s.region}; there is none such",
                    f"aws ec2 describe-subnets --region {s.region} --filters Name=vpc-id,Values={s.vpc_id}",
                )
            elif known[id].vpc != s.vpc_id:
                yield problem(
                    "PHX-302",
                    key,
                    id,
                    f"must be in {s.vpc_id} (it is in {known[id].vpc})",
                    f"pulumi config set vpcId {known[id].vpc}, or take the subnet out of {key}",
                )
    for id in s.alb_subnet_ids if s.ip_address_type == DUALSTACK else ():
        if id in known and not known[id].ipv6:
            yield problem(
                "PHX-368",
                "albSubnetIds",
                id,
                f"must have a network of IPv6 with ipAddressType {DUALSTACK}, and a way to the internet by it",
                "aws ec2 associate-vpc-cidr-block --amazon-provided-ipv6-cidr-block, aws ec2"
                f" associate-subnet-cidr-block --subnet-id {id} --ipv6-cidr-block ..., and a route for ::/0",
            )
    front, back = ([known[id] for id in ids if id in known] for ids in (s.alb_subnet_ids, s.server_subnet_ids))
    yield from _zones(front, back)


def _zones(front: Sequence[Subnet], back: Sequence[Subnet]) -> Iterator[Problem]:
    """A load balancer wants two zones, one subnet each, and sends nothing to servers of zones that it is not in."""
    zones = [subnet.zone for subnet in front]
    if front and len(set(zones)) < max(2, len(zones)):
        yield problem(
            "PHX-303",
            "albSubnetIds",
            [subnet.id for subnet in front],
            f"must be in two availability zones or more, one subnet each (they are in {', '.join(zones)})",
            "pulumi config set --path 'albSubnetIds[1]' SUBNET-OF-ANOTHER-ZONE",
        )
    for subnet in back:
        if zones and subnet.zone not in zones:
            yield problem(
                "PHX-304",
                "serverSubnetIds",
                subnet.id,
                f"must be in a zone of the load balancer ({', '.join(sorted(set(zones)))}): its targets in"
                f" {subnet.zone} would be used by nobody and never be healthy",
                f"add a subnet of {subnet.zone} to albSubnetIds, or take this one out of serverSubnetIds",
            )


def balancer_zone_problems(s: Settings, live: LiveState, limits: AccountLimits) -> Iterator[Problem]:
    """A load balancer that leaves a zone leaves the servers there alone, whatever production rule names them."""
    zones = {subnet.id: subnet.zone for subnet in limits.subnets or ()}
    kept = {zones.get(id) for id in s.alb_subnet_ids}
    if not s.alb_subnet_ids or None in kept:
        return
    left = {zones[id] for group in live.groups if group.weight for id in group.subnets if id in zones} - kept
    if left:
        yield problem(
            "PHX-335",
            "albSubnetIds",
            list(s.alb_subnet_ids),
            "must keep a subnet of"
            f" {', '.join(sorted(map(str, left)))}: servers that have production stand there, and would get"
            " no request any more",
            "first take the zone out of serverSubnetIds and flip; then out of albSubnetIds",
        )


def address_problems(s: Settings, plan: RolloutPlan, live: LiveState, limits: AccountLimits) -> Iterator[Problem]:
    if limits.subnets is None:
        return
    more = estimates.added_servers(s, plan, live)
    subnet_ids = s.server_subnet_ids or tuple(subnet for group in live.groups for subnet in group.subnets)
    places = [subnet for subnet in limits.subnets if subnet.id in subnet_ids]
    free = sum(subnet.free for subnet in places)
    if places and free < more:
        key, value = ("serverSubnetIds", list(s.server_subnet_ids)) if s.vpc_id else ("vpcCidr", s.vpc_cidr)
        # A network of the stack's own can't grow, and only an adopted one can have another subnet.
        more_room = (
            "add a larger one: pulumi config set --path 'serverSubnetIds[1]' SUBNET" if s.vpc_id else permanent.BESIDE
        )
        yield problem(
            "PHX-306",
            key,
            value,
            f"must have free addresses for {more} more servers (there are {free})",
            f"end what is not needed in these subnets, or {more_room}",
        )
    if live.load_balancer:
        return
    for subnet in limits.subnets:
        if subnet.id in s.alb_subnet_ids and subnet.free < BALANCER_ADDRESSES:
            yield problem(
                "PHX-305",
                "albSubnetIds",
                subnet.id,
                f"must have {BALANCER_ADDRESSES} free addresses for a load balancer (it has {subnet.free})",
                "name a larger subnet of the zone in albSubnetIds",
            )
