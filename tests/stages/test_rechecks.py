"""The next image on rectified ground, by hand: what is seen, in which order -> result and shares."""

from dataclasses import dataclass, field
from datetime import date

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from changedetect.config.crosscheck import CrosscheckSection
from changedetect.stages.crosscheck import Change, ClosedCase, Greenness, Sight, Watched, recheck

PLOT = shapely.box(0, 0, 100, 100)
MOST, HALF, RIM = shapely.box(0, 0, 100, 90), shapely.box(0, 0, 100, 50), shapely.box(0, 0, 100, 3)
FOUND, CLOSED = date(2025, 6, 18), date(2025, 7, 5)
BEFORE, AFTER = FOUND, date(2025, 7, 16)
EARLIER = date(2025, 5, 1)
NUMBER = "43100102250600001C"
WATCH_ID = f"W13-{NUMBER}"
CFG = CrosscheckSection()


def seen(family, where=PLOT, day=AFTER, sure=True):
    return Change(family, day, sure, where)


@dataclass(frozen=True)
class Row:
    """One situation."""

    name: str
    result: str
    standing: tuple
    changes: list = field(default_factory=list)
    green: float | None = None
    unseen: object = None
    doubt: object = None
    family: str = "building"
    checked: tuple | None = None
    found: date | None = FOUND
    unbroken: bool = True


ROWS = [
    Row("nothing found: it still stands", "未改", (1, 1)),
    Row("taken away", "拆除", (0, 0), [seen("demolition")]),
    Row("taken away but for an edge", "拆除", (0.1, 0.1), [seen("demolition", MOST)]),
    Row("half taken away", "部分", (0.5, 0.5), [seen("demolition", HALF)]),
    Row("a rim taken away", "未改", (0.97, 0.97), [seen("demolition", RIM)]),
    Row("taken away and green", "复耕", (0, 0), [seen("demolition")], green=0.9),
    Row("taken away, still bare", "拆除", (0, 0), [seen("demolition")], green=0.1),
    Row("green although nobody saw it go", "复耕", (0.05, 0.05), green=0.95),
    Row("half green", "部分", (0.5, 0.5), green=0.5),
    Row("trees on it", "拆除", (0, 0), [seen("planting")]),
    Row("not observed", "未观测", (0, 1), unseen=PLOT),
    Row("half not observed, half still there", "未观测", (0.5, 1), unseen=HALF),
    Row("evidence does not say unchanged", "不能判定", (0, 1), doubt=PLOT),
    Row("doubt inside what was taken away for sure", "拆除", (0, 0), [seen("demolition")], doubt=HALF),
    Row("a change of a kind that is unsure", "不能判定", (0, 1), [seen("demolition", sure=False)]),
    Row("taken away before it was last seen says nothing", "未改", (1, 1), [seen("demolition", day=EARLIER)]),
    Row("taken away in June, built again in July", "重建", (1, 1), [seen("demolition", day=date(2025, 7, 1)), seen("building")]),
    Row("half built again", "重建", (0.5, 0.5), [seen("demolition", day=date(2025, 7, 1)), seen("road", HALF)]),
    Row("3% built again is an edge", "拆除", (0.03, 0.03), [seen("demolition", day=date(2025, 7, 1)), seen("road", RIM)]),
    Row("built before it was rectified is no recurrence", "未改", (1, 1), [seen("building", day=date(2025, 7, 1))]),
    Row("a pond: images tell nothing but plants", "不能判定", (0, 1), family="pond"),
    Row("a pond that is green again", "复耕", (0, 0.05), family="pond", green=0.95),
    Row("doubt of an earlier month is kept", "不能判定", (0.2, 1), checked=(0.2, FOUND)),
    Row("an image between was not checked", "未改", (1, 1), found=EARLIER, unbroken=False),
]  # fmt: skip


def look(row, changes=None):
    case = ClosedCase(NUMBER, CLOSED, PLOT, row.family, row.found, row.checked)
    watched = Watched(WATCH_ID, "13", 0, "case", NUMBER, NUMBER, "", CLOSED, True, PLOT)
    green = {} if row.green is None else {
        WATCH_ID: Greenness(WATCH_ID, row.green, None, 9, CLOSED, AFTER)
    }  # fmt: skip
    sight = Sight(
        before=BEFORE, after=AFTER, before_scene="S1", after_scene="S2", gsd_m=2.0,
        changes=tuple(row.changes if changes is None else changes),
        unseen=(row.unseen,) if row.unseen else (), greenness=green,
        doubts={WATCH_ID: row.doubt} if row.doubt else {},
    )  # fmt: skip
    (check,) = recheck([case], [watched], sight, CFG)
    return check


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_recheck__situation(row):
    check = look(row)
    assert check.result == row.result
    assert check.standing == pytest.approx(row.standing)
    assert check.unbroken is row.unbroken
    assert (check.before, check.after, check.since) == (BEFORE, AFTER, CLOSED)


@settings(max_examples=60)
@given(st.data())
def test_recheck__order_of_changes_means_nothing_and_doubt_only_widens(data):
    days = st.sampled_from([date(2025, 7, 1), date(2025, 7, 10), AFTER])
    change = st.builds(
        seen, st.sampled_from(["demolition", "building", "planting", "pond"]),
        st.sampled_from([PLOT, MOST, HALF, RIM]), days, st.booleans(),
    )  # fmt: skip
    changes = data.draw(st.lists(change, max_size=4))
    row = Row("any", "", ())
    check = look(row, changes)
    assert look(row, data.draw(st.permutations(changes))) == check
    wider = look(Row("any", "", (), unseen=HALF), changes)
    assert wider.standing[0] <= check.standing[0] + 1e-9
    assert 0 <= check.standing[0] <= check.standing[1] <= 1


def test_recheck__looks_only_at_cases_that_a_theme_watches():
    case = ClosedCase(NUMBER, CLOSED, PLOT, "building", FOUND)
    sight = Sight(BEFORE, AFTER, "S1", "S2", 2.0)
    assert recheck([case], [], sight, CFG) == ()
