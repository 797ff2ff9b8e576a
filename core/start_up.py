"""What makes a program of a few seconds end sooner. Imported before what is large.

Python looks seldom for garbage in it: a program of Pulumi loads some hundred thousand objects that stay, and each look
goes over all of them, a sixth of its time and of a step's (measured with CPython 3.11; Python's library reference,
gc.set_threshold).
"""

import gc
import importlib
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType

gc.set_threshold(20_000, 20, 20)


def load(module: str) -> "Future[ModuleType]":
    """Loads a module while the program waits for something else. Returns at once."""
    executor = ThreadPoolExecutor(1, thread_name_prefix=f"load {module}")
    loading = executor.submit(importlib.import_module, module)
    executor.shutdown(wait=False)
    return loading
