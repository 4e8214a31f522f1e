"""Photos of a return, the check before it is sent, and decisions from a sheet, through real files."""

import json
import shutil
from datetime import UTC, datetime

import openpyxl
import pytest
import shapely

from changedetect.config.returns import ReturnsSection
from changedetect.errors import InputError
from changedetect.measure import reproject
from changedetect.pipeline.ledger import books
from changedetect.pipeline.ledger.actions import Actor
from changedetect.pipeline.ledger.ledgerwork import enter
from changedetect.pipeline.ledger.screening import screen
from changedetect.pipeline.returns import presubmission
from changedetect.stages import ledger
from tests.photos_in_code import ground, jpeg, reshot
from tests.pipeline.returned_county import NAME, SECTION, County, fill, write_package
from tests.sample_package import CRS, make_package

NOW = datetime(2025, 7, 18, 8, tzinfo=UTC)
CASES = [case.number for case in make_package().cases]
BUILT = CASES[0]


def middle(case, east_m=0.0, north_m=0.0):
    place = reproject(
        shapely.transform(case.geometry.representative_point(), lambda p: p + [east_m, north_m]),
        CRS,
        "EPSG:4490",
    )
    return {"lon": place.x, "lat": place.y}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package") / "430991_202506"
    folder.mkdir()
    write_package(folder)
    return folder


@pytest.fixture
def sent(package, tmp_path):
    """The package folder of a county that fills it in: two cases, photos good and bad."""
    folder = tmp_path / "sent"
    shutil.copytree(package, folder)
    first, second = make_package().cases[0], make_package().cases[4]
    photos = {
        f"{first.number}/a_内部.jpg": jpeg(ground(1), **middle(first), bearing=10.0),
        f"{first.number}/b.jpg": jpeg(
            ground(2), **middle(first, 30), bearing=100.0, taken="2025:07:01 09:00:00"
        ),
        f"{first.number}/c.jpg": jpeg(ground(3), bearing=200.0),
        f"{second.number}/d.jpg": jpeg(ground(2), **middle(second), quality=60),
        f"{second.number}/e.jpg": jpeg(reshot(ground(4)), **middle(second, 0, 900), bearing=300.0),
        f"{second.number}/f.jpg": b"\xff\xd8 no picture",
    }
    for name, data in photos.items():
        path = folder / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    fill(folder / NAME, "HC_JL", [
        {"AJBH": first.number, "HCRQ": "2025-07-10", "HCR": "赵", "HCJG": "1", "HCQK": "经湘政地〔2020〕77号批准"},
        {"AJBH": second.number, "HCRQ": "2025-07-10", "HCR": "赵", "HCJG": "2"},
    ])  # fmt: skip
    fill(
        folder / NAME, "HC_ZP", [{"AJBH": second.number, "ZPLJ": r"DCIM\lost.jpg", "ZPLX": "外部"}]
    )
    return folder


EXPECTED = {
    "a_内部.jpg": "", "b.jpg": "3,5", "c.jpg": "1", "d.jpg": "4,5", "e.jpg": "2,6", "f.jpg": "7", r"DCIM\lost.jpg": "7",
}  # fmt: skip


def test_import__photos_are_judged_kept_and_entered(sent, tmp_path):
    county = County(tmp_path)
    report = county.take(sent)
    assert report.exit_code == 0, report.text
    found = {
        one["path"].rpartition("/")[2]: ",".join(one["codes"]) for one in report.values["photos"]
    }
    assert found == EXPECTED
    claims = json.loads(county.row(BUILT).claims)
    assert (claims["HC_ZP.ZPSL"], claims["HC_ZP.YCBZ"]) == ("3", "1,3,5")
    stored = {path.suffix for path in (tmp_path / "returns").iterdir()}
    assert stored == {".gpkg", ".jpg"}
    books.check(county.store)
    before = county.store.entries()
    assert county.take(sent).values["entries"] == 0
    assert county.store.entries() == before


def test_import__a_picture_that_came_before_under_another_case_is_found(sent, tmp_path):
    county = County(tmp_path)
    county.take(sent)
    again = tmp_path / "again" / "photos" / CASES[2]
    again.mkdir(parents=True)
    case = make_package().cases[2]
    (again / "x.jpg").write_bytes(jpeg(ground(1), **middle(case), bearing=1.0, quality=70))
    report = county.take(again.parents[1])
    (found,) = report.values["photos"]
    assert found["codes"] == ["5"]
    assert BUILT in found["found"]["5"]


def test_import__photos_under_a_folder_that_is_no_case_are_named(tmp_path):
    county = County(tmp_path)
    place = tmp_path / "sent" / "photos" / "新建文件夹"
    place.mkdir(parents=True)
    (place / "x.jpg").write_bytes(jpeg(ground(1, 128)))
    report = county.take(place.parents[1])
    assert report.exit_code == 4
    assert "新建文件夹/x.jpg" in report.values["wrong"][0]["file"]


