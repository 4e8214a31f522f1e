from tests.pipeline.job_fixtures import tiny, tiny_base, whole

__all__ = ["tiny", "tiny_base", "whole"]
