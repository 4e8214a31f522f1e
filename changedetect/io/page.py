"""Write the offline page: one HTML file that opens from a folder or a USB stick, with no network.

The page's own script and style are the only ones that a browser will run: the content security
policy names their hashes, and everything from the data is escaped.
"""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

_TEMPLATES = files("changedetect.io") / "templates"

_POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src '{style}'; script-src '{script}'; "
    "base-uri 'none'; form-action 'none'"
)
"""``file:`` stands for pictures beside the page: a page opened from a folder has no 'self'."""


def _text(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def render_page(context: Mapping[str, Any]) -> str:
    """Fill the template.

    Parameters
    ----------
    context
        From `stages.deliver.page_context`; every text in it is escaped.

    Returns
    -------
    str
        The whole document.

    Raises
    ------
    jinja2.UndefinedError
        The context lacks something that the template shows.
    """
    return _render("page.html", context)


def render_summary(context: Mapping[str, Any]) -> str:
    """Fill the template of the province's page, which only shows tables.

    Parameters
    ----------
    context
        From `stages.deliver.summary_context`.
    """
    return _render("summary.html", context)


@cache
def _environment() -> Environment:
    """Make the environment once: it keeps the templates that it compiled."""
    return Environment(
        loader=FunctionLoader(_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(name: str, context: Mapping[str, Any]) -> str:
    style, script = _text("page.css"), _text("page.js")
    policy = _POLICY.format(style=_hash(style), script=_hash(script))
    return (
        _environment()
        .get_template(name)
        .render(
            **context,
            policy=policy,
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
        )
    )


def write_page(path: Path, context: Mapping[str, Any]) -> None:
    """Write the page; pictures stay beside it under their relative paths."""
    path.write_text(render_page(context), encoding="utf-8", newline="\n")
