"""Doubts about photos, one code at a time, with facts written by hand."""

import dataclasses

import shapely

from changedetect.casepackage.returned import PhotoFacts
from changedetect.config.returns import ReturnsSection
from changedetect.measure import distance_m
from changedetect.stages.returns import EarlierPhoto, PhotoCase, judge_photos

A, B = "43099102250600001C", "43099102250600002E"
SECTION = ReturnsSection()
PATCH = shapely.box(113.0, 28.0, 113.001, 28.001)
CASES = {number: PhotoCase(PATCH, "EPSG:4490", "2025-07-05") for number in (A, B)}
HASHES = [f"{0x0123456789ABCDEF ^ (0x5555000011112222 * k % 2**64):016x}" for k in range(1, 30)]


def photo(number=1, case=A, **changes):
    facts = PhotoFacts(
        f"photos/{case}/{number}.jpg", case, f"{number:064x}", 113.0005 + number * 1e-4, 28.0005, 40.0 * number % 360,
        "2025-07-10T09:30:00", "Phone", HASHES[number], 1.2,
    )  # fmt: skip
    return dataclasses.replace(facts, **changes)


def codes(*photos, **more):
    dangling = more.pop("dangling", ())
    return [found.codes for found in judge_photos(photos, CASES, dangling, SECTION, **more)]


def test_a_good_photo_is_without_doubt():
    assert codes(photo(1), photo(2), photo(3, B)) == ["", "", ""]


def test_1_no_coordinates():
    assert codes(photo(lon=None, lat=None)) == ["1"]
    assert codes(photo(lon=0.0, lat=0.0)) == ["1"]


def test_2_too_far_in_metres_on_the_ellipsoid():
    north = 28.001
    near, far = (
        north + 99 / 110_850,
        north + 101 / 110_850,
    )  # a degree of latitude here is 110,850 m
    assert codes(photo(lat=near), photo(2, lat=far)) == ["", "2"]
    (found,) = judge_photos([photo(lat=far)], CASES, (), SECTION)
    assert abs(found.distance_m - 101) < 0.3


def test_3_before_dispatch_after_return_or_at_no_time():
    assert codes(photo(taken="2025-07-04T23:59:59")) == ["3"]
    assert codes(photo(taken="2025-07-05T00:00:00")) == [""]
    assert codes(photo(taken="2025-07-20T00:00:00"), latest="2025-07-18T16:00:00") == ["3"]
    assert codes(photo(taken="")) == ["3"]


def test_4_no_bearing():
    assert codes(photo(bearing=None)) == ["4"]


def test_5_one_picture_twice_in_a_case_or_across_cases():
    near = f"{int(HASHES[1], 16) ^ 0b1011:016x}"
    assert codes(photo(1), photo(2, dhash=near)) == ["5", "5"]
    assert codes(photo(1), photo(2, B, dhash=near)) == ["5", "5"]
    far = f"{int(HASHES[1], 16) ^ 0b1111111:016x}"
    assert codes(photo(1), photo(2, dhash=far)) == ["", ""]


def test_5_a_picture_of_an_earlier_return_under_another_case():
    again = EarlierPhoto(B, "f" * 64, HASHES[1])
    assert codes(photo(1), earlier=[again]) == ["5"]
    the_same = EarlierPhoto(A, f"{1:064x}", HASHES[1])
    assert codes(photo(1), earlier=[the_same]) == [""]


def test_5_pictures_without_structure_are_not_taken_for_one_another():
    assert codes(photo(1, dhash="0" * 16), photo(2, dhash="0" * 15 + "1")) == ["", ""]
    assert codes(photo(1, dhash="0" * 16, sha256="a"), photo(2, dhash="0" * 16, sha256="a")) == [
        "5",
        "5",
    ]


def test_6_a_peak_of_the_spectrum_is_a_suspicion_and_says_so():
    (found,) = judge_photos([photo(moire=4.2)], CASES, (), SECTION)
    assert found.codes == "6"
    assert "仅为嫌疑" in found.lines()[0]


def test_7_a_path_without_a_photo_and_a_photo_that_can_not_be_read():
    assert codes(photo(1), dangling=[(A, "DCIM/lost.jpg")]) == ["7", ""]
    assert codes(photo(1, problem="cut", dhash="")) == ["7"]


def test_8_two_from_one_place_in_one_direction():
    twin = photo(2, lon=113.0006 + 1e-5, bearing=45.0)
    assert codes(photo(1), twin) == ["8", "8"]
    turned = dataclasses.replace(twin, bearing=130.0)
    assert codes(photo(1), turned) == ["", ""]
    across_north = [photo(1, bearing=355.0), dataclasses.replace(twin, bearing=4.0)]
    assert codes(*across_north) == ["8", "8"]
    assert codes(photo(1), dataclasses.replace(twin, case=B)) == ["", ""]


def test_order_of_photos_changes_nothing():
    photos = [
        photo(k, (A, B)[k % 2], dhash=HASHES[k // 2], bearing=None if k % 5 == 0 else 10.0)
        for k in range(2, 16)
    ]
    expected = [(found.path, found.codes) for found in judge_photos(photos, CASES, (), SECTION)]
    turned = judge_photos(photos[::2] + photos[1::2][::-1], CASES, (), SECTION)
    assert [(found.path, found.codes) for found in turned] == expected
    assert any("5" in found for _, found in expected)


def test_distance__inside_is_zero_and_outside_is_the_ellipsoids():
    assert distance_m(113.0005, 28.0005, PATCH, "EPSG:4490") == 0
    east = distance_m(113.0020, 28.0005, PATCH, "EPSG:4490")
    assert abs(east - 98.36) < 0.1  # 0.001 degree of longitude at 28.0005 N, GRS 80
