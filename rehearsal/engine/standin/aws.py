"""The AWS of the stand-in: clients, and what every AWS resource type does alike.

Resource types are classes with a few methods, with tables of names where API and provider differ only in names.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import boto3
import botocore.session
from botocore.exceptions import ClientError

from core.aws import error_code
from rehearsal.engine.standin.project import ConfigError
from rehearsal.engine.standin.provider import Call, HalfMadeError, InterruptedByUserError, ProviderError, ResourceType
from rehearsal.engine.standin.values import Properties

if TYPE_CHECKING:
    from types_boto3_autoscaling import AutoScalingClient
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_ec2 import EC2Client
    from types_boto3_elbv2 import ElasticLoadBalancingv2Client
    from types_boto3_iam import IAMClient
    from types_boto3_sts import STSClient

POLL_SECONDS = 0.5
WAIT_SECONDS = 600
NEWBORN_SECONDS = 120
# The checks that can be skipped are not made here at all.
KNOWN_CONFIG = frozenset(
    f"aws:{key}"
    for key in (
        "region",
        "profile",
        "maxRetries",
        "sharedConfigFiles",
        "sharedCredentialsFiles",
        "skipCredentialsValidation",
        "skipMetadataApiCheck",
        "skipRegionValidation",
        "skipRequestingAccountId",
    )
)


class Aws:
    """Clients of one region and profile, as `aws:region` and `aws:profile` of the configuration say."""

    def __init__(self, config: Mapping[str, str], interrupted: threading.Event) -> None:
        """Raises `ConfigError` for configuration of the provider that would be left out silently."""
        foreign = {key for key in config if key.startswith("aws:")} - KNOWN_CONFIG
        if foreign:
            raise ConfigError(f"the stand-in does not know {', '.join(sorted(foreign))}; Pulumi itself does")
        self._session: boto3.Session | None = None
        self._region, self._profile = config.get("aws:region"), config.get("aws:profile")
        # The provider takes several; the program refuses more than one.
        self._files = {
            name: json.loads(config.get(f"aws:{key}", "[]"))[:1]
            for key, name in (("sharedConfigFiles", "config_file"), ("sharedCredentialsFiles", "credentials_file"))
        }
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}
        self._interrupted = interrupted

    @property
    def region(self) -> str:
        """The region's name."""
        return str(self.ec2.meta.region_name)

    @property
    def ec2(self) -> EC2Client:
        """EC2."""
        return self._client("ec2")  # type: ignore[no-any-return]

    @property
    def elbv2(self) -> ElasticLoadBalancingv2Client:
        """Elastic Load Balancing."""
        return self._client("elbv2")  # type: ignore[no-any-return]

    @property
    def autoscaling(self) -> AutoScalingClient:
        """EC2 Auto Scaling."""
        return self._client("autoscaling")  # type: ignore[no-any-return]

    @property
    def cloudwatch(self) -> CloudWatchClient:
        """CloudWatch."""
        return self._client("cloudwatch")  # type: ignore[no-any-return]

    @property
    def iam(self) -> IAMClient:
        """Identity and Access Management."""
        return self._client("iam")  # type: ignore[no-any-return]

    @property
    def events(self) -> Any:
        """EventBridge."""
        return self._client("events")

    @property
    def scheduler(self) -> Any:
        """EventBridge Scheduler."""
        return self._client("scheduler")

    @property
    def ssm(self) -> Any:
        """Systems Manager."""
        return self._client("ssm")

    @property
    def s3(self) -> Any:
        """S3."""
        return self._client("s3")

    @property
    def acm(self) -> Any:
        """Certificate Manager."""
        return self._client("acm")

    @property
    def dynamodb(self) -> Any:
        """DynamoDB."""
        return self._client("dynamodb")

    @property
    def route53(self) -> Any:
        """Route 53."""
        return self._client("route53")

    @property
    def wafv2(self) -> Any:
        """AWS WAF."""
        return self._client("wafv2")

    @property
    def sts(self) -> STSClient:
        """Security Token Service."""
        return self._client("sts")  # type: ignore[no-any-return]

    def wait(self, what: str, done: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
        """Poll until `done`. Raises `ProviderError` after `seconds`, or when the update is interrupted."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise ProviderError(f"timeout while waiting for {what} ({seconds:g} s)")
            if self._interrupted.wait(POLL_SECONDS):
                raise InterruptedByUserError

    def _client(self, service: str) -> Any:
        # Clients may be shared by threads; making them may not.
        with self._lock:
            if service not in self._clients:
                self._session = self._session or self._connected()
                self._clients[service] = self._session.client(service)  # type: ignore[call-overload]
            return self._clients[service]

    def _connected(self) -> boto3.Session:
        core = botocore.session.Session()
        for name, paths in self._files.items():
            for path in paths:
                core.set_config_variable(name, path)
        return boto3.Session(
            botocore_session=core, profile_name=self._profile or None, region_name=self._region or None
        )


class AwsType:
    """One resource type. Subclasses say what differs."""

    token: ClassVar[str]
    replaced_by: ClassVar[frozenset[str]] = frozenset()
    unsettled: ClassVar[frozenset[str]] = frozenset()
    defaults: ClassVar[Mapping[str, Any]] = {}
    name_input: ClassVar[str | None] = None
    name_length: ClassVar[int] = 255
    gone: ClassVar[tuple[str, ...]] = ()  # error codes that say that it does not exist

    def __init__(self, aws: Aws) -> None:
        self.aws = aws

    def make(self, call: Call, inputs: Properties) -> str:
        """Create it, and return its id."""
        raise NotImplementedError

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        """Outputs besides the inputs; None when it is gone."""
        raise NotImplementedError

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        """Change it in place."""
        raise NotImplementedError

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        """Delete it, and wait until it is."""
        raise NotImplementedError

    def resource_type(self) -> ResourceType:
        """For the stand-in's table."""
        changes = type(self).change is not AwsType.change
        return ResourceType(
            create=self._create,
            read=self._read,
            update=self._update if changes else None,
            delete=self._delete,
            replaced_by=self.replaced_by,
            defaults=self.defaults,
            name_input=self.name_input,
            name_length=self.name_length,
            unsettled=self.unsettled,
        )

    def _create(self, call: Call, inputs: Properties) -> tuple[str, Properties]:
        try:
            ident = self.make(call, inputs)
            call.made[:] = [ident]
            return ident, self._read_created(ident, inputs)
        except Exception as error:
            if call.made:
                raise HalfMadeError(call.made[0], error) from error
            raise

    def _read_created(self, ident: str, inputs: Properties) -> Properties:
        """AWS may need a moment until it finds what it has just made.

        Source: hashicorp/terraform-provider-aws, internal/tfresource/retry.go (RetryWhenNewResourceNotFound).
        """
        found: list[Properties] = []

        def there() -> bool:
            seen = self._read(ident, inputs)
            if seen is not None:
                found.append(seen)
            return bool(found)

        self.aws.wait(f"{self.token} {ident} to be found", there, NEWBORN_SECONDS)
        return found[0]

    def _read(self, ident: str, inputs: Properties) -> Properties | None:
        try:
            found = self.look(ident, inputs)
        except ClientError as error:
            if error_code(error) in self.gone:
                return None
            raise
        return None if found is None else {"region": self.aws.region, **found}

    def _update(
        self, call: Call, ident: str, inputs: Properties, outputs: Properties, changed: frozenset[str]
    ) -> Properties:
        self.change(call, ident, inputs, changed)
        return self._look(ident, inputs)

    def _delete(self, call: Call, ident: str, outputs: Properties) -> None:
        try:
            self.remove(call, ident, outputs)
        except ClientError as error:
            if error_code(error) not in self.gone:
                raise

    def _look(self, ident: str, inputs: Properties) -> Properties:
        found = self._read(ident, inputs)
        if found is None:
            raise ProviderError(f"{self.token} {ident} vanished as soon as it was made or changed")
        return found


def pairs(tags: Mapping[str, str] | None) -> list[Any]:
    """Tags as most of AWS's APIs take them."""
    return [{"Key": key, "Value": value} for key, value in (tags or {}).items()]


def pascal(value: Any, names: Mapping[str, str] | None = None) -> Any:
    """A provider's value in the API's spelling: keys begin with a capital, `names` are the exceptions.

    The provider's texts "true" and "false", which stand for unset as well, become booleans.
    """
    if isinstance(value, dict):
        return {(names or {}).get(key, key[0].upper() + key[1:]): pascal(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [pascal(item, names) for item in value]
    return value == "true" if value in ("true", "false") and isinstance(value, str) else value


def without_none(inputs: Mapping[str, Any], names: Iterable[str]) -> Properties:
    """The inputs of these names that are set, in the API's spelling."""
    return {name[0].upper() + name[1:]: pascal(inputs[name]) for name in names if inputs.get(name) is not None}


def kebab(name: str) -> str:
    """`http-header` for `httpHeader`."""
    return re.sub(r"([A-Z])", lambda match: f"-{match[1].lower()}", name)
