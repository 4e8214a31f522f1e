"""Stage ``returns``: what comes back from a county -> what is entered, what is not, what will be sent back.

Pure: reading files is the business of ``io``, entering that of ``pipeline``.
"""

from changedetect.stages.returns.decide import Change, Known, Outcome, Step, decide
from changedetect.stages.returns.photos import EarlierPhoto, PhotoCase, PhotoDoubts, judge_photos
from changedetect.stages.returns.rows import Fault, Place, Reading, Row, read_rows
from changedetect.stages.returns.shots import missing_photos, photo_rows, with_case

__all__ = [
    "Change",
    "EarlierPhoto",
    "Fault",
    "Known",
    "Outcome",
    "PhotoCase",
    "PhotoDoubts",
    "Place",
    "Reading",
    "Row",
    "Step",
    "decide",
    "judge_photos",
    "missing_photos",
    "photo_rows",
    "read_rows",
    "with_case",
]
