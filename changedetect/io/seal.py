"""Seal a case package and verify a sealed one: nothing but the standard library.

The same text lies in every package as ``verify.py`` and runs there alone (``python verify.py``), on
any computer with Python 3.9 or newer, without a network.

A package is sealed row by row, since opening a GeoPackage changes its bytes: every row of a
dispatched layer has a digest; layers that counties fill in (HC_*, ZG_*) are left open. Pictures,
page and sheet are sealed by file. ``manifest.json`` lists the digests, ``manifest.sig`` may hold an
Ed25519 signature of it (RFC 8032), ``chain.json`` the ledger's entries about these cases.
"""

import hashlib
import json
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

FORMAT = 1
MANIFEST, SIGNATURE, CHAIN = "manifest.json", "manifest.sig", "chain.json"
OPEN_LAYERS = ("HC_", "ZG_")
"""Layers whose rows belong to the county."""

_OWN = {MANIFEST, SIGNATURE, CHAIN, "verify.py"}
_GPKG = "_AJ.gpkg"


def seal(folder: Path, files: Iterable[str]) -> dict[str, Any]:
    """Return the manifest of a finished package.

    Parameters
    ----------
    folder
        Of the package.
    files
        Its files, relative to the folder, forward slashes.

    Returns
    -------
    dict
        JSON-able; the same for the same package.
    """
    layers: dict[str, Any] = {}
    sealed: dict[str, str] = {}
    for name in sorted(files):
        if name in _OWN:
            continue
        if name.endswith(_GPKG):
            layers[name] = _layers(folder / name)
        else:
            sealed[name] = _digest_of_file(folder / name)
    return {"format": FORMAT, "files": sealed, "layers": layers}


def manifest_bytes(manifest: dict[str, Any]) -> bytes:
    """Write a manifest as it is stored: the same bytes for the same manifest."""
    text = json.dumps(manifest, ensure_ascii=False, sort_keys=True, indent=1)
    return (text + "\n").encode("utf-8")


