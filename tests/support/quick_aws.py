"""What makes moto in this process quick: what never changes is read and made once a process, not for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.client import ClientCreator
from botocore.hooks import EventAliaser, HierarchicalEmitter
from botocore.loaders import Loader
from moto import backends
from moto.core import base_backend, responses
from moto.core.utils import method_names_from_class
from moto.ec2.models import amis

# Of the images that moto has, those that tests launch from: of AWS's older ones by id, and the present Amazon Linux.
IMAGES, PRESENT = ("ami-12c6146b", "ami-760aaa0f"), "al2023-ami-20"


class _Shared(Loader):
    """What services are, for every session: each of boto3's would read it again, EC2's for a third of a second."""

    @property
    def search_paths(self) -> list[str]:
        """Those of the beginning: each session adds boto3's, which is among them."""
        return list(super().search_paths)


_load_resource = amis.load_resource


@cache
def _loader(search_path: str | None = None) -> Loader:
    paths = search_path.split(":") if search_path else []
    return _Shared(extra_search_paths=[*paths, str(Path(boto3.__file__).parent / "data")])


def _present_images(path: str) -> list[dict[str, Any]]:
    if "/ecs/" in path:
        return []
    return [dict(one) for one in _images(path) if one["name"].startswith(PRESENT)]


@cache
def _images(path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _load_resource(path)
    return found


def _once(make: Callable[..., Any]) -> Callable[..., Any]:
    """A method of a client's creator, by its first argument: the service's name."""
    made: dict[str, Any] = {}

    def method(self: ClientCreator, service_name: str, *others: Any, **more: Any) -> Any:
        if service_name not in made:
            made[service_name] = make(self, service_name, *others, **more)
        return made[service_name]

    return method


# Asked for with each event of each call, and the same for every client.
_aliaser: Any = EventAliaser(HierarchicalEmitter())
_event_name = cache(_aliaser._alias_event_name)


@contextmanager
def quick_aws() -> Iterator[None]:
    """Until it ends, sessions share what services are, and moto makes nothing that no test asks for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", _loader)
        for part in ("_load_service_model", "_create_client_class"):
            patch.setattr(ClientCreator, part, _once(getattr(ClientCreator, part)))
        patch.setattr(EventAliaser, "_alias_event_name", lambda _self, name: _event_name(name))
        # It looks through a class for each request.
        patch.setattr(responses, "method_names_from_class", cache(method_names_from_class))
        # It imports a module for each.
        patch.setattr(backends, "_import_backend", cache(backends._import_backend))
        # 1,300 of AWS's and ECS's, for each region, at the beginning of each test and at its end.
        patch.setattr(amis, "AMIS", [one for one in amis.AMIS if one["ami_id"] in IMAGES])
        patch.setattr(amis, "load_resource", _present_images)
        # Makes each backend again, and then forgets it.
        patch.setattr(base_backend.AccountSpecificBackend, "reset", lambda _self: None)
        yield
