import warnings

import pytest


@pytest.fixture
def truncation_is_known():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*were truncated.*")
        yield
