"""On-demand scans of images by Amazon Inspector, and the findings that EC2 tells of them; moto knows neither.

A trial says what Inspector finds in which image (`Cloud.image_findings`), how long a scan takes, or why it fails.
Findings are seen only once a scan of the image has ended, and a little later: the first look after it sees none.
Sources: StartOnDemandScan, GetOnDemandScanStatus and ListOnDemandScans in Inspector's API reference; GetImageFindings
in EC2's; "Running on-demand machine image scans" in Inspector's user guide.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.ec2.responses.amis import AmisResponse
from moto.inspector2 import urls
from moto.inspector2.responses import Inspector2Response

from rehearsal.state import cloud_state
from rehearsal.state.cloud_state import CloudState, Scan

PATHS = ("ondemand/scan", "ondemand/scan/status", "ondemand/scans")


def start_on_demand_scan(self: Any) -> str:
    cloud, image = _cloud(), _image(self)
    if any(_status(cloud, one) == "IN_PROGRESS" for one in cloud.scans if one.image == image):
        raise JsonRESTError("ConflictException", f"A scan of {image} is in progress.")
    made = Scan(id=uuid.uuid4().hex, image=image, began=datetime.now(UTC), at=cloud.now(), failure=cloud.scan_failure)
    cloud.scans.append(made)
    return json.dumps({"scanId": made.id})


def get_on_demand_scan_status(self: Any) -> str:
    cloud, image, wanted = _cloud(), _image(self), self._get_param("scanId")
    found = next((one for one in cloud.scans if (one.image, one.id) == (image, wanted)), None)
    if found is None:
        raise JsonRESTError("ResourceNotFoundException", f"There is no scan {wanted} of {image}.")
    return json.dumps(_said(cloud, found))


def list_on_demand_scans(self: Any) -> str:
    cloud, image = _cloud(), _image(self)
    return json.dumps({"items": [_said(cloud, one) for one in cloud.scans if one.image == image]})


def get_image_findings(self: Any) -> Any:
    cloud, image = _cloud(), self._get_param("ImageId")
    self.ec2_backend.describe_images(ami_ids=[image])
    ended = [one for one in cloud.scans if one.image == image and _status(cloud, one) == "SUCCESSFUL"]
    late = bool(ended) and all(one.looks == 0 for one in ended)
    for one in ended:
        one.looks += 1
    return ActionResult(
        {"ImageFindings": [] if late or not ended else list(cloud.findings.get(image, cloud.findings.get("", ())))}
    )


def _said(cloud: CloudState, scan: Scan) -> dict[str, Any]:
    status = _status(cloud, scan)
    return {
        "scanId": scan.id,
        "resourceId": scan.image,
        "resourceType": "AMI",
        "scanStatus": status,
        "startedAt": scan.began.isoformat(),
        **({"scanStatusReason": scan.failure} if status == "FAILED" else {}),
        **({} if status == "IN_PROGRESS" else {"completedAt": (scan.began + _takes(cloud)).isoformat()}),
    }


def _takes(cloud: CloudState) -> timedelta:
    return timedelta(seconds=cloud.scaled(cloud.scan_seconds))


def _status(cloud: CloudState, scan: Scan) -> str:
    if cloud.now() - scan.at < cloud.scaled(cloud.scan_seconds):
        return "IN_PROGRESS"
    return "FAILED" if scan.failure else "SUCCESSFUL"


def _image(self: Any) -> str:
    if self._get_param("resourceType") != "AMI":
        raise JsonRESTError("ValidationException", "resourceType must be AMI")
    return str(self._get_param("resourceId"))


def _cloud() -> CloudState:
    cloud = cloud_state.open_state()
    if cloud is None:
        raise JsonRESTError("InternalServerException", "no cloud is open in which anything was scanned")
    return cloud


for function in (start_on_demand_scan, get_on_demand_scan_status, list_on_demand_scans):
    setattr(Inspector2Response, function.__name__, function)
for path in PATHS:
    urls.url_paths.setdefault(f"{{0}}/{path}$", Inspector2Response.dispatch)
if not hasattr(AmisResponse, "get_image_findings"):
    AmisResponse.get_image_findings = get_image_findings