def test_check__says_what_will_be_sent_back_without_a_ledger(sent, package):
    report = presubmission.check([sent], package, ReturnsSection(), NOW)
    assert report.exit_code == 3
    reasons = {(one["case"], one["reason"]) for one in report.values["sent_back"]}
    second = CASES[4]
    assert {
        (BUILT, "需提供套合图"), (BUILT, "需补实地照片/内部照片"), (BUILT, "有弄虚作假嫌疑"),
        (second, "有弄虚作假嫌疑"), (second, "需补实地照片/内部照片"), (second, "材料位置/面积/图斑号不符"),
    } == reasons  # fmt: skip
    assert set(report.values["not_filled"]) == set(CASES) - {BUILT, second}
    assert not report.values["wrong"]


def test_check__needs_the_cases_from_somewhere(package, tmp_path):
    path = tmp_path / "核查记录.csv"
    path.write_text(f"案件编号,核查结果\n{BUILT},2\n", encoding="utf-8")
    with pytest.raises(InputError, match="--package"):
        presubmission.check([path], None, ReturnsSection(), NOW)
    report = presubmission.check([path], package, ReturnsSection(), NOW)
    assert [one["reason"] for one in report.values["sent_back"]] == ["需补实地照片/内部照片"]


@pytest.mark.parametrize("ending", ["xlsx", "html", "json"])
def test_check__writes_its_list(sent, tmp_path, ending):
    report = presubmission.check([sent / NAME], None, ReturnsSection(), NOW)
    target = tmp_path / f"list.{ending}"
    presubmission.write_list(report, target, NOW)
    if ending == "xlsx":
        cells = [
            cell
            for line in openpyxl.load_workbook(target)["自查"].iter_rows(values_only=True)
            for cell in line
        ]
        assert BUILT in cells
    else:
        assert BUILT in target.read_text(encoding="utf-8")
    with pytest.raises(InputError, match="is there already"):
        presubmission.write_list(report, target, NOW)


def test_list__what_a_county_writes_is_text_on_the_page(tmp_path):
    report = books.Report(
        {"sent_back": [{"case": "<script>", "reason": "=cmd|x", "message": "a\x07b", "place": ""}], "wrong": []}, ("x",)
    )  # fmt: skip
    presubmission.write_list(report, tmp_path / "a.html", NOW)
    presubmission.write_list(report, tmp_path / "a.xlsx", NOW)
    assert "<script>" not in (tmp_path / "a.html").read_text()
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert not [cell for line in book["自查"].iter_rows() for cell in line if cell.data_type == "f"]


def decisions(path, *lines):
    path.write_text("AJBH,判读结论,理由\n" + "\n".join(lines) + "\n", encoding="gb18030")
    return path


class Waiting(County):
    """Cases that nobody has screened yet."""

    def dispatch(self):
        enter(
            self.store,
            lambda _: [
                self.entry(case.number, "found", "", "10", "program", ledger.payload_of(case))
                for case in self.package.cases
            ],
        )

    def screen(self, path, partial=False):
        who = (Actor("wang", "interpreter"), NOW)
        return screen(self.store, path, self.folder / "returns", SECTION, who, partial=partial)


def test_screen__accepts_and_rejects_many_at_once_and_twice_is_nothing_new(tmp_path):
    county = Waiting(tmp_path)
    path = decisions(
        tmp_path / "判读.csv", f"{CASES[0]},通过,", f"{CASES[1]},剔除,伪变化：云影", f"{CASES[2]},,"
    )
    report = county.screen(path)
    assert report.exit_code == 0, report.text
    assert (county.row(CASES[0]).screened, county.row(CASES[1]).state) == ("accepted", "99")
    assert county.row(CASES[2]).screened == ""
    entry = next(item.entry for item in county.store.entries() if item.entry.event == "rejected")
    assert (entry.reason, entry.source_row) == ("伪变化：云影", "判读.csv#判读:3")
    before = county.store.entries()
    assert county.screen(path).values["known"] == sorted(CASES[:2])
    assert county.store.entries() == before


def test_screen__one_wrong_row_stops_all_unless_partial(tmp_path):
    county = Waiting(tmp_path)
    path = decisions(
        tmp_path / "判读.csv", f"{CASES[0]},通过,", f"{CASES[1]},剔除,", f"{CASES[2]},也许,", f"{CASES[3]},通过,甲", f"{CASES[3]},剔除,乙",
    )  # fmt: skip
    report = county.screen(path)
    assert (report.exit_code, county.row(CASES[0]).screened) == (4, "")
    assert len(report.values["wrong"]) == 4
    report = county.screen(path, partial=True)
    assert (report.exit_code, report.values["accepted"]) == (3, [CASES[0]])


def test_screen__a_case_that_went_out_is_not_screened_any_more(tmp_path):
    county = County(tmp_path)
    path = decisions(tmp_path / "判读.csv", f"{CASES[0]},剔除,伪变化")
    report = Waiting.screen(county, path)
    assert report.exit_code == 4
    assert "state 20" in report.values["wrong"][0]["message"]


def test_screen__other_sheets_are_refused(tmp_path):
    county = Waiting(tmp_path)
    path = tmp_path / "x.csv"
    path.write_text("案件编号,别的\n1,2\n", encoding="utf-8")
    assert county.screen(path).exit_code == 4
