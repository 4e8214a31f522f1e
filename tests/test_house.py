"""The house as it is drawn: flow, sizes, documents, errors and configuration say the same."""

import importlib
import pkgutil
import re
import shutil
import subprocess

import pytest
import typer

import changedetect
from changedetect import errors, stages
from changedetect.cli.app import app
from changedetect.config.base import Section
from changedetect.errors import ChangeDetectError

LARGEST_MODULE = 400
"""More lines have two reasons to change: split. [lines]"""

PRIVATE = tuple("/" + place for place in ("work/", "root/")) + ("." + "library",)
"""Parts of paths of machines on which the software was made."""


def tracked(repository):
    """Every file under version control, as paths."""
    git = shutil.which("git")
    if git is None or not (repository / ".git").exists():
        pytest.skip("not a git checkout, so what belongs to the repository is not known")
    names = subprocess.run(
        [git, "ls-files", "-z"], cwd=repository, check=True, capture_output=True, text=True
    ).stdout
    return [repository / name for name in names.split("\0") if name]


def test_flow__is_the_stages_folder():
    found = {module.name for module in pkgutil.iter_modules(stages.__path__)}
    assert found == set(changedetect.FLOW)
    assert len(changedetect.FLOW) == len(found)


def test_flow__stands_in_the_readme_in_its_order(repository):
    text = (repository / "README.md").read_text(encoding="utf-8")
    assert " → ".join(f"`{name}`" for name in changedetect.FLOW) in text
    rows = [text.index(f"| {name} |") for name in changedetect.FLOW]
    assert rows == sorted(rows)


def test_size__no_module_grows_beyond_one_reason_to_change(repository):
    sizes = {
        path.relative_to(repository).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in (repository / "changedetect").rglob("*.py")
    }
    too_large = {name: size for name, size in sizes.items() if size > LARGEST_MODULE}
    assert not too_large


def test_files__name_no_private_place(repository):
    for path in tracked(repository):
        data = path.read_bytes()
        found = [place for place in PRIVATE if place.encode() in data]
        assert not found, f"{path.relative_to(repository)} names {found}"


def test_readme__its_links_lead_somewhere(repository):
    documents = [path for path in tracked(repository) if path.suffix == ".md"]
    assert len(documents) >= 4
    for path in documents:
        for target in re.findall(r"\]\(([^)#\s]+)\)", path.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path.name} links to {target}"


def leaves(group, words=()):
    for name, command in sorted(group.commands.items()):
        here = (*words, name)
        yield from leaves(command, here) if hasattr(command, "commands") else [(here, command)]


def test_readme__shows_every_command(repository):
    text = (repository / "README.md").read_text(encoding="utf-8")
    every = [" ".join(words) for words, _ in leaves(typer.main.get_command(app))]
    missing = [
        words for words in every if not re.search(rf"`(?:changedetect )?{words}(?:[ `])", text)
    ]
    assert len(every) >= 15
    assert not missing, f"README.md does not show: {', '.join(missing)}"


def test_commands__have_help_and_every_option_has_it():
    for words, command in leaves(typer.main.get_command(app)):
        assert command.get_short_help_str(), words
        for option in command.params:
            assert getattr(option, "help", None), f"{' '.join(words)}: {option.name}"


def test_readme__gives_the_exit_codes_of_the_errors(repository):
    text = (repository / "README.md").read_text(encoding="utf-8")
    codes = {kind.exit_code for kind in subclasses(ChangeDetectError)}
    assert codes == {2, 4, 5, 6, 7}
    for code in (0, 3, *codes):
        assert re.search(rf"\b{code} (done|usage|partial|input|integrity|locked|resources)", text)


def subclasses(kind):
    for one in kind.__subclasses__():
        yield one
        yield from subclasses(one)


def test_errors__the_tree_in_the_docstring_is_the_tree_in_the_code():
    drawn = dict(re.findall(r"(\w+Error)\s+(\d)", errors.__doc__))
    real = {
        kind.__name__: str(kind.exit_code)
        for kind in (ChangeDetectError, *subclasses(ChangeDetectError))
        if kind.__module__ == errors.__name__
    }
    assert drawn == real


def test_configuration__every_key_says_what_it_means():
    from changedetect import config

    for module in pkgutil.iter_modules(config.__path__):
        importlib.import_module(f"{config.__name__}.{module.name}")
    sections = [one for one in subclasses(Section) if one.__module__.startswith("changedetect.")]
    assert len(sections) > 10
    for section in sections:
        for name, field in section.model_fields.items():
            is_part = isinstance(field.annotation, type) and issubclass(field.annotation, Section)
            assert is_part or field.description, f"{section.__name__}.{name} has no description"


def test_decisions__are_numbered_and_say_what_was_weighed(repository):
    pages = sorted((repository / "docs" / "decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{n:04d}" for n in range(1, len(pages) + 1)]
    for page in pages:
        text = page.read_text(encoding="utf-8").lower()
        for word in ("context", "decision", "consequences"):
            assert word in text, f"{page.name} says nothing under {word}"
