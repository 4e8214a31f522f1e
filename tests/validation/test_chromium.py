"""The offline page in the real Chromium: it draws, its script runs, nothing leaves the machine."""

import os
import re
import shutil
import subprocess
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from PIL import Image

from changedetect.io.page import write_page
from changedetect.stages.deliver import layers, page_context
from tests.sample_package import empty_package, make_package, sample_chips

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browse(tmp_path_factory):
    """A function: opens a page from file:// and returns its document after scripts, log, picture."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (chromium or google-chrome)")
    profile = tmp_path_factory.mktemp("profile")

    def run(page, size="1300,1600"):
        base = [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={size}",
            "--virtual-time-budget=3000", f"--user-data-dir={profile}", "--enable-logging=stderr", "--v=0",
            "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
        ]  # fmt: skip
        picture = page.with_suffix(".png")
        done = subprocess.run(
            [*base, f"--screenshot={picture}", "--dump-dom", page.as_uri()],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert picture.is_file(), done.stderr[-2000:]
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        return done.stdout, console, picture

    return run


def published(folder, package):
    for path, data in sample_chips(package, 256).items():
        target = folder / path
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(data)
    page = folder / "index.html"
    write_page(page, page_context(package, layers(package)))
    return page


def colours(picture):
    with Image.open(picture) as image:
        return {colour for _, colour in image.convert("RGB").getcolors(1 << 24)}


def test_chromium__draws_the_page_and_runs_its_script(browse, tmp_path):
    document, console, picture = browse(published(tmp_path, make_package()))
    assert console == []
    assert document.count("--cut: 50%") == len(make_package().chips)  # set by the script
    found = colours(picture)
    assert (23, 58, 94) in found  # the header: the style was applied
    assert (198, 40, 40) in found  # red tone of a suspected case
    keep = os.environ.get("CHANGEDETECT_KEEP_PICTURES")
    if keep:
        shutil.copy(picture, Path(keep) / "page.png")


def test_chromium__shows_pictures_from_beside_the_page(browse, tmp_path):
    package = make_package()
    page = published(tmp_path, package)
    for path in tmp_path.glob("chips/*.jpg"):
        Image.new("RGB", (64, 64), (255, 0, 255)).save(path, quality=100, subsampling=0)
    _, console, picture = browse(page)
    assert console == []
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    magenta = np.abs(pixels - [255, 0, 255]).max(axis=2) < 15
    assert magenta.sum() > 50_000


class Trap(BaseHTTPRequestHandler):
    """Writes down whoever asks for anything."""

    asked: list[str] = []

    def do_GET(self):
        self.asked.append(self.path)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def trap():
    Trap.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Trap)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def test_chromium__hostile_text_runs_nothing_and_calls_nobody(browse, tmp_path, trap):
    address = f"http://127.0.0.1:{trap}"
    payload = (
        f"<img src={address}/img onerror=\"document.title='pwned'\"><script>fetch('{address}/js');"
        f"document.title='pwned'</script><link rel=stylesheet href={address}/css><iframe src={address}/frame>"
    )
    package = make_package()
    cases = tuple(replace(case, reasons=(payload,), missing=(payload,)) for case in package.cases)
    document, console, _ = browse(
        published(tmp_path, replace(package, cases=cases, district_name=payload))
    )
    assert Trap.asked == []
    assert console == []
    assert "pwned'&gt;" in document or "&lt;script&gt;" in document
    assert not re.search(r"<title>pwned</title>", document)
    assert "<iframe" not in document


def test_chromium__policy_stops_what_would_slip_in(browse, tmp_path, trap):
    """The second lock: markup put into the finished file by hand still calls nobody."""
    page = published(tmp_path, make_package())
    address = f"http://127.0.0.1:{trap}"
    evil = f"<img src={address}/img><script>document.title='pwned';fetch('{address}/js')</script></main>"
    page.write_text(page.read_text(encoding="utf-8").replace("</main>", evil), encoding="utf-8")
    document, console, _ = browse(page)
    assert Trap.asked == []
    assert "<title>pwned</title>" not in document
    assert any("Content Security Policy" in line for line in console)


def test_trap__does_catch(trap, browse, tmp_path):
    """Negative control: the same markup without a policy does call."""
    page = tmp_path / "open.html"
    page.write_text(f"<img src=http://127.0.0.1:{trap}/img>", encoding="utf-8")
    browse(page)
    assert "/img" in Trap.asked


def test_chromium__empty_month(browse, tmp_path):
    document, console, _ = browse(published(tmp_path, empty_package()))
    assert console == []
    assert "本期无案件" in document


def test_chromium__fits_a_phone(browse, tmp_path):
    page = published(tmp_path, make_package())
    probe = "<script>document.title='wide ' + document.documentElement.scrollWidth</script></body>"
    text = page.read_text(encoding="utf-8").replace("</body>", probe)
    text = re.sub(
        r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text
    )  # so that the probe may run
    page.write_text(text, encoding="utf-8")
    document, _, _ = browse(page, "500,900")
    assert int(re.search(r"<title>wide (\d+)</title>", document).group(1)) <= 500
