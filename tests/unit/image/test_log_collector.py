"""What the log collector of image/optional is told, and what fluentd itself says of that, where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "image" / "optional" / "30-log-collector.sh"
# A name of the kind that nobody can resolve where an image is baked (RFC 2606), an address, and none.
TARGETS = {"name": "logs.example.invalid:24224", "address": "127.0.0.1:24224", "files": ""}


def configuration(collector: str, target: str) -> str:
    """What the script writes for this target."""
    function = re.search(rf"^{collector}_configuration\(\) \{{\n.*?^\}}", SCRIPT.read_text(), re.MULTILINE | re.DOTALL)
    assert function
    host, _, port = target.rpartition(":")
    return subprocess.run(
        ["sh", "-euc", f"{function[0]}\n{collector}_configuration"],
        capture_output=True,
        text=True,
        check=True,
        env={"tomcat": "tomcat10", "target": target, "host": host, "port": port, "PATH": "/usr/bin:/bin"},
    ).stdout


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_fluentd_keeps_what_waits_where_its_user_may_write_and_sends_nothing_of_itself(target: str) -> None:
    said = configuration("fluentd", target)
    [buffer] = re.findall(r"<buffer.*?\n    path (\S+)|<buffer>\n    @type file\n    path (\S+)", said)
    assert "".join(buffer) == "/var/lib/phoenix/buffer", "not a folder that is called ${tag}"
    own = re.search(r"<label @FLUENT_LOG>\n(.*?)</label>", said, re.DOTALL)
    assert own and "@type null" in own[1]
    assert ("ignore_network_errors_at_startup true" in said) == bool(target)


@pytest.mark.skipif(shutil.which("fluentd") is None, reason="fluentd is not installed")
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_fluentd_likes_its_configuration_and_writes_nothing_while_it_is_asked(tmp_path: Path, target: str) -> None:
    file = tmp_path / "fluentd.conf"
    file.write_text(configuration("fluentd", target).replace("/var/lib/phoenix", str(tmp_path / "state")))
    done = subprocess.run(["fluentd", "--dry-run", "--config", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "finished dry run mode" in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == [file]
