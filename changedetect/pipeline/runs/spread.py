"""How many processes do the counties of a month: what is worth one, and what one takes."""

import psutil

from changedetect.io import cores
from changedetect.pipeline.runs.context import RunOptions
from changedetect.tiling import CLUSTER_SCHEMES

COUNTY_BYTES = 550_000_000
"""Memory that a process takes for one county: libraries, kernels, decoded blocks, and the county of
2,500 cases; see docs/performance.md. [byte]"""


def county_processes(options: RunOptions, counties: int, pieces: int, each: int) -> int:
    """Return how many processes do counties side by side, this one counted; 1 = only this one.

    No more than workers, than counties, and than fit into the memory that is free; and each has so
    much to do that its start is not most of it. Results do not depend on the number.

    Parameters
    ----------
    options
        Of the run. A cluster has no part in this: counties stay on this machine.
    counties
        How many there are.
    pieces
        Patches or cases in all of them.
    each
        Pieces that are worth a process.
    """
    workers = options.worker_count
    if options.scheduler.startswith(CLUSTER_SCHEMES):
        workers = min(workers, cores.usable())
    most = min(workers, counties, pieces // each)
    if most <= 1:
        return 1
    free = int(psutil.virtual_memory().available)
    return max(min(most, free // COUNTY_BYTES), 1)
