"""What every test may use: hypothesis profiles, slow marker, the folder of real images."""

import os
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.load_profile("ci")

REAL_DATA = Path(
    os.environ.get("CHANGEDETECT_REAL_DATA", Path(__file__).parents[2] / "shared" / "data")
)


def pytest_addoption(parser):
    parser.addoption("--run-slow", action="store_true", help="run tests marked slow")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--run-slow"):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow: needs --run-slow"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real images; tests are skipped by name where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"real images are not at {REAL_DATA} (set CHANGEDETECT_REAL_DATA)")
    return REAL_DATA


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the repository."""
    return Path(__file__).parents[1]
