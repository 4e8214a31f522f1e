"""Zips of strangers: names in GBK, paths that lead out, bombs, links, locks, doubles, damage."""

import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from changedetect.errors import InputError
from changedetect.io.returned.keep import find_returned
from changedetect.io.returned.unpack import ZipLimits, unpack
from changedetect.io.sandbox import ReaderLimits

CASE = "43099102250600001C"
LIMITS = ZipLimits(members=50, unpacked_mb=2, ratio=200)


def a_zip(path, members, encoding=None):
    """Write a zip; with an encoding, names are raw bytes without the UTF-8 flag, as old Windows does."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            if encoding is None:
                archive.writestr(name, data)
                continue
            info = zipfile.ZipInfo("x" * len(name.encode(encoding)))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    if encoding is not None:
        data = path.read_bytes()
        for name, _ in members:
            raw = name.encode(encoding)
            data = data.replace(b"x" * len(raw), raw, 2)
        path.write_bytes(data)
    return path


def photos(tmp_path, members, **given):
    folder, left = unpack(a_zip(tmp_path / "p.zip", members, **given), tmp_path / "store", LIMITS)
    return dict(find_returned([folder])[1]), left


@pytest.mark.parametrize("top", ["", "回传照片/", "a/b/"])
@pytest.mark.parametrize("place", ["photos/", ""])
def test_photos__are_found_wherever_the_folder_begins(tmp_path, top, place):
    found, left = photos(
        tmp_path, [(f"{top}{place}{CASE}/{CASE}_1.jpg", b"jpg"), (f"{top}说明.txt", b"t")] if top != "a/b/" or place else [(f"{top}{place}{CASE}/{CASE}_1.jpg", b"jpg")]
    )  # fmt: skip
    assert list(found) == [f"photos/{CASE}/{CASE}_1.jpg"]
    assert found[f"photos/{CASE}/{CASE}_1.jpg"].read_bytes() == b"jpg"
    assert len(left) <= 1


@pytest.mark.parametrize("encoding", ["gbk", "utf-8", None])
def test_names__of_chinese_windows_are_read(tmp_path, encoding):
    members = [
        (f"照片/photos/{CASE}/内部实景照.jpg", b"1"),
        (f"照片/photos/{CASE}/外部.jpg", b"22"),
    ]
    found, _ = photos(tmp_path, members, encoding=encoding)
    assert sorted(path.name for path in found.values()) == ["内部实景照.jpg", "外部.jpg"]


def test_names__the_unicode_field_goes_before_a_guess(tmp_path):
    raw = "照片.jpg".encode("gbk").decode("cp437")
    name = f"photos/{CASE}/" + raw
    bare = name.encode("cp437")
    info = zipfile.ZipInfo("x" * len(bare))
    told = b"\x01" + struct.pack("<I", zlib.crc32(bare)) + f"photos/{CASE}/真名.jpg".encode()
    info.extra = struct.pack("<HH", 0x7075, len(told)) + told
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr(info, b"1")
    data = (tmp_path / "p.zip").read_bytes().replace(b"x" * len(bare), bare)
    (tmp_path / "p.zip").write_bytes(data)
    folder, _ = unpack(tmp_path / "p.zip", tmp_path / "store", LIMITS)
    assert [path.name for path in folder.rglob("*.jpg")] == ["真名.jpg"]


@pytest.mark.parametrize(
    "name",
    [
        "../a.jpg", "photos/../../a.jpg", "/etc/a.jpg", "C:/a.jpg", "..\\..\\a.jpg", "photos//a.jpg", "a\nb.jpg",
        "photos/a.jpg .", "a/b/c/d/e/f/g.jpg", "n" * 300 + ".jpg",
    ],
)  # fmt: skip
def test_paths__that_lead_out_are_refused_and_nothing_is_written(tmp_path, name):
    with pytest.raises(InputError, match="非法路径"):
        photos(tmp_path, [(name, b"1")])
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["p.zip"]


def test_bombs__by_size_count_and_ratio(tmp_path):
    with pytest.raises(InputError, match="压缩包过大"):
        photos(tmp_path, [("photos/a.jpg", bytes(3 << 20))])
    with pytest.raises(InputError, match="压缩包过大"):
        photos(tmp_path, [(f"photos/{i}.jpg", b"") for i in range(51)])
    with pytest.raises(InputError, match="压缩炸弹"):
        photos(tmp_path, [("photos/a.jpg", bytes(1 << 20))])
    assert not list((tmp_path / "store").rglob("*.jpg"))


def test_bombs__that_lie_about_their_size(tmp_path):
    path = a_zip(tmp_path / "p.zip", [("photos/a.jpg", bytes(3 << 20))])
    real, lie = struct.pack("<I", 3 << 20), struct.pack("<I", 10)
    path.write_bytes(path.read_bytes().replace(real, lie))
    with pytest.raises(InputError, match=r"压缩包损坏|压缩炸弹"):
        unpack(path, tmp_path / "store", LIMITS)
    assert not list((tmp_path / "store").rglob("*.jpg"))


def test_members__that_lie_over_one_another(tmp_path):
    path = a_zip(tmp_path / "p.zip", [("photos/a.jpg", b"1" * 500), ("photos/b.jpg", b"2" * 500)])
    data = bytearray(path.read_bytes())
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = struct.pack("<I", 4)
    path.write_bytes(data)
    with pytest.raises(InputError, match="结构异常"):
        unpack(path, tmp_path / "store", LIMITS)


def test_links_locks_and_doubles_are_refused(tmp_path):
    info = zipfile.ZipInfo("photos/a.jpg")
    info.external_attr = 0o120777 << 16
    with pytest.raises(InputError, match="链接"):
        photos(tmp_path, [(info, b"/etc/passwd")])
    with pytest.raises(InputError, match="重名"):
        photos(tmp_path, [("photos/a.jpg", b"1"), ("photos/A.JPG", b"2")])
    path = a_zip(tmp_path / "p.zip", [("photos/a.jpg", b"1")])
    data = bytearray(path.read_bytes())
    for head, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(head) + at] |= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="密码"):
        unpack(path, tmp_path / "store", LIMITS)


def test_what_is_no_zip_or_is_damaged__is_refused(tmp_path):
    path = a_zip(tmp_path / "p.zip", [("photos/a.jpg", bytes(range(256)) * 40)])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="损坏"):
        unpack(path, tmp_path / "store", LIMITS)
    data = bytearray(whole)
    data[60] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(InputError, match="损坏"):
        unpack(path, tmp_path / "store", LIMITS)


def test_leftovers_of_macos__are_left_out_and_named(tmp_path):
    found, left = photos(
        tmp_path, [(f"photos/{CASE}/a.jpg", b"1"), (f"__MACOSX/photos/{CASE}/._a.jpg", b"2"), (".DS_Store", b"3"), ("run.exe", b"4")]
    )  # fmt: skip
    assert list(found) == [f"photos/{CASE}/a.jpg"]
    assert left == (".DS_Store", f"__MACOSX/photos/{CASE}/._a.jpg", "run.exe")


def test_a_second_time__it_is_there_already(tmp_path):
    path = a_zip(tmp_path / "p.zip", [(f"photos/{CASE}/a.jpg", b"1")])
    assert unpack(path, tmp_path / "s", LIMITS) == unpack(path, tmp_path / "s", LIMITS)
    assert [
        place.name
        for place in (tmp_path / "s" / "unpacked").iterdir()
        if place.name.startswith(".")
    ] == []


def test_bring__takes_a_zip_like_the_folder_in_it(tmp_path):
    from datetime import date

    from changedetect.config.returns import ReturnsSection
    from changedetect.pipeline.returns.returned_files import bring
    from tests.photos_in_code import ground, jpeg

    picture = jpeg(ground(1, 96))
    folder = tmp_path / "plain" / "photos" / CASE
    folder.mkdir(parents=True)
    (folder / f"{CASE}_a.jpg").write_bytes(picture)
    path = a_zip(tmp_path / "p.zip", [(f"{CASE}/{CASE}_a.jpg", picture), ("说明.txt", b"x")])
    section, day = ReturnsSection(), date(2025, 7, 1)
    plain = bring([tmp_path / "plain"], tmp_path / "s1", None, section, day)
    packed = bring([path], tmp_path / "s2", None, section, day)
    assert packed.photos == plain.photos
    assert len(packed.photos) == 1
    assert packed.faults == plain.faults == ()
    assert "说明.txt" in packed.notes[0]
    assert len(list((tmp_path / "s2").glob("*.zip"))) == 1


def test_unpack__never_looks_into_a_zip_in_this_process(tmp_path, monkeypatch):
    path = a_zip(tmp_path / "p.zip", [(f"photos/{CASE}/a.jpg", b"1")])

    def opened(*_args, **_given):
        raise AssertionError("a zip was opened by the program itself")

    monkeypatch.setattr(zipfile, "ZipFile", opened)
    folder, _ = unpack(path, tmp_path / "store", LIMITS)
    assert dict(find_returned([folder])[1])
    assert unpack(path, tmp_path / "store", LIMITS)[0] == folder


def test_unpack__a_reader_that_dies_costs_the_zip_alone(tmp_path):
    path = a_zip(tmp_path / "p.zip", [(f"photos/{CASE}/a.jpg", b"1")])
    with pytest.raises(InputError, match=r"p\.zip: it can not be unpacked .*reader died"):
        unpack(path, tmp_path / "store", LIMITS, ReaderLimits(16, 5, 20))
    assert not [place for place in (tmp_path / "store").rglob("*") if place.is_file()]
    assert unpack(path, tmp_path / "store", LIMITS)[0].is_dir()


@pytest.mark.parametrize("plant", ["link", "program"])
def test_unpack__what_the_reader_should_not_have_left_is_refused(tmp_path, monkeypatch, plant):
    def corrupted(_module, request, _limits):
        place = Path(request["folder"]) / ("a.jpg" if plant == "link" else "a.exe")
        place.symlink_to("/etc/passwd") if plant == "link" else place.write_bytes(b"1")
        return {"left": []}

    monkeypatch.setattr("changedetect.io.returned.unpack.read_limited", corrupted)
    path = a_zip(tmp_path / "p.zip", [(f"photos/{CASE}/a.jpg", b"1")])
    with pytest.raises(InputError, match="已拒收"):
        unpack(path, tmp_path / "store", LIMITS)
    assert not list((tmp_path / "store" / "unpacked").iterdir())
