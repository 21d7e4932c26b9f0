import pathlib

import keras
import numpy as np
import pytest

import kerasbert

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures"
SOURCE = FIXTURES / "bert_masked_lm" / "huggingface"
SENTENCES = ["the film is very good", "a bad book", "i read a good book", "the world"]
DOCUMENTS = [SENTENCES, SENTENCES[::-1], SENTENCES[1:3], SENTENCES[:2]] * 2
SHAPE = dict(
    hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
)


def made(pair_task="next_sentence", **options):
    tokenizer = kerasbert.Tokenizer.from_pretrained(SOURCE)
    config = kerasbert.BertConfig(vocab_size=tokenizer.vocabulary_size, **SHAPE)
    return kerasbert.Pretrainer.from_config(
        config, tokenizer, max_length=16, pair_task=pair_task, **options
    )


def trained(folder=None, callbacks=()):
    pretrainer = made()
    pretrainer.compile(kerasbert.Recipe(1e-2, accumulation=2))
    try:
        pretrainer.fit(
            *(DOCUMENTS, None, DOCUMENTS[:3]),
            checkpoints=folder and kerasbert.training.fit.Run(folder, every=1),
            epochs=2,
            batch_size=4,
            callbacks=callbacks,
            verbose=0,
        )
    except Killed:
        return None
    return pretrainer


class Killed(Exception):
    pass


class Kill(keras.callbacks.Callback):
    """Ends a training in its second epoch."""

    batches = 0

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1
        if self.batches == 5:
            raise Killed


@pytest.fixture(scope="module")
def whole():
    return trained()


def test_a_run_that_was_killed_goes_on_bit_for_bit(whole, tmp_path):
    assert trained(tmp_path / "run", [Kill()]) is None
    again = trained(tmp_path / "run")
    for one, other in zip(whole.model.weights, again.model.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_loss_and_metrics_are_those_of_hidden_tokens_and_pairs(whole):
    features = whole.features(DOCUMENTS)
    inputs, targets, _ = features.batch(range(len(features)))
    outputs = whole.model(inputs)
    labels, pairs = targets["mlm_logits"], targets["pair_logits"]

    def log_softmax(logits):
        logits = np.asarray(logits, "float64")
        return logits - np.log(np.exp(logits).sum(-1, keepdims=True))

    counted = labels >= 0
    tokens = log_softmax(outputs["mlm_logits"])[counted]
    of_tokens = -tokens[np.arange(len(tokens)), labels[counted]].mean()
    rows = log_softmax(outputs["pair_logits"])
    of_pairs = -rows[np.arange(len(rows)), pairs].mean()
    found = whole.evaluate(DOCUMENTS, batch_size=len(features))
    expected = {
        "loss": of_tokens + of_pairs,
        "mlm_logits_perplexity": np.exp(of_tokens),
        "mlm_logits_accuracy": (tokens.argmax(-1) == labels[counted]).mean(),
        "pair_logits_accuracy": (rows.argmax(-1) == pairs).mean(),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-4), name


def test_rows_are_pairs_with_special_tokens_that_are_never_hidden(whole):
    tokens = whole.tokenizer
    features = whole.features(DOCUMENTS).for_epoch(0, 0)
    inputs, targets, _ = features.batch(range(len(features)))
    for row in range(len(features)):
        length = inputs["padding_mask"][row].sum()
        ids = features.inputs["token_ids"][row]
        assert len(ids) == length <= 16
        assert (ids[0], ids[-1]) == (tokens.cls_token_id, tokens.sep_token_id)
        [middle, _] = np.flatnonzero(ids == tokens.sep_token_id)
        segments = inputs["segment_ids"][row, :length]
        np.testing.assert_array_equal(segments, np.arange(length) > middle)
        hidden = targets["mlm_logits"][row]
        assert not set(hidden.tolist()) & {tokens.cls_token_id, tokens.sep_token_id}


def test_what_is_saved_is_a_model_for_other_tasks_and_goes_on(whole, tmp_path):
    whole.save(tmp_path / "model")
    again = kerasbert.load(tmp_path / "model")
    assert type(again) is kerasbert.Pretrainer
    assert again.options() == whole.options()
    assert again.evaluate(DOCUMENTS) == pytest.approx(whole.evaluate(DOCUMENTS))
    text = ["the [MASK] is good"]
    expected = whole.predict(text)[0]["masks"][0][0]
    for task in (kerasbert.MaskedLM.from_pretrained(tmp_path / "model"), again):
        found = task.predict(text)[0]["masks"][0][0]
        assert found["token"] == expected["token"]
        assert found["score"] == pytest.approx(expected["score"], rel=1e-5)
    with pytest.warns(UserWarning, match="new and untrained"):
        classifier = kerasbert.TextClassifier.from_pretrained(
            tmp_path / "model", labels=["a", "b"]
        )
    pooler = classifier.encoder.pooler.get_weights()
    for one, other in zip(pooler, whole.encoder.pooler.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ([], ValueError, "got none"),
        (DOCUMENTS[:1], ValueError, "Expected two documents or more"),
        (["a text"], TypeError, "each a list of sentences"),
    ],
)
def test_other_inputs_are_refused(inputs, error, message):
    with pytest.raises(error, match=message):
        made().fit(inputs, verbose=0)


def test_positions_are_waves_with_local_initialization():
    tables = []
    for name in ("normal", "local"):
        embeddings = made(initialization=name).encoder.embeddings
        tables.append(embeddings.position_embedding.get_weights()[0][0])
    assert len(set(tables[0].tolist())) == 16
    assert set(tables[1].tolist()) == {0.0, np.float32(0.02 * np.sqrt(2))}
    with pytest.raises(ValueError, match="initialization among normal, local"):
        made(initialization="small")


def test_a_vocabulary_without_a_mask_is_refused(tmp_path):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good"]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    with pytest.raises((ValueError, KeyError), match="MASK"):
        tokenizer = kerasbert.Tokenizer.from_pretrained(tmp_path)
        config = kerasbert.BertConfig(vocab_size=5, **SHAPE)
        kerasbert.Pretrainer.from_config(config, tokenizer)
