"""Returns of a county through the ledger: filled packages and sheets, twice, late, wrong."""

import pytest

from changedetect.pipeline import books
from tests.pipeline.returned_county import County, copy, fill, write_package


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return write_package(tmp_path_factory.mktemp("package"))


@pytest.fixture
def county(tmp_path):
    return County(tmp_path)


@pytest.fixture
def back(package, tmp_path):
    """A copy of the package, for the county to fill in."""
    return copy(package, tmp_path / "back")


def test_import__a_filled_package_moves_its_cases_to_filed(county, back):
    first, second = county.cases[0], county.cases[4]
    fill(back, "HC_JL", [
        {"AJBH": first, "HCRQ": "2025-07-10", "HCR": "赵", "HCJG": "2", "HCQK": "已建厂房", "geom": None},
        {"AJBH": second, "HCRQ": "2025-07-11", "HCR": "赵", "HCJG": "合法"},
    ])  # fmt: skip
    report = county.take(back)
    assert report.exit_code == 0, report.text
    assert county.row(first).state == county.row(second).state == "40"
    assert '"HCJG":"2"' in county.row(first).claims
    assert set(report.values["no_reply"]) == set(county.cases) - {first, second}
    assert all(county.row(number).state == "20" for number in report.values["no_reply"])
    books.check(county.store)


def test_import__the_same_file_twice_is_nothing_new(county, back):
    fill(back, "HC_JL", [{"AJBH": county.cases[0], "HCJG": "2", "HCRQ": "2025-07-10"}])
    county.take(back)
    before = county.store.entries()
    report = county.take(back)
    assert county.store.entries() == before
    assert report.values["entries"] == 0
    assert any("taken before" in note for note in report.values["notes"])
