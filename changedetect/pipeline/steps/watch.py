"""Whose the units of a month are: cells, field chiefs and wardens, read and joined."""

from collections.abc import Sequence

from changedetect.casepackage.charges import Charge
from changedetect.pipeline.runs.job import Job
from changedetect.pipeline.runs.record_layers import WATCH_SPECS
from changedetect.pipeline.runs.territory import Territory
from changedetect.pipeline.steps.references import read_layer
from changedetect.records import LayerManifest, Unit
from changedetect.stages import cases


class Watch:
    """The three layers of a job, and what is known of those that it gives."""

    __slots__ = ("_tables", "manifests", "problems")

    def __init__(self, job: Job, territory: Territory) -> None:
        """Read them; one that can not be used is empty, and the problems name it."""
        tables, manifests, problems = [], [], []
        for key, (name, spec) in WATCH_SPECS.items():
            section = getattr(job.config.records, key)
            table, manifest, problem = read_layer(job, section, name, spec, territory)
            tables.append(table)
            if section is not None:
                manifests.append(manifest)
                problems += problem
        self._tables = tables
        self.manifests: tuple[LayerManifest, ...] = tuple(manifests)
        self.problems: tuple[str, ...] = tuple(problems)

    def charges(self, units: Sequence[Unit]) -> tuple[Charge, ...]:
        """Say of each unit whose it is."""
        cells, chiefs, wardens = self._tables
        return cases.charges(units, cells, chiefs, wardens)
