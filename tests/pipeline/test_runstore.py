"""The run folder: what depends on what, what may be replaced, and what is never lost."""

from pathlib import Path

import pytest

from changedetect.errors import InputError, IntegrityError
from changedetect.pipeline.runs.runstore import RunStore, StepResult

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
        return RunStore(self.folder, overwrite=overwrite, order=ORDER)

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


def test_runstore__a_partial_step_is_healed_by_running_again(tmp_path):
    flow = Flow(tmp_path / "run")
    flow.failing = {"one"}
    assert flow.run() == list(ORDER)
    flow.failing = set()
    assert flow.run() == list(ORDER), "what rested on the hole is done again, without asking"
    assert flow.run() == []


def test_runstore__a_healed_step_leaves_later_ones_that_come_out_the_same(flow):
    (flow.folder / "two.txt").unlink()
    assert flow.run() == ["two"]
    assert flow.run() == []


def test_runstore__other_settings_are_refused_and_replaced_only_when_allowed(flow):
    flow.settings["two"] = "b"
    with pytest.raises(InputError, match=r"step 'two' was done from other inputs.*--overwrite"):
        flow.run()
    assert flow.run(overwrite=True) == ["two", "three"]


@pytest.mark.parametrize("name", ORDER)
def test_runstore__a_killed_overwriting_run_goes_on_without_asking_again(flow, name):
    flow.settings["one"] = "b"
    flow.dying = {name}
    with pytest.raises(KeyboardInterrupt):
        flow.run(overwrite=True)
    flow.dying = set()
    assert flow.run() == list(ORDER[ORDER.index(name) :])
    assert flow.run() == []


def test_runstore__allowed_once_is_not_allowed_for_ever(flow):
    flow.settings["one"] = "b"
    flow.run(overwrite=True)
    flow.settings["three"] = "c"
    with pytest.raises(InputError, match="step 'three' was done from other inputs"):
        flow.run()


def test_runstore__a_file_that_somebody_changed_is_named_and_kept(flow):
    sheet = flow.folder / "three.txt"
    sheet.write_text("edited in the office")
    with pytest.raises(IntegrityError, match=r"three\.txt: somebody changed it.*--overwrite") as it:
        flow.run()
    assert it.value.exit_code == 5
    assert sheet.read_text() == "edited in the office"
    moved = sheet.rename(sheet.with_name("mine.txt"))
    assert flow.run() == ["three"], "a file that is gone is simply made again"
    assert moved.read_text() == "edited in the office"
    sheet.write_text("edited once more")
    assert flow.run(overwrite=True) == ["three"]
    assert sheet.read_text() != "edited once more"


def test_runstore__an_edit_is_kept_even_where_the_step_must_be_done_anew(flow):
    (flow.folder / "three.txt").write_text("edited in the office")
    flow.settings["one"] = "b"
    assert not flow.alone("one", overwrite=True)
    with pytest.raises(IntegrityError, match=r"three\.txt: somebody changed it"):
        flow.run()
    assert (flow.folder / "three.txt").read_text() == "edited in the office"


def test_runstore__a_stage_alone_never_rests_on_what_was_replaced(flow):
    flow.settings["one"] = "b"
    assert not flow.alone("one", overwrite=True)
    with pytest.raises(InputError, match=r"step 'two' rests on results.*\(changedetect two\)"):
        flow.alone("three")
    assert not flow.alone("two")
    assert not flow.alone("three")
    assert flow.run() == []


def test_runstore__a_stage_alone_that_gives_the_same_leaves_later_ones(flow):
    (flow.folder / "one.txt").unlink()
    assert not flow.alone("one")
    assert flow.alone("three")
