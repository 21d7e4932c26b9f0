import json
import pathlib

import pytest

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"


def refused(done, *fragments):
    """One line that says what and where, exit code 2, nothing on standard output."""
    assert (done.code, done.out) == (2, "")
    assert ": error: " in done.told
    assert done.told.count("\n") == 1
    assert done.err.endswith(done.told)
    assert "Traceback" not in done.err
    for fragment in fragments:
        assert fragment in done.told


def change_config(folder, **values):
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["fly"], ["fly"]),
        (["embed"], ["--input"]),
        (["embed", "--input", "-", "text"], ["both"]),
        (["embed", "--layers", "-1", "text"], ["--tokens"]),
        (["embed", "--tokens", "--layers", "last", "text"], ["'last'"]),
        (["embed", "--tokens", "--output", "x.npy", "text"], [".jsonl"]),
        (["embed", "--pooling", "sum", "text"], ["--pooling", "'sum'", "mean"]),
        (["embed", "--batch-tokens", "0", "text"], ["--batch-tokens"]),
        (["embed", "--max-length", "many", "text"], ["--max-length"]),
        (["embed", "--input", "no/such/file"], ["no/such/file"]),
        (["embed", "--input", FIXTURES], ["folder", FIXTURES.name]),
        (["inspect"], ["SRC"]),
        (["inspect", "no_such_name"], ["no_such_name", "zoo"]),
        (["convert", "minilm", "out"], ["--to"]),
        (["convert", "minilm", "out", "--to", "onnx"], ["onnx", "huggingface"]),
    ],
    ids=lambda value: " ".join(map(str, value))[:40],
)
def test_a_mistake_in_the_command_line_is_told_in_a_line(kerasbert, words, fragments):
    refused(kerasbert(*words), *fragments)


@pytest.mark.parametrize(
    ("model", "fragments"),
    [
        ("./no_such_folder", ["./no_such_folder"]),
        ("hf://a/b/c", ["hf://organisation/name"]),
        ("hf://a/b", ["Cannot reach", "minilm"]),
        ("", ["folder"]),
    ],
)
def test_a_source_that_is_none_is_told_in_a_line(kerasbert, model, fragments):
    refused(kerasbert("inspect", model), *fragments)


def test_a_folder_that_is_no_model_is_refused(kerasbert, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("nothing")
    refused(kerasbert("inspect", tmp_path / "folder"), "no model", "notes.txt")


@pytest.mark.parametrize(
    ("values", "fragments"),
    [
        ({"position_embedding_type": "relative_key"}, ["position_embedding_type"]),
        ({"hidden_act": "moonshine"}, ["moonshine", "gelu"]),
        ({"model_type": "t5"}, ["t5", "albert"]),
        ({"hidden_size": 48}, ["word_embeddings.weight", "(200, 24)", "(200, 48)"]),
        ({"num_hidden_layers": 3}, ["missing", "encoder.layer.2."]),
        ({"num_hidden_layers": 1}, ["left over", "encoder.layer.1."]),
    ],
    ids=lambda value: str(next(iter(value)))[:40],
)
def test_a_configuration_of_another_model_is_refused(
    kerasbert, copied, values, fragments
):
    folder = copied("bert_bare/huggingface")
    change_config(folder, **values)
    refused(kerasbert("inspect", folder), str(folder), *fragments)


def test_a_configuration_that_is_no_json_is_refused(kerasbert, copied):
    folder = copied("bert_bare/huggingface")
    (folder / "config.json").write_text('{"hidden_size": 24,\n')
    refused(kerasbert("inspect", folder), "config.json", "line 2")


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("bert_bare/huggingface", "model.safetensors"),
        ("bert_torch_bin/huggingface", "pytorch_model.bin"),
        ("keras_hub_bert/keras_hub", "model.weights.h5"),
        ("bert_tiny/google_tf1", "bert_model.ckpt.index"),
        ("bert_tiny/google_tf1", "bert_model.ckpt.data-00000-of-00001"),
        ("bert_tiny/tfhub", "variables/variables.data-00000-of-00001"),
    ],
)
@pytest.mark.parametrize("command", ["embed", "convert"])
def test_a_truncated_checkpoint_is_refused(
    kerasbert, copied, tmp_path, model, name, command
):
    pytest.importorskip("tensorflow")
    folder = copied(model)
    file = folder / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    if command == "embed":
        words = ("--model", folder, "--output", tmp_path / "out", "text")
    else:
        words = (folder, tmp_path / "out", "--to", "huggingface")
    before = sorted(tmp_path.iterdir())
    refused(kerasbert(command, *words), folder.name)
    assert sorted(tmp_path.iterdir()) == before


def test_a_text_file_that_is_not_utf8_is_refused_with_its_line(kerasbert, tmp_path):
    pytest.importorskip("tensorflow")
    file = tmp_path / "texts.txt"
    file.write_bytes("sch\u00f6n\nund gut\n".encode("latin-1"))
    done = kerasbert("embed", "--input", file, "--output", tmp_path / "out.jsonl")
    refused(done, "texts.txt", "line 1", "UTF-8", "--encoding cp1252")
    assert not (tmp_path / "out.jsonl").exists()


def test_a_text_of_the_command_line_that_is_not_utf8_is_refused(kerasbert):
    refused(kerasbert("embed", "good", "bad \udcff"), "text 2")


def test_a_length_that_the_model_has_not_is_refused(kerasbert):
    pytest.importorskip("tensorflow")
    refused(kerasbert("embed", "--max-length", 600, "text"), "600", "32")


def test_a_larger_vocabulary_than_the_models_is_refused(kerasbert, copied):
    pytest.importorskip("tensorflow")
    folder = copied("bert_bare/huggingface")
    with (folder / "vocab.txt").open("a") as file:
        file.write("more\nand more\n")
    refused(kerasbert("embed", "--model", folder, "text"), "200", "202")


def test_a_vocabulary_that_is_not_utf8_is_refused(kerasbert, copied):
    pytest.importorskip("tensorflow")
    folder = copied("bert_bare/huggingface")
    (folder / "vocab.txt").write_bytes(b"[PAD]\n[UNK]\n\xff\n")
    refused(kerasbert("embed", "--model", folder, "text"), "vocab.txt", "line 3")


def test_a_model_without_a_vocabulary_cannot_embed(kerasbert, copied):
    pytest.importorskip("tensorflow")
    folder = copied("bert_bare/huggingface")
    (folder / "vocab.txt").unlink()
    refused(kerasbert("embed", "--model", folder, "text"), str(folder), "vocab.txt")


def test_a_mistake_of_ours_is_a_line_too_and_another_code(kerasbert, monkeypatch):
    from kerasbert.checkpoints import zoo

    def broken():
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(zoo, "models", broken)
    done = kerasbert("zoo")
    assert done.code == 1
    assert done.err == (
        "kerasbert: error: ZeroDivisionError: division by zero (KERASBERT_DEBUG=1 "
        "shows where)\n"
    )


def test_the_traceback_is_there_for_those_who_ask(kerasbert, monkeypatch):
    for words in (["--debug", "inspect", "nowhere"], ["inspect", "nowhere"]):
        done = kerasbert(*words)
        assert done.code == 2
        assert "Traceback" in done.err
        monkeypatch.setenv("KERASBERT_DEBUG", "1")
