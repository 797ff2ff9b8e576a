"""What is told of Packer's output; the texts are those of Packer 1.16.0 with its amazon plugin 1.8.2."""

from __future__ import annotations

from steps.image.packer_output import REASON_LINES, PackerOutput

FOLDER = "/checkout/.packer/shop-1"
BEGIN = f"""\
==> amazon-ebs.server: Launching a source AWS instance...
    amazon-ebs.server: Adding tag: "phoenix:service": "shop"
==> amazon-ebs.server: Adding tag: "phoenix:color": "blue"
==> amazon-ebs.server: Connected to SSH!
==> amazon-ebs.server: Uploading {FOLDER}/app => /tmp
==> amazon-ebs.server: Provisioning with shell script: {FOLDER}/provision/10-operating-system.sh
    amazon-ebs.server: Get:1 file:/etc/apt/mirrors/debian.list Mirrorlist [29 B]
    amazon-ebs.server: Setting up locales (2.36-9) ...
==> amazon-ebs.server: Provisioning with shell script: {FOLDER}/provision/20-tomcat.sh
    amazon-ebs.server: Reading package lists...
"""
FAILS = """\
==> amazon-ebs.server: E: Unable to locate package tomcat10
==> amazon-ebs.server:
==> amazon-ebs.server: Provisioning step had errors: Running the cleanup provisioner, if present...
==> amazon-ebs.server: Terminating the source AWS instance...
==> amazon-ebs.server: Cleaning up any extra volumes...
==> amazon-ebs.server: Deleting temporary keypair...
Build 'amazon-ebs.server' errored after 3 minutes 46 seconds: Script exited with non-zero exit status: 100. Allowed exit codes are: [0]
==> Wait completed after 3 minutes 46 seconds
==> Some builds didn't complete successfully and had errors:
--> amazon-ebs.server: Script exited with non-zero exit status: 100. Allowed exit codes are: [0]
==> Builds finished but no artifacts were created.
"""  # noqa: E501


def read(text: str) -> tuple[PackerOutput, list[str]]:
    output = PackerOutput(FOLDER)
    return output, [shown for now, line in enumerate(text.splitlines()) for shown in output.lines(line, float(now))]


def test_a_script_is_one_line_with_its_seconds_and_what_it_writes_is_left_to_the_log() -> None:
    _, told = read(BEGIN + "==> amazon-ebs.server: Stopping the source instance...\n")
    assert told == [
        "Launching a source AWS instance...",
        "Connected to SSH!",
        "provision/10-operating-system.sh: 3 s",
        "provision/20-tomcat.sh: 2 s",
    ]


def test_the_reason_is_the_script_and_its_last_lines() -> None:
    output, told = read(BEGIN + FAILS)
    assert output.failure().splitlines() == [
        "provision/20-tomcat.sh failed: Script exited with non-zero exit status: 100. Allowed exit codes are: [0]",
        "Reading package lists...",
        "E: Unable to locate package tomcat10",
    ]
    assert "Terminating the source AWS instance..." in told
    assert not any("artifacts" in line or line.startswith("provision/20") for line in told)


def test_only_the_last_lines_of_a_long_script_are_the_reason() -> None:
    many = "".join(f"    amazon-ebs.server: line {number}\n" for number in range(100))
    output, _ = read(BEGIN + many + FAILS)
    lines = output.failure().splitlines()
    assert len(lines) == 1 + REASON_LINES and lines[1] == f"line {100 - REASON_LINES + 1}"


def test_what_fails_outside_a_script_has_packers_reason_with_all_its_lines() -> None:
    ended = BEGIN + "==> amazon-ebs.server: Stopping the source instance...\n"
    reason = "Error creating AMI: UnauthorizedOperation: You are not authorized\n\tstatus code: 403"
    output, _ = read(f"{ended}Build 'amazon-ebs.server' errored after 9 seconds: {reason}\n\n==> Wait completed\n")
    assert output.failure() == reason


def test_a_template_that_packer_refuses_has_its_last_lines() -> None:
    output, told = read("Error: Missing required argument\n\n  on phoenix.pkr.hcl line 3:\n")
    assert output.failure().splitlines()[0] == "Error: Missing required argument"
    assert told[0] == "Error: Missing required argument"


def test_a_long_silence_names_the_script() -> None:
    output, _ = read(BEGIN)
    assert output.waiting(70.0) == (
        "provision/20-tomcat.sh has been running for 62 s; it wrote last: Reading package lists..."
    )
    assert PackerOutput().waiting(30.0) == "waiting for Packer, which wrote last: nothing yet"
