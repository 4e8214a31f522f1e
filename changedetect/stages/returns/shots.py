"""Photos as rows: what a photo itself tells stands beside what a county wrote of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from changedetect.casepackage.returned import PhotoFacts
from changedetect.stages.returns.numbers import read_number
from changedetect.stages.returns.photos import PhotoDoubts
from changedetect.stages.returns.rows import Fault, Place, Row

PHOTOS = "HC_ZP"
CAMERA = "DCIM"
"""Folder beside the tables in which cameras and QField leave photos."""
EXIF = "EXIF"
"""Stands for the layer of a row that a photo itself tells."""


def with_case(
    photos: Iterable[PhotoFacts], rows: Iterable[Row] = ()
) -> tuple[tuple[PhotoFacts, ...], tuple[Fault, ...], tuple[str, ...]]:
    """Tell the case of each photo: by its folder, or by the rows of HC_ZP that name it.

    Parameters
    ----------
    photos
        ``photos/AJBH/name.jpg``, or under `CAMERA` as cameras and QField leave them.
    rows
        Of the files that came with them.

    Returns
    -------
    tuple
        Photos with their case, once for every case that names them; faults of folders that are no
        case; notes about photos of a camera that nobody names.
    """
    named = _named(rows)
    known, faults, notes = [], [], []
    for photo in photos:
        if photo.path.startswith(f"{CAMERA}/"):
            cases = named.get(_plain_path(photo.path), set())
            known += [replace(photo, case=case) for case in sorted(cases)]
            if not cases:
                notes.append(
                    f"{photo.path}: no row of HC_ZP names it; left out (照片未关联案件，略过)"
                )
            continue
        try:
            number, _ = read_number(photo.case)
        except ValueError as error:
            faults.append(Fault(Place(photo.path), "", str(error)))
            continue
        known.append(replace(photo, case=number))
    return tuple(known), tuple(faults), tuple(notes)


def _named(rows: Iterable[Row]) -> dict[str, set[str]]:
    """Path from `CAMERA` on, in lower case -> cases whose rows name it."""
    named: dict[str, set[str]] = {}
    for row in rows:
        if row.form == PHOTOS and (path := named_path(row)):
            named.setdefault(_plain_path(path), set()).add(row.case)
    return named


def _plain_path(path: str) -> str:
    plain = path.replace("\\", "/").lower()
    _, found, rest = plain.rpartition(f"{CAMERA.lower()}/")
    return rest if found else plain


def missing_photos(
    rows: Iterable[Row], photos: Iterable[PhotoFacts]
) -> tuple[tuple[str, str], ...]:
    """Return (case, path) of rows of HC_ZP whose photo was not sent.

    A path is the one that a row names, whatever folder the device had: only the file's name in
    the folder of its case counts.
    """
    sent = {(photo.case, file_name(photo.path)) for photo in photos}
    named = [(row.case, named_path(row)) for row in rows if row.form == PHOTOS]
    return tuple(
        sorted(
            {(case, path) for case, path in named if path and (case, file_name(path)) not in sent}
        )
    )


def named_path(row: Row) -> str:
    """Return the path, or else the name, that a row of HC_ZP gives."""
    return row.values.get("ZPLJ") or row.values.get("ZPMC", "")


def file_name(path: str) -> str:
    """Return the last part of a path of any system, in lower case."""
    return path.replace("\\", "/").rpartition("/")[2].lower()


def photo_rows(photos: Sequence[PhotoFacts], doubts: Iterable[PhotoDoubts]) -> tuple[Row, ...]:
    """Return a row of HC_ZP for each photo, as the photo itself tells."""
    about = {(doubt.case, doubt.path): doubt for doubt in doubts}
    return tuple(_row(photo, about[photo.case, photo.path]) for photo in photos)


def _row(photo: PhotoFacts, doubt: PhotoDoubts) -> Row:
    values: Mapping[str, str] = {
        "ZPLJ": photo.path,
        "SHA256": photo.sha256,
        "PSSJ": photo.taken,
        "YCBZ": doubt.codes,
    }
    return Row(PHOTOS, photo.case, values, False, None, "", Place(photo.path, EXIF), photo.sha256)
