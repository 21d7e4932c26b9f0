"""A translator of numbers in words to digits, and its files and exports."""

import pickle

import numpy as np
import pytest
import tensorflow as tf

import kerasbert
from kerasbert.cli import main
from kerasbert.cli.reading import ReaderOptions
from kerasbert.decoding import BeamSearch, Greedy, Sampling
from kerasbert.inference.int8_products import operation_is_missing
from kerasbert.tasks.seq2seq_preprocessor import Seq2SeqPreprocessor
from kerasbert.tasks.translation.parallel_files import read_parallel
from kerasbert.tasks.translation.vocabulary import train_vocabulary
from tests.serving.program import program
from tests.text.oracle import byte_pair_tokenizer

WORDS = "zero one two three four five six seven eight nine".split()


def parallel(count=400, seed=0):
    rng = np.random.default_rng(seed)
    rows = [rng.integers(0, 10, rng.integers(1, 4)) for _ in range(count)]
    english = [" ".join(WORDS[digit] for digit in row) for row in rows]
    return english, [" ".join(str(digit) for digit in row) for row in rows]


@pytest.fixture(scope="module")
def translator():
    english, digits = parallel()
    translator = kerasbert.Translator.for_texts(
        *(english, digits, "transformer_tiny", 60),
        dropout=0.0,
        num_beams=3,
        vocabulary="bpe",  # the command's below is unigram
    )
    translator.compile(kerasbert.Recipe(learning_rate=1.5e-3), label_smoothing=0.05)
    translator.fit(english, digits, epochs=25, batch_size=16, verbose=0)
    return translator


def test_it_learns_a_language(translator):
    english, digits = parallel(40, seed=1)
    found = translator.translate(english)
    assert np.mean([a == b for a, b in zip(found, digits, strict=True)]) > 0.7


def test_evaluate_gives_the_loss_and_the_scores_of_sacrebleu(translator):
    sacrebleu = pytest.importorskip("sacrebleu")
    english, digits = parallel(40, seed=2)
    metrics = translator.evaluate(english, digits)
    found = translator.translate(english)
    assert metrics["bleu"] == sacrebleu.corpus_bleu(found, [digits]).score
    assert metrics["chrf"] == sacrebleu.corpus_chrf(found, [digits]).score
    assert 0 < metrics["loss"] < 2


def test_other_texts_of_a_batch_change_nothing(translator):
    english, _ = parallel(20, seed=3)
    together = translator.predict(english)
    for text, answer in list(zip(english, together, strict=True))[:4]:
        [alone] = translator.predict([text])
        assert alone["translation"] == answer["translation"]
        np.testing.assert_allclose(alone["score"], answer["score"], atol=1e-5)


