"""Commands that judge a result: pixels, patches, reference points, and a month against its world."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from changedetect.cli.console import finish
from changedetect.cli.options import Debug, Json, Overwrite


class _MonthByDefault(TyperGroup):
    """``evaluate RUN`` is ``evaluate month RUN``: the command is older than its group."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's own
        """Put the default command before what is no command."""
        if args and args[0] not in {*self.commands, "--help"}:
            args = ["month", *args]
        return super().parse_args(ctx, args)


evaluate = typer.Typer(
    cls=_MonthByDefault,
    help="Judge a result: pixels, patches, reference points. 精度评价",
    no_args_is_help=True,
)

Result = Annotated[
    Path, typer.Argument(help="Folder of a run or a quick look, or a raster of scores. 结果")
]
Folder = Annotated[
    Path | None, typer.Option("--out", help="Folder for tables, curves and page. 输出目录")
]
TruthFile = Annotated[
    Path, typer.Option(help="Raster of labels, or polygon layer of true change. 真值")
]
TruthUnchanged = Annotated[
    Path | None,
    typer.Option(
        help="Second raster or layer: ground known to be unchanged; the rest is unlabelled."
    ),
]
Changed = Annotated[
    str | None, typer.Option(help="Truth values that mean changed, e.g. 255 or 128-255 or a,b.")
]
Unchanged = Annotated[
    str | None, typer.Option(help="Truth values that mean unchanged; others are unlabelled.")
]
Layer = Annotated[str | None, typer.Option(help="Layer of a polygon file.")]
Column = Annotated[str | None, typer.Option(help="Column of a polygon file that holds the labels.")]
Setup = Annotated[
    Path | None, typer.Option(help="YAML with the same settings and more (docs/guide.zh.md).")
]
Threshold = Annotated[
    float | None, typer.Option(help="Score from which on it is an alarm (default: as stated).")
]
Stated = Annotated[float | None, typer.Option(help="False-alarm rate stated for --threshold.")]
Margin = Annotated[
    int | None, typer.Option(help="Unchanged pixels this near to change count nothing. [px]", min=0)
]


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    app.add_typer(evaluate, name="evaluate")


@evaluate.command("month")
def month(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run. 运行目录")],
    truth: Annotated[Path, typer.Option(help="truth.gpkg of the world.")],
    out: Folder = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Score a run against the truth: recall, precision, legality, and what became of each. 精度评价."""
    from changedetect.pipeline.judging import accuracy
    from changedetect.pipeline.judging.evaluation import evaluate as score

    report = score(run, truth, with_pixels=out is not None)
    accuracy.write(report.whole(), out, overwrite=overwrite)
    finish(report.facts(), report.lines(), as_json=as_json)


@evaluate.command("pixels")
def pixels(
    result: Result,
    truth: TruthFile,
    out: Folder = None,
    truth_unchanged: TruthUnchanged = None,
    changed: Changed = None,
    unchanged: Unchanged = None,
    layer: Layer = None,
    column: Column = None,
    margin: Margin = None,
    threshold: Threshold = None,
    stated_rate: Stated = None,
    setup: Setup = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Pixel accuracy against labels: OA, kappa, F1, false alarms, ROC and PR curves. 像元精度."""
    from changedetect.pipeline.judging import accuracy
    from changedetect.pipeline.judging.truths import TruthOptions

    settings = accuracy.settings_of(setup, changed=changed, unchanged=unchanged, margin_px=margin)
    report = accuracy.pixels(
        result,
        TruthOptions(truth, truth_unchanged, layer, column),
        settings,
        threshold=threshold,
        stated_rate=stated_rate,
    )
    accuracy.write(report, out, overwrite=overwrite)
    finish(report.facts, report.lines(), as_json=as_json)


@evaluate.command("patches")
def patches(
    result: Result,
    truth: TruthFile,
    out: Folder = None,
    truth_unchanged: TruthUnchanged = None,
    changed: Changed = None,
    unchanged: Unchanged = None,
    layer: Layer = None,
    column: Column = None,
    pixel_m: Annotated[
        float | None, typer.Option(help="Pixel size of pictures without georeference. [m]")
    ] = None,
    setup: Setup = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Recall and precision of patches by size and type, before and after the classifier. 图斑精度."""
    from changedetect.pipeline.judging import accuracy
    from changedetect.pipeline.judging.truths import TruthOptions

    settings = accuracy.settings_of(setup, changed=changed, unchanged=unchanged, pixel_m=pixel_m)
    report = accuracy.patches(result, TruthOptions(truth, truth_unchanged, layer, column), settings)
    accuracy.write(report, out, overwrite=overwrite)
    finish(report.facts, report.lines(), as_json=as_json)


@evaluate.command("points")
def points(
    file: Annotated[
        Path, typer.Argument(help="CSV or GeoPackage of interpreted points. 已判读样点")
    ],
    strata: Annotated[
        Path | None, typer.Option(help="CSV of strata: stratum, area_m2, map_class.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="Key of a blind sample: point_id, stratum.")
    ] = None,
    out: Folder = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Area-adjusted accuracy and areas with 95% intervals from reference points. 面积校正精度."""
    from changedetect.pipeline.judging import accuracy

    report = accuracy.points(file, strata, key)
    accuracy.write(report, out, overwrite=overwrite)
    finish(report.facts, report.lines(), as_json=as_json)


@evaluate.command("sample")
def sample(
    result: Annotated[Path, typer.Argument(help="Folder of a run or a quick look. 结果目录")],
    out: Annotated[Path, typer.Option(help="GeoPackage for the points. 样点文件")],
    per_stratum: Annotated[int, typer.Option(help="Points of each stratum.", min=2)] = 50,
    seed: Annotated[int, typer.Option(help="What the draw depends on.", min=0)] = 1,
    below_share: Annotated[
        float,
        typer.Option(help="Share of unalarmed pixels in the stratum just_below.", min=0, max=0.5),
    ] = 0.01,
    blind: Annotated[
        bool,
        typer.Option("--blind", help="Keep from the interpreter what the map says (.key.csv)."),
    ] = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Draw a stratified random sample to interpret, with near misses and unobserved ground. 抽样."""
    from changedetect.pipeline.judging import sampling

    plan = sampling.SamplePlan(per_stratum, seed, below_share, blind)
    report = sampling.sample(result, out, plan, overwrite=overwrite)
    finish(report.facts, report.lines(), as_json=as_json)
