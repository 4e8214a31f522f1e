"""The encoding of a shapefile's texts: declared, or asked for; never guessed, never mojibake."""

import codecs
import struct
from collections.abc import Iterator
from pathlib import Path

from changedetect.errors import LayerError

_LANGUAGE_DRIVERS = {
    0x4D: "gbk", 0x7A: "gbk", 0x4E: "cp949", 0x79: "cp949", 0x4F: "cp950", 0x78: "cp950",
    0x13: "cp932", 0x7B: "cp932", 0x7C: "cp874", 0x03: "cp1252", 0x57: "cp1252", 0x58: "cp1252",
    0x59: "cp1252", 0xC8: "cp1250", 0xC9: "cp1251", 0xCA: "cp1254", 0xCB: "cp1253", 0xCC: "cp1257",
}  # fmt: skip
"""Language driver byte of a DBF header (dBASE IV and Visual FoxPro lists) -> codec."""

_ICONV = {"shift_jis": "SHIFT_JIS", "euc_kr": "EUC-KR", "utf-8": "UTF-8", "koi8-r": "KOI8-R"}
"""Python's codec name -> name that GDAL's recoding understands, where upper case is not it."""

_SPELLINGS = {"big-5": "big5", "koi8r": "koi8-r"}
"""Spellings of .cpg files that Python does not know."""

_LANGUAGE_BYTE = 29
_DESCRIPTOR_BYTES = 32
_HEADER_END = 0x0D


def codec_of(dbf: Path, declared: str | None) -> str:
    """Return the codec in which a DBF file's texts can be read without loss.

    Parameters
    ----------
    dbf
        The table of a shapefile.
    declared
        ``encoding`` of the job file; wins over the ``.cpg`` file, which wins over the language
        byte of the header.

    Returns
    -------
    str
        Name of a Python codec; ``ascii`` where no text needs any.

    Raises
    ------
    LayerError
        Texts that are not ASCII and nothing that declares their encoding; or texts that are not
        in the declared one (the first bad row and field are named).
    """
    data = dbf.read_bytes()
    if data.isascii() and not declared:
        return "ascii"
    name, origin = _declared(dbf, data, declared)
    if name is None:
        bad = next(_texts_beyond_ascii(data), None)
        if bad is None:
            return "ascii"
        row, field, raw = bad
        msg = (
            f"{dbf}: row {row}, field {field} holds bytes {raw[:12]!r} that are not ASCII, and "
            "nothing declares their encoding (no .cpg, no language byte); set encoding: of the layer "
            "in the job file, e.g. encoding: GBK (缺少编码声明, 请指定 encoding)"
        )
        raise LayerError(msg)
    try:
        codec = codecs.lookup(name).name
    except LookupError as error:
        msg = f"{dbf}: encoding {name!r} ({origin}) is not known; e.g. GBK, GB18030, UTF-8 were expected"
        raise LayerError(msg) from error
    _check(dbf, data, codec, origin)
    return codec


def gdal_name(codec: str) -> str:
    """Return the name of a codec for GDAL's recoding.

    Examples
    --------
    >>> gdal_name("gbk"), gdal_name("cp1251"), gdal_name("ascii")
    ('GBK', 'CP1251', 'UTF-8')
    """
    return "UTF-8" if codec == "ascii" else _ICONV.get(codec, codec.upper())


def _declared(dbf: Path, data: bytes, declared: str | None) -> tuple[str | None, str]:
    if declared:
        return declared, "declared in the job file"
    for suffix in (".cpg", ".CPG"):
        cpg = dbf.with_suffix(suffix)
        if cpg.is_file():
            text = cpg.read_text(encoding="ascii", errors="replace").strip()
            return _normal(text), f"declared by {cpg.name}"
    if len(data) > _LANGUAGE_BYTE and data[_LANGUAGE_BYTE] in _LANGUAGE_DRIVERS:
        return _LANGUAGE_DRIVERS[data[_LANGUAGE_BYTE]], "language byte of the header"
    return None, ""


def _normal(text: str) -> str:
    """Bring what .cpg files say to codec names: numbers are code pages, 936 and ``ANSI 936`` GBK."""
    bare = text.lower().replace("ansi", "").strip(" _-")
    return f"cp{bare}" if bare.isdigit() else _SPELLINGS.get(bare, bare)


def _check(dbf: Path, data: bytes, codec: str, origin: str) -> None:
    for row, field, raw in _texts_beyond_ascii(data):
        try:
            raw.decode(codec, errors="strict")
        except UnicodeDecodeError as error:
            msg = (
                f"{dbf}: row {row}, field {field}: bytes {raw[:24]!r} are not {codec} ({origin}); "
                "the encoding is another, or a text was cut inside a character: correct the .cpg, "
                "or set encoding: of the layer in the job file"
            )
            raise LayerError(msg) from error


def _texts_beyond_ascii(data: bytes) -> Iterator[tuple[int, str, bytes]]:
    """Yield row (from 1; 0 = field names), field and bytes of every text that is not ASCII."""
    fields, start, length = _layout(data)
    for name, _, raw in fields:
        if not raw.isascii():
            yield 0, name, raw
    count = struct.unpack_from("<I", data, 4)[0]
    for row in range(count):
        record = data[start + row * length : start + (row + 1) * length]
        if record.isascii():
            continue
        position = 1
        for name, size, _ in fields:
            raw = record[position : position + size].rstrip(b" \0")
            position += size
            if not raw.isascii():
                yield row + 1, name, raw


def _layout(data: bytes) -> tuple[list[tuple[str, int, bytes]], int, int]:
    """Return fields (shown name, size, bytes of the name), start of records and their length."""
    start, length = struct.unpack_from("<HH", data, 8)
    fields = []
    position = _DESCRIPTOR_BYTES
    while position + _DESCRIPTOR_BYTES <= start and data[position] != _HEADER_END:
        raw = data[position : position + 11].partition(b"\0")[0]
        fields.append((raw.decode("ascii", errors="backslashreplace"), data[position + 16], raw))
        position += _DESCRIPTOR_BYTES
    return fields, start, length
