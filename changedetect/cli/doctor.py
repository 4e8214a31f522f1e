"""``changedetect doctor``: is this machine fit for the job, and what to do where it is not."""

import typer

from changedetect.cli.console import finish
from changedetect.cli.options import Debug, Json


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("doctor")(doctor)


def doctor(as_json: Json = False, debug: Debug = False) -> None:  # noqa: ARG001
    """Check Python, libraries, codecs, fonts, disk and memory of this machine. 环境自检."""
    from changedetect.pipeline.health import examine

    checks = examine()
    width = max(len(check.name) for check in checks)
    lines = [f"{check.state:<4} {check.name:<{width}}  {check.found}" for check in checks]
    lines += [f"  -> {check.name}: {check.advice}" for check in checks if check.advice]
    bad = any(check.state == "bad" for check in checks)
    facts = {"checks": [check.facts() for check in checks], "fit": not bad}
    finish(facts, lines, as_json=as_json, exit_code=4 if bad else 0)
