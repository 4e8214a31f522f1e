"""A package proves itself: one changed value anywhere is found and its row named; signature; chain."""

import ast
import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from changedetect.errors import InputError, IntegrityError
from changedetect.io import seal
from changedetect.pipeline.ledger import packages, sealing
from changedetect.pipeline.ledger.ledgerwork import open_ledger
from changedetect.pipeline.loop import monthloop
from tests.pipeline.test_month_loop import SUN, Clock, a_case, find

STEM = "430991_202506"


def gpkg(path):
    """A small package database by hand: the tables that the seal reads, none of our code."""
    base = sqlite3.connect(path)
    base.executescript(
        """
        CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT);
        CREATE TABLE AJTB (fid INTEGER PRIMARY KEY, geom BLOB, AJBH TEXT, JCMJM REAL, YZDJ INTEGER, BZ TEXT);
        CREATE TABLE TJ_XJ (fid INTEGER PRIMARY KEY, XZQDM TEXT, ZS INTEGER);
        CREATE TABLE HC_JL (fid INTEGER PRIMARY KEY, geom BLOB, AJBH TEXT, HCJG TEXT);
        INSERT INTO gpkg_contents VALUES ('AJTB','features'),('TJ_XJ','attributes'),('HC_JL','features');
        """
    )
    rows = [
        (i, bytes([i] * 40), f"C{i}", i / 7, i % 5, None if i % 3 else "说明") for i in range(1, 30)
    ]
    base.executemany("INSERT INTO AJTB VALUES (?,?,?,?,?,?)", rows)
    base.execute("INSERT INTO TJ_XJ VALUES (1,'430991',29)")
    base.commit()
    base.close()


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "run" / "packages" / STEM
    (folder / "chips").mkdir(parents=True)
    gpkg(folder / f"{STEM}_AJ.gpkg")
    (folder / f"{STEM}_台账.xlsx").write_bytes(b"sheet" * 50)
    (folder / f"{STEM}.html").write_text("<p>page</p>", encoding="utf-8")
    (folder / "chips" / "43099102250600001C_Q.jpg").write_bytes(b"picture" * 30)
    sealing.seal_package(folder)
    return folder


def problems(folder, key=None):
    return seal.verify(folder, key)[0]


def test_verify__a_package_as_written(package):
    report = packages.verify(package, None)
    assert "校验通过" in report.lines()[0]
    assert any("尚未下发" in note for note in report.facts()["notes"])


def test_verify__the_county_may_fill_in_its_layers(package):
    base = sqlite3.connect(package / f"{STEM}_AJ.gpkg")
    base.execute("INSERT INTO HC_JL VALUES (1, NULL, 'C1', '1')")
    base.commit()
    base.execute("VACUUM")
    base.close()
    (package / "photos").mkdir()
    assert problems(package) == []


def test_verify__runs_alone_with_nothing_but_python(package):
    command = [sys.executable, "-I", "-S", str(package / "verify.py")]
    good = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    assert (good.returncode, "校验通过" in good.stdout) == (0, True)
    (package / f"{STEM}.html").write_text("<p>other</p>")
    bad = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    assert bad.returncode == 5
    assert f"{STEM}.html: changed" in bad.stdout


