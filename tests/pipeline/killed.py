"""Work done in a process of its own that is killed on the way.

The process is started by a server that never ran a thread: a fork of the test process itself
may copy a lock that another thread holds, and then waits for it for ever.
"""

import multiprocessing
import os
import signal
from pathlib import Path

from changedetect.io import publish
from changedetect.pipeline.steps import classification
from tests.pipeline import tiny_job


def signal_that_ended(work, *given) -> int:
    """Run ``work(*given)`` apart; the signal that ended its process, or 0 when it came to an end.

    `work` is a function of a module: it travels by its name.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=work, args=given)
    process.start()
    process.join(timeout=300)
    if process.exitcode is None:
        process.kill()
        process.join()
        msg = f"{work.__name__}{given} did not end in 300 s"
        raise TimeoutError(msg)
    if process.exitcode > 0:
        msg = f"{work.__name__}{given} failed in its process; its error is printed above"
        raise AssertionError(msg)
    return -process.exitcode


def die() -> None:
    """End this process as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def month_killed_at(config: Path, models: Path, number: int) -> None:
    """Run the job's month and die before the n-th file gets its name (two syncs a file)."""
    seen = 0
    sync = publish._sync

    def deadly(path):
        nonlocal seen
        seen += 1
        if seen == number:
            die()
        sync(path)

    publish._sync = deadly
    classification.MODELS = models
    tiny_job.run(config, tile_px=100)


def killed_before(number: int, work, *given) -> None:
    """Do ``work(*given)`` and die before the n-th rename or removal."""
    seen = 0

    def deadly(change):
        def wrapped(*args, **kwargs):
            nonlocal seen
            seen += 1
            if seen == number:
                die()
            return change(*args, **kwargs)

        return wrapped

    for name in ("rename", "unlink", "rmdir"):
        setattr(Path, name, deadly(getattr(Path, name)))
    work(*given)
