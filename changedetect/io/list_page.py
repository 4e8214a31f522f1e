"""Write a plain list as one HTML file that opens anywhere, with no script and no network."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from changedetect.io.publish import publish_bytes

_STYLE = (
    "body{font:16px/1.5 system-ui,'Noto Sans CJK SC',sans-serif;margin:1.5rem;color:#1d1d1b}"
    "h1{font-size:1.4rem}table{border-collapse:collapse;width:100%}"
    "th,td{border-bottom:1px solid #ccc;padding:.4rem .6rem;text-align:left;vertical-align:top}"
    "th{background:#f2efe8;position:sticky;top:0}td:first-child{white-space:nowrap}"
)


def write_list_page(
    path: Path, title: str, about: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Write a table as a page; every text in it is escaped.

    Raises
    ------
    InputError
        The file is there already.
    """
    template = (files("changedetect.io") / "templates" / "list.html").read_text(encoding="utf-8")
    policy = "sha256-" + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    style = Markup(_STYLE)  # noqa: S704 - our own
    page = environment.from_string(template).render(
        title=title, about=about, columns=columns, rows=rows, policy=policy, style=style
    )
    publish_bytes(path, page.encode())
