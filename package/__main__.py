"""The components as a Pulumi package: `pulumi package add` makes an SDK of it for TypeScript, Go, YAML and others."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pulumi.provider.experimental import component_provider_host

from package.service import Service

if __name__ == "__main__":
    component_provider_host([Service], name="phoenix")
