"""Commands that prove a result: verify or sign a package, do a finding again."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from changedetect.cli.console import finish, listener
from changedetect.cli.options import Config, Debug, Json, Listen, Out, Quiet, Workers
from changedetect.errors import ConfigError

Folder = Annotated[
    Path, typer.Argument(help="Folder of a case package. 案件包目录", exists=True, file_okay=False)
]


def add_to(app: typer.Typer) -> None:
    """Register ``verify`` and ``sign``."""
    app.command("verify")(verify)
    app.command("sign")(sign)
    app.command("reproduce")(reproduce)


def verify(
    package: Folder,
    key: Annotated[
        str | None, typer.Option(help="Public key of the signer, 64 hex digits. 公钥")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Check a package against its seal, ledger entries and signature. 案件包校验."""
    from changedetect.pipeline.ledger import packages

    report = packages.verify(package, key)
    finish(report.facts(), report.lines(), as_json=as_json)


def sign(
    package: Folder,
    key: Annotated[Path, typer.Option(help="Private Ed25519 key, PEM. 私钥", exists=True)],
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Sign the manifest of a package. 案件包签名."""
    from changedetect.pipeline.ledger import packages

    report = packages.sign(package, key)
    finish(report.facts(), report.lines(), as_json=as_json)


def reproduce(
    config: Config,
    number: Annotated[str, typer.Argument(help="Case number. 案件编号", metavar="CASE")],
    start: Annotated[
        str,
        typer.Option("--from", help="records: rules and records anew; images: everything anew."),
    ] = "records",
    out: Out = None,
    workers: Workers = 0,
    as_json: Json = False,
    quiet: Quiet = False,
    progress: Listen = "auto",
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Do the finding behind a case again and say whether it is the same to the byte. 复现判定."""
    from changedetect.pipeline.reproduce import reproduce as again
    from changedetect.pipeline.runs.context import RunOptions
    from changedetect.pipeline.runs.job import open_job

    if start not in {"records", "images"}:
        msg = f"--from {start!r}: records or images was expected"
        raise ConfigError(msg)
    report = again(
        open_job(config),
        number,
        RunOptions(out=out, workers=workers, actor=getpass.getuser()),
        start="images" if start == "images" else "records",
        progress=listener(progress, quiet=quiet),
        clock=lambda: datetime.now(UTC),  # noqa: TID251 - the clock
    )
    finish(report.facts(), report.lines(), as_json=as_json, exit_code=report.exit_code)
