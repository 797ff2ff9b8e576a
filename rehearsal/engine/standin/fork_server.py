"""`python -m rehearsal.engine.standin.fork_server DESCRIPTOR ROOM`: imports what each run imports, and forks for each.

Of an idle update's 4.6 s of processor time, imports took 3: of Pulumi's classes for AWS above all. Nothing tells a run
made so from a process of its own: it leads a session, has its own environment, folder, output and command line, hears
its signals, and ends when whoever asked for it does.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import select
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rehearsal.engine.standin import __main__ as stand_in
from steps.runtime.signals import interruptible

# What a program of this project uses of them; what is missing here, a run imports by itself.
AWS = ("autoscaling", "cloudwatch", "ec2", "iam", "lb", "s3", "scheduler", "ssm", "vpc", "wafv2")
LIBRARIES = (
    *("rehearsal.engine.standin.monitor", "rehearsal.engine.standin.program", "boto3.session", "pulumi_command"),
    *(f"pulumi_aws.{name}" for name in AWS),
)
LONGEST = 1 << 17  # bytes of a message: a command line and an environment


def serve(control: socket.socket) -> None:
    """Forks for each message, and tells how each run ended, until nobody is left who could ask."""
    for library in LIBRARIES:
        # Pulumi's modules are loaded with the first attribute that is asked of them.
        hasattr(importlib.import_module(library), "anything")
    gc.collect()
    gc.freeze()
    runs: dict[int, tuple[int, int]] = {}
    while True:
        for ready in select.select([control.fileno(), *runs], [], [])[0]:
            if ready != control.fileno():
                pid, status = runs.pop(ready)
                os.close(ready)
                with os.fdopen(status, "w") as told:
                    told.write(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n")
                continue
            message, descriptors, _, _ = socket.recv_fds(control, LONGEST, 2)
            if not message:
                return
            output, status = descriptors
            pid = os.fork()
            if pid == 0:
                control.close()
                os.close(status)
                sys.exit(_run(**json.loads(message), output=output))
            os.close(output)
            os.write(status, f"{pid}\n".encode())
            runs[os.pidfd_open(pid)] = pid, status


def _run(command: Sequence[str], folder: str, environment: Mapping[str, str], output: int) -> int:
    """In the fork: what the process that `command` would have made does. Returns its exit status."""
    os.setsid()
    interruptible()
    for number in (1, 2):
        os.dup2(output, number)
    os.close(output)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = list(command[command.index("pulumi") - 1 :])
    _be_called(command)
    return stand_in.main()


def _be_called(command: Sequence[str]) -> None:
    """Gives this process another command line: the memory of the first one holds it (proc(5), proc_pid_cmdline)."""
    fields: Any = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begin, end = int(fields[45]), int(fields[46])
    words = b"\0".join(word.encode() for word in command)[: end - begin - 1]
    ctypes.memset(begin, 0, end - begin)
    ctypes.memmove(begin, words, len(words))


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as control:
        serve(control)
