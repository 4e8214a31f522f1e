"""Awkward real shapefile tables: the right text, or a question; never mojibake."""

import pyogrio
import pytest

from changedetect.config.job import LayerSection
from changedetect.errors import LayerError
from changedetect.io.dbf_encoding import _texts_beyond_ascii, codec_of, gdal_name
from changedetect.io.vectors import read_layer
from changedetect.schema import ZONES

TEXTS = {  # what the file declares -> codec and text
    "cpg/big5.dbf": ("big5", "國語"),
    "cpg/euckr.dbf": ("euc_kr", "한국말"),
    "cpg/koi8r.dbf": ("koi8-r", "русский"),
    "cpg/latin2.dbf": ("iso8859-2", "čeština"),
    "cpg/shiftjis.dbf": ("shift_jis", "カタカナひらがな"),
    "cpg/win1251.dbf": ("cp1251", "РУССКИЙ"),
    "cpg/win874.dbf": ("cp874", "ภาษาไทย"),
    "ldid/chinese.dbf": ("gbk", "简体"),
}

ASKED = {  # nothing declares an encoding -> what the supplier would say, and the text
    "big5.dbf": ("big5", "繁體國語"),
    "gb2312.dbf": ("gb2312", "简体国语"),
    "gbk.dbf": ("gbk", "简体国语"),
    "shiftjis.dbf": ("shift_jis", "ひたちなか市"),
}

REFUSED = {"cpg/utf16.dbf": "utf-16"}
"""A DBF in UTF-16 breaks the format itself."""

FOLDER = "awkward_vectors/mapshaper_encodings"


def texts(path, codec):
    return [raw.decode(codec) for row, _, raw in _texts_beyond_ascii(path.read_bytes()) if row]


def test_every_table_has_an_expectation(real_data):
    folder = real_data / FOLDER
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.dbf")}
    assert names == set(TEXTS) | set(ASKED) | set(REFUSED)


@pytest.mark.parametrize("name", TEXTS)
def test_declared(real_data, name):
    codec, text = TEXTS[name]
    path = real_data / FOLDER / name
    assert codec_of(path, None) == codec
    assert texts(path, codec)[0] == text
    if codec != "shift_jis":  # GDAL's own recoding agrees where it knows the name
        frame = pyogrio.read_dataframe(path, encoding=gdal_name(codec), read_geometry=False)
        assert frame.iloc[0, 0] == text


@pytest.mark.parametrize("name", ASKED)
def test_not_declared(real_data, name):
    codec, text = ASKED[name]
    path = real_data / FOLDER / name
    with pytest.raises(LayerError, match=r"row 1, field NAME holds bytes .* set encoding:"):
        codec_of(path, None)
    assert texts(path, codec_of(path, codec))[0] == text


@pytest.mark.parametrize("name", REFUSED)
def test_refused(real_data, name):
    with pytest.raises(LayerError, match=REFUSED[name]):
        codec_of(real_data / FOLDER / name, None)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cpg/big5.shp", "no coordinate system"),
        ("ldid/chinese.shp", "row 1: Point found, a polygon was expected"),
    ],
)
def test_layers_of_points(real_data, name, message):
    path = real_data / FOLDER / name
    with pytest.raises(LayerError, match=message):
        read_layer(
            path, spec=ZONES, section=LayerSection(path=name), name="CZKFBJ", target_crs="EPSG:4490"
        )
