"""Commands about configuration: check it, show what is in force."""

import json

import typer

from changedetect.cli.options import Config, Debug, Json

config_app = typer.Typer(help="Check and show configuration. 配置检查", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    app.add_typer(config_app, name="config")


@config_app.command("check")
def check(config: Config, as_json: Json = False, debug: Debug = False) -> None:  # noqa: ARG001
    """Read a job file with its themes and sensors; name every mistake with its line. 检查配置."""
    from changedetect.cli.console import finish
    from changedetect.pipeline.runs.job import open_job

    job = open_job(config)
    facts = {
        "job": job.config.name,
        "digest": job.digest,
        "themes": [theme.code for theme in job.themes],
        "sensors": [profile.name for profile in job.profiles],
    }
    lines = [f"{config}: ok", *(f"  {key}: {value}" for key, value in facts.items())]
    finish(facts, lines, as_json=as_json)


@config_app.command("show")
def show(
    config: Config,
    effective: bool = typer.Option(False, "--effective", help="With all defaults filled in."),
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Print the configuration as JSON: as written, or with all defaults. 显示生效配置."""
    from changedetect.pipeline.runs.job import open_job

    job = open_job(config)
    data = job.config.model_dump(mode="json", exclude_unset=not effective)
    if effective:
        data["themes"] = [theme.model_dump(mode="json") for theme in job.themes]
        data["sensors"] = [profile.model_dump(mode="json") for profile in job.profiles]
    print(json.dumps(data, ensure_ascii=False, indent=1))
