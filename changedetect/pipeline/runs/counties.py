"""What goes wrong in one county says in which."""

from collections.abc import Iterator
from contextlib import contextmanager

from changedetect.errors import ChangeDetectError, ResourceError


@contextmanager
def in_county(name: str) -> Iterator[None]:
    """Name a county in whatever error its work raises.

    Parameters
    ----------
    name
        Code, or code and name.

    Raises
    ------
    ResourceError
        Memory ran out.
    ChangeDetectError
        The error of the work, of the same class, with the county before its message.
    Exception
        Any other error of the work, with a note.
    """
    try:
        yield
    except ChangeDetectError as error:
        msg = f"county {name}: {error}"
        raise type(error)(msg) from error
    except MemoryError as error:
        msg = f"county {name}: memory ran out; use fewer --workers"
        raise ResourceError(msg) from error
    except Exception as error:
        error.add_note(f"in county {name}")
        raise
