"""Summaries that are written, and summaries of sentences."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

import kerasbert
from kerasbert.tasks.summarization import ExtractiveSummarizer
from kerasbert.tasks.summarization.sentences import sentences_of

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures"
SOURCE = FIXTURES / "bert_tiny" / "huggingface"


@pytest.fixture(scope="module")
def summarizer():
    summarizer = kerasbert.Summarizer.from_pretrained(
        SOURCE, max_length=16, max_target_length=8, decoder_layers=1, num_beams=2
    )
    texts = ["hello world hello", "world world"] * 8
    summarizer.fit(texts, ["hello", "world"] * 8, epochs=1, verbose=0)
    return summarizer


def test_the_encoder_is_the_published_one_and_the_decoder_new(summarizer):
    fresh = kerasbert.Summarizer.from_pretrained(SOURCE, decoder_layers=3)
    encoder = kerasbert.load_encoder(SOURCE)
    published = encoder.embeddings.token_embedding.get_weights()[0]
    np.testing.assert_array_equal(
        fresh.model.encoder.embeddings.token_embedding.get_weights()[0], published
    )
    assert len(fresh.model.decoder.blocks) == 3
    assert summarizer.max_target_length == 8


def test_a_saved_summarizer_and_its_export_give_the_same(summarizer, tmp_path):
    texts = ["hello world", "world", ""]
    expected = summarizer.predict(texts)
    summarizer.save(tmp_path / "saved")
    loaded = kerasbert.load(tmp_path / "saved")
    assert loaded.predict(texts) == expected
    serve = tf.saved_model.load(str(loaded.export(tmp_path / "served")))
    found = serve.signatures["serving_default"](text=tf.constant(texts))
    summaries = [x.decode() for x in found["summary"].numpy()]
    assert summaries == [answer["summary"] for answer in expected]


def test_an_encoder_decoder_of_transformers_writes(tmp_path):
    import shutil

    shutil.copytree(FIXTURES / "encoder_decoder" / "huggingface", tmp_path / "model")
    words = [f"w{number}" for number in range(25)]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    (tmp_path / "model" / "vocab.txt").write_text("\n".join(tokens))
    summarizer = kerasbert.Summarizer.from_pretrained(tmp_path / "model")
    [answer] = summarizer.predict(["w1 w2 w3"])
    assert set(answer["summary"].split()) <= {*words, "[UNK]"}
    summarizer.save(tmp_path / "again")
    again = kerasbert.load(tmp_path / "again")
    assert again.predict(["w1 w2 w3"]) == [answer]


def test_rouge_is_that_of_rouge_score(summarizer):
    scorer = pytest.importorskip("rouge_score.rouge_scorer")
    from kerasbert.metrics.text import summary_scores

    found, expected = ["a cat sat", "dogs bark"], ["the cat sat down", "a dog barks"]
    one = scorer.RougeScorer(["rougeL"], use_stemmer=True)
    by_hand = [one.score(b, a)["rougeL"].fmeasure for a, b in zip(found, expected)]  # noqa: B905
    np.testing.assert_allclose(
        summary_scores(found, expected)["rougeL"], 100 * np.mean(by_hand)
    )


# Of sentences.


@pytest.fixture(scope="module")
def extractive():
    folder = FIXTURES / "sentence_mean" / "sentence_transformers"
    embedder = kerasbert.TextEmbedder.from_pretrained(folder)
    return ExtractiveSummarizer(embedder, sentences=2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mr. Li came. He left!", ["Mr. Li came.", "He left!"]),
        ('"Go." She went.', ['"Go."', "She went."]),
        ("A: hi\nB: hello there", ["A: hi", "B: hello there"]),
        ("天气好。我们走吧！", ["天气好。", "我们走吧！"]),
        ("It costs 3.50 euros", ["It costs 3.50 euros"]),
        ("  \n ", []),
    ],
)
def test_sentences_end_where_one_would_say(text, expected):
    assert [text[start:end] for start, end in sentences_of(text)] == expected


def test_a_summary_is_sentences_of_the_text_in_their_order(extractive):
    text = "Hello world. World hello. Good morning. Hello hello world."
    [answer] = extractive.predict([text])
    assert len(answer["sentences"]) == 2
    starts = [sentence["start"] for sentence in answer["sentences"]]
    assert starts == sorted(starts)
    for sentence in answer["sentences"]:
        assert text[sentence["start"] : sentence["end"]] == sentence["text"]
    assert answer["summary"] == " ".join(s["text"] for s in answer["sentences"])


def test_one_sentence_alone_is_the_nearest_to_the_mean(extractive):
    text = "Hello world. World hello. Good morning."
    alone = ExtractiveSummarizer(extractive.embedder, sentences=1, position=0.0)
    [answer] = alone.predict([text])
    pieces = ["Hello world.", "World hello.", "Good morning."]
    vectors = extractive.embedder.encode(pieces)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    sizes = np.array([len(piece) for piece in pieces])
    best = int(np.argmax(vectors @ (sizes @ vectors)))
    assert answer["summary"] == pieces[best]


def test_texts_without_sentences_and_settings_out_of_range(extractive):
    assert extractive.predict(["", "one"])[0] == {"summary": "", "sentences": []}
    assert extractive.predict([]) == []
    with pytest.raises(ValueError, match="a number of sentences"):
        ExtractiveSummarizer(extractive.embedder, sentences=2.5)
    with pytest.raises(ValueError, match="diversity from 0 to 1"):
        ExtractiveSummarizer(extractive.embedder, diversity=2)
