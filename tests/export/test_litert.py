import collections
import json

import numpy as np
import pytest

import kerasbert
from kerasbert.cli import main
from kerasbert.export import export_litert
from tests.export.served import FIXTURES, MODELS, TEXTS, cosines, embedder_of
from tests.litert.exported import litert_folder

interpreters = pytest.importorskip("ai_edge_litert.interpreter")

WORDS = ["good morning", "the cat sat on the mat", "a b c"]


# Of a block: queries, keys and values together; attention's output; two of the
# feed-forward network.
PRODUCTS = 4


@pytest.fixture(params=MODELS)
def exported(request):
    """An embedder, and its folder for LiteRT in float32."""
    return embedder_of(request.param), litert_folder(request.param)


@pytest.fixture(scope="module")
def int8(tmp_path_factory):
    """An embedder of layers that are worth it, and its folder for LiteRT in int8."""
    config = kerasbert.BertConfig(
        vocab_size=200,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=256,
        max_position_embeddings=32,
        initializer_range=0.1,
    )
    encoder = kerasbert.BertEncoder(config)
    embedder = kerasbert.TextEmbedder(encoder, embedder_of("sentence_mean").tokenizer)
    folder = tmp_path_factory.mktemp("litert") / "int8"
    return embedder, export_litert(embedder, folder, "int8")


def inputs_of(ids, length=None):
    ids = np.array([ids], "int32")
    padding = [(0, 0), (0, (length or ids.shape[1]) - ids.shape[1])]
    return {
        "token_ids": np.pad(ids, padding),
        "segment_ids": np.zeros_like(np.pad(ids, padding)),
        "padding_mask": np.pad(np.ones_like(ids), padding),
    }


def runner_of(folder):
    interpreter = interpreters.Interpreter(str(folder / "model.tflite"))
    return interpreter, interpreter.get_signature_runner()


def operations_of(folder):
    """How often each operation is in a model, before a delegate takes them."""
    plain = interpreters.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = interpreters.Interpreter(
        str(folder / "model.tflite"), experimental_op_resolver_type=plain
    )
    return collections.Counter(op["op_name"] for op in interpreter._get_ops_details())


def test_float32_gives_the_vectors_of_the_embedder(exported, truncation_is_known):
    embedder, folder = exported
    vectors = kerasbert.LiteRTEmbedder(folder).encode(TEXTS)
    np.testing.assert_allclose(vectors, embedder.encode(TEXTS), 0, 1e-5)


def test_padding_does_not_change_a_vector(exported):
    embedder, folder = exported
    _, run = runner_of(folder)
    for ids in embedder.tokenizer.encode(WORDS):
        alone = run(**inputs_of(ids))["embedding"]
        padded = run(**inputs_of(ids, length=len(ids) + 5))["embedding"]
        np.testing.assert_allclose(alone, padded, 0, 1e-6)


