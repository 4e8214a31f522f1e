"""Files of a return, kept and read: what is asked the same way by import and by check."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from changedetect.casepackage.returned import PhotoFacts
from changedetect.config.returns import ReturnsSection
from changedetect.errors import InputError
from changedetect.io.returned.keep import find_returned, keep, keep_photos
from changedetect.io.returned.parent import read_photos, read_returned
from changedetect.io.returned.unpack import ZipLimits, unpack
from changedetect.io.sandbox import ReaderLimits
from changedetect.pipeline.returns.returned_report import TakenFile
from changedetect.stages import returns
from changedetect.stages.returns import Fault, Place, Reading

_SHOWN = 5
_NAMED = re.compile(r"(?<!\d)(\d{6})(?!\d)")
_MONTH = re.compile(r"20\d\d(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Brought:
    """What was brought: files that could be read, photos with their case, faults, notes."""

    files: tuple[TakenFile, ...]
    photos: tuple[PhotoFacts, ...]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...] = ()


def bring(
    places: Sequence[Path],
    folder: Path,
    county: str | None,
    section: ReturnsSection,
    today: date,
) -> Brought:
    """Keep the raw bytes of all files and photos, then read them, each in a limited process.

    Parameters
    ----------
    places
        Files and folders.
    folder
        Where raw bytes are kept.
    county
        Whose they are; None = as names and numbers say.
    section
        Limits.
    today
        Later dates are wrong.

    Raises
    ------
    InputError
        A place that is not there or can not be a return.
    """
    unpacked, left = _unpacked(places, folder, section)
    found, pictures = find_returned(unpacked)
    files: dict[str, TakenFile] = {}
    faults: list[Fault] = []
    for returned in found:
        try:
            kept = keep(folder, returned, section.file_max_mb)
            if kept.digest not in files:
                reading = returns.read_rows(read_returned(kept, section), today)
                whose = county or county_of(kept.name, reading)
                files[kept.digest] = TakenFile(kept.name, kept.digest, whose, reading)
        except InputError as error:
            faults.append(Fault(Place(returned.path.name), "", str(error)))
    keep_photos(folder, pictures)
    rows = [row for file in files.values() for row in file.reading.rows]
    photos, strays, notes = returns.with_case(read_photos(pictures, section), rows)
    ordered = sorted(files.values(), key=lambda file: (file.name, file.digest))
    return Brought(tuple(ordered), photos, (*faults, *strays), (*left, *notes))


def _unpacked(
    places: Sequence[Path], folder: Path, section: ReturnsSection
) -> tuple[list[Path], tuple[str, ...]]:
    """Unpack what is a zip; name what was left in it."""
    limits = ZipLimits(section.rows_max, section.unpacked_max_mb * 4, section.unpacked_max_ratio)
    reader = ReaderLimits(section.reader_memory_mb, section.reader_cpu_s, section.reader_wall_s)
    found, notes = [], []
    for place in places:
        if place.suffix.lower() != ".zip" or not place.is_file():
            found.append(place)
            continue
        if place.stat().st_size > section.file_max_mb * (1 << 20):
            msg = f"{place}: larger than {section.file_max_mb:g} MB (returns.file_max_mb); send it in parts (压缩包过大)"
            raise InputError(msg)
        inside, left = unpack(place, folder, limits, reader)
        found.append(inside)
        if left:
            some = "、".join(left[:_SHOWN]) + ("…" if len(left) > _SHOWN else "")
            notes.append(
                f"{place.name}: {len(left)} file(s) that are neither table nor photo were left out: {some} (未取用)"
            )
    return found, tuple(notes)


def county_of(name: str, reading: Reading) -> str:
    """Tell whose return a file is: by the county code in its name, else by most of its case numbers.

    Raises
    ------
    InputError
        Neither tells it.
    """
    named = {code for code in _NAMED.findall(name) if not _MONTH.fullmatch(code)}
    if len(named) == 1:
        return str(named.pop())
    counts = Counter(row.case[:6] for row in reading.rows)
    best = counts.most_common(2)
    if not best or (len(best) > 1 and best[0][1] == best[1][1]):
        msg = f"{name}: whose return it is can not be told; name the county with --county (无法判断所属县)"
        raise InputError(msg)
    return str(best[0][0])
