"""A PostgreSQL server of the tests' own, from Debian's packages, on a socket in a temporary folder.

It listens on no network address. Where the server is not installed, tests that need it are skipped
by that name.
"""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

SETTINGS = "-c listen_addresses='' -c fsync=off -c max_connections=40 -c shared_buffers=32MB"


def programs():
    """Return the folder with initdb, newest version first."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if not found and shutil.which("initdb"):
        found = [Path(shutil.which("initdb"))]
    if not found:
        pytest.skip("PostgreSQL server is not installed (Debian: apt-get install postgresql)")
    return found[-1].parent


def _as_other(command):
    """The server refuses to run as root: the packages' own user takes its place."""
    if os.geteuid() != 0:
        return command
    if shutil.which("runuser") is None:
        pytest.skip("running as root without runuser: the PostgreSQL server refuses root")
    return ["runuser", "-u", "postgres", "--", *command]


@contextmanager
def server():
    """Start a server; gives a function that makes a fresh database and returns its address."""
    bin_folder = programs()
    folder = Path(tempfile.mkdtemp(prefix="cdpg"))  # short: a socket's path has a limit
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "cwd": "/"}
    subprocess.run(
        _as_other([str(bin_folder / "initdb"), "-D", str(data), "-A", "trust", "-U", "ledger", "-E", "UTF8", "--locale=C"]),
        check=True, **quiet,
    )  # fmt: skip
    control = str(bin_folder / "pg_ctl")
    options = f"{SETTINGS} -k {folder}"
    log = str(folder / "log")
    subprocess.run(
        _as_other([control, "-D", str(data), "-o", options, "-l", log, "-w", "start"]),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, cwd="/",
    )  # fmt: skip
    made = []

    def database():
        name = f"ledger{len(made)}"
        made.append(name)
        with psycopg.connect(
            host=str(folder), user="ledger", dbname="postgres", autocommit=True
        ) as c:
            c.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://ledger@/{name}?host={folder}"

    try:
        yield database
    finally:
        subprocess.run(
            _as_other([control, "-D", str(data), "-m", "immediate", "stop"]), check=True, **quiet
        )
        shutil.rmtree(folder, ignore_errors=True)
