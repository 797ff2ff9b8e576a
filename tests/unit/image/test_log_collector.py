"""What the log collector of image/optional is told, and what fluentd itself says of that, where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "image" / "optional" / "60-log-collector.sh"
# A name of the kind that nobody can resolve where an image is baked (RFC 2606), an address, and none.
TARGETS = {
    "name": "logs.example.invalid:24224",
    "address": "127.0.0.1:24224",
    "TLS": "tls://logs.example.invalid:24224",
    "files": "",
}


def test_it_is_installed_after_the_application_whose_log_it_collects_and_before_the_image_is_shut() -> None:
    others = {"40-application.sh", "80-hardening.sh"}
    assert others <= {script.name for script in (SCRIPT.parents[1] / "provision").iterdir()}
    assert sorted({SCRIPT.name, *others}) == ["40-application.sh", SCRIPT.name, "80-hardening.sh"]


def configuration(collector: str, target: str) -> str:
    """What the script writes for this target."""
    function = re.search(rf"^{collector}_configuration\(\) \{{\n.*?^\}}$", SCRIPT.read_text(), re.MULTILINE | re.DOTALL)
    assert function
    return subprocess.run(
        ["sh", "-euc", f"target=$LOG_TARGET\n{understood()}\n{function[0]}\n{collector}_configuration"],
        capture_output=True,
        text=True,
        check=True,
        env={"LOG_TARGET": target, "access": "/var/log/tomcat10/access.*.log", "PATH": "/usr/bin:/bin"},
    ).stdout


def understood() -> str:
    """The part of the script that takes the target apart, or refuses it."""
    part = re.search(r"^if \[ -n \"\$target\" \].*?^port=.*?$", SCRIPT.read_text(), re.MULTILINE | re.DOTALL)
    assert part
    return part[0]


@pytest.mark.parametrize(
    "target",
    ["logs", "logs:", ":514", "tls://", "tls://logs", "tcp://logs:514", 'logs" x(:514', "logs:514\nport(1)", "a b:1"],
)
def test_what_is_no_target_is_refused_before_anything_is_installed(target: str) -> None:
    done = subprocess.run(
        ["sh", "-euc", f"target=$LOG_TARGET\n{understood()}"],
        capture_output=True,
        text=True,
        check=False,
        env={"LOG_TARGET": target, "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 1
    assert f"LOG_TARGET '{target}' is neither empty nor tls://HOST:PORT nor HOST:PORT." in done.stderr
    text = SCRIPT.read_text()
    assert text.index(understood()) < text.index("apt-get")


def test_logs_leave_over_tls_and_only_to_whom_the_certificate_names_when_the_target_says_so() -> None:
    """tests/rehearsal/real_machines/test_logs.py asks syslog-ng itself. Source: fluentd's out_forward."""
    fluentd, syslog = (configuration(one, TARGETS["TLS"]) for one in ("fluentd", "syslog_ng"))
    assert "\n  transport tls\n  tls_ca_cert_path /etc/ssl/certs/ca-certificates.crt\n" in fluentd
    assert "host logs.example.invalid\n    port 24224\n" in fluentd
    assert "insecure" not in fluentd and "verify_hostname" not in fluentd, "its defaults: it verifies"
    assert 'syslog("logs.example.invalid" transport("tls") tls(peer-verify(required-trusted)' in syslog
    for one in ("fluentd", "syslog_ng"):
        assert "tls" not in configuration(one, TARGETS["name"]), "in clear text where the target says so"


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
