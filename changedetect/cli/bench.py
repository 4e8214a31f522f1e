"""``changedetect bench``: what the job costs, as ratios in one run on this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from changedetect.cli.console import Listener, finish, listener
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
    counties: Annotated[
        str | None,
        typer.Option(help="Only the cross-check, of so many counties of one size: 1,4,8."),
    ] = None,
    parcels: Annotated[
        int, typer.Option(help="Parcels of each county; patches a 15th, approvals a 6th.", min=150)
    ] = 37_500,
    ledger: Annotated[
        int | None,
        typer.Option(help="Measure only a ledger of so many generated cases.", min=100),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(help="Empty PostgreSQL database for --ledger; none = an SQLite file."),
    ] = None,
    peers: Annotated[
        Path | None,
        typer.Option(
            help="Python of an environment with nrt, rioxarray and dask, to compare with."
        ),
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
    if ledger is not None:
        _ledger(ledger, server, file, (as_json, quiet, progress))
        return
    from changedetect.bench import page, suite
    from changedetect.pipeline.runs.context import RunOptions

    if codec not in CODECS:
        msg = f"--codec {codec!r}: one of {', '.join(CODECS)} was expected"
        raise ConfigError(msg)
    told = listener(progress, quiet=quiet)
    told.begin("bench", 0)
    if counties is not None:
        from changedetect.bench import land

        numbers = _numbers(counties)
        found = land.measure_land(
            numbers, parcels, lambda name: told.advance("bench", name), twin=True
        )
        _finish(told, file, land.facts(found), land.lines(found), as_json=as_json)
        return
    count = RunOptions(workers=workers).worker_count
    choice = suite.Choice(size, bands, codec, repeat, count, month, peers)
    report = suite.run(choice, lambda name: told.advance("bench", name))
    if plot is not None:
        sizes = [side for side in (1024, 2048, 4096, 10980) if side <= (size or 2048)]
        counts = sorted({1, 2, count})
        suite.scaling(report, counts, sizes, lambda name: told.advance("bench", name))
        page.write_plot(plot, report)
    _finish(told, file, report.facts(), page.lines(report), as_json=as_json)


def _numbers(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        msg = f"--counties {text!r}: numbers from 1 with commas were expected, such as 1,4,8"
        raise ConfigError(msg)
    return [int(part) for part in parts]


def _finish(
    told: Listener,
    file: Path | None,
    facts: Mapping[str, Any],
    lines: list[str],
    *,
    as_json: bool,
) -> None:
    """Write the figures where they are wanted."""
    import json

    told.end("bench", "measured")
    if file is not None:
        text = json.dumps(facts, ensure_ascii=False, indent=1)
        file.write_text(text + "\n", encoding="utf-8")
    finish(facts, lines, as_json=as_json)


def _ledger(
    cases: int, server: str | None, file: Path | None, shown: tuple[bool, bool, str]
) -> None:
    from changedetect.bench import ledger

    as_json, quiet, progress = shown
    told = listener(progress, quiet=quiet)
    told.begin("bench", 0)
    report = ledger.measure(cases, server, lambda name: told.advance("bench", name))
    _finish(told, file, report.facts(), report.lines(), as_json=as_json)
