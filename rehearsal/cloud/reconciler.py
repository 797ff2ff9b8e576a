"""The thread in which things happen by themselves: machines boot, groups launch and replace, targets finish draining.

It wakes after every call that may have changed something, and several times a second anyhow.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from moto.autoscaling.models import autoscaling_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.ec2.models import ec2_backends
from moto.elbv2.models import elbv2_backends

from rehearsal.alb.balancer import Balancer
from rehearsal.alb.counters import publish
from rehearsal.alb.routing import compile_table
from rehearsal.autoscaling import reconcile
from rehearsal.cloud import disk_keys
from rehearsal.cloud.alarms import evaluate
from rehearsal.cloud.events.worker import EventWorker
from rehearsal.cloud.moto_patches.targets import finish_draining
from rehearsal.servers.machines import Machines
from rehearsal.state.cloud_state import ACCOUNT, CloudState

TICK_SECONDS = 0.1
# How often in a minute of CloudWatch's healthy servers are counted and alarms evaluated.
LOOKS_A_MINUTE = 4


class Reconciler:
    def __init__(self, state: CloudState, machines: Machines, balancer: Balancer, events: EventWorker) -> None:
        self._state = state
        self._events = events
        self._machines = machines
        self._balancer = balancer
        self._alive: set[str] = set()
        self._published = time.monotonic()
        self._stopping = False
        self._complained: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stopping = True
        self._state.changed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            self._state.changed.wait(TICK_SECONDS)
            self._state.changed.clear()
            with self._state.lock:
                self._tick()

    def _tick(self) -> None:
        region = self._state.region
        finish_draining(self._state)
        self._safely(self._machines.tick)
        # Images are baked in other accounts and regions too; everything else of theirs stays as moto has it.
        everywhere = [ec2 for regions in list(ec2_backends.values()) for ec2 in list(regions.values())]
        for ec2 in everywhere:
            self._safely(self._follow_instances, ec2)
        self._safely(self._machines.keep, frozenset(snapshot for ec2 in everywhere for snapshot in list(ec2.snapshots)))
        for group in list(autoscaling_backends[ACCOUNT][region].autoscaling_groups.values()):
            self._safely(reconcile.reconcile, self._state, group)
        self._safely(self._follow_listeners, elbv2_backends[ACCOUNT][region])
        # A composite alarm follows its alarms at once, those that somebody set (SetAlarmState) too.
        self._safely(self._events.look)
        self._safely(self._follow_metrics, region)

    def _safely(self, work: Callable[..., None], *subjects: Any) -> None:
        """One bad record must not stop the cloud; it is said once, not ten times a second."""
        try:
            work(*subjects)
        except Exception as error:
            if repr(error) not in self._complained:
                self._complained.add(repr(error))
                self._state.journal.record("error", "reconciler", repr(error))
                traceback.print_exc(file=sys.stderr)

    def _follow_listeners(self, elbv2: Any) -> None:
        self._balancer.apply_table(compile_table(elbv2, time_scale=self._state.time_scale))

    def _follow_metrics(self, region: str) -> None:
        minute = self._state.minute_seconds
        if time.monotonic() - self._published >= minute / LOOKS_A_MINUTE:
            self._published = time.monotonic()
            cloudwatch = cloudwatch_backends[ACCOUNT][region]
            due = self._balancer.counters.due()
            if not self._state.metrics_stopped:
                publish(cloudwatch, due, minute_seconds=minute)
            self._balancer.count_hosts()
            evaluate(cloudwatch, minute_seconds=minute)

    def _follow_instances(self, ec2: Any) -> None:
        """A machine for every instance that has booted, none for one that stopped or terminated."""
        for instance in ec2.all_instances():
            booted = instance.state == "pending" and self._state.now() >= instance.boots_at
            launched = booted and getattr(instance, "autoscaling_group", None)
            if launched and (fault := self._state.boot_fault or disk_keys.termination_reason(ec2, instance)):
                instance.ended_for = fault
                instance.terminate()
                self._state.journal.record("instance", instance.id, f"terminated: {instance.ended_for}")
            elif booted:
                user_data = instance.user_data.decode() if instance.user_data else ""
                key = ec2.key_pairs.get(instance.key_name)
                self._machines.start(
                    instance_id=instance.id,
                    image_id=instance.image_id,
                    user_data=user_data,
                    public_key=key.public_key if key is not None else "",
                )
                instance._state.name, instance._state.code = "running", 16
                self._alive.add(instance.id)
                self._state.journal.record("instance", instance.id, f"running, from {instance.image_id}")
            elif instance.state == "stopping":
                self._machines.stop(instance_id=instance.id)
                if self._machines.halted(instance_id=instance.id):
                    instance._state.name, instance._state.code = "stopped", 80
                    self._state.journal.record("instance", instance.id, "stopped")
            elif instance.id in self._alive and instance.state == "terminated":
                self._alive.discard(instance.id)
                self._machines.terminate(instance_id=instance.id)
                self._state.journal.record("instance", instance.id, instance.state)
