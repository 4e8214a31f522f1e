"""Run a piece of work over tiles or other parts: threads, processes, or an existing cluster."""

from changedetect.tiling.processes import apart, in_processes
from changedetect.tiling.threads import IN_FLIGHT_PER_WORKER, in_order, in_turn, together
from changedetect.tiling.tiles import CLUSTER_SCHEMES, TileFailure, run_tiles

__all__ = [
    "CLUSTER_SCHEMES",
    "IN_FLIGHT_PER_WORKER",
    "TileFailure",
    "apart",
    "in_order",
    "in_processes",
    "in_turn",
    "run_tiles",
    "together",
]
