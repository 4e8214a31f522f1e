"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path, typer.Argument(help="Job file (YAML). 任务配置文件", metavar="CONFIG")]
Month = Annotated[str, typer.Option(help="Month to work on, YYYY-MM. 监测月份", metavar="YYYY-MM")]
Out = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the job: months and ledger (default: runs/NAME). 输出目录", metavar="DIR"
    ),
]
Tile = Annotated[
    int | None, typer.Option(help="Side of a tile; results do not depend on it. [px]", min=64)
]
Workers = Annotated[
    int,
    typer.Option(
        help="Tiles, and counties of many patches, worked on at once; 0 = one per core.", min=0
    ),
]
Scheduler = Annotated[
    str, typer.Option(help="threads, processes, or tcp://HOST:PORT of a dask cluster.")
]
Json = Annotated[bool, typer.Option("--json", help="Result as JSON on stdout, the rest on stderr.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, warnings only.")]
Listen = Annotated[
    str, typer.Option("--progress", help="auto (bar on a terminal), plain, ndjson, or none.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace earlier results.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show where an error happened.")]
Actor = Annotated[
    str | None, typer.Option(help="Who acts, for the ledger (default: the OS user). 操作人")
]
