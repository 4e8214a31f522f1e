"""A county whose package went out, and what it may send back."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import shapely

from changedetect.casepackage import FORMS
from changedetect.config.returns import ReturnsSection
from changedetect.entries import Entry
from changedetect.io.geopackage import write_case_package
from changedetect.measure import reproject
from changedetect.pipeline.ledger.actions import Actor
from changedetect.pipeline.ledger.ledgerwork import enter, open_ledger
from changedetect.pipeline.returns.returning import Rules, Wanted, import_returns
from changedetect.stages import ledger
from changedetect.stages.deliver import layers
from tests.sample_package import CRS, DISTRICT, MONTH, make_package

NAME = f"{DISTRICT}_202506_AJ.gpkg"
STAMP = datetime(2025, 7, 5, tzinfo=UTC)
ZHAO = Actor("zhao", "county")
SECTION = ReturnsSection()


class Clock:
    now = datetime(2025, 7, 18, 8, tzinfo=UTC)

    def __call__(self):
        return self.now


class County:
    """A ledger with the six cases of the sample package, dispatched, and the package itself."""

    def __init__(self, folder):
        self.folder = folder
        self.package = make_package()
        self.cases = [case.number for case in self.package.cases]
        self.store = open_ledger(folder / "ledger.sqlite")
        self.clock = Clock()
        self.dispatch()

    def dispatch(self):
        def entries(_):
            for case in self.package.cases:
                yield self.entry(case.number, "found", "", "10", "program", ledger.payload_of(case))
                yield self.entry(case.number, "dispatched", "10", "20", "province")

        enter(self.store, lambda reader: list(entries(reader)))

    def entry(self, case, event, before, after, role, payload="", digest="a" * 64):
        time = datetime(2025, 7, 5, 2, tzinfo=UTC)
        return Entry(case, event, before, after, "sun", time, "监测", digest, payload, role)

    def move(self, case, *steps, digest="a" * 64):
        """Move a case by (event, state, role)."""
        for event, state, role in steps:
            with self.store.reading() as reader:
                before = reader.row(case).state
            actor = "zhou" if event == "closed" else "sun"
            entry = Entry(case, event, before, state, actor, self.clock.now, "x", digest, "", role)
            enter(self.store, lambda _, entry=entry: [entry])

    def row(self, case):
        with self.store.reading() as reader:
            return reader.row(case)

    def rows(self):
        with self.store.reading() as reader:
            return {row.number: row for row in reader.all_rows()}

    def take(self, *places, month=MONTH, **wanted):
        who = (ZHAO, self.clock)
        settings = Rules(SECTION, CRS)
        return import_returns(
            self.store, self.folder / "returns", places, Wanted(month, **wanted), settings, who
        )


def write_package(folder):
    """The package as it goes out."""
    path = folder / NAME
    write_case_package(path, layers(make_package()), FORMS, stamp=STAMP, notes={})
    return path


def fill(path, layer, rows, changed="2025-07-15T08:00:00.000Z"):
    """Fill a layer of a package as software in the field does; a shape is given in the job's CRS."""
    with closing(sqlite3.connect(path)) as base:
        for given in rows:
            row = dict(given)
            shape = row.pop("shape", None)
            if shape is not None:
                row["geom"] = gpkg_blob(shape)
            names = ", ".join(f'"{name}"' for name in row)
            marks = ", ".join("?" * len(row))
            into = f"INSERT INTO {layer} ({names}) VALUES ({marks})"  # noqa: S608 - of this test
            base.execute(into, list(row.values()))
        base.execute(
            "UPDATE gpkg_contents SET last_change = ? WHERE table_name = ?", (changed, layer)
        )
        base.commit()
    return path


def gpkg_blob(shape, crs=CRS):
    return (
        b"GP\x00\x01"
        + (4490).to_bytes(4, "little")
        + shapely.to_wkb(reproject(shape, crs, "EPSG:4490"))
    )


def copy(path, folder, name=NAME):
    folder.mkdir(exist_ok=True)
    shutil.copyfile(path, folder / name)
    return folder / name
