import functools
import pathlib

import pytest

import kerasbert

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"


@pytest.fixture(scope="session", autouse=True)
def each_tokenizer_is_built_once():
    """The tables of a tokenizer take a second to build, and most folders share one."""
    from kerasbert.text import Tokenizer

    with pytest.MonkeyPatch.context() as patch:
        cached = functools.cache(Tokenizer.from_config)
        patch.setattr(Tokenizer, "from_config", staticmethod(cached))
        yield


@pytest.fixture(scope="session")
def loaded():
    """The embedder of a folder, loaded once."""
    return functools.cache(kerasbert.TextEmbedder.from_pretrained)


@pytest.fixture(scope="session")
def embedder(loaded):
    return loaded(FIXTURES / "sentence_mean" / "sentence_transformers")


@pytest.fixture(scope="session")
def bert(loaded):
    return loaded(FIXTURES / "bert_tiny" / "huggingface")


@pytest.fixture(scope="session")
def albert(loaded):
    return loaded(FIXTURES / "albert_tiny" / "huggingface")
