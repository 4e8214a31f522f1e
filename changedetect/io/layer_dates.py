"""Calendar days as offices write them."""

import re
import unicodedata
from datetime import date, datetime, timedelta

import numpy as np

_FIRST_YEAR, _LAST_YEAR = 1949, 2200
_UNLIMITED = frozenset({"长期", "长期有效", "永久", "永久有效", "无限期"})
_UNLIMITED_YEAR = 9999
"""Words and the year by which offices say that an approval never expires."""

_FORMS = (
    re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?Z?)?"),
    re.compile(r"(\d{4})(\d{2})(\d{2})"),
    re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})(?: \d{1,2}:\d{2}(?::\d{2})?)?"),
    re.compile(r"(\d{4})\.(\d{1,2})\.(\d{1,2})"),
    re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日?"),
)
_SERIAL = re.compile(r"\d{5}(?:\.0+)?")
_SERIAL_ORIGIN = date(1899, 12, 30)
"""Day 0 of spreadsheets, for days from 1900-03-01 on (the 1900 date system)."""


def calendar_day(value: object) -> date:
    """Read a day: 20250301, 2025-03-01, 2025/3/1, 2025.3.1, 2025年3月1日, or a sheet's serial number.

    Raises
    ------
    ValueError
        No day, or one outside 1949 to 2200.

    Examples
    --------
    >>> [str(calendar_day(text)) for text in ("2025年3月1日", "20250301", 45717)]
    ['2025-03-01', '2025-03-01', '2025-03-01']
    """
    if isinstance(value, datetime):  # includes pandas.Timestamp
        return _plausible(value.date(), value)
    if isinstance(value, date):
        return _plausible(value, value)
    text = _text_of(value)
    for form in _FORMS:
        match = form.fullmatch(text)
        if match is None:
            continue
        year, month, day = (int(part) for part in match.groups())
        try:
            return _plausible(date(year, month, day), value)
        except ValueError as error:
            if "outside" in str(error):
                raise
            break
    if _SERIAL.fullmatch(text):
        return _plausible(_SERIAL_ORIGIN + timedelta(days=int(float(text))), value)
    msg = f"{value!r} is not a date; YYYY-MM-DD or YYYYMMDD was expected"
    raise ValueError(msg)


def last_day(value: object) -> date | None:
    """Read the last day of validity; None where the office says that there is none.

    Raises
    ------
    ValueError
        See `calendar_day`.
    """
    if isinstance(value, str) and value.strip(" \t\r\n\0　") in _UNLIMITED:
        return None
    year = value.year if isinstance(value, date) else None
    if year == _UNLIMITED_YEAR or _text_of(value).startswith(str(_UNLIMITED_YEAR)):
        return None
    return calendar_day(value)


def _text_of(value: object) -> str:
    if isinstance(value, float | np.floating) and value == int(value):
        value = int(value)
    return unicodedata.normalize("NFKC", str(value)).strip()


def _plausible(day: date, value: object) -> date:
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        msg = f"{value!r} is a date outside {_FIRST_YEAR} to {_LAST_YEAR}; correct or empty it"
        raise ValueError(msg)
    return day