def verify(folder: Path, public_key: "str | None" = None) -> tuple[list[str], list[str]]:
    """Check a package against its seal.

    Parameters
    ----------
    folder
        Of the package.
    public_key
        64 hexadecimal digits; None = the signature, if there is one, is not checked.

    Returns
    -------
    tuple of list
        Problems, each naming file, layer and row; and notes on what was not checked.
    """
    try:
        data = (folder / MANIFEST).read_bytes()
        manifest = json.loads(data.decode("utf-8"))
        files, layers = dict(manifest["files"]), dict(manifest["layers"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"{MANIFEST}: can not be read ({error})"], []
    problems = []
    if manifest.get("format") != FORMAT:
        problems.append(f"{MANIFEST}: format {manifest.get('format')}, {FORMAT} was expected")
    if manifest_bytes(manifest) != data:
        problems.append(f"{MANIFEST}: not as it was written")
    problems += _signature_problems(folder, data, public_key)
    for name in sorted(files):
        problems += _file_problems(folder, name, files[name])
    for name in sorted(layers):
        try:
            problems += _layer_problems(folder, name, layers[name])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problems.append(f"{MANIFEST}: what it says of {name} can not be read ({error!r})")
    chain_problems, notes = _chain(folder)
    if public_key is None:
        notes.append("signature not checked (no public key given) / 未验签")
    return problems + chain_problems, notes


def _digest_of_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _file_problems(folder: Path, name: str, expected: str) -> list[str]:
    try:
        found = _digest_of_file(folder / name)
    except OSError as error:
        return [f"{name}: can not be read ({error.strerror})"]
    return [] if found == expected else [f"{name}: changed since it was sealed"]


def _layers(path: Path) -> dict[str, Any]:
    """Return, by layer, its columns and the digest of every row by its fid."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as base:
        base.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        names = base.execute("SELECT table_name FROM gpkg_contents ORDER BY table_name").fetchall()
        return {name: _rows(base, name) for (name,) in names if not name.startswith(OPEN_LAYERS)}


def _rows(base: sqlite3.Connection, name: str) -> dict[str, Any]:
    table = name.replace('"', '""')
    cursor = base.execute(f'SELECT rowid, * FROM "{table}" ORDER BY rowid')  # noqa: S608 - quoted
    columns = [column[0] for column in cursor.description[1:]]
    label = columns.index("AJBH") if "AJBH" in columns else None
    rows: dict[str, str] = {}
    for number, *values in cursor:
        said = [value.hex() if isinstance(value, bytes) else value for value in values]
        kinds = [type(value).__name__ for value in values]
        text = json.dumps([said, kinds], ensure_ascii=True, separators=(",", ":"))
        key = f"{number} {values[label]}" if label is not None else str(number)
        rows[key] = hashlib.sha256(text.encode("ascii")).hexdigest()
    return {"columns": columns, "rows": rows}


def _layer_problems(folder: Path, name: str, expected: dict[str, Any]) -> list[str]:
    try:
        found = _layers(folder / name)
    except (OSError, sqlite3.Error) as error:
        return [f"{name}: can not be read ({error})"]
    problems: list[str] = []
    for layer in sorted(set(expected) | set(found)):
        where = f"{name}, layer {layer}"
        if layer not in found:
            problems.append(f"{where}: is gone")
        elif layer not in expected:
            problems.append(f"{where}: was added")
        else:
            problems += _row_problems(where, expected[layer], found[layer])
    return problems


def _row_problems(where: str, expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    if expected["columns"] != found["columns"]:
        return [
            f"{where}: columns changed: {sorted(set(expected['columns']) ^ set(found['columns']))}"
        ]
    was, now = expected["rows"], found["rows"]
    lines = []
    for key in sorted(set(was) | set(now)):
        if key not in now:
            lines.append(f"{where}, row {key}: is gone")
        elif key not in was:
            lines.append(f"{where}, row {key}: was added")
        elif was[key] != now[key]:
            lines.append(f"{where}, row {key}: changed")
    return lines


def _chain(folder: Path) -> tuple[list[str], list[str]]:
    """Check the ledger's entries that lie beside the package."""
    path = folder / CHAIN
    if not path.exists():
        return [], [f"no {CHAIN}: the package was not dispatched yet / 尚未下发"]
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return _chain_problems(said), []
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        return [f"{CHAIN}: can not be read ({error!r})"], []


def _chain_problems(said: dict[str, Any]) -> list[str]:
    algorithm = said["algorithm"]
    problems: list[str] = []
    last: dict[str, str] = {}
    for item in said["entries"]:
        fields = item["fields"]
        where = f"{CHAIN}, entry {fields[0]} (case {fields[2]})"
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        digest = _hash(algorithm, text.encode("utf-8", "surrogatepass"))
        if digest != item["digest"]:
            problems.append(f"{where}: altered")
        if last.get(fields[2], fields[4]) != fields[4]:
            problems.append(
                f"{where}: starts from state {fields[4]}, the entry before led to {last[fields[2]]}"
            )
        last[fields[2]] = fields[5]
        if "path" in item and not _is_under(algorithm, item, said["root"]):
            problems.append(f"{where}: not under the month's root")
    return problems


def _hash(algorithm: str, data: bytes) -> str:
    return hashlib.new(algorithm, data).hexdigest()


def _is_under(algorithm: str, item: dict[str, Any], root: str) -> bool:
    """Follow a path that is written as we write it: no other letters, sides or spaces."""
    try:
        steps = [(str(side), bytes.fromhex(other).hex() == other) for side, other in item["path"]]
        strict = all(side in {"left", "right"} and same for side, same in steps)
        return strict and _root(algorithm, item["digest"], item["path"]) == root
    except (ValueError, TypeError):
        return False


def _root(algorithm: str, digest: str, path: "Sequence[Sequence[str]]") -> str:
    """Follow an audit path (RFC 6962, section 2.1.1) from an entry to the month's root."""
    here = _hash(algorithm, b"\x00" + bytes.fromhex(digest))
    for side, other in path:
        pair = (other, here) if side == "left" else (here, other)
        here = _hash(algorithm, b"\x01" + bytes.fromhex(pair[0]) + bytes.fromhex(pair[1]))
    return here


# Ed25519, verification only (RFC 8032, section 5.1.7; formulas of its section 6). Nothing secret is
# handled here, so that running time may depend on the data.
_P = 2**255 - 19
_Q = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_SQRT = pow(2, (_P - 1) // 4, _P)
_KEY_BYTES = 32

Point = tuple[int, int, int, int]
"""Of the curve, in extended coordinates."""


def _signature_problems(folder: Path, data: bytes, public_key: "str | None") -> list[str]:
    path = folder / SIGNATURE
    if public_key is None:
        return []
    if not path.exists():
        return [f"{SIGNATURE}: is missing"]
    text = path.read_bytes().strip()
    try:
        good = _is_signed(bytes.fromhex(public_key), data, bytes.fromhex(text.decode("ascii")))
    except ValueError as error:
        return [f"{SIGNATURE}: can not be read ({error})"]
    return [] if good else [f"{SIGNATURE}: not signed with this key, or changed since"]


def _is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    if len(public) != _KEY_BYTES or len(signature) != 2 * _KEY_BYTES:
        return False
    a, r = _point(public), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= _Q:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _Q
    return _same(_times(s, _BASE), _plus(r, _times(h, a)))


def _point(data: bytes) -> "Point | None":
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= _P:
        return None
    x2 = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(x2, (_P + 3) // 8, _P)
    if (x * x - x2) % _P:
        x = x * _SQRT % _P
    if (x * x - x2) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def _plus(p: Point, q: Point) -> Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(number: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = _plus(total, point)
        point = _plus(point, point)
        number >>= 1
    return total


def _same(p: Point, q: Point) -> bool:
    return (p[0] * q[2] - q[0] * p[2]) % _P == 0 and (p[1] * q[2] - q[1] * p[2]) % _P == 0


_Y = 4 * pow(5, _P - 2, _P) % _P
_X = _point(_Y.to_bytes(_KEY_BYTES, "little"))
_BASE: Point = _X if _X is not None else (0, 1, 1, 0)


def main(arguments: "Sequence[str]") -> int:
    """Verify the package in which this file lies, or the one named; a public key may follow."""
    folder = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    problems, notes = verify(folder, arguments[1] if len(arguments) > 1 else None)
    for line in problems:
        print("problem 问题: " + line)
    for line in notes:
        print("note 说明: " + line)
    print("package verified / 案件包校验通过" if not problems else f"{len(problems)} problem(s)")
    return 5 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
