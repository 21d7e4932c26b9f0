"""LiteRT models whose weights are packed, and filled in when they are loaded."""

import json
import shutil

import numpy as np
import pytest

import kerasbert
from kerasbert.checkpoints.inspect import inspect
from kerasbert.cli import main
from kerasbert.export import export_litert
from kerasbert.export.litert import convert
from kerasbert.litert import is_litert_folder
from kerasbert.packed.graphs import Hole, PackedWeights, cut, filled
from tests.export.served import FIXTURES, MODELS, TEXTS, embedder_of

pytest.importorskip("ai_edge_litert")

WORDS = ["good morning", "the cat sat on the mat", "a b c"]


@pytest.fixture(scope="module", params=MODELS)
def folder(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed") / request.param
    return export_litert(embedder_of(request.param), folder, bits=6)


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed") / "dense"
    return export_litert(embedder_of("sentence_dense"), folder, bits={"": 8})


@pytest.mark.filterwarnings("ignore:.* and were truncated:UserWarning")
def test_vectors_are_those_of_the_embedder_in_the_same_folder(folder):
    expected = kerasbert.TextEmbedder.from_pretrained(folder).encode(TEXTS)
    found = kerasbert.LiteRTEmbedder(folder).encode(TEXTS)
    np.testing.assert_allclose(found, expected, 0, 1e-5)
    before = embedder_of(folder.name).encode(TEXTS)
    assert 1e-4 < np.abs(found - before).max() < 1  # they are rounded


def test_the_model_is_filled_to_the_byte(folder):
    embedder = kerasbert.TextEmbedder.from_pretrained(folder)
    settings = json.loads((folder / "litert.json").read_text())
    model = convert(embedder, "float32", settings["max_length"], takes_embeddings=True)
    holes = [Hole(*hole) for hole in settings["packed"]["holes"]]
    left = (folder / "litert.graph").read_bytes()
    content = filled(left, holes, PackedWeights(folder / "packed.safetensors"))
    assert len(content) == len(model)
    different = np.frombuffer(content, "uint8") != np.frombuffer(model, "uint8")
    assert different.sum() < 64  # a name or a time of the conversion
    assert len(left) < len(model) - sum(
        4 * np.prod(weight.shape)
        for weight in embedder.encoder.blocks[0].weights
        if len(weight.shape) == 2
    )


def test_what_is_cut_out_is_put_back_by_hand(tmp_path):
    class Weights:
        def __init__(self, arrays):
            self.arrays = self.matrices = arrays

        def unpack_into(self, target, name):
            target[:] = self.arrays[name]

        def vector(self, name, size):
            assert size == len(vectors[name])
            return vectors[name]

    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 5, 3)).astype("float32")
    vectors = {"gamma": random.normal(size=3).astype("float32")}
    content = b"head" + a.tobytes() + b"1234" + (b * vectors["gamma"]).tobytes()
    content += a.tobytes() + b"tail"
    left, holes = cut(content, {"a": a, "b": b}, vectors)
    assert left == b"head1234tail"
    assert holes == [Hole(4, "a", None), Hole(68, "b", "gamma"), Hole(128, "a", None)]
    assert filled(left, holes, Weights({"a": a, "b": b})) == content
    with pytest.raises(ValueError, match="Expected the weights b in the LiteRT model"):
        cut(content, {"b": b}, {})
    with pytest.raises(ValueError, match="a hole at 2 bytes does not fit"):
        filled(left, [Hole(2, "a", None)], Weights({"a": a}))


def test_embed_takes_either_from_one_folder(dense, capsys, monkeypatch):
    words = ["embed", "--model", str(dense), *WORDS]
    for more in ([], ["--max-length", "16"]):  # LiteRT, and what can be cut
        assert main([*words, *more]) == 0
    out, _ = capsys.readouterr()
    rows = [json.loads(line)["embedding"] for line in out.splitlines()]
    np.testing.assert_allclose(rows[:3], rows[3:], 0, 1e-5)
    monkeypatch.setattr("kerasbert.litert.is_installed", lambda: False)
    assert main(words) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["text"] for row in rows] == WORDS


def test_the_command_packs(tmp_path, capsys):
    source = str(FIXTURES / "sentence_dense" / "sentence_transformers")
    words = ["export", source, str(tmp_path / "out")]
    assert main([*words, "--bits", "6"]) == 2
    assert "--bits packs the weights of a LiteRT model" in capsys.readouterr().err
    assert main([*words, "--format", "litert", "--bits", "kernel=6,embedding=5"]) == 0
    report = {e.name: e.note for e in inspect(tmp_path / "out").tensors}
    assert "5 bits" in report["embeddings.word_embeddings.weight"]
    assert kerasbert.LiteRTEmbedder(tmp_path / "out").encode(["a"]).shape[0] == 1


def test_a_table_without_bits_and_int8_are_refused(tmp_path):
    embedder = embedder_of("sentence_dense")
    with pytest.raises(ValueError, match="Expected bits for the token table"):
        export_litert(embedder, tmp_path / "out", bits={"kernel": 6})
    with pytest.raises(ValueError, match="Expected the precision float32 with bits"):
        export_litert(embedder, tmp_path / "out", "int8", bits=6)
    assert not is_litert_folder(tmp_path / "out")


def _settings(change):
    def damage(folder):
        settings = json.loads((folder / "litert.json").read_text())
        change(settings)
        (folder / "litert.json").write_text(json.dumps(settings))

    return damage


def _cut_short(name):
    def damage(folder):
        (folder / name).write_bytes((folder / name).read_bytes()[:-8])

    return damage


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_cut_short("litert.graph"), "Was the folder copied completely"),
        (_cut_short("packed.safetensors"), "Expected packed weights in"),
        (
            lambda f: (f / "packed.safetensors").unlink(),
            "Expected packed.safet",
        ),
        (_settings(lambda s: s.pop("packed")), "Expected keys packed in"),
        (_settings(lambda s: s["packed"].update(table="x")), "Expected packed weights"),
        (_settings(lambda s: s["packed"]["holes"].reverse()), "does not fit"),
        (_settings(lambda s: s["packed"]["holes"][0].pop()), "Expected packed weights"),
        (_settings(lambda s: s["packed"].update(holes=3)), "Expected packed weights"),
    ],
)
def test_a_broken_folder_is_refused(dense, tmp_path, damage, told):
    folder = shutil.copytree(dense, tmp_path / "broken")
    damage(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=told) as error:
        kerasbert.LiteRTEmbedder(folder)
    assert str(folder) in str(error.value)
