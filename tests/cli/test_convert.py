import pathlib

import numpy as np
import pytest

from kerasbert.checkpoints.containers import WRITERS, read_checkpoint
from kerasbert.checkpoints.vocabulary import read_tokenizer
from kerasbert.cli.convert import Format

pytest.importorskip("tensorflow")

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"


def test_the_formats_are_those_that_can_be_written():
    assert {format.value for format in Format} == set(WRITERS)


@pytest.mark.parametrize("format", sorted(WRITERS))
def test_every_weight_and_the_vocabulary_arrive(kerasbert, tmp_path, format):
    source = FIXTURES / "bert_tiny/tfhub_mlm"
    done = kerasbert("convert", source, tmp_path / "out", "--to", format)
    assert done.code == 0
    for line in done.err.splitlines():  # what the format cannot say
        assert line.startswith("kerasbert: warning: KerasHub")
    before, after = read_checkpoint(source), read_checkpoint(tmp_path / "out")
    assert after.config.hidden_size == before.config.hidden_size
    assert after.heads == before.heads == ("masked_lm_head",)
    assert set(after.weights) == set(before.weights)
    for path, read in before.weights.items():
        np.testing.assert_array_equal(after.weights[path](), read())
    tokenizers = map(read_tokenizer, (source, tmp_path / "out"))
    assert len({tokenizer.vocabulary for tokenizer in tokenizers}) == 1
    assert "masked_lm_head" in kerasbert("inspect", tmp_path / "out").out


def test_a_folder_is_replaced_only_when_asked(kerasbert, tmp_path):
    source, target = FIXTURES / "bert_bare/huggingface", tmp_path / "out"
    target.mkdir()
    (target / "precious.txt").write_text("mine")
    words = ("convert", source, target, "--to", "huggingface")
    refused = kerasbert(*words)
    assert refused.code == 2
    assert "--overwrite" in refused.err
    assert [file.name for file in target.iterdir()] == ["precious.txt"]
    assert kerasbert(*words, "--overwrite").code == 0
    assert not (target / "precious.txt").exists()


def test_a_broken_model_leaves_nothing(kerasbert, copied, tmp_path):
    folder = copied("bert_bare/huggingface")
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:-100])
    before = sorted(tmp_path.iterdir())
    done = kerasbert("convert", folder, tmp_path / "out", "--to", "google_tf1")
    assert (done.code, done.out) == (2, "")
    assert "model.safetensors" in done.err
    assert sorted(tmp_path.iterdir()) == before
