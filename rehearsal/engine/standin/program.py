"""Runs the project's program in this process, the way Pulumi's language host does.

Source: pulumi/pulumi, sdk/python/cmd/pulumi-language-python-exec.
"""

from __future__ import annotations

import asyncio
import logging
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pulumi
from pulumi.runtime import run_in_stack, set_all_config
from pulumi.runtime.mocks import MockSettings
from pulumi.runtime.settings import configure

from rehearsal.engine.standin.display import Display
from rehearsal.engine.standin.monitor import Engine, Monitor
from rehearsal.engine.standin.project import Config, Project

# Each resource being made holds a thread.
THREADS = 64


def run(project: Project, config: Config, monitor: Monitor, display: Display, *, preview: bool) -> bool:
    """Run the program to its end. Whether it ended well; what went wrong was shown."""
    set_all_config(dict(config.values), sorted(config.secret_keys))
    # `set_mocks` would also make a stack of its own for tests, and there can be only one.
    configure(
        MockSettings(  # type: ignore[no-untyped-call]
            monitor=monitor,
            monitor_features=set(),
            engine=Engine(display),
            project=project.name,
            stack=project.stack,
            organization="organization",
            root_directory=str(project.folder),
            dry_run=preview,
            callbacks=None,
            package_refs={},
            base_providers_by_ref={},
        )
    )
    sys.argv = [str(project.folder)]
    # Futures that nobody awaits are the normal end of a failed program; Pulumi's host is silent about them too.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(THREADS)
    loop.set_default_executor(executor)
    try:
        loop.run_until_complete(run_in_stack(lambda: _main(project.folder)))
    except pulumi.RunError as error:
        if not monitor.stopped:
            display.message("error", str(error))
        return False
    except Exception as error:
        if not monitor.stopped:
            display.message("error", f"Program failed with an unhandled exception:\n{_trace(error, project.folder)}")
        return False
    finally:
        # What is being made is finished, whatever happened elsewhere.
        executor.shutdown(wait=True)
        loop.close()
    return True


def _main(folder: Path) -> None:
    runpy.run_path(str(folder), run_name="__main__")


def _trace(error: Exception, folder: Path) -> str:
    """The trace from the first line of the user's program on."""
    frames = traceback.extract_tb(error.__traceback__)
    first = next((at for at, frame in enumerate(frames) if Path(frame.filename).is_relative_to(folder)), 0)
    return "".join(traceback.format_exception(type(error), error, error.__traceback__, limit=first - len(frames)))