def test_a_second_segment_is_used(exported):
    embedder, folder = exported
    [ids] = embedder.tokenizer.encode(["good morning"], ["the cat"])
    inputs = inputs_of(ids)
    inputs["segment_ids"][0, len(ids) // 2 :] = 1
    _, run = runner_of(folder)
    expected = embedder.model(inputs)["embedding"]
    np.testing.assert_allclose(run(**inputs)["embedding"], expected, 0, 1e-5)


def test_the_graph_has_fused_layers_and_computes_no_shape(exported):
    embedder, folder = exported
    operations = operations_of(folder)
    layers = embedder.encoder.config.num_hidden_layers
    # One more: that of the head, or of ALBERT's embeddings.
    assert operations["FULLY_CONNECTED"] == PRODUCTS * layers + 1
    assert operations["GELU"] == layers
    assert not set(operations) & {"SHAPE", "PACK", "RANGE", "FILL", "CUSTOM"}


def test_one_delegate_takes_the_encoder(exported):
    _, folder = exported
    interpreter, run = runner_of(folder)
    run(**inputs_of([2, 5, 3]))
    names = [op["op_name"] for op in interpreter._get_ops_details()]
    assert names.count("DELEGATE") == 1


def test_int8_keeps_the_direction_in_a_fraction_of_the_size(int8, truncation_is_known):
    embedder, folder = int8
    vectors = kerasbert.LiteRTEmbedder(folder).encode(TEXTS)
    expected = embedder.encode(TEXTS)
    assert cosines(vectors, expected).min() > 0.999
    assert np.abs(vectors - expected).max() > 1e-5  # it is int8
    interpreter, _ = runner_of(folder)
    channels = [
        len(tensor["quantization_parameters"]["scales"])
        for tensor in interpreter.get_tensor_details()
        if tensor["dtype"] == np.int8
    ]
    layers = embedder.encoder.config.num_hidden_layers
    assert sum(count > 1 for count in channels) == PRODUCTS * layers
    size = (folder / "model.tflite").stat().st_size
    assert size < 0.6 * 4 * embedder.encoder.count_params()


def test_int8_weights_stay_in_fully_connected_operations(int8):
    embedder, folder = int8
    layers = embedder.encoder.config.num_hidden_layers
    operations = operations_of(folder)
    assert operations["FULLY_CONNECTED"] == PRODUCTS * layers
    # The tables alone: what is gathered is made float32.
    assert operations["DEQUANTIZE"] <= 3


def test_the_folder_holds_all_that_a_runner_needs(exported):
    embedder, folder = exported
    names = {path.name for path in folder.iterdir()}
    assert names >= {"model.tflite", "tokenizer.json", "litert.json", "README.md"}
    settings = json.loads((folder / "litert.json").read_text("utf-8"))
    assert settings["size"] == embedder.size
    assert settings["max_length"] == embedder.max_length
    assert settings["model_bytes"] == (folder / "model.tflite").stat().st_size
    card = (folder / "README.md").read_text("utf-8")
    assert (
        card.startswith(f"# {folder.name}\n")
        and f"vectors of {embedder.size} values" in card
    )


def test_the_prompt_that_a_model_always_wants_stands_before_every_text(tmp_path):
    source = embedder_of("sentence_mean")
    embedder = kerasbert.TextEmbedder(
        source.encoder, source.tokenizer, prompts={"query": "the: "}
    )
    embedder.default_prompt = "query"
    folder = export_litert(embedder, tmp_path / "prompted")
    texts = ["cat", "a b"]
    vectors = kerasbert.LiteRTEmbedder(folder).encode(texts)
    np.testing.assert_allclose(vectors, embedder.encode(texts), 0, 1e-5)
    assert "`the: `" in (folder / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "bfloat16"}, "among float32, int8 for LiteRT, got 'bfloat16'"),
        ({"max_length": 1}, "Expected max_length from 3 to"),
    ],
)
def test_options_that_there_are_not_are_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        export_litert(embedder_of("sentence_mean"), tmp_path / "new", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("model", "switches", "message"),
    [
        ("sentence_albert", {"split_digits_from_commas": True}, "split_digits"),
        ("sentence_albert", {"special_tokens_in_text": False}, "takes <pad>"),
    ],
)
def test_tokenizers_that_cannot_be_described_are_refused(
    tmp_path, model, switches, message
):
    source = FIXTURES / model / "sentence_transformers"
    tokenizer = kerasbert.Tokenizer.from_pretrained(source, **switches)
    embedder = kerasbert.TextEmbedder(embedder_of(model).encoder, tokenizer)
    with pytest.raises(ValueError, match=message):
        export_litert(embedder, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_replaced_when_asked_alone(tmp_path):
    (tmp_path / "old").write_text("old")
    with pytest.raises(FileExistsError):
        export_litert(embedder_of("sentence_mean"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_an_export_that_fails_leaves_nothing(tmp_path, monkeypatch):
    from kerasbert.export import litert

    def fail(*_):
        raise RuntimeError("no room")

    monkeypatch.setattr(litert, "convert", lambda *_: b"a model")
    monkeypatch.setattr(litert, "write_tokenizer", fail)
    with pytest.raises(RuntimeError, match="no room"):
        export_litert(embedder_of("sentence_mean"), tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def run(capsys, *words):
    code = main(["export", *map(str, words)])
    return code, *capsys.readouterr()


MODEL = FIXTURES / "sentence_mean" / "sentence_transformers"


def test_the_command_writes_the_folder(tmp_path, capsys):
    target = tmp_path / "tiny"
    options = ("--format", "litert", "--precision", "int8", "--max-length", 8)
    code, out, err = run(capsys, MODEL, target, *options)
    assert code == 0, err
    assert out == f"{target}\n"
    runner = kerasbert.LiteRTEmbedder(target)
    assert runner.max_length == 8
    expected = embedder_of("sentence_mean").encode(["the cat"])
    assert cosines(runner.encode(["the cat"]), expected)[0] > 0.999


@pytest.mark.parametrize("option", ["--tokens", "--xla", "--precision=bfloat16"])
def test_options_for_serving_are_refused_in_one_line(tmp_path, capsys, option):
    target = tmp_path / "tiny"
    code, _, err = run(capsys, MODEL, target, "--format", "litert", option)
    assert code == 2
    assert err.count("\n") == 1 and option.split("=")[0] in err
    assert not target.exists()
