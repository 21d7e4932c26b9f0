import json
import pathlib

import pytest

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"


def inspect(kerasbert, model):
    done = kerasbert("inspect", FIXTURES / model, "--json")
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def test_safetensors_are_told_without_tensorflow(kerasbert):
    report = inspect(kerasbert, "bert_bare/huggingface")
    assert report["container"] == "huggingface"
    assert report["model"] == "Bert"
    assert report["heads"] == []
    assert report["config"]["hidden_size"] == 24
    assert report["tokenizer"]["vocabulary_size"] == 200
    assert len(report["tensors"]) == 39
    assert all(tensor["variable"] for tensor in report["tensors"])


def test_parameters_are_counted_by_hand(kerasbert):
    d, f, v, s, layers = 24, 40, 200, 32, 2
    block = 4 * (d * d + d) + (d * f + f) + (f * d + d) + 4 * d
    encoder = (v + s + 2) * d + 2 * d + layers * block
    report = inspect(kerasbert, "bert_bare/huggingface")
    assert report["parameters"] == encoder + d * d + d  # with the pooler


def test_every_tensor_is_told_once_those_in_use_first(kerasbert):
    pytest.importorskip("tensorflow")
    tensors = inspect(kerasbert, "bert_toy_tf1")["tensors"]
    names = [tensor["name"] for tensor in tensors]
    assert len(set(names)) == len(names) == 139
    used = [tensor["variable"] is not None for tensor in tensors]
    assert used == sorted(used, reverse=True)
    assert sum(used) == 46
    reasons = {t["name"]: t["note"] for t in tensors if t["variable"] is None}
    assert "step" in reasons["global_step"]
    assert "optimizer" in reasons["bert/pooler/dense/bias/adam_m"]


def test_layer_ten_comes_after_layer_two():
    from kerasbert.checkpoints.ledger import Entry
    from kerasbert.cli.inspect import _order

    entries = [Entry(f"layer_{n}/b", (), "x", "same") for n in (10, 2, 1)]
    names = [entry.name for entry in sorted(entries, key=_order)]
    assert names == ["layer_1/b", "layer_2/b", "layer_10/b"]


def test_what_is_piped_is_plain_lines_with_tabs(kerasbert):
    done = kerasbert("inspect", FIXTURES / "albert_bare/huggingface")
    assert done.code == 0
    assert "\x1b" not in done.out
    lines = done.out.splitlines()
    assert "model\tAlbert" in lines
    [line] = [x for x in lines if x.startswith("embeddings.word_embeddings.weight\t")]
    assert line.split("\t")[1:3] == [
        "120 x 16",
        "embeddings/token_embedding/embeddings",
    ]


def test_on_a_terminal_tables_are_drawn(kerasbert, monkeypatch):
    import sys

    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    done = kerasbert("inspect", FIXTURES / "albert_bare/huggingface")
    assert "\t" not in done.out
    assert "embeddings.word_embeddings.weight" in done.out
    assert "\u2500" * 20 in done.out


def test_unknown_keys_are_a_warning_of_one_line_and_refused_when_strict(
    kerasbert, copied
):
    folder = copied("bert_bare/huggingface")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "moon_phase": 3}))
    done = kerasbert("inspect", folder)
    assert done.code == 0
    assert done.err.startswith("kerasbert: warning: ")
    assert "moon_phase=3" in done.err
    assert done.err.count("\n") == 1
    strict = kerasbert("inspect", folder, "--strict")
    assert (strict.code, strict.out) == (2, "")
    assert "moon_phase=3" in strict.err
