"""Commands about the promise of recall: fit it, check it."""

from pathlib import Path
from typing import Annotated

import typer

from changedetect.cli.console import finish
from changedetect.cli.options import Debug, Json, Overwrite

Changes = Annotated[
    Path, typer.Option(help="Verified changes found independently of our alarms. 独立核实的变化")
]
Layer = Annotated[str | None, typer.Option(help="Layer of the file of changes.")]
Source = Annotated[
    str | None, typer.Option(help="Who found them, where the file does not say: patrol, hotline.")
]
System = Annotated[str | None, typer.Option("--crs", help="EPSG:n of a file that does not tell.")]
Standing = Annotated[
    float | None,
    typer.Option(
        help="Threshold that stands without a promise; none = that of the months.", min=0, max=1
    ),
]


def add_to(app: typer.Typer) -> None:
    """Register the group ``promise``."""
    group = typer.Typer(no_args_is_help=True, help="A recall that can be promised. 查全率承诺")
    group.command("fit")(fit)
    group.command("check")(check)
    app.add_typer(group, name="promise")


def fit(
    changes: Changes,
    run: Annotated[list[Path], typer.Option(help="Folder of a finished month; may be repeated.")],
    out: Annotated[Path, typer.Option(help="Promise file to write. 承诺文件")],
    alpha: Annotated[float, typer.Option(help="Recall of at least 1 - alpha.")] = 0.05,
    delta: Annotated[float, typer.Option(help="With confidence 1 - delta.")] = 0.1,
    setup: Annotated[Path | None, typer.Option(help="YAML: strata, matching, shift.")] = None,
    layer: Layer = None,
    source: Source = None,
    crs: System = None,
    standing: Standing = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Choose thresholds so that recall can be promised, or say why not and what is missing. 拟定承诺."""
    from changedetect.accuracy.promise import Aim
    from changedetect.pipeline.promise import promising
    from changedetect.pipeline.promise.promise_scores import ChangeList

    found, judged = promising.fit(
        ChangeList(changes, layer, source, crs),
        run,
        Aim(alpha, delta),
        promising.settings_of(setup),
        standing,
    )
    found.write(out, overwrite=overwrite)
    report = judged.report
    finish(report.facts, report.lines(), as_json=as_json, exit_code=judged.exit_code)


def check(
    file: Annotated[Path, typer.Argument(help="Promise file. 承诺文件")],
    run: Annotated[
        list[Path] | None, typer.Option(help="Folder of a finished month; may be repeated.")
    ] = None,
    changes: Annotated[
        Path | None, typer.Option(help="Changes verified since, independently. 事后核实的变化")
    ] = None,
    layer: Layer = None,
    source: Source = None,
    crs: System = None,
    standing: Standing = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Say what a promise rests on, whether months have shifted, and whether it was kept. 检验承诺."""
    from changedetect.pipeline.promise import promising
    from changedetect.pipeline.promise.promise_scores import ChangeList

    given = None if changes is None else ChangeList(changes, layer, source, crs)
    judged = promising.check(file, run or (), given, standing)
    report = judged.report
    finish(report.facts, report.lines(), as_json=as_json, exit_code=judged.exit_code)
