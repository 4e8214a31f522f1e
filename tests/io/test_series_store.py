"""The store of series states: nothing foreign, damaged or half written is ever taken up."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from changedetect.errors import IntegrityError
from changedetect.grid import Grid, Window
from changedetect.io import series_store as store

GRID = Grid("EPSG:4547", (10.0, 0.0, 500_000.0, 0.0, -10.0, 3_100_000.0), 8, 6)
OWNER = store.StateOwner("r0c0", GRID, Window(0, 0, 6, 8), "msi", ("red", "nir"), "abc")
UNTIL = date(2026, 1, 1)


def key(day, name="", sha="0" * 64):
    return store.SceneKey(date.fromisoformat(day), name or f"S_{day}", sha)


JUNE = [key("2025-06-02"), key("2025-06-12")]
JULY = [key("2025-07-02"), key("2025-07-22")]
AUGUST = [key("2025-08-11")]


def arrays(value):
    return {
        "beta": np.full((2, 3), value, np.float32),
        "days": np.arange(4, dtype=np.int32),
        "roles": np.array(["red", "nir"]),
        "last_day": np.asarray(7),
    }


def filled(folder):
    store.write_state(folder, OWNER, "2025-06", JUNE, arrays(6))
    store.write_state(folder, OWNER, "2025-07", JUNE + JULY, arrays(7))
    store.write_state(folder, OWNER, "2025-08", JUNE + JULY + AUGUST, arrays(8))
    return folder


def test_state__comes_back_as_it_was_and_twice_the_same_bytes(tmp_path):
    path = store.write_state(tmp_path, OWNER, "2025-06", JUNE, arrays(1))
    first = path.read_bytes()
    found = store.read_state(path, OWNER)
    assert found.month == "2025-06"
    assert found.scenes == tuple(JUNE)
    assert set(found.arrays) == set(arrays(1))
    for name, array in arrays(1).items():
        assert found.arrays[name].dtype == array.dtype
        assert np.array_equal(found.arrays[name], array)
        assert found.arrays[name].shape == array.shape
    store.write_state(tmp_path, OWNER, "2025-06", JUNE[::-1], arrays(1))
    assert path.read_bytes() == first


def test_months__the_newest_three_stay(tmp_path):
    filled(tmp_path)
    store.write_state(tmp_path, OWNER, "2025-09", [*JUNE, *JULY, *AUGUST], arrays(9))
    assert store.stored_months(tmp_path, "r0c0") == ("2025-07", "2025-08", "2025-09")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"grid": replace(GRID, crs="EPSG:4548")}, "crs EPSG:4547 there, EPSG:4548 here"),
        ({"grid": replace(GRID, transform=(10.0, 0, 0, 0, -10.0, 0))}, "transform"),
        ({"window": Window(0, 0, 6, 7)}, "window"),
        ({"sensor": "other"}, "sensor msi there, other here"),
        ({"roles": ("nir", "red")}, "roles"),
        ({"config_digest": "xyz"}, "config_digest abc there, xyz here"),
    ],
)
def test_foreign_state__is_refused_by_name(tmp_path, change, named):
    path = store.write_state(tmp_path, OWNER, "2025-06", JUNE, arrays(1))
    stranger = replace(OWNER, **change)
    with pytest.raises(IntegrityError, match=named):
        store.read_state(path, stranger)
    with pytest.raises(IntegrityError, match=named):
        store.resume(tmp_path, stranger, JUNE, UNTIL)


def test_damage__every_flipped_byte_and_every_cut_is_noticed(tmp_path):
    path = store.write_state(tmp_path, OWNER, "2025-06", JUNE, arrays(1))
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(IntegrityError):
            store.read_state(path, OWNER)
        path.write_bytes(whole[:place])
        with pytest.raises(IntegrityError):
            store.read_state(path, OWNER)
    path.write_bytes(whole + b"x")
    with pytest.raises(IntegrityError, match="bytes of arrays found"):
        store.read_state(path, OWNER)
    path.write_bytes(whole.replace(b"state 1 ", b"state 2 ", 1))
    with pytest.raises(IntegrityError, match="format version 2 found"):
        store.read_state(path, OWNER)
    path.unlink()
    with pytest.raises(IntegrityError, match="missing"):
        store.read_state(path, OWNER)


def test_resume__begins_with_nothing_then_takes_only_what_is_new(tmp_path):
    assert store.resume(tmp_path, OWNER, JULY + JUNE, UNTIL) == store.Resumption(
        None, (*JUNE, *JULY)
    )
    filled(tmp_path)
    late = key("2025-08-21")
    found = store.resume(tmp_path, OWNER, [late], UNTIL)
    assert (found.stored.month, found.pending, found.too_late) == ("2025-08", (late,), ())
    again = store.resume(tmp_path, OWNER, JUNE + JULY + AUGUST, UNTIL)
    assert (again.stored.month, again.pending) == ("2025-08", ())


def test_resume__of_an_earlier_month_uses_no_later_state(tmp_path):
    found = store.resume(filled(tmp_path), OWNER, JUNE + JULY + AUGUST, date(2025, 7, 31))
    assert (found.stored.month, found.pending) == ("2025-07", ())


def test_late_scene__is_replayed_from_the_newest_state_before_it(tmp_path):
    late = key("2025-07-12")
    found = store.resume(filled(tmp_path), OWNER, [*JUNE, *JULY, *AUGUST, late], UNTIL)
    assert found.stored.month == "2025-06"
    assert found.pending == (JULY[0], late, JULY[1], *AUGUST)


def test_changed_scene__is_replayed_too(tmp_path):
    changed = key("2025-08-11", sha="f" * 64)
    found = store.resume(filled(tmp_path), OWNER, [*JUNE, *JULY, changed], UNTIL)
    assert (found.stored.month, found.pending) == ("2025-07", (changed,))


def test_lost_month__is_replayed(tmp_path):
    filled(tmp_path)
    store.state_path(tmp_path, "r0c0", "2025-08").unlink()
    found = store.resume(tmp_path, OWNER, JULY + AUGUST, UNTIL)
    assert (found.stored.month, found.pending) == ("2025-07", tuple(AUGUST))


def test_too_late__is_named_and_left_out_when_its_successors_are_gone(tmp_path):
    late, new = key("2025-07-12"), key("2025-08-30")
    found = store.resume(filled(tmp_path), OWNER, [late, new], UNTIL)
    assert (found.stored.month, found.pending, found.too_late) == ("2025-08", (new,), (late,))


def test_too_late__for_every_kept_state_but_all_scenes_are_there_begins_anew(tmp_path):
    early = key("2025-06-05")
    found = store.resume(filled(tmp_path), OWNER, [early, *JUNE, *JULY, *AUGUST], UNTIL)
    assert found.stored is None
    assert found.pending == (JUNE[0], early, JUNE[1], *JULY, *AUGUST)


def test_held_state__is_gone_on_from_only_where_the_store_would_give_it(tmp_path):
    filled(tmp_path)
    wanted = [*JUNE, *JULY, *AUGUST]
    held = store.StoredState("2025-07", tuple(JUNE + JULY), arrays(7))
    until_july = store.resume(tmp_path, OWNER, wanted, date(2025, 7, 31), held)
    assert until_july.stored is held
    newest = store.resume(tmp_path, OWNER, wanted, UNTIL, held).stored
    assert newest.month == "2025-08"
    assert newest.arrays["beta"][0, 0] == 8
    shorter = replace(held, scenes=tuple(JUNE))
    again = store.resume(tmp_path, OWNER, wanted, date(2025, 7, 31), shorter).stored
    assert again is not shorter
    assert again.scenes == tuple(JUNE + JULY)


def test_what_is_read_back__must_be_what_was_written(tmp_path):
    path = tmp_path / "a.state"
    path.write_bytes(b"abcd")
    store._check_same(path, [b"ab", memoryview(b"cd")])
    for parts in ([b"ab", b"ce"], [b"ab", b"cde"]):
        with pytest.raises(IntegrityError, match="read back"):
            store._check_same(path, parts)
