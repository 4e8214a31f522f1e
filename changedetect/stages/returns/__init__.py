"""Stage ``returns``: what comes back from a county -> what is entered, what is not, what will be sent back.

Pure: reading files is the business of ``io``, entering that of ``pipeline``.
"""

from changedetect.stages.returns.claims import Known
from changedetect.stages.returns.decide import Change, Outcome, Step, decide, speaks
from changedetect.stages.returns.photos import EarlierPhoto, PhotoCase, PhotoDoubts, judge_photos
from changedetect.stages.returns.reasons import (
    Dispatched,
    Reason,
    dispatched_cases,
    sent_back,
    strangers,
)
from changedetect.stages.returns.rows import Fault, Place, Reading, Row, read_rows
from changedetect.stages.returns.screening import Decision, fitting, read_decisions
from changedetect.stages.returns.shots import missing_photos, photo_rows, with_case

__all__ = [
    "Change",
    "Decision",
    "Dispatched",
    "EarlierPhoto",
    "Fault",
    "Known",
    "Outcome",
    "PhotoCase",
    "PhotoDoubts",
    "Place",
    "Reading",
    "Reason",
    "Row",
    "Step",
    "decide",
    "dispatched_cases",
    "fitting",
    "judge_photos",
    "missing_photos",
    "photo_rows",
    "read_decisions",
    "read_rows",
    "sent_back",
    "speaks",
    "strangers",
    "with_case",
]