def test_seal__imports_the_standard_library_only():
    tree = ast.parse(Path(seal.__file__).read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    assert names <= set(sys.stdlib_module_names)


READ = {
    "geom": "SELECT geom FROM AJTB WHERE fid = ?", "AJBH": "SELECT AJBH FROM AJTB WHERE fid = ?",
    "JCMJM": "SELECT JCMJM FROM AJTB WHERE fid = ?", "YZDJ": "SELECT YZDJ FROM AJTB WHERE fid = ?",
    "BZ": "SELECT BZ FROM AJTB WHERE fid = ?",
}  # fmt: skip
WRITE = {
    "geom": "UPDATE AJTB SET geom = ? WHERE fid = ?", "AJBH": "UPDATE AJTB SET AJBH = ? WHERE fid = ?",
    "JCMJM": "UPDATE AJTB SET JCMJM = ? WHERE fid = ?", "YZDJ": "UPDATE AJTB SET YZDJ = ? WHERE fid = ?",
    "BZ": "UPDATE AJTB SET BZ = ? WHERE fid = ?",
}  # fmt: skip


def other(value):
    """Return a value that differs from this one by as little as can be."""
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    if isinstance(value, str):
        return f"{value}x"
    return "" if value is None else value + (1e-9 if isinstance(value, float) else 1)


def tamper(folder, rng):
    """Change one thing; return a word that the report must hold."""
    kind = rng.choice(["cell", "cell", "cell", "delete", "insert", "byte", "manifest"])
    if kind in {"byte", "manifest"}:
        names = [f"{STEM}.html", f"{STEM}_台账.xlsx", "chips/43099102250600001C_Q.jpg"]
        path = str(rng.choice(names)) if kind == "byte" else seal.MANIFEST
        data = bytearray((folder / path).read_bytes())
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        (folder / path).write_bytes(data)
        return path if kind == "byte" else ""
    base = sqlite3.connect(folder / f"{STEM}_AJ.gpkg")
    fid = int(rng.integers(1, 30))
    if kind == "delete":
        base.execute("DELETE FROM AJTB WHERE fid = ?", [fid])
    elif kind == "insert":
        fid += 29
        base.execute("INSERT INTO AJTB (fid, AJBH) VALUES (?, ?)", [fid, f"C{fid}"])
    else:
        column = str(rng.choice(list(READ)))
        (old,) = base.execute(READ[column], [fid]).fetchone()
        base.execute(WRITE[column], [other(old), fid])
    base.commit()
    base.close()
    return f"row {fid} "


@pytest.mark.parametrize("seed", range(4))
def test_verify__finds_every_single_change_and_names_the_row(package, tmp_path, seed):
    rng = np.random.default_rng(seed)
    for turn in range(40):
        copy = tmp_path / f"copy{turn}"
        shutil.copytree(package, copy)
        word = tamper(copy, rng)
        found = problems(copy)
        assert found, f"seed {seed}, turn {turn}"
        if word:
            assert any(word in line + " " for line in found), (word, found)
        shutil.rmtree(copy)


@pytest.fixture
def key(tmp_path):
    secret = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    path = tmp_path / "key.pem"
    path.write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def test_signature__holds_and_breaks(package, key):
    public = packages.sign(package, key).facts()["public_key"]
    assert problems(package, public) == []
    other = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw().hex()
    assert problems(package, other) == ["manifest.sig: not signed with this key, or changed since"]
    text = (package / "manifest.sig").read_text()
    for place in (0, 63, 64, 127):
        changed = text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]
        (package / "manifest.sig").write_text(changed)
        assert problems(package, public)
    (package / "manifest.sig").unlink()
    assert problems(package, public) == ["manifest.sig: is missing"]


def test_signature__agrees_with_the_vectors_of_rfc_8032():
    vectors = [
        # RFC 8032, section 7.1: TEST 1, 2 and 3
        ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
        ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
        ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
    ]  # fmt: skip
    for public, message, signature in vectors:
        data = [bytes.fromhex(text) for text in (public, message, signature)]
        assert seal._is_signed(*data)
        assert not seal._is_signed(data[0], data[1] + b"x", data[2])


def test_sign__refuses_changed_packages_and_other_keys(package, key, tmp_path):
    rsa = tmp_path / "rsa.pem"
    rsa.write_bytes(
        generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    with pytest.raises(InputError, match="Ed25519 key was expected"):
        packages.sign(package, rsa)
    (tmp_path / "none.pem").write_text("none")
    with pytest.raises(InputError, match="PEM"):
        packages.sign(package, tmp_path / "none.pem")
    (package / f"{STEM}.html").write_text("x")
    with pytest.raises(IntegrityError, match="changed since it was sealed"):
        packages.sign(package, key)


@pytest.mark.parametrize("algorithm", ["sha256", "sm3"])
def test_chain__lies_beside_the_package_and_leads_to_the_months_root(package, tmp_path, algorithm):
    run, clock = package.parents[1], Clock()
    record = {
        "name": "deliver", "key": "k", "state": "done", "facts": {}, "problems": [], "stale": False,
        "outputs": {f"packages/{STEM}/{STEM}_AJ.gpkg": "a" * 64},
    }  # fmt: skip
    (run / "run.json").write_text(json.dumps({"format": 1, "steps": [record]}))
    store = open_ledger(tmp_path / "l.sqlite", algorithm=algorithm)
    find(store, clock, a_case(1), a_case(2), a_case(3, district="430992"), a_case(4))
    monthloop.dispatch(store, run, "2025-06", SUN, clock, unscreened=True)
    assert seal.verify(package) == ([], ["signature not checked (no public key given) / 未验签"])
    monthloop.close(store, run, "2025-06", SUN, clock)
    chain = package / seal.CHAIN
    said = json.loads(chain.read_text())
    assert len(said["entries"]) == 6
    assert all(item["path"] for item in said["entries"])
    assert problems(package) == []
    for change in ("fields", "path", "root"):
        broken = json.loads(chain.read_text())
        if change == "fields":
            broken["entries"][2]["fields"][7] = "2030-01-01T00:00:00+00:00"
        elif change == "path":
            broken["entries"][2]["path"][0][1] = "0" * 64
        else:
            broken["root"] = "0" * 64
        chain.write_text(json.dumps(broken))
        assert problems(package), change
        chain.write_text(json.dumps(said))
