"""All measurements, one after the other, each in a process of its own: `python -m bench`.

What a machine lacks (root, haproxy, terraform) is left out, and said. `bench.detection` is not among them: it takes the
provider's ten minutes on AWS's own clock.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

from rehearsal import PROJECT


def main() -> int:
    """0 when all could be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n\n")[0])
    parser.add_argument("--plugin-dir", default="", help="terraform's -plugin-dir, for bench.replacement")
    given = parser.parse_args()
    measurements = {
        "idle": ["--rounds", "3"],
        "flip": [],
        "calls": [],
        "balancer": [],
        "canary": ["--streams", "2000"],
        "capacity": [],
        "replacement": ["--plugin-dir", given.plugin_dir] if given.plugin_dir else [],
        "rebirth": ["--rounds", "2"],
    }
    begun, broken = time.monotonic(), []
    for name, arguments in measurements.items():
        if name == "rebirth" and not (sys.platform == "linux" and os.geteuid() == 0):
            print("bench.rebirth is left out: real operating systems need root on Linux")
            continue
        print(f"== bench.{name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{name}", *arguments], cwd=PROJECT).returncode:
            broken.append(name)
    print(f"{time.monotonic() - begun:.0f} s in all" + (f"; failed: {', '.join(broken)}" if broken else ""))
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
