"""Fixtures that the tests of the pipeline and of the command line share."""

import pytest

from tests.pipeline import tiny_job


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory):
    """Folder with the pristine job and its model."""
    return tiny_job.pristine(tmp_path_factory.getbasetemp() / "tiny")


@pytest.fixture
def tiny(tiny_base, tmp_path, monkeypatch):
    """Config file of a fresh copy of the job; classify uses the tests' model."""
    tiny_job.use_model(tiny_base, monkeypatch)
    return tiny_job.copy_job(tiny_base, tmp_path / "job")


@pytest.fixture(scope="session")
def whole(tiny_base, tmp_path_factory):
    """Config file of a job with one unbroken run beside it; tests leave it as it is."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        tiny_job.use_model(tiny_base, monkeypatch)
        config = tiny_job.copy_job(tiny_base, tmp_path_factory.mktemp("whole") / "job")
        tiny_job.run(config)
    return config
