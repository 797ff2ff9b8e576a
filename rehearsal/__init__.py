"""An AWS on this machine, on which the whole scenario can run: never imported by the Pulumi program or its steps."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
