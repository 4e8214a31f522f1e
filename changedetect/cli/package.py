"""Commands about a case package by itself: verify it, sign it."""

from pathlib import Path
from typing import Annotated

import typer

from changedetect.cli.console import finish
from changedetect.cli.options import Debug, Json

Folder = Annotated[
    Path, typer.Argument(help="Folder of a case package. 案件包目录", exists=True, file_okay=False)
]


def add_to(app: typer.Typer) -> None:
    """Register ``verify`` and ``sign``."""
    app.command("verify")(verify)
    app.command("sign")(sign)


def verify(
    package: Folder,
    key: Annotated[
        str | None, typer.Option(help="Public key of the signer, 64 hex digits. 公钥")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Check a package against its seal, ledger entries and signature. 案件包校验."""
    from changedetect.pipeline import packages

    report = packages.verify(package, key)
    finish(report.facts(), report.lines(), as_json=as_json)


def sign(
    package: Folder,
    key: Annotated[Path, typer.Option(help="Private Ed25519 key, PEM. 私钥", exists=True)],
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Sign the manifest of a package. 案件包签名."""
    from changedetect.pipeline import packages

    report = packages.sign(package, key)
    finish(report.facts(), report.lines(), as_json=as_json)
