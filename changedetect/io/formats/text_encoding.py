"""The encoding of plain text files: told by a mark, by the job file, or by words that must be there."""

import codecs
from pathlib import Path

from changedetect.errors import LayerError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHINESE = "gb18030"
"""GB 18030-2022 reads what GBK and GB 2312 write."""


def decoded(path: Path, data: bytes, declared: str | None, words: tuple[str, ...]) -> str:
    """Return the text of a file without a single wrong character.

    Parameters
    ----------
    path
        For messages.
    data
        Bytes of the file.
    declared
        ``encoding`` of the job file.
    words
        Words of which one stands in every file of this format; where its GB 18030 bytes are found,
        the file proves its own encoding.

    Returns
    -------
    str
        Byte-order mark taken off.

    Raises
    ------
    LayerError
        Nothing tells the encoding, or a line is not in it; the line is named.
    """
    mark = next((codec for start, codec in _MARKS if data.startswith(start)), None)
    if mark:
        return _strict(path, data, mark, "byte-order mark")
    if declared:
        try:
            codec = codecs.lookup(declared).name
        except LookupError as error:
            msg = f"{path}: encoding {declared!r} (job file) is not known; e.g. GBK, UTF-8 were expected"
            raise LayerError(msg) from error
        return _strict(path, data, codec, "declared in the job file")
    if data.isascii():
        return data.decode("ascii")
    if any(word.encode(_CHINESE) in data for word in words if not word.isascii()):
        return _strict(path, data, _CHINESE, "the words of the format")
    if any(word.encode() in data for word in words if not word.isascii()):
        return _strict(path, data, "utf-8", "the words of the format")
    line = next(n for n, text in enumerate(data.split(b"\n"), start=1) if not text.isascii())
    msg = (
        f"{path}: line {line} is not ASCII, and nothing tells its encoding; set encoding: of the "
        "layer in the job file, e.g. encoding: GBK (缺少编码声明, 请指定 encoding)"
    )
    raise LayerError(msg)


def _strict(path: Path, data: bytes, codec: str, origin: str) -> str:
    try:
        return data.decode(codec, errors="strict")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        bad = data[error.start : error.start + 8]
        msg = (
            f"{path}: line {line}: bytes {bad!r} are not {codec} ({origin}); the encoding is another, "
            "or the file is damaged: set encoding: of the layer in the job file"
        )
        raise LayerError(msg) from error
