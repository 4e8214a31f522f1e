"""Stage ``returns``: what comes back from a county -> what is entered, what is not, what will be sent back.

Pure: reading files is the business of ``io``, entering that of ``pipeline``.
"""

from changedetect.stages.returns.decide import Change, Known, Outcome, Step, decide
from changedetect.stages.returns.rows import Fault, Place, Reading, Row, read_rows

__all__ = [
    "Change",
    "Fault",
    "Known",
    "Outcome",
    "Place",
    "Reading",
    "Row",
    "Step",
    "decide",
    "read_rows",
]
