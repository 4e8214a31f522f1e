"""Records read one after the other: whatever the blocks, and never fewer than were written."""

from dataclasses import dataclass

import pytest

from changedetect.errors import IntegrityError
from changedetect.io import record_files
from changedetect.io.record_files import RecordIndex, walk_records, write_records


@dataclass(frozen=True)
class Thing:
    """A record with lists in it, and text that looks like the end of one."""

    name: str
    parts: tuple[dict[str, str], ...] = ()


THINGS = tuple(Thing(f"T{n}", ({"text": "\n },\n"}, {"more": "字" * n})) for n in range(7))


@pytest.mark.parametrize("block", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_records__are_cut_the_same_whatever_the_blocks(tmp_path, monkeypatch, block, count):
    monkeypatch.setattr(record_files, "_BLOCK_BYTES", block)
    write_records(tmp_path / "things.json", THINGS[:count], Thing)
    assert tuple(walk_records(tmp_path / "things.json", Thing)) == THINGS[:count]
    index = RecordIndex(tmp_path / "things.json", Thing, "name")
    assert [index.read(f"T{n}") for n in range(count)] == [(thing,) for thing in THINGS[:count]]


@pytest.mark.parametrize("lost", [4, 12, 40])
def test_records__a_file_that_breaks_off_is_no_shorter_list(tmp_path, lost):
    path = tmp_path / "things.json"
    write_records(path, THINGS, Thing)
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(IntegrityError, match="breaks off"):
        list(walk_records(path, Thing))
