"""A language model of a small grammar, its continuations, files and exports."""

import numpy as np
import pytest
import tensorflow as tf

import kerasbert
from kerasbert.cli import main
from kerasbert.decoding import BeamSearch, Greedy, Sampling
from kerasbert.tasks import generation_task

HOT = Sampling(3.0, top_p=0.9)
NEXT = {"one": "two", "two": "three", "three": "four", "four": "one"}


def texts(count=200, seed=0):
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        word, words = list(NEXT)[rng.integers(4)], []
        for _ in range(rng.integers(3, 9)):
            words.append(word)
            word = NEXT[word]
        rows.append(" ".join(words))
    return rows


@pytest.fixture(scope="module")
def generator():
    size = kerasbert.BertConfig(
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=40,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    generator = kerasbert.TextGenerator.for_texts(
        texts(), size, vocab_size=30, max_length=16, max_new_tokens=8
    )
    generator.compile(kerasbert.Recipe(learning_rate=3e-3))
    generator.fit(texts(), epochs=6, batch_size=16, verbose=0)
    return generator


def test_it_goes_on_as_it_learned(generator):
    prompts = ["two three", "four one two", "three"]
    answers = generator.predict(prompts, strategy=Greedy(), min_length=3)
    assert answers[0]["continuation"].split()[:2] == ["four", "one"]
    assert answers[1]["continuation"].split()[:2] == ["three", "four"]
    assert answers[2]["continuation"].split()[:2] == ["four", "one"]


def test_evaluate_gives_the_perplexity(generator):
    metrics = generator.evaluate(texts(30, seed=1))
    # Without smoothing the loss is the mean of the tokens in each batch.
    np.testing.assert_allclose(metrics["perplexity"], np.exp(metrics["loss"]), rtol=0.1)
    assert metrics["perplexity"] < 3


def test_long_texts_are_learned_in_blocks_that_share_no_target(generator):
    [text] = [" ".join(["one two three four"] * 10)]
    blocks = generator.preprocessor.blocks([text, "one"])
    whole = generator.tokenizer.encode([text])[0]
    of_first = zip(blocks.after, blocks.text, strict=True)
    after = np.concatenate([row for row, number in of_first if number == 0])
    assert after.tolist() == whole
    assert max(map(len, blocks.before)) == 16
    assert blocks.text.tolist() == [0] * (len(blocks.text) - 1) + [1]


def test_a_prompt_too_long_keeps_its_end(generator):
    long = " ".join(["one two three four"] * 20)
    options = dict(strategy=Greedy(), min_length=3)
    [answer] = generator.predict([long], **options)
    assert answer["continuation"].split()[:2] == ["one", "two"]
    assert answer["length"] <= 8


def test_an_empty_prompt_begins_a_text(generator):
    [answer] = generator.predict([""], strategy=Greedy(), min_length=3)
    first, second = answer["continuation"].split()[:2]
    assert NEXT[first] == second


def test_samples_differ_by_seed_and_repeat_with_it(generator):
    def sampled(seed):
        answers = generator.predict([""] * 6, strategy=HOT, seed=seed)
        return [answer["continuation"] for answer in answers]

    assert sampled(1) == sampled(1) != sampled(2)


def test_a_stream_is_the_answer_in_pieces(generator):
    longest = 0
    for prompt, strategy in (("", Greedy()), ("two", HOT)):
        pieces = list(generator.stream(prompt, strategy, seed=3))
        [answer] = generator.predict([prompt], strategy=strategy, seed=3)
        assert "".join(pieces) == answer["continuation"]
        longest = max(longest, len(pieces))
    assert longest > 1


def test_a_stream_waits_for_what_the_next_token_may_change(monkeypatch):
    words = "[PAD] [UNK] [CLS] [SEP] [MASK] it ' s he ##re ( . now".split()
    size = kerasbert.BertConfig(
        vocab_size=len(words),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        max_position_embeddings=32,
    )
    task = kerasbert.TextGenerator(
        kerasbert.BertDecoder(size), kerasbert.text.WordPieceTokenizer(words)
    )
    written = [words.index(word) for word in "it ' s he ##re ( now . '".split()]
    monkeypatch.setattr(
        generation_task, "stream", lambda *_: iter([[token] for token in written])
    )
    pieces = list(task.stream("it"))
    assert pieces == ["it", "'s", " he", "re", " (", "now", ".", " '"]


def test_a_beam_search_does_not_stream(generator):
    from kerasbert.decoding import Limits, stream

    with pytest.raises(TypeError, match="a beam search knows its tokens at the end"):
        next(stream(None, BeamSearch(2), Limits(2)))


def test_targets_are_refused(generator):
    with pytest.raises(ValueError, match="Expected texts alone"):
        generator.fit(["one"], ["two"])


def test_a_saved_generator_gives_the_same(generator, tmp_path):
    generator.save(tmp_path / "saved")
    loaded = kerasbert.load(tmp_path / "saved")
    assert loaded.options() == generator.options()
    assert loaded.predict(["one two"], seed=5) == generator.predict(["one two"], seed=5)


def test_the_loss_of_a_loaded_generator_has_no_smoothing(generator, tmp_path):
    generator.save(tmp_path / "saved")
    loaded = kerasbert.load(tmp_path / "saved")
    found = loaded.evaluate(texts(30, seed=1))  # one batch
    assert found["loss"] == pytest.approx(np.log(found["perplexity"]), rel=1e-3)


def test_an_export_continues_texts(generator, tmp_path):
    version = generator.export(tmp_path / "served")
    serve = tf.saved_model.load(str(version)).signatures["serving_default"]
    found = serve(text=tf.constant(["one two", "three", ""]))
    assert found["continuation"].shape == (3,)
    first = found["continuation"].numpy()[0].decode().split()
    assert not first or first[0] == "three"
    assert found["length"].numpy().max() <= 8


def test_the_command_trains_continues_and_talks(tmp_path, capsys, monkeypatch):
    import io

    (tmp_path / "train.txt").write_text("\n".join(texts(30)))
    (tmp_path / "s.yaml").write_text("options: {vocab_size: 30, max_new_tokens: 5}\n")
    run = str(tmp_path / "run")
    train = ["finetune", "generate", "--model", "bert_decoder_tiny"]
    train += ["--train", str(tmp_path / "train.txt"), "--epochs", "1"]
    assert main([*train, "--config", str(tmp_path / "s.yaml"), "--output", run]) == 0
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.StringIO("one two\n\n"))
    assert main(["chat", run]) == 0
    assert capsys.readouterr().out.endswith("\n")
