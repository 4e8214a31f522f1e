"""``changedetect bench``: what the job costs, as ratios in one run on this machine."""

import os
from pathlib import Path
from typing import Annotated

import typer

from changedetect.cli.console import finish, listener
from changedetect.cli.options import Debug, Json, Listen, Quiet
from changedetect.errors import ConfigError

CODECS = ("deflate", "zstd", "none")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("bench")(bench)


def bench(
    size: Annotated[
        int | None,
        typer.Option(help="Side of a generated scene; none = the sample tiles. [px]", min=512),
    ] = None,
    bands: Annotated[int, typer.Option(help="Bands of a generated scene.", min=3, max=7)] = 4,
    codec: Annotated[str, typer.Option(help="deflate, zstd or none.")] = "deflate",
    repeat: Annotated[int, typer.Option(help="Measure each piece so often; medians.", min=1)] = 1,
    workers: Annotated[
        int, typer.Option(help="Threads of decoding, evidence and month; 0 = one per core.", min=0)
    ] = 2,
    month: Annotated[bool, typer.Option(help="Also the whole month, packages and all.")] = True,
    ledger: Annotated[
        int | None,
        typer.Option(help="Measure only a ledger of so many generated cases.", min=100),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(help="Empty PostgreSQL database for --ledger; none = an SQLite file."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--report", help="Write the figures as JSON.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Measure and draw cost against area and workers (PNG).")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    progress: Listen = "auto",
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Measure speed and memory beside bare decoding and other software. 性能测试."""
    import json

    if ledger is not None:
        _ledger(ledger, server, file, (as_json, quiet, progress))
        return
    from changedetect.bench import page, suite

    if codec not in CODECS:
        msg = f"--codec {codec!r}: one of {', '.join(CODECS)} was expected"
        raise ConfigError(msg)
    told = listener(progress, quiet=quiet)
    told.begin("bench", 0)
    count = workers or len(os.sched_getaffinity(0))
    choice = suite.Choice(size, bands, codec, repeat, count, month)
    report = suite.run(choice, lambda name: told.advance("bench", name))
    if plot is not None:
        sizes = [side for side in (1024, 2048, 4096, 10980) if side <= (size or 2048)]
        counts = sorted({1, 2, count})
        suite.scaling(report, counts, sizes, lambda name: told.advance("bench", name))
        page.write_plot(plot, report)
    told.end("bench", "measured")
    if file is not None:
        text = json.dumps(report.facts(), ensure_ascii=False, indent=1)
        file.write_text(text + "\n", encoding="utf-8")
    finish(report.facts(), page.lines(report), as_json=as_json)


def _ledger(
    cases: int, server: str | None, file: Path | None, shown: tuple[bool, bool, str]
) -> None:
    import json

    from changedetect.bench import ledger

    as_json, quiet, progress = shown
    told = listener(progress, quiet=quiet)
    told.begin("bench", 0)
    report = ledger.measure(cases, server, lambda name: told.advance("bench", name))
    told.end("bench", "measured")
    if file is not None:
        text = json.dumps(report.facts(), ensure_ascii=False, indent=1)
        file.write_text(text + "\n", encoding="utf-8")
    finish(report.facts(), report.lines(), as_json=as_json)
