"""What a piece of work took: the memory of processes that it starts counts, too."""

import subprocess
import sys

import pytest

from changedetect.bench import measure

HOLDS_100_MB = "import time; held = bytearray(100_000_000); time.sleep(1.5)"


def started(count):
    """Start processes side by side that hold 100 MB each for a while."""
    running = [subprocess.Popen([sys.executable, "-c", HOLDS_100_MB]) for _ in range(count)]
    for one in running:
        assert one.wait() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the system tells no peak")
def test_watched__counts_processes_that_are_at_work_together(monkeypatch):
    monkeypatch.setattr(measure, "LOOK_S", 0.1)
    few, more = (measure.watched(lambda n=n: started(n)).peak_mb for n in (3, 6))
    assert 250 <= more - few <= 400


def test_median__keeps_the_largest_peak_and_says_when_there_is_none():
    costs = [measure.Cost(wall, 2 * wall, peak) for wall, peak in ((1, 5.0), (9, None), (2, 7.0))]
    assert measure.median(costs) == measure.Cost(2, 4, 7.0)
    assert measure.median([measure.Cost(1, 1)]).peak_mb is None
