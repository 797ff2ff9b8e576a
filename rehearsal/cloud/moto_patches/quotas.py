"""Service Quotas: EC2 has a quota of vCPUs; moto knows those of VPC only.

Source: "On-Demand Instance quotas" in EC2's user guide; GetServiceQuota in Service Quotas' API reference.
"""

from __future__ import annotations

from typing import Any

from moto.servicequotas.models import ServiceQuotasBackend

from rehearsal.cloud.moto_patches.patch import Correction, around
from rehearsal.state.cloud_state import CloudState

STANDARD = "L-1216C47A"


@around(ServiceQuotasBackend, "get_service_quota")
def vcpus(cloud: CloudState, original: Correction, backend: Any, service_code: str, quota_code: str) -> dict[str, Any]:
    if (service_code, quota_code) != ("ec2", STANDARD):
        found: dict[str, Any] = original(backend, service_code, quota_code)
        return found
    # Without UsageMetric: no figures of AWS/Usage are made here.
    return {
        "ServiceCode": "ec2",
        "QuotaCode": STANDARD,
        "Value": float(cloud.vcpus),
        "QuotaName": "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
    }
