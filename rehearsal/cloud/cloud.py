"""The rehearsal's AWS: moto's control plane taught what it does not know, real machines, and a real load balancer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
from moto.autoscaling.models import autoscaling_backends

import rehearsal.cloud.moto_patches  # noqa: F401 - teaches moto
from rehearsal.alb.balancer import Balancer
from rehearsal.autoscaling import lifecycle_hooks
from rehearsal.cloud import entrance
from rehearsal.cloud.calls import OBSERVER_KEY, Call, Calls, Refusal, new_key
from rehearsal.cloud.certificates import server_context
from rehearsal.cloud.control_plane import ControlPlane
from rehearsal.cloud.events.worker import EventWorker
from rehearsal.cloud.gc_tuning import GcTuning
from rehearsal.cloud.reconciler import Reconciler
from rehearsal.cloud.server_roles import ServerRoles
from rehearsal.servers.machines import Machines
from rehearsal.servers.metadata_service import AwsEndpoint, api_names
from rehearsal.servers.process import ProcessMachines
from rehearsal.state import cloud_state
from rehearsal.state.cloud_state import ACCOUNT, CloudState
from rehearsal.state.journal import Event, Journal


class Cloud:
    """A context manager: inside it, `environment` leads any AWS client of this machine to it.

    `workdir` gets the machines' consoles and `journal.jsonl`. `boot_seconds` is how long an instance is pending.
    `time_scale` stretches AWS's durations (boot, health check intervals, grace period, deregistration delay, retries of
    failed launches): 0.1 is ten times faster. `minute_seconds`: how long CloudWatch's minutes are (60 times
    `time_scale` where it is not given, and at least 1): its periods are multiples of that, and the load balancer's
    metrics come one to two of them late. `ports`: of listeners, those that are others on this machine. One cloud
    at a time in a process; raises RuntimeError for a second.
    """

    def __init__(
        self,
        workdir: Path,
        *,
        region: str = "eu-west-1",
        port: int = 0,
        machines: Machines | None = None,
        boot_seconds: float = 2.0,
        time_scale: float = 1.0,
        minute_seconds: int | None = None,
        ports: Mapping[int, int] | None = None,
    ) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        self.workdir = workdir
        self.region = region
        self.account = ACCOUNT
        self.machines: Machines = machines if machines is not None else ProcessMachines(workdir)
        self.calls = Calls()
        self.access_key = new_key()
        """Of this run: what opens the cloud to whoever has `environment`."""
        self._port = port
        self._state = CloudState(
            region=region,
            journal=Journal(workdir / "journal.jsonl"),
            boot_seconds=boot_seconds,
            time_scale=time_scale,
            minute_seconds=minute_seconds or max(1, round(60 * time_scale)),
            ports=ports or {},
            read_console=lambda instance_id: self.machines.console(instance_id=instance_id),
            create_image=self.machines.freeze,
            copy_image=self.machines.copy,
            base_images=self.machines.images,
        )
        self.calls.report_error = lambda operation, answer: self._state.journal.record("error", operation, answer)
        self._clients: dict[str, Any] = {}
        self._gc_tuning = GcTuning()
        self._open = False

    def start(self) -> Cloud:
        cloud_state.open_cloud(self._state)
        try:
            names = api_names(self.region)
            self._control_plane = ControlPlane(calls=self.calls, port=self._port, names=names)
        except BaseException:
            cloud_state.close_cloud(self._state)
            raise
        self.endpoint = self._control_plane.endpoint
        self.roles = ServerRoles(self._state)
        self.calls.authorize = self._refusal
        self.machines.connect(
            AwsEndpoint(
                endpoint=self.endpoint,
                region=self.region,
                credentials=self.roles.credentials,
                target_state=self._target_state,
            )
        )
        self.balancer = Balancer(self._state, self.machines, certificates=server_context)
        self._events = EventWorker(self._state, self.client)
        self._reconciler = Reconciler(self._state, self.machines, self.balancer, self._events)
        self._open = True
        try:
            self._warm_up()
        except BaseException:
            self.close()
            raise
        return self

    def _target_state(self, instance_id: str) -> str | None:
        with self._state.lock:
            groups = autoscaling_backends[ACCOUNT][self.region].autoscaling_groups.values()
            return lifecycle_hooks.target_state(groups, instance_id)

    def _warm_up(self) -> None:
        """Loads what the first calls would load, while nobody waits for an answer yet."""
        self.client("ec2").describe_instances()
        self.client("elbv2").describe_load_balancers()
        self.client("autoscaling").describe_auto_scaling_groups()
        self.client("cloudwatch").describe_alarms()
        self._gc_tuning.start()

    def close(self) -> None:
        """Ends every machine, port and thread; what was recorded stays readable. Does nothing the second time."""
        if not self._open:
            return
        self._open = False
        self._gc_tuning.stop()
        self._reconciler.close()
        self._events.close()
        for client in self._clients.values():
            client.close()
        self.balancer.close()
        self.machines.close()
        cloud_state.close_cloud(self._state)
        self._control_plane.close()
        self._state.journal.close()

    def __enter__(self) -> Cloud:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables for a child process; the caller must also remove AWS_PROFILE from what it inherits."""
        return {
            **self.machines.environment,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.access_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _refusal(self, call: Call) -> Refusal | None:
        known = call.access_key == self.access_key or call.access_key in self.calls.accounts
        if not known and not self.roles.issued(call.access_key):
            return entrance.unknown_key(call)
        return self.roles.refusal(call)

    def client(self, service: str) -> Any:
        """A boto3 client of this cloud, which meets no fault. The user's own AWS configuration does not reach it."""
        if service not in self._clients:
            create: Any = boto3.session.Session().client  # typed for literal names only
            self._clients[service] = create(
                service,
                endpoint_url=self.endpoint,
                region_name=self.region,
                aws_access_key_id=OBSERVER_KEY,
                aws_secret_access_key=OBSERVER_KEY,
            )
            if self._open:
                self._gc_tuning.freeze_loaded()
        return self._clients[service]

    @property
    def events(self) -> list[Event]:
        """What happened so far, oldest first."""
        return self._state.journal.events

    def fail_launches(self, reason: str | None, *, zones: Collection[str] = ()) -> None:
        """From now on every launch of a group fails with this reason of EC2's; None lifts it (the next retry works).

        With `zones` only launches in these Availability Zones do.
        """
        self._state.launch_fault, self._state.faulty_zones = reason, frozenset(zones)

    def refuse_types(self, *types: str) -> None:
        """From now on EC2 has none of these instance types; none given lifts it (the next retry works)."""
        self._state.refused_types = frozenset(types)

    def fail_boots(self, reason: str | None) -> None:
        """From now on every instance of a group ends for this reason of EC2's instead of running; None lifts it.

        So end those whose disks can't be decrypted: the launch itself is accepted.
        """
        self._state.boot_fault = reason

    def image_findings(self, image: str, *findings: Mapping[str, Any]) -> None:
        """From now on a scan of this image finds these, as EC2 tells them (`ImageFinding` of its API reference).

        Of an empty `image`: a scan of each that nothing was said of.
        """
        self._state.findings[image] = findings

    def fail_scans(self, reason: str) -> None:
        """From now on every scan that begins fails for this reason of Inspector's; empty lifts it."""
        self._state.scan_failure = reason

    @contextmanager
    def later(self, *, hours: float) -> Iterator[None]:
        """Inside it EventBridge Scheduler's clock is so far ahead; nobody else's is."""
        self._state.schedules_ahead = hours * 3600
        try:
            yield
        finally:
            self._state.schedules_ahead = 0

    @contextmanager
    def booting(self, *, seconds: float) -> Iterator[None]:
        """Inside it an instance that is launched is pending for so long (of AWS's seconds)."""
        usual, self._state.boot_seconds = self._state.boot_seconds, seconds
        try:
            yield
        finally:
            self._state.boot_seconds = usual

    @contextmanager
    def without_metrics(self) -> Iterator[None]:
        """Inside it CloudWatch gets no metrics from the load balancer."""
        self._state.metrics_stopped = True
        try:
            yield
        finally:
            self._state.metrics_stopped = False
