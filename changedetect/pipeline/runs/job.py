"""A job opened for a month: its configuration, themes, sensor profiles and folders."""

import hashlib
import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from pyproj import CRS
from pyproj.exceptions import CRSError

from changedetect.codes import APPROVAL_KINDS
from changedetect.config.holidays import WorkCalendar
from changedetect.config.job import JobConfig
from changedetect.config.record_forms import RecordForm
from changedetect.config.sensors import SensorProfile
from changedetect.config.themes import Theme
from changedetect.config.yaml_text import digest, parse
from changedetect.errors import ConfigError
from changedetect.pipeline.runs.record_layers import declared

SHARED_CONFIG = Path(__file__).parents[3] / "configs"
"""Themes and sensor profiles that come with the program."""

MODELS = Path(__file__).parents[3] / "models"
DECEMBER = 12


@dataclass(frozen=True, slots=True)
class Job:
    """Everything a run reads from configuration.

    Attributes
    ----------
    path
        The job file; paths inside it are relative to its folder.
    config, themes, profiles, forms
        Validated records; forms are those of the job's record layers.
    calendar
        Working days by which deadlines are set; None = every day counts.
    digest
        SHA-256 of all of them.
    """

    path: Path
    config: JobConfig
    themes: tuple[Theme, ...]
    profiles: tuple[SensorProfile, ...]
    digest: str
    forms: tuple[RecordForm, ...] = ()
    calendar: WorkCalendar | None = None

    @property
    def root(self) -> Path:
        """Folder to which the job's paths are relative."""
        return self.path.parent

    @property
    def scenes_folder(self) -> Path:
        """Folder of the images."""
        return (self.root / self.config.scenes.folder).resolve()

    def profile(self, name: str) -> SensorProfile:
        """Return a sensor profile by name."""
        return next(profile for profile in self.profiles if profile.name == name)

    def form(self, name: str) -> RecordForm | None:
        """Return the form of a record layer by its name."""
        return next((form for form in self.forms if form.code == name), None)


def read_text(path: Path, what: str) -> str:
    """Read a configuration file.

    Raises
    ------
    ConfigError
        There is no such file, or it is not UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        msg = f"{path}: {what} not found; check the name"
        raise ConfigError(msg) from error
    except (UnicodeDecodeError, IsADirectoryError) as error:
        msg = f"{path}: {what} can not be read as UTF-8 text ({error})"
        raise ConfigError(msg) from error


def open_job(path: Path) -> Job:
    """Read a job file with its themes and sensor profiles.

    Themes and profiles are looked for beside the job file (``themes/``, ``sensors/``) and then
    among those that come with the program.

    Raises
    ------
    ConfigError
        Anything is wrong; file and line are named.
    """
    config = parse(read_text(path, "job file"), JobConfig, str(path))
    _check_system(config.grid.crs, path)
    themes = tuple(
        parse(read_text(file, f"theme {code}"), Theme, str(file))
        for code in config.themes
        for file in [find_config(path.parent, "themes", code)]
    )
    names = dict.fromkeys((*config.scenes.sensors, config.scenes.pair_sensor))
    profiles = tuple(read_profile(path.parent, name) for name in names)
    used = {layer.form: layer.base_form for layer in declared(config.records) if layer.section}
    forms = tuple(read_form(path.parent, name, base) for name, base in used.items())
    calendar = read_calendar(path.parent, config.deadlines.calendar)
    parts = (config, *themes, *profiles, *forms, *([calendar] if calendar else []))
    whole = hashlib.sha256("".join(map(digest, parts)).encode()).hexdigest()
    return Job(path, config, themes, profiles, whole, forms, calendar)


def read_calendar(folder: Path, name: str | None) -> WorkCalendar | None:
    """Read a table of holidays, looked for as themes are; no name, no table."""
    if name is None:
        return None
    file = find_config(folder, "holidays", name)
    return parse(read_text(file, f"holidays {name}"), WorkCalendar, str(file))


def read_form(folder: Path, name: str, base: str | None = None) -> RecordForm:
    """Read the form of a record layer, with the one that it extends.

    Parameters
    ----------
    folder
        Of the job file; its ``records/`` comes first.
    name
        Of the form.
    base
        Form that stands in where there is none of that name.

    Raises
    ------
    ConfigError
        Anything is wrong; file and line are named.
    """
    try:
        file = find_config(folder, "records", name)
    except ConfigError:
        if base is None:
            raise
        title = APPROVAL_KINDS.get(name, name)
        return read_form(folder, base).model_copy(update={"code": name, "name": title})
    form = parse(read_text(file, f"form of records {name}"), RecordForm, str(file))
    if form.extends is None:
        return form
    if form.extends == name:
        msg = f"{file}: extends: {name} is the form itself; name another one, or leave it out"
        raise ConfigError(msg)
    return form.on(read_form(folder, form.extends))


def _check_system(code: str, path: Path) -> None:
    """Refuse a grid that is not laid out in metres: pixels and areas would mean something else."""
    try:
        crs = CRS.from_user_input(code)
    except CRSError as error:
        msg = f"{path}: grid.crs {code!r} is no known coordinate system; EPSG:n was expected, e.g. EPSG:4547"
        raise ConfigError(msg) from error
    units = {axis.unit_name for axis in crs.axis_info}
    if not crs.is_projected or units != {"metre"}:
        msg = (
            f"{path}: grid.crs {code!r} ({crs.name}) counts in {', '.join(sorted(units))}; a projected "
            "system in metres was expected, e.g. EPSG:4547 / 须为米制投影坐标系"
        )
        raise ConfigError(msg)


def read_profile(folder: Path, name: str) -> SensorProfile:
    """Read the sensor profile of a name, from beside a job or from the program's own."""
    file = find_config(folder, "sensors", name)
    return parse(read_text(file, f"sensor profile {name}"), SensorProfile, str(file))


def find_config(folder: Path, kind: str, name: str) -> Path:
    """Return the file of a theme or profile; a name that could leave the folder is refused."""
    if not re.fullmatch(r"[\w-]+", name):
        msg = f"{kind} {name!r}: a name of letters, digits, _ and - was expected"
        raise ConfigError(msg)
    own = folder / kind / f"{name}.yaml"
    shared = SHARED_CONFIG / kind / f"{name}.yaml"
    if own.is_file() or shared.is_file():
        return own if own.is_file() else shared
    known = sorted({file.stem for place in (own, shared) for file in place.parent.glob("*.yaml")})
    msg = f"{kind}/{name}.yaml not found beside {folder} nor in {SHARED_CONFIG}; known: {known}"
    raise ConfigError(msg)


def month_span(month: str) -> tuple[date, date]:
    """Return the first and last day of a month.

    Raises
    ------
    ConfigError
        Not ``YYYY-MM``.

    Examples
    --------
    >>> [str(day) for day in month_span("2024-02")]
    ['2024-02-01', '2024-02-29']
    """
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        msg = f"month {month!r}: YYYY-MM was expected, e.g. 2025-06"
        raise ConfigError(msg)
    year, number = int(month[:4]), int(month[5:])
    following = date(year + number // DECEMBER, number % DECEMBER + 1, 1)
    return date(year, number, 1), following - timedelta(days=1)
