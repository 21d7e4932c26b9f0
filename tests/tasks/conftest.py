import functools

import pytest


@pytest.fixture(scope="session", autouse=True)
def each_tokenizer_is_built_once():
    """The tables of a tokenizer take a second to build, and most folders share one."""
    from kerasbert.text import Tokenizer

    with pytest.MonkeyPatch.context() as patch:
        cached = functools.cache(Tokenizer.from_config)
        patch.setattr(Tokenizer, "from_config", staticmethod(cached))
        yield
