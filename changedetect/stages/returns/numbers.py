"""Case numbers as they come back: proven by their check letter, or not taken."""

import unicodedata

from changedetect.codes import is_case_number

_LOOKS_LIKE = str.maketrans("OQILZSB", "0011258")
"""Letters that are typed or read for digits."""
_SEPARATORS = dict.fromkeys(map(ord, " -_'’`\"\t\u200b\ufeff"))


def read_number(cell: object) -> tuple[str, str]:
    """Read a case number; a damaged one is mended only if the check letter proves it.

    Parameters
    ----------
    cell
        As it stands in the table.

    Returns
    -------
    tuple of str
        The number and what was mended ('' = nothing); an empty number where the cell is empty.

    Raises
    ------
    ValueError
        It is no case number, or it was altered; the message says which.

    Examples
    --------
    >>> read_number("43099102250600001c ")
    ('43099102250600001C', "'43099102250600001c '")
    >>> read_number("4309910225O600001C")
    ('43099102250600001C', "'4309910225O600001C'")
    """
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return "", ""
    if isinstance(cell, bool | int | float):
        msg = (
            f"{cell!r} is a number: its digits behind the fifteenth and its check letter are lost, "
            "so the case can not be told; copy the number from the package as text (案件编号被转成数字)"
        )
        raise ValueError(msg)  # noqa: TRY004 - one kind of error for a bad cell
    text = unicodedata.normalize("NFKC", str(cell)).translate(_SEPARATORS).upper()
    number = text[:-1].translate(_LOOKS_LIKE) + text[-1:]
    if not is_case_number(number):
        msg = f"{cell!r} is no case number, or was altered on the way (check letter) (案件编号校验不符)"
        raise ValueError(msg)
    return number, "" if number == str(cell) else repr(cell)
