"""Quick looks at any images, without a province's records."""

from pathlib import Path
from typing import Annotated

import typer

from changedetect.cli import month
from changedetect.cli.console import finish, listener
from changedetect.cli.options import Debug, Json, Listen, Overwrite, Quiet, Tile, Workers

detect = typer.Typer(
    help="Quick looks at any images, without records. 快速比对，不需要业务图层",
    no_args_is_help=True,
)

Folder = Annotated[Path, typer.Option("--out", help="Folder for results. 输出目录")]
Sensor = Annotated[
    str | None, typer.Option(help="Sensor profile under configs/sensors (default: guessed).")
]


def add_to(app: typer.Typer) -> None:
    """Register the group, with the detection stage of the monthly job."""
    text = "Measure evidence and outline the patches of a month. 整月变化检测与图斑提取"
    detect.command("month", help=text)(month.stage("detect", text))
    app.add_typer(detect, name="detect")


@detect.command("pair")
def pair(
    before: Annotated[Path, typer.Argument(help="Older image. 前时相")],
    after: Annotated[Path, typer.Argument(help="Newer image. 后时相")],
    out: Folder,
    sensor: Sensor = None,
    tile: Tile = None,
    workers: Workers = 0,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    progress: Listen = "auto",
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Compare two images: evidence.tif, change.tif, patches.gpkg, preview.png. 两期影像比对."""
    from changedetect.pipeline.looks.look import LookOptions
    from changedetect.pipeline.looks.quicklook import look_at_pair

    options = LookOptions(out, sensor, tile_px=tile, workers=workers, overwrite=overwrite)
    report = look_at_pair(before, after, options, progress=listener(progress, quiet=quiet))
    finish(report.facts(), report.lines(), as_json=as_json, exit_code=report.exit_code)


@detect.command("mad")
def mad(
    before: Annotated[Path, typer.Argument(help="Older image. 前时相")],
    after: Annotated[Path, typer.Argument(help="Newer image. 后时相")],
    out: Folder,
    sensor: Sensor = None,
    variates: Annotated[
        bool, typer.Option("--variates", help="Also write the variates. 同时输出各变化分量")
    ] = False,
    align: Annotated[
        bool, typer.Option(help="Shift the newer image onto the older one. 自动配准")
    ] = True,
    tile: Tile = None,
    workers: Workers = 0,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    progress: Listen = "auto",
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Compare two images by IR-MAD, a second opinion: mad.tif, preview.png. 两期影像多元变化检测."""
    from changedetect.pipeline.looks.look import LookOptions
    from changedetect.pipeline.looks.madlook import look_at_mad

    options = LookOptions(out, sensor, tile_px=tile, workers=workers, overwrite=overwrite)
    listens = listener(progress, quiet=quiet)
    report = look_at_mad(before, after, options, progress=listens, variates=variates, align=align)
    finish(report.facts(), report.lines(), as_json=as_json, exit_code=report.exit_code)


@detect.command("series")
def series(
    scenes: Annotated[
        Path, typer.Argument(help="Folder with the images of a series. 时序影像目录")
    ],
    out: Folder,
    sensor: Sensor = None,
    since: Annotated[
        str | None, typer.Option(help="Report changes first seen after this day, YYYY-MM-DD.")
    ] = None,
    plot: Annotated[
        list[str] | None,
        typer.Option(help="Draw a pixel: ROW,COL, or X,Y with a decimal point. 像元时序图"),
    ] = None,
    tile: Tile = None,
    workers: Workers = 0,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    progress: Listen = "auto",
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Follow each pixel through a folder of dated images and report breaks. 时序变化检测.

    Call again with the same --out after adding images: only those are read. 增加影像后再次运行只读新影像。
    """
    from changedetect.pipeline.looks.look import LookOptions
    from changedetect.pipeline.looks.serieslook import look_at_series

    options = LookOptions(out, sensor, tile_px=tile, workers=workers, overwrite=overwrite)
    listens = listener(progress, quiet=quiet)
    report = look_at_series(scenes, options, since=since, progress=listens, plots=plot or ())
    finish(report.facts(), report.lines(), as_json=as_json, exit_code=report.exit_code)
