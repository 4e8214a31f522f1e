"""Why a reviewer would send a case back: each reason with a case that has it and one that has not."""

import dataclasses

import pytest
import shapely

from changedetect.casepackage.lists import RETURN_REASONS
from changedetect.config.returns import ReturnsSection
from changedetect.measure import area_m2, reproject, to_mu
from changedetect.stages.returns import PhotoDoubts, Place, Row, dispatched_cases, sent_back
from changedetect.stages.returns.reasons import Approval, Dispatched

A, B = "43099102250600001C", "43099102250600002E"
CRS = "EPSG:4547"
GROUND = shapely.MultiPolygon([shapely.box(500_000, 3_100_000, 500_080, 3_100_060)])
AREA = round(to_mu(area_m2(GROUND, CRS)), 4)
SECTION = ReturnsSection()
DOCUMENT = "湘自然资发〔2024〕118号"
PHOTO = {"ZPLJ": f"photos/{A}/{A}_p1_20250710093000_内部.jpg", "ZPLX": "内部照片"}


def case(number=A, **changes):
    approvals = (Approval(DOCUMENT, "NZY", 7.2),)
    whole = Dispatched(number, "TD", "21", AREA, 0.0, 0.0, approvals, GROUND, CRS)
    return dataclasses.replace(whole, **changes)


def row(form, number=A, shape=None, line=2, **values):
    place = Place("430991.gpkg", form, line)
    return Row(
        form, number, values, False, shapely.to_wkb(shape) if shape else None, CRS, place, "d"
    )


def reasons(*rows, about=None, doubts=(), others=()):
    cases = {one.number: one for one in (about or case(), *others)}
    return [(one.reason, one.message) for one in sent_back(rows, cases, doubts, SECTION)]


def names(*rows, **more):
    return [reason for reason, _ in reasons(*rows, **more)]


def filed(verdict="2", **values):
    return row("HC_JL", HCJG=verdict, **values)


def with_photo(*rows):
    return (*rows, row("HC_ZP", **PHOTO))


def test_a_whole_case_is_not_sent_back():
    assert reasons(*with_photo(filed("1", HCQK=f"经{DOCUMENT}批准"))) == []
    assert reasons(*with_photo(filed("2"))) == []


def test_nothing_is_said_of_a_case_that_is_not_filled_in():
    assert reasons(row("HC_JL", HCR="赵")) == []


def test_legal_without_a_document():
    (found,) = reasons(*with_photo(filed("1")))
    assert found[0] == "需补农转用/供地手续"
    assert f"{DOCUMENT}（套合7.2亩）" in found[1]


@pytest.mark.parametrize("column", ["HCQK", "BZ", "附加:批准文号"])
def test_legal_with_a_document_in_any_column_that_speaks(column):
    assert reasons(*with_photo(filed("1", **{column: "湘自然资发（２０２４）118 号"}))) == []


def test_a_document_that_does_not_meet_the_patch():
    wrong = filed("1", HCQK="湘政地〔2020〕77号")
    assert names(*with_photo(wrong)) == ["需提供套合图"]
    assert names(*with_photo(wrong), about=case(approvals=())) == ["需提供套合图"]
    beside = case(approvals=(Approval("湘政地〔2020〕77号", "NZY", 0.0),))
    assert names(*with_photo(wrong), about=beside) == ["需提供套合图"]
    assert names(*with_photo(wrong), about=case(approvals=None)) == []  # no list: nothing is known


def test_no_photo():
    assert names(filed("2")) == ["需补实地照片/内部照片"]


def test_a_building_needs_a_photo_from_inside_unless_it_is_admitted():
    outside = row("HC_ZP", ZPLJ=f"photos/{A}/1.jpg", ZPLX="外部")
    built = case(family="20")
    assert names(filed("3", HCQK="看护房"), outside, about=built) == ["需补实地照片/内部照片"]
    assert names(filed("2"), outside, about=built) == []


def test_photos_of_another_case():
    shot = row("HC_ZP", ZPLJ=f"photos/{B}/{B}_p1.jpg")
    assert "材料非本图斑" in names(filed("2"), shot)


def test_the_place_of_another_case():
    there = shapely.transform(GROUND, lambda points: points + [600, 0])
    middle = reproject(there.centroid, CRS, "EPSG:4490")
    lonlat = {"GPSJD": f"{middle.x:.8f}", "GPSWD": f"{middle.y:.8f}"}
    (found,) = reasons(*with_photo(filed("2", **lonlat)), others=(case(B, geometry=there),))
    assert found[0] == "材料位置/面积/图斑号不符"
    assert f"而在案件{B}处" in found[1]


