"""The run folder: what depends on what, what may be replaced, and what is never lost."""

from pathlib import Path

import pytest

from changedetect.errors import InputError, IntegrityError
from changedetect.pipeline.runstore import RunStore, StepResult

ORDER = ("one", "two", "three")


class Flow:
    """Three steps, each of which copies what the one before gave, and adds its setting."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = dict.fromkeys(ORDER, "a")
        self.failing: set[str] = set()
        self.dying: set[str] = set()
        self.facts: dict[str, int] = {}

    def open(self, *, overwrite: bool = False) -> RunStore:
        return RunStore(self.folder, overwrite=overwrite)

    def step(self, store: RunStore, name: str) -> bool:
        place = ORDER.index(name)
        before = store.record(ORDER[place - 1]).result if place else ""

        def work(_key):
            if name in self.dying:
                raise KeyboardInterrupt
            text = "hole" if name in self.failing else f"{self.settings[name]}{before}"
            (self.folder / f"{name}.txt").write_text(text)
            problems = ("a tile is missing",) if name in self.failing else ()
            return StepResult((f"{name}.txt",), dict(self.facts), problems, again=bool(problems))

        return store.step(name, [before, self.settings[name]], work)[1]

    def run(self, *, overwrite: bool = False) -> list[str]:
        """Do all steps; return those that were done anew."""
        with self.open(overwrite=overwrite) as store:
            return [name for name in ORDER if not self.step(store, name)]

    def alone(self, name: str, *, overwrite: bool = False) -> bool:
        with self.open(overwrite=overwrite) as store:
            return self.step(store, name)


@pytest.fixture
def flow(tmp_path):
    one = Flow(tmp_path / "run")
    assert one.run() == list(ORDER)
    assert one.run() == []
    return one


def test_runstore__counts_that_differ_after_a_kill_do_not_redo_later_steps(flow):
    (flow.folder / "one.txt").unlink()
    flow.facts = {"new": 7}
    assert flow.run() == ["one"]
