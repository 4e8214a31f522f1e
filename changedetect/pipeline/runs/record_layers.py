"""Which record layers a job has, under which names and in which forms."""

from collections.abc import Iterator
from dataclasses import dataclass

from changedetect import schema
from changedetect.config.job import LayerSection, RecordsSection

COUNTIES = "XZQ"

SPECS: dict[str, tuple[str, schema.TableSpec]] = {
    "towns": ("XZ", schema.DISTRICTS),
    "villages": ("C", schema.DISTRICTS),
    "parcels": ("DLTB", schema.PARCELS),
    "basic_farmland": ("YJJBNTBHTB", schema.ZONES),
    "red_line": ("STBHHX", schema.ZONES),
    "town_boundary": ("CZKFBJ", schema.ZONES),
}
"""Key of the job file -> short layer name and form, of the layers that patches are checked against."""

WATCH_SPECS: dict[str, tuple[str, schema.TableSpec]] = {
    "priority_cells": ("YXWG", schema.PRIORITY_CELLS),
    "field_chiefs": ("TZ", schema.CHARGES),
    "wardens": ("WGY", schema.CHARGES),
}
"""The same of the layers that say how closely ground is watched, and who answers for it."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One layer of a job; ``section`` is None where the job file leaves it out."""

    name: str
    spec: schema.TableSpec
    section: LayerSection | None

    @property
    def base_form(self) -> str | None:
        """Form of layers of this table that have none of their own."""
        if self.spec is schema.APPROVALS:
            return "SP"
        return "FQ" if self.spec is schema.ZONES else None

    @property
    def form(self) -> str:
        """Name of the form in which the layer is read."""
        return (self.section.form if self.section is not None else None) or self.name


def declared(records: RecordsSection) -> Iterator[Declared]:
    """Return every layer that a job can have, counties first, approvals by kind."""
    yield Declared(COUNTIES, schema.DISTRICTS, records.districts)
    for key, (name, spec) in {**SPECS, **WATCH_SPECS}.items():
        yield Declared(name, spec, getattr(records, key))
    for kind, section in sorted(records.approvals.items()):
        yield Declared(kind, schema.APPROVALS, section)
    for name, section in sorted(records.zones.items()):
        yield Declared(name, schema.ZONES, section)
