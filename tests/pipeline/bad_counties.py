"""Counties whose check or package goes wrong: imports little, since each process imports it."""

import os
import signal

from changedetect.errors import LayerError
from changedetect.pipeline.ledger import handout
from changedetect.pipeline.runs.counties import in_county
from changedetect.pipeline.steps.countycheck import CountyCheck
from changedetect.pipeline.steps.packaging import Packaging

BAD = "431002"
FIRST = "431001"
"""A county that another process does, where there are several."""


class WrongCounty(CountyCheck):
    """Finds the records of one county wrong."""

    def __call__(self, task):
        if task.code == BAD:
            with in_county(task.code):
                msg = "its parcels cross one another"
                raise LayerError(msg)
        return super().__call__(task)


class DyingOnce(Packaging):
    """Is killed in the midst of one county's package, the first time."""

    def __call__(self, county):
        mark = self.run / "packages.new" / "died"
        if county.code == FIRST and not mark.exists():
            half = handout.make(self.run, f"{county.code}_202506")
            (half / f"{half.name}.html").write_text("half")
            mark.write_text("once")
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(county)
