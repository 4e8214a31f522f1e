"""``evaluate recapture``: recall from a second, independent list."""

from pathlib import Path
from typing import Annotated

import typer

from changedetect.cli.accuracy import Folder, Setup
from changedetect.cli.console import finish
from changedetect.cli.options import Debug, Json, Overwrite
from changedetect.cli.promise import Layer, Source, Standing, System


def recapture(
    run: Annotated[Path, typer.Argument(help="Folder of a finished month. 运行目录")],
    changes: Annotated[
        Path, typer.Option("--list", help="The other list: patrol, ministry, hotline. 独立清单")
    ],
    ours: Annotated[
        int | None, typer.Option(help="How many of our patches were confirmed true.", min=0)
    ] = None,
    setup: Setup = None,
    layer: Layer = None,
    source: Source = None,
    crs: System = None,
    standing: Standing = None,
    out: Folder = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Estimate recall, and how many changes there are, from a second list (capture-recapture). 两源召回."""
    from changedetect.pipeline.judging import accuracy
    from changedetect.pipeline.promise import promising, two_lists
    from changedetect.pipeline.promise.promise_scores import ChangeList

    report = two_lists.compare(
        run,
        ChangeList(changes, layer, source, crs),
        promising.settings_of(setup),
        standing,
        ours,
    )
    accuracy.write(report, out, overwrite=overwrite)
    finish(report.facts, report.lines(), as_json=as_json)
