"""A load balancer, and a stack in which green is about to take over from blue."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from tests.unit.steps.cloud import REGION, Balancer, World, balancer
from tests.unit.steps.promote.flipping import Flipping


@pytest.fixture
def alb() -> Iterator[Balancer]:
    with balancer() as playing:
        yield playing


@pytest.fixture
def flipping(alb: Balancer) -> Iterator[Flipping]:
    """Blue is live with two servers, green is verified and has one."""
    with mock_aws():
        yield Flipping(World(boto3.Session("testing", "testing", region_name=REGION), alb.port))