def test_several_results_come_the_best_first(translator):
    beams = BeamSearch(4, num_results=4)
    [answer] = translator.predict(["one two three"], strategy=beams)
    scores = [result["score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True) and len(scores) == 4
    assert len({result["translation"] for result in answer["results"]}) == 4


def test_the_number_of_beams_can_be_changed(translator, monkeypatch):
    texts = ["nine eight seven six", "one"]
    assert translator.strategy == BeamSearch(3)
    greedy = translator.predict(texts, strategy=Greedy())
    monkeypatch.setattr(translator, "num_beams", 1)
    assert translator.strategy == Greedy() and translator.predict(texts) == greedy
    assert translator.options()["num_beams"] == 1


def test_samples_repeat_with_their_seed(translator):
    texts = ["nine eight seven six"] * 8
    hot = Sampling(temperature=3.0)

    def sampled(seed):
        return translator.translate(texts, strategy=hot, seed=seed)

    assert sampled(1) == sampled(1) != sampled(2)
    graph = translator._decoder(hot, translator.limits())
    assert graph.experimental_get_tracing_count() == 1


def test_what_has_nothing_to_say_or_is_unknown_gets_an_answer_in_bounds(translator):
    texts = ["", "   ", "\u4e2d\u6587 \U0001f600", "one " * 500]
    with pytest.warns(UserWarning, match="1 of the sources had more than 128 tokens"):
        answers = translator.predict(texts)
    assert answers[0]["translation"] == answers[1]["translation"] == ""
    assert answers[0]["is_complete"] and answers[0]["length"] == 0
    assert all(answer["length"] <= 128 for answer in answers)


def test_a_generation_that_does_not_end_is_cut_and_told(translator):
    [answer] = translator.predict(["one"], strategy=Greedy(), min_length=17)
    assert answer["length"] >= 17
    [cut] = translator.predict(["one"], strategy=Greedy(), min_length=128)
    assert not cut["is_complete"] and cut["length"] < 128  # in proportion to the source


def test_a_saved_translator_gives_the_same_answers(translator, tmp_path):
    english, _ = parallel(10, seed=4)
    translator.save(tmp_path / "saved")
    loaded = kerasbert.load(tmp_path / "saved")
    assert loaded.predict(english) == translator.predict(english)
    assert loaded.options() == translator.options()


def test_a_copy_of_one_that_translated_gives_the_same_answers(translator):
    english, _ = parallel(4, seed=8)
    expected = translator.predict(english)
    assert pickle.loads(pickle.dumps(translator)).predict(english) == expected


@pytest.fixture(scope="module")
def exported(translator, tmp_path_factory):
    return translator.export(tmp_path_factory.mktemp("served") / "numbers")


def test_an_export_takes_texts_and_gives_the_same_translations(translator, exported):
    english, _ = parallel(20, seed=5)
    texts = [*english, "", "\u4e2d"]
    serve = tf.saved_model.load(str(exported)).signatures["serving_default"]
    found = {k: v.numpy().tolist() for k, v in serve(text=tf.constant(texts)).items()}
    expected = translator.predict(texts)
    for name in ("translation", "length", "is_complete"):
        values = [x.decode() if isinstance(x, bytes) else x for x in found[name]]
        assert values == [answer[name] for answer in expected], name
    scores = [answer["score"] for answer in expected]
    np.testing.assert_allclose(found["score"], scores, atol=1e-5)


def test_an_export_translates_without_python_and_without_xla(translator, exported):
    english, _ = parallel(20, seed=7)
    texts = [*english, "", "one, \u4e2d\u6587 \U0001f600"]
    lines = "\n".join(texts).encode() + b"\n"
    done = program()(exported, "--output", "translation", "--batch", "8", texts=lines)
    assert done.returncode == 0, done.stderr.decode()
    expected = translator.translate(texts)
    assert len(set(expected)) > 10
    assert done.stdout.decode().split("\n")[:-1] == expected


def test_an_export_needs_no_operation_of_xla(exported):
    from kerasbert.export.operations import operations_of
    from tests.export.test_operations import meta_graph_of

    operations = operations_of(meta_graph_of(exported).graph_def)
    assert not [name for name in operations if name.startswith("Xla")]
    assert operations & {"While", "StatelessWhile"}


def test_the_weights_of_an_export_are_constants(exported):
    loaded = tf.saved_model.load(str(exported))
    assert not loaded.signatures["serving_default"].variables


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_an_export_in_other_precisions_translates(translator, tmp_path, precision):
    if precision == "int8" and operation_is_missing():
        pytest.skip("this TensorFlow has no int8")
    version = translator.export(tmp_path / "other", precision=precision)
    serve = tf.saved_model.load(str(version)).signatures["serving_default"]
    english, _ = parallel(20, seed=6)
    found = [
        x.decode() for x in serve(text=tf.constant(english))["translation"].numpy()
    ]
    expected = translator.translate(english)
    assert np.mean([a == b for a, b in zip(found, expected, strict=True)]) > 0.7


# Vocabularies.


def test_wide_punctuation_is_kept_beside_many_characters_and_not_in_an_alphabet():
    english = ["what is this?"] * 300
    chinese = [chr(0x4E00 + n) + chr(0x4E00 + 3 * n) + "\uff1f" for n in range(1200)]
    kept = train_vocabulary([*english, *chinese], 5000)
    ids = kept.encode([chinese[7]])
    assert kept.decode(ids) == [chinese[7]]
    alphabetic = train_vocabulary([*english, "what\uff1f"], 20)
    assert alphabetic.decode(alphabetic.encode(["what\uff1f"])) == ["what?"]


# Files.


def test_a_vocabulary_of_a_kind_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="vocabulary of unigram or bpe, got 'word'"):
        train_vocabulary(["one two"], 20, vocabulary="word")


def test_bytes_of_a_cut_character_are_replaced_in_the_graph(tmp_path):
    tokenizer = byte_pair_tokenizer(True)
    preprocessor = Seq2SeqPreprocessor(tokenizer, 32, 32)
    texts = ["m\u00e4n \U0001f600 \u4e2d", "dog"]
    rows = tokenizer.tokenize(tf.constant(texts))
    lengths = tf.cast(rows.row_lengths(), tf.int32)
    table = rows.to_tensor(0)
    whole = preprocessor.texts_of(table, lengths).numpy()
    assert [text.decode() for text in whole] == texts
    cut = preprocessor.texts_of(table, lengths - 1).numpy()
    assert cut[0].decode() == "m\u00e4n \U0001f600 \ufffd"


def test_two_files_and_a_table_are_the_same_examples(tmp_path):
    english, digits = parallel(5)
    (tmp_path / "train.en").write_text("\n".join(english))
    (tmp_path / "train.xx").write_text("\n".join(digits))
    rows = zip(english, digits, ["attribution"] * 5, strict=True)
    (tmp_path / "both.tsv").write_text("".join("\t".join(row) + "\n" for row in rows))
    two = read_parallel(f"{tmp_path}/train.en,{tmp_path}/train.xx", ReaderOptions())
    table = read_parallel(tmp_path / "both.tsv", ReaderOptions())
    assert two.inputs == table.inputs == english
    assert two.targets == table.targets == digits


def test_files_of_other_lengths_are_named_both(tmp_path):
    (tmp_path / "a.en").write_text("one\ntwo\nthree\n")
    (tmp_path / "b.xx").write_text("1\n2\n")
    with pytest.raises(ValueError, match=r"got 3 in .*a\.en and 2 in .*b\.xx"):
        read_parallel(f"{tmp_path}/a.en,{tmp_path}/b.xx", ReaderOptions())


def test_a_pair_without_one_side_is_named(tmp_path):
    (tmp_path / "a.tsv").write_text("one\t1\ntwo\t\n")
    with pytest.raises(ValueError, match="line 2 of .* empty target for 'two'"):
        read_parallel(tmp_path / "a.tsv", ReaderOptions())


def test_a_file_of_one_column_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    with pytest.raises(ValueError, match="Expected a source and its translation"):
        read_parallel(tmp_path / "a.txt", ReaderOptions())


@pytest.mark.parametrize(
    "rows, source, target",
    [
        ("text\tde\na\tb\n", "a", "b"),
        ("de\ttext\na\tb\n", "b", "a"),
        ("tgt\tid\tsrc\na\tb\tc\n", "c", "a"),
    ],
)
def test_columns_of_a_table_are_known_by_their_names(tmp_path, rows, source, target):
    (tmp_path / "a.tsv").write_text(rows)
    examples = read_parallel(tmp_path / "a.tsv", ReaderOptions())
    assert (examples.inputs, examples.targets) == ([source], [target])


@pytest.mark.parametrize("header", ["id\ttext\tde", "text\tid\tde", "id\tde\ttgt"])
def test_a_column_among_others_is_not_guessed(tmp_path, header):
    (tmp_path / "a.tsv").write_text(f"{header}\na\tb\tc\n")
    with pytest.raises(ValueError, match="got the columns .*--text-column and --label"):
        read_parallel(tmp_path / "a.tsv", ReaderOptions())


# Settings.


def test_settings_that_do_not_fit_are_refused(translator):
    model, tokenizer = translator.model, translator.tokenizer
    with pytest.raises(ValueError, match="max_length from 3 to 512"):
        kerasbert.Translator(model, tokenizer, max_length=1000)
    with pytest.raises(ValueError, match="beams, as many as the vocabulary"):
        kerasbert.Translator(model, tokenizer, num_beams=1000)
    with pytest.raises(ValueError, match="Expected a size among transformer_tiny"):
        kerasbert.Translator.for_texts(["a"], ["b"], "huge")
    with pytest.raises(ValueError, match="Expected no calibration texts"):
        translator.serving_functions("int8", calibration=["one"])
    with pytest.raises(TypeError, match="Greedy or Sampling as the strategy, got 'gr"):
        translator.predict(["one"], strategy="greedy")
    with pytest.raises(ValueError, match="a seed that is an integer of 32 bits, got"):
        translator.predict(["one"], strategy=Sampling(), seed=2**40)
    with pytest.raises(ValueError, match="a target for each of 2 sources, got 1"):
        translator.fit(["one", "two"], ["1"])


def test_a_vocabulary_without_an_end_is_refused(translator):
    from kerasbert.text.tokenizer_config import SpecialTokens, Template

    model = translator.tokenizer.config.model
    without = kerasbert.Tokenizer.from_config(
        translator.tokenizer.config,
        special_tokens=SpecialTokens("<s>", "<end>", "<pad>", "<mask>", "<unk>"),
        template=Template(((None, 0),), ((None, 0), (None, 0))),
    )
    assert model
    with pytest.raises(ValueError, match="a token in the vocabulary that ends a text"):
        kerasbert.Translator(translator.model, without)


def test_a_folder_whose_tensors_are_of_another_model_is_refused(translator, tmp_path):
    translator.save(tmp_path / "saved")
    config = tmp_path / "saved" / "config.json"
    text = config.read_text().replace(
        '"num_decoder_layers": 1', '"num_decoder_layers": 2'
    )
    config.write_text(text)
    with pytest.raises(ValueError, match="missing: decoder/layer_1/attention"):
        kerasbert.load(tmp_path / "saved")


# The command.


def test_the_command_trains_predicts_and_exports(tmp_path, capsys):
    english, digits = parallel(60)
    (tmp_path / "train.en").write_text("\n".join(english))
    (tmp_path / "train.xx").write_text("\n".join(digits))
    files = f"{tmp_path}/train.en,{tmp_path}/train.xx"
    (tmp_path / "settings.yaml").write_text("options: {vocab_size: 60, num_beams: 2}\n")
    run = str(tmp_path / "run")
    train = ["finetune", "translate", "--model", "transformer_tiny", "--train", files]
    train += ["--epochs", "1", "--config", str(tmp_path / "settings.yaml")]
    assert main([*train, "--output", run]) == 0
    assert "60 examples" in capsys.readouterr().err
    assert main(["predict", run, "--input", str(tmp_path / "train.en")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 60 and '"translation": ' in lines[0]
    assert main(["export", run, str(tmp_path / "served")]) == 0
    assert (tmp_path / "served" / "1" / "saved_model.pb").exists()
    assert "instances" in capsys.readouterr().out
