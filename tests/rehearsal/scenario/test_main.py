"""`make cloud` on a port that somebody has."""

from __future__ import annotations

import socket
import subprocess
import sys

from rehearsal import PROJECT


def test_a_port_that_is_in_use_is_told_with_another_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "rehearsal", "cloud", "--machines", "processes", "--port", str(port)],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert f"port {port} of this machine is in use" in done.stdout
    assert 'Do: make cloud REHEARSAL="--port ' in done.stdout
    assert done.stderr == ""
