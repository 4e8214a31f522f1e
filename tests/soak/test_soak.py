"""Three months of four counties through the real commands; what was spoilt on purpose is found.

The long run is ``make soak`` (24 months, 20 counties) or ``make soak COUNTIES=100``.
"""

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from types import SimpleNamespace

import pytest

from tests.soak.book import Book
from tests.soak.months import Months
from tests.soak.province import Province, Size
from tests.soak.reckoning import _of_unit, reckon

pytestmark = pytest.mark.timeout(1800)
SIZE = Size(months=3, counties=4, each=12)
SAID = ("case_number", "event", "from_state", "to_state", "actor", "time", "reason", "source_sha256", "payload", "role", "source_row")  # fmt: skip


@pytest.fixture(scope="module")
def soaked(tmp_path_factory):
    months = Months(Province(SIZE), tmp_path_factory.mktemp("soak") / "province", say=False)
    months.begin()
    months.go()
    return months


@pytest.fixture
def copied(soaked, tmp_path):
    """Give a book over a copy of everything that the soak left, to be spoilt."""
    shutil.copytree(soaked.folder, tmp_path / "copy")
    book = Book(soaked.province, tmp_path / "copy" / "runs")
    book.cases = soaked.book.cases
    return book


def judged(soaked, book):
    return reckon(soaked.province, book, soaked.heads, soaked.totals)


def ledger(book):
    """Open the copy's ledger without what protects it."""
    base = sqlite3.connect(book.out / "ledger.sqlite")
    for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        base.execute(f'DROP TRIGGER "{name}"')
    base.row_factory = sqlite3.Row
    return base


def chain_again(base):
    """Number and chain all entries again, as somebody would who rewrites the past with care."""
    entries = base.execute("SELECT * FROM entries ORDER BY sequence").fetchall()
    previous = "0" * 64
    for number, entry in enumerate(entries, 1):
        said = [number, previous, *(entry[name] for name in SAID), entry["form"]]
        text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).hexdigest()
        base.execute(
            "UPDATE entries SET sequence = ?, previous = ?, digest = ? WHERE sequence = ?",
            (number, previous, digest, entry["sequence"]),
        )
        previous = digest
    base.commit()


def a_unit(unit_id, watch, verdict="unknown"):
    finding = SimpleNamespace(verdict=SimpleNamespace(value=verdict), suggestion="02")
    return SimpleNamespace(unit_id=unit_id, watch=watch, parent="", findings=[finding])


def test_reckoning__ground_of_a_case_is_lost_where_the_month_did_not_look_at_it():
    number = "43100102250100012L"
    own, other = a_unit(f"W13-{number}", "case"), a_unit("P1", "")
    assert _of_unit([own], [], {number: "拆除"}) == "its case was looked at again: 拆除"
    assert _of_unit([own], [], {}).startswith("LOST")
    assert _of_unit([other], [], {}).startswith("LOST")
    assert _of_unit([own, other], [], {number: "拆除"}).startswith("LOST")
    assert _of_unit([a_unit("P1", "", "no")], [], {}) == "excused by every theme"


def test_soak__every_change_is_accounted_for_and_every_promise_holds(soaked):
    found = judged(soaked, soaked.book)
    assert found.wrong == []
    assert soaked.worker.killed > 0
    built = found.figures["fates"]["comes"]
    assert sum(built.values()) == SIZE.months * SIZE.counties * SIZE.each
    assert built["case"] > 0.6 * sum(built.values())
    assert {"found", "filed", "docketed", "rectified", "closed", "judged_legal"} <= set(
        found.figures["events"]
    )


def test_soak__a_case_that_was_deleted_is_found_though_the_chain_is_made_again(soaked, copied):
    number = next(c.number for c in soaked.book.in_state("75", "80"))
    with closing(ledger(copied)) as base:
        base.execute("DELETE FROM entries WHERE case_number = ?", (number,))
        base.execute("DELETE FROM cases WHERE number = ?", (number,))
        chain_again(base)
    wrong = "\n".join(judged(soaked, copied).wrong)
    assert f"{number}: not in the ledger" in wrong
    assert "the ledger has no case" in wrong
    assert "kept by the second office" in wrong


def test_soak__a_return_that_was_dropped_is_found_though_the_chain_is_made_again(soaked, copied):
    with closing(ledger(copied)) as base:
        digests = {
            row["source_sha256"]: row["case_number"]
            for row in base.execute("SELECT * FROM entries WHERE event = 'filed'")
        }
        digest, number = min(digests.items())
        base.execute("DELETE FROM entries WHERE source_sha256 = ?", (digest,))
        chain_again(base)
    wrong = "\n".join(judged(soaked, copied).wrong)
    assert f"I4 {number}: submitted starts from 40, it stood in 20" in wrong
    assert "kept by the second office" in wrong


def test_soak__what_was_changed_in_files_is_found(soaked, copied):
    folder = copied.out / soaked.province.size.names[0] / "packages"
    (sheet,) = sorted(folder.glob("*/*.xlsx"))[:1]
    sheet.write_bytes(sheet.read_bytes() + b" ")
    (folder / "stray.txt").write_text("x", encoding="utf-8")
    image = sorted((copied.out.parent / "scenes").glob("PMS2M_*[0-9].tif"))[1]
    image.write_bytes(image.read_bytes() + b" ")
    wrong = judged(soaked, copied).wrong
    assert [text for text in wrong if sheet.name in text and "changed" in text]
    assert [text for text in wrong if "stray.txt: in no list" in text]
    assert [text for text in wrong if image.name in text and text.startswith("I7")]
