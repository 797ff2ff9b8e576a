"""What Pulumi makes of a bare word of a stack's file, as Pulumi 3.260 did it: by our reading, by the stand-in, and by
the real `pulumi` where there is one.
"""

from __future__ import annotations

import json

import pytest

from plan.config import yaml_scalars

# A bare word, and the JSON of what an object with it holds when it reaches the program.
READ = [
    ("1.10", "1.1"),
    ("1.5", "1.5"),
    ("1.0", "1"),
    ("2.50", "2.5"),
    ("0755", "493"),
    ("0888", "888"),
    ("012345678901", "12345678901"),
    ("012345670123", "1402433619"),
    ("123456789012", "123456789012"),
    ("1234567890e1", "12345678900"),
    ("1e3", "1000"),
    ("12e456789012", '"12e456789012"'),
    ("0x1F", "31"),
    ("0o17", "15"),
    ("0b11", "3"),
    ("0b12", '"0b12"'),
    ("yes", '"yes"'),
    ("on", '"on"'),
    ("Off", '"Off"'),
    ("y", '"y"'),
    ("True", "true"),
    ("TRUE", "true"),
    ("true", "true"),
    ("1_000", "1000"),
    ("1_0.5", "10.5"),
    ("2024-01-02", '"2024-01-02 00:00:00 +0000 UTC"'),
    ("2024-1-2", '"2024-01-02 00:00:00 +0000 UTC"'),
    ("2024-01-02T03:04:05Z", '"2024-01-02 03:04:05 +0000 UTC"'),
    ("2001-12-14t21:59:43.10-05:00", '"2001-12-14 21:59:43.1 -0500 -0500"'),
    ("2024-13-01", '"2024-13-01"'),
    ("~", "null"),
    ("null", "null"),
    ("", "null"),
    ("12:30", '"12:30"'),
    ("190:20:30", '"190:20:30"'),
    ("+5", "5"),
    ("-5", "-5"),
    ("+1.5", "1.5"),
    (".5", "0.5"),
    ("5.", "5"),
    ("1.1.1", '"1.1.1"'),
    ("99999999999999999999", "100000000000000000000"),
    ("1e400", '"1e400"'),
    ("0.0208", "0.0208"),
    ("123456789.123456789", "123456789.12345679"),
    ("00", "0"),
    ("-0", "0"),
    ("-010", "-8"),
    ("08", "8"),
    ("0_7", "7"),
    ("10000000000000000000000.0", "1e+22"),
]


@pytest.mark.parametrize(("word", "arrives"), READ)
def test_a_bare_word_is_read_as_pulumi_reads_it(word: str, arrives: str) -> None:
    assert json.dumps(yaml_scalars.read(word)) == arrives
