"""What an entry carries: the facts of a case as the program measured them, or what people claim."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from changedetect.entries import Entry
from changedetect.errors import LedgerError
from changedetect.records import Case

_CASE = TypeAdapter(Case)
_WRITE = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
CLAIMS = "claims"
"""Key of a payload that holds what people wrote; facts have none of this name."""


def payload_of(case: Case) -> str:
    """Write the facts of a case as canonical JSON text (sorted keys, geometry as WKB)."""
    return canonical(_CASE.dump_python(case, mode="json"))


def case_of(payload: str) -> Case:
    """Read the facts of a case back from an entry's payload."""
    return _CASE.validate_json(payload)


def claims_payload(claims: Mapping[str, str]) -> str:
    """Write what people claim of a case: column of the case package -> text."""
    return canonical({CLAIMS: dict(claims)})


def canonical(value: object) -> str:
    """Write JSON text that is the same for the same value: sorted keys, no spaces, UTF-8."""
    return _WRITE(value)


def read_payload(payload: str, where: str) -> dict[str, Any]:
    """Read the JSON object in a payload; an empty payload is an empty object.

    Parameters
    ----------
    payload
        As stored.
    where
        Which entry, for the message.

    Raises
    ------
    LedgerError
        It is no JSON object.
    """
    if not payload:
        return {}
    try:
        value = json.loads(payload)
    except ValueError as error:
        msg = f"{where}: its facts can not be read ({error!r}); restore a backup"
        raise LedgerError(msg) from error
    if not isinstance(value, dict) or not value:
        msg = f"{where}: its facts are {type(value).__name__}, a JSON object was expected; restore a backup"
        raise LedgerError(msg)
    return value


def holds_facts(entry: Entry) -> bool:
    """Tell whether an entry carries the facts of its case (not claims, not nothing)."""
    return bool(entry.case) and CLAIMS not in read_payload(
        entry.payload or '{"claims":{}}', entry.case
    )
