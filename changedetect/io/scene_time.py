"""When an image was taken: from a metadata tag, or from the file's name."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from changedetect.config.sensors import SensorProfile
from changedetect.errors import SceneError

_DATE = re.compile(r"((?:19|20)\d\d)[-:/]?(0[1-9]|1[0-2])[-:/]?(0[1-9]|[12]\d|3[01])")
_MAX_DISAGREEMENT = timedelta(days=1)
"""A tag in local time and a name in UTC may differ by a day, not by more."""


def scene_time(name: str, tags: Mapping[str, str], profile: SensorProfile) -> datetime:
    """Return when an image was taken.

    Parameters
    ----------
    name
        File name; must match the profile's ``file_pattern``.
    tags
        Metadata of the file.
    profile
        Which tags and which groups of the name to trust; the tag wins.

    Returns
    -------
    datetime
        Aware, UTC. A tag without zone is read as UTC; a date alone gets the profile's hour.

    Raises
    ------
    SceneError
        No date, an impossible one, or a tag and a name that disagree by more than a day.
    """
    assumed = time.fromisoformat(profile.assumed_time_utc)
    named = _from_name(name, profile, assumed)
    for tag in profile.time_tags:
        if tag not in tags:
            continue
        tagged = parse_time(tags[tag], assumed)
        if tagged is None:
            msg = f"{name}: tag {tag}={tags[tag]!r} holds no date; expected YYYY-MM-DDTHH:MM:SSZ"
            raise SceneError(msg)
        if named is not None and abs(tagged - named) > _MAX_DISAGREEMENT:
            msg = (
                f"{name}: tag {tag} says {tagged.date()}, the name says {named.date()}; "
                "one of them is wrong: rename the file or correct the tag"
            )
            raise SceneError(msg)
        return tagged
    if named is None:
        msg = (
            f"{name}: no date; expected a tag {' or '.join(profile.time_tags) or '(none declared)'} "
            f"or a date in the name by the pattern {profile.file_pattern}"
        )
        raise SceneError(msg)
    return named


def parse_time(text: str, assumed: time) -> datetime | None:
    """Read a time as metadata write it; None if there is none.

    Examples
    --------
    >>> parse_time("2022:01:17 10:43:43", time(3)).isoformat()
    '2022-01-17T10:43:43+00:00'
    >>> parse_time("L71119038_03820000317_MTL.txt", time(2)).isoformat()
    '2000-03-17T02:00:00+00:00'
    """
    cleaned = re.sub(r"^(\d{4}):(\d\d):(\d\d)", r"\1-\2-\3", text.strip())
    if re.match(r"\d{4}-\d\d-\d\d[T ]", cleaned):
        try:
            moment = datetime.fromisoformat(cleaned)
        except ValueError:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    match = _DATE.search(cleaned)
    if match is None:
        return None
    day = _day("".join(match.groups()))
    return None if day is None else datetime.combine(day, assumed, UTC)


def _from_name(name: str, profile: SensorProfile, assumed: time) -> datetime | None:
    match = re.match(profile.file_pattern, name)
    groups = match.groupdict() if match else {}
    text = groups.get("date")
    if not text:
        return None
    day = _day(text)
    if day is None:
        msg = f"{name}: {text} is not a day of the calendar; expected YYYYMMDD"
        raise SceneError(msg)
    clock = groups.get("time")
    if not clock:
        return datetime.combine(day, assumed, UTC)
    try:
        return datetime.combine(day, time.fromisoformat(clock), UTC)
    except ValueError as error:
        msg = f"{name}: {clock} is not a time of day; expected HHMMSS"
        raise SceneError(msg) from error


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
