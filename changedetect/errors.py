"""Every error that changedetect raises on purpose, and the exit code of each.

::

    ChangeDetectError            1  base of all; never raised itself
    ├── ConfigError              2  a job, theme, sensor or rule file is wrong (file and line named)
    ├── InputError               4  something given to us can not be used
    │   ├── SceneError           4  an image: missing, cut short, wrong bands, no CRS, all no-data …
    │   ├── GridError            4  CRS, resolution or alignment do not fit
    │   ├── LayerError           4  a record layer: encoding, CRS, geometry, dates, coverage
    │   └── RegistrationError    4  two images can not be laid over one another
    ├── ModelError               4  a classifier: digest, version or feature list does not fit
    ├── IntegrityError           5  stored data differ from what was recorded
    │   └── LedgerError          5  the ledger: chain, schema, illegal move
    ├── LockedError              6  another run holds the run folder or the ledger
    └── ResourceError            7  disk or memory will not do

A message says what is wrong with its value, what was expected, where, and what to do.
"""


class ChangeDetectError(Exception):
    """Base of every error raised on purpose."""

    exit_code = 1


class ConfigError(ChangeDetectError, ValueError):
    """A configuration file is wrong; the message names the file and the line."""

    exit_code = 2


class InputError(ChangeDetectError, ValueError):
    """Something given to us can not be used."""

    exit_code = 4


class SceneError(InputError):
    """An image can not be used."""


class GridError(InputError):
    """Coordinate systems, resolutions or alignments do not fit."""


class LayerError(InputError):
    """A record layer can not be used."""


class RegistrationError(InputError):
    """Two images can not be laid over one another within the tolerance."""


class ModelError(InputError):
    """A classifier can not be used."""


class IntegrityError(ChangeDetectError):
    """Stored data differ from what was recorded about them."""

    exit_code = 5


class LedgerError(IntegrityError):
    """The ledger is damaged, or a move that its rules forbid was asked for."""


class LockedError(ChangeDetectError):
    """Another process holds the run folder or the ledger."""

    exit_code = 6


class ResourceError(ChangeDetectError):
    """Disk or memory will not do."""

    exit_code = 7
