"""How many cores this process may use, on any system."""

import os


def usable() -> int:
    """Return the cores that the system gives this process: all of them where it can not tell."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
