"""YAML 1.2 text -> frozen record; every error names file, line, key, and what was expected.

Text only: files are opened in ``io``. Aliases, tags and duplicate keys are refused, since they let
a small file grow without bound, run code, or say two things at once.
"""

import difflib
import hashlib
import json
import re
import types
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Any, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, NodeEvent

from changedetect.errors import ConfigError

T = TypeVar("T", bound=BaseModel)

MAX_BYTES = 262_144
"""Largest configuration text that is read. [byte]"""

MAX_DEPTH = 40
"""Deepest nesting that is read; deeper text would exhaust the parser's stack."""


def parse(text: str, model: type[T], source: str) -> T:
    """Turn a YAML text into a validated record; records are frozen, so a text is read once only.

    Parameters
    ----------
    text
        YAML 1.2; at most `MAX_BYTES`, no aliases, no tags, no duplicate keys.
    model
        The record's class.
    source
        Name of the file, for messages.

    Returns
    -------
    T
        A frozen record.

    Raises
    ------
    ConfigError
        One line per problem: ``file:line: key: what was found, what was expected``.
    """
    return cast("T", _parsed(text, model, source))


@lru_cache(maxsize=128)
def _parsed(text: str, model: type[BaseModel], source: str) -> BaseModel:
    tree = _load(text, source)
    if not isinstance(tree, CommentedMap):
        msg = f"{source}:1: a mapping of keys to values was expected, {type(tree).__name__} found"
        raise ConfigError(msg)
    try:
        return model.model_validate(_plain(tree))
    except ValidationError as error:
        lines = [_describe(detail, tree, model, source) for detail in error.errors()]
        raise ConfigError("\n".join(lines)) from error


def dump(record: BaseModel) -> str:
    """Return the effective configuration as canonical JSON text (sorted keys, no blanks)."""
    return json.dumps(
        record.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )


def digest(record: BaseModel) -> str:
    """Return the SHA-256 of the effective configuration: what a result was computed under."""
    return hashlib.sha256(dump(record).encode()).hexdigest()


def _load(text: str, source: str) -> Any:  # noqa: ANN401 - any YAML node
    if len(text.encode()) > MAX_BYTES:
        msg = f"{source}: larger than {MAX_BYTES} bytes; a configuration file is smaller"
        raise ConfigError(msg)
    loader = YAML(typ="rt", pure=True)
    try:
        _refuse_tricks(text, source)
        return loader.load(text)
    except MarkedYAMLError as error:
        line = (error.problem_mark.line + 1) if error.problem_mark else 1
        msg = f"{source}:{line}: not valid YAML 1.2: {error.problem or error.context}"
        raise ConfigError(msg) from error
    except YAMLError as error:
        msg = f"{source}: not valid YAML 1.2: {error}"
        raise ConfigError(msg) from error


def _refuse_tricks(text: str, source: str) -> None:
    depth = 0
    for event in YAML(typ="rt", pure=True).parse(text):
        depth += type(event).__name__.endswith("StartEvent")
        depth -= type(event).__name__.endswith("EndEvent")
        if depth > MAX_DEPTH:
            msg = f"{source}:{event.start_mark.line + 1}: nested deeper than {MAX_DEPTH} levels"
            raise ConfigError(msg)
        if isinstance(event, AliasEvent):
            msg = f"{source}:{event.start_mark.line + 1}: aliases (*{event.anchor}) are not allowed"
            raise ConfigError(msg)
        tag = getattr(event, "tag", None) if isinstance(event, NodeEvent) else None
        if tag is not None:
            msg = f"{source}:{event.start_mark.line + 1}: tags ({tag}) are not allowed"
            raise ConfigError(msg)


def _plain(node: Any) -> Any:  # noqa: ANN401 - any YAML node
    if isinstance(node, CommentedMap):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value) for value in node]
    if isinstance(node, bool | None | str):
        return str(node) if isinstance(node, str) else node
    if isinstance(node, date):
        return node.isoformat()
    if isinstance(node, int):
        return int(node)
    return float(node) if isinstance(node, float) else node


def _describe(detail: ErrorDetails, tree: CommentedMap, model: type[BaseModel], source: str) -> str:
    path = detail["loc"]
    line = _line(tree, path)
    key = ".".join(map(str, path))
    if detail["type"] == "extra_forbidden":
        known = _known_keys(model, path[:-1])
        near = difflib.get_close_matches(str(path[-1]), known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{source}:{line}: {key}: unknown key{hint} (known: {', '.join(known)})"
    if detail["type"] == "missing":
        return f"{source}:{line}: {key}: this key is missing"
    if not path:
        return f"{source}:{_line_of_word(tree, detail['msg'])}: {detail['msg']}"
    return f"{source}:{line}: {key}: {detail['msg']}; {detail['input']!r} found"


def _line_of_word(tree: CommentedMap, message: str) -> int:
    """Return the line of the first value that a message about the whole record names in quotes."""
    words = set(re.findall(r"'([^']+)'", message.partition(";")[0]))
    return min((line for value, line in _values(tree) if value in words), default=1)


def _values(node: Any) -> Iterator[tuple[str, int]]:  # noqa: ANN401 - any YAML node
    """Walk through the single values of a tree, each with its line."""
    pairs = node.items() if isinstance(node, CommentedMap) else enumerate(node)
    for key, value in pairs:
        if isinstance(value, CommentedMap | CommentedSeq):
            yield from _values(value)
        elif isinstance(node, CommentedMap):
            yield str(value), node.lc.value(key)[0] + 1
        else:
            yield str(value), node.lc.item(key)[0] + 1


def _line(tree: Any, path: tuple[int | str, ...]) -> int:  # noqa: ANN401 - any YAML node
    line, node = 1, tree
    for part in path:
        if isinstance(node, CommentedMap) and part in node:
            line = node.lc.key(part)[0] + 1
        elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
            line = node.lc.item(part)[0] + 1
        else:
            break
        node = node[part]
    return int(line)


def _known_keys(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    current: Any = model
    for part in path:
        current = _inner(current, part)
        if current is None:
            return []
    if isinstance(current, type) and issubclass(current, BaseModel):
        return sorted(current.model_fields)
    return []


def _inner(kind: Any, part: int | str) -> Any:  # noqa: ANN401 - any annotation
    """Follow one step of a path through annotations: record field, dict value, tuple item."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        info = kind.model_fields.get(str(part))
        kind = info.annotation if info else None
    elif get_origin(kind) in {dict, tuple, list}:
        kind = get_args(kind)[-1 if get_origin(kind) is dict else 0]
    if isinstance(kind, types.UnionType):
        kind = next((option for option in get_args(kind) if option is not type(None)), None)
    return kind
