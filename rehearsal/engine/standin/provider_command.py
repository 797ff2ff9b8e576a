"""`command:local:Command`, as pulumi-command 1.2 runs it.

Source: pulumi/pulumi-command v1.2.1, provider/pkg/provider/local/{base,command,commandController}.go.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from typing import IO, Any

from rehearsal.engine.standin.process_reaper import ProcessReaper
from rehearsal.engine.standin.provider import Call, InterruptedByUserError, ProviderError, ResourceType
from rehearsal.engine.standin.values import Properties

SHELL = ("/bin/sh", "-c")
UNKNOWN_TO_US = ("assetPaths", "archivePaths")


class Commands:
    """Runs commands, and kills those that run when the update is interrupted, as the real provider does."""

    def __init__(self) -> None:
        self._watchman = ProcessReaper()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def types(self) -> dict[str, ResourceType]:
        """The resource types by token."""
        return {
            "command:local:Command": ResourceType(
                create=self.create,
                update=self.update,
                delete=self.delete,
                replaced_by=frozenset({"triggers"}),
                # Every output may change with any input.
                unsettled=None,
            )
        }

    def create(self, call: Call, inputs: Properties) -> tuple[str, Properties]:
        """Run `create`, if there is one."""
        ident = call.name + secrets.token_hex(4)
        return ident, self._run(call, inputs.get("create"), inputs, {})

    def update(
        self, call: Call, ident: str, inputs: Properties, outputs: Properties, changed: frozenset[str]
    ) -> Properties:
        """Run `update`, or `create` when there is no `update`."""
        return self._run(call, inputs.get("update", inputs.get("create")), inputs, outputs)

    def delete(self, call: Call, ident: str, outputs: Properties) -> None:
        """Run `delete` as it was recorded, if it was."""
        self._run(call, outputs.get("delete"), outputs, outputs)

    def interrupt(self) -> None:
        """Kill the shells that run. What they started notices that its parent has ended."""
        with self._lock:
            for process in self._running:
                process.kill()

    def _run(self, call: Call, command: str | None, inputs: Mapping[str, Any], before: Mapping[str, Any]) -> Properties:
        said = {key: before[key] for key in ("stdout", "stderr") if key in before}
        if not command:
            return {"stdout": "", "stderr": "", **said}
        if unknown := [key for key in UNKNOWN_TO_US if inputs.get(key)]:
            raise ProviderError(f"the stand-in does not know {', '.join(unknown)} of a command")
        arguments = [*(inputs.get("interpreter") or SHELL), command]
        try:
            with self._lock:
                if call.interrupted.is_set():
                    raise InterruptedByUserError
                process = subprocess.Popen(
                    arguments,
                    cwd=inputs.get("dir"),
                    env=_environment(inputs, said),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    process_group=0,
                )
                self._running.add(process)
        except OSError as error:
            raise ProviderError(f"{error}: running {json.dumps(command)}") from error
        with self._watchman.watching(process.pid):
            out, err, both = self._gather(process, call, inputs)
        with self._lock:
            self._running.discard(process)
        if process.returncode:
            raise ProviderError(f"{_ended(process.returncode)}: running {json.dumps(command)}:\n{both}")
        return {"stdout": out.removesuffix("\n"), "stderr": err.removesuffix("\n")}

    def _gather(self, process: subprocess.Popen[bytes], call: Call, inputs: Mapping[str, Any]) -> tuple[str, str, str]:
        """Both outputs, and the two as they came. Like the provider it waits for whoever else holds them open."""
        logging = inputs.get("logging", "stdoutAndStderr").lower()
        both: list[bytes] = []
        parts: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
        threads = [
            threading.Thread(target=_copy, args=(stream, parts[name], both, call.say if name in logging else None))
            for name, stream in (("stdout", process.stdout), ("stderr", process.stderr))
        ]
        for thread in threads:
            thread.start()
        _feed(process, inputs.get("stdin") or "")
        process.wait()
        for thread in threads:
            thread.join()
        out, err = (b"".join(parts[name]).decode(errors="replace") for name in ("stdout", "stderr"))
        return out, err, b"".join(both).decode(errors="replace")


def _environment(inputs: Mapping[str, Any], said: Mapping[str, str]) -> dict[str, str]:
    environment = {**os.environ, **(inputs.get("environment") or {})}
    if inputs.get("addPreviousOutputInEnv", True):
        environment |= {f"PULUMI_COMMAND_{key.upper()}": text for key, text in said.items() if text}
    return environment


def _copy(stream: IO[bytes], part: list[bytes], both: list[bytes], say: Callable[[str], None] | None) -> None:
    with stream:
        for line in stream:
            part.append(line)
            both.append(line)
            if say is not None:
                say(line.decode(errors="replace").rstrip("\n"))


def _feed(process: subprocess.Popen[bytes], text: str) -> None:
    assert process.stdin is not None
    try:
        with process.stdin:
            process.stdin.write(text.encode())
    except BrokenPipeError:
        # A command need not read what it is given.
        return


def _ended(returncode: int) -> str:
    """In the words of Go's `exec.ExitError`."""
    if returncode > 0:
        return f"exit status {returncode}"
    words = {signal.SIGKILL: "killed", signal.SIGTERM: "terminated", signal.SIGINT: "interrupt"}
    return f"signal: {words.get(signal.Signals(-returncode), str(-returncode))}"