def test_an_area_that_is_off_by_more_than_a_hundredth_of_a_mu():
    for off, expected in ((0.009, []), (0.02, ["材料位置/面积/图斑号不符"])):
        written = row("HC_FW", HCMJ=f"{AREA + off:.4f}", shape=GROUND)
        assert names(*with_photo(filed("2"), written)) == expected
        alone = row("HC_FW", HCMJ=f"{AREA - off:.4f}")
        assert names(*with_photo(filed("2"), alone)) == expected


def test_an_outline_elsewhere():
    there = shapely.transform(GROUND, lambda points: points + [600, 0])
    assert names(*with_photo(filed("2"), row("HC_FW", shape=there))) == ["材料非本图斑"]


def test_more_put_right_than_there_is():
    assert names(*with_photo(filed("2"), row("ZG_JL", CCMJ="99"))) == ["材料位置/面积/图斑号不符"]


def test_temporary_land_with_a_permanent_roof():
    lease = case(family="20", approvals=(Approval("临〔2025〕9号", "LS", 7.0),))
    assert names(*with_photo(filed("1", HCQK="临〔2025〕9号")), about=lease) == [
        "临时用地禁止永久建筑"
    ]
    assert (
        names(
            *with_photo(filed("1", HCQK="临〔2025〕9号")),
            about=dataclasses.replace(lease, family="YH"),
        )
        == []
    )


def test_facility_land_on_basic_farmland():
    for basic, expected in ((0.0, []), (0.5, ["设施农不得占耕"])):
        assert (
            names(*with_photo(filed("3", SDDL="1202", HCQK="养殖")), about=case(basic_mu=basic))
            == expected
        )


def test_earthwork_where_the_image_shows_a_building():
    word = filed("3", HCQK="推填土未建设")
    assert names(*with_photo(word), about=case(family="20")) == ["明显已动工非推土"]
    assert names(*with_photo(word), about=case(family="TD")) == []


def test_mining_without_a_licence():
    mine = case(family="CK")
    assert names(*with_photo(filed("1", HCQK=DOCUMENT)), about=mine) == ["采矿用地"]
    assert names(*with_photo(filed("1", HCQK=DOCUMENT, KQZH="C430")), about=mine) == []


def test_other_without_a_word_where_nothing_is_approved():
    bare = case(family="YH", open_mu=AREA, approvals=())
    assert names(*with_photo(filed("3")), about=bare) == ["应判违法"]
    assert names(*with_photo(filed("3", HCQK="农村道路")), about=bare) == []


def test_large_work_is_no_other():
    large = case(family="TD", area_mu=60.0, open_mu=60.0, approvals=())
    assert names(*with_photo(filed("3", HCQK="平整")), about=large) == ["大面积工程建设"]


def test_doubts_about_photos_become_reasons():
    doubt = PhotoDoubts(PHOTO["ZPLJ"], A, {"2": "700米", "5": "同", "1": "无"})
    assert sorted(names(*with_photo(filed("2")), doubts=[doubt])) == [
        "有弄虚作假嫌疑",
        "材料位置/面积/图斑号不符",
        "需补实地照片/内部照片",
    ]


def test_every_reason_is_on_the_reviewers_list_and_every_one_can_come():
    said = set()
    import pathlib

    text = pathlib.Path(__file__).read_text(encoding="utf-8")
    for reason in RETURN_REASONS:
        if f'"{reason}"' in text:
            said.add(reason)
    assert said == set(RETURN_REASONS)


def test_dispatched_cases_come_from_the_packages_own_rows():
    listed = row("AJTB", shape=GROUND, TBLX="20", PDJY="21", JCMJM="7.2", YJNTMJ="", WPMJ="7.2")
    overlap = row("SPTH", PZWH=DOCUMENT, SPLX="NZY", THMJ="1.5", SFYX="1")
    void = row("SPTH", PZWH="x", SPLX="NZY", THMJ="1.5", SFYX="0")
    found = dispatched_cases([listed, overlap, void])[A]
    assert (found.area_mu, found.basic_mu, found.open_mu) == (7.2, None, 7.2)
    assert found.approvals == (Approval(DOCUMENT, "NZY", 1.5),)
    assert dispatched_cases([listed])[A].approvals is None
