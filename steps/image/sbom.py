"""The list of an image's packages as a software bill of materials: CycloneDX 1.5, as JSON. Pure.

It is made from the list when it is asked for, and never stored: the list is the truth, and the same list of the same
image makes the same document, down to its serial number. Version 1.5 is what Amazon Inspector takes
(`aws inspector-scan scan-sbom`). https://cyclonedx.org/docs/1.5/json/ and https://github.com/package-url/purl-spec
"""

from __future__ import annotations

import uuid
from urllib.parse import quote

from core.images import Image
from core.packages import Package, PackageList
from core.times import iso

# Serial numbers are made of it and of what they stand for; it was drawn once.
NAMESPACE = uuid.UUID("8d1f8f0c-6f0a-4f2e-9f53-2b8f4f3a7c61")


def bill_of_materials(listed: PackageList, image: Image, *, text: str) -> dict[str, object]:
    """Of an image with these packages; `text`: their list, as it is stored."""
    components = {reference: one for one in listed.packages if (reference := package_url(one, listed))}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": uuid.uuid5(NAMESPACE, f"{image.id}\n{text}").urn,
        "version": 1,
        "metadata": {
            "timestamp": iso(image.baked_at),
            "component": {
                "type": "operating-system",
                "bom-ref": image.id,
                "name": listed.system,
                **({"version": listed.release} if listed.release else {}),
                "properties": [
                    {"name": key, "value": value} for key, value in sorted(image.tags.items()) if key in SAID
                ],
            },
        },
        "components": [
            {
                "type": "library",
                "bom-ref": reference,
                "name": one.name,
                "version": one.version,
                "purl": reference,
            }
            for reference, one in sorted(components.items())
        ],
    }


# Tags of an image that say what it was made from.
SAID = (
    "phoenix:service",
    "phoenix:fingerprint",
    "phoenix:base",
    "phoenix:base-name",
    "phoenix:commit",
    "phoenix:baked-at",
)


def package_url(package: Package, listed: PackageList) -> str:
    """Like pkg:deb/debian/openssl@3.0.15-1~deb12u1?arch=amd64&distro=debian-12.

    A deb's epoch is a part of its version, an rpm's stands for itself, as the purl types say.
    """
    epoch, colon, version = package.version.rpartition(":") if listed.kind == "rpm" else ("", "", package.version)
    qualifiers = {
        "arch": package.architecture,
        "distro": "-".join(filter(None, [listed.system, listed.release])),
        "epoch": epoch if colon else "",
    }
    # In alphabetical order; names of packages are lower case in Debian's, and as they are in Red Hat's.
    said = "&".join(f"{key}={_quoted(value)}" for key, value in sorted(qualifiers.items()) if value)
    name = package.name.lower() if listed.kind == "deb" else package.name
    return f"pkg:{listed.kind}/{_quoted(listed.system)}/{_quoted(name)}@{_quoted(version)}?{said}"


def _quoted(text: str) -> str:
    return quote(text, safe=":")
