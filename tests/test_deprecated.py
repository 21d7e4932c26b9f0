import importlib

import pytest

import kerasbert
from kerasbert.deprecated import ALIASES, renamed_argument

NAMES = [(package, *names) for package in ALIASES for names in ALIASES[package].items()]


@pytest.mark.parametrize(("package", "old", "new"), NAMES)
def test_an_old_name_works_and_warns(package, old, new):
    module = importlib.import_module(package)
    with pytest.warns(DeprecationWarning, match=f"{package}.{old} is now .*{new}"):
        value = getattr(module, old)
    assert value is getattr(module, new)
    assert old not in dir(module)


def test_the_warning_points_at_the_line_that_uses_the_name():
    with pytest.warns(DeprecationWarning) as caught:
        kerasbert.training.Features  # noqa: B018
    assert caught[0].filename == __file__


def test_an_old_argument_works_and_warns():
    @renamed_argument("encoder", "model")
    def made(model, pooling="mean"):
        return model, pooling

    with pytest.warns(DeprecationWarning, match="argument encoder of .* is now model"):
        assert made(encoder=1, pooling="max") == (1, "max")
    assert made(2) == (2, "mean")
    with pytest.raises(TypeError, match="model alone, got encoder"):
        made(model=1, encoder=2)
