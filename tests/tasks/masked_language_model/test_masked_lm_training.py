import functools
import pathlib

import keras
import numpy as np
import pytest

import kerasbert
from kerasbert.tasks.masked_language_model.masking import Masking, Perplexity
from kerasbert.training import Recipe
from kerasbert.training.batches import TrainingOrder

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures"
TEXTS = ["the film is very good", "a bad book", "i read a good book in the world"]


def load(name="bert_masked_lm", **options):
    return kerasbert.MaskedLM.from_pretrained(
        FIXTURES / name / "huggingface", **options
    )


@functools.cache
def tokenizer(name):
    return kerasbert.Tokenizer.from_pretrained(FIXTURES / name / "huggingface")


def hidden(masking, token_ids, count):
    """Many draws of a masking of one row."""
    random = np.random.default_rng(0)
    return [masking(token_ids, random) for _ in range(count)]


def test_of_the_chosen_tokens_a_tenth_stays_and_a_tenth_becomes_others():
    tokens = tokenizer("bert_masked_lm")
    row = np.array([2, *range(20, 180), 3], "int32")
    draws = hidden(Masking(tokens, rate=0.25), row, 100)
    kinds = {"mask": 0, "kept": 0, "other": 0}
    for masked, positions, kept in draws:
        assert len(positions) == 40
        assert (np.diff(positions) > 0).all()
        np.testing.assert_array_equal(row[positions], kept)
        untouched = np.delete(np.arange(len(row)), positions)
        np.testing.assert_array_equal(masked[untouched], row[untouched])
        new = masked[positions]
        kinds["mask"] += (new == tokens.mask_token_id).sum()
        kinds["kept"] += (new == kept).sum()
        kinds["other"] += ((new != kept) & (new != tokens.mask_token_id)).sum()
        others = new[(new != kept) & (new != tokens.mask_token_id)].tolist()
        assert not tokens.special_token_ids & {*others, *kept.tolist()}
    shares = [count / 4000 for count in kinds.values()]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.02)


@pytest.mark.parametrize("name", ["bert_masked_lm", "albert_masked_lm"])
def test_all_pieces_of_a_word_are_hidden_or_none(name):
    tokens = tokenizer(name)
    [row] = tokens.encode(["reading here the world is reading"])
    words, word = [], -1
    for token in tokens.tokens(row):
        begins = token[0] == "▁" if name[0] == "a" else token[:2] != "##"
        word += begins or token in ("[CLS]", "[SEP]")
        words.append(word)
    row, words = np.array(row, "int32"), np.array(words)
    sizes = np.bincount(words)
    assert sizes.max() > 1
    for _, positions, _ in hidden(Masking(tokens, 0.5, whole_words=True), row, 50):
        chosen = np.bincount(words[positions], minlength=len(sizes))
        assert ((chosen == 0) | (chosen == sizes)).all()


def test_every_epoch_hides_others_and_a_run_that_goes_on_the_same():
    masked = load()

    def epoch(step):
        return list(TrainingOrder(masked.features(TEXTS), 2, seed=7, step=step)())

    first = epoch(0)
    order = TrainingOrder(masked.features(TEXTS), 2, seed=7)
    order.epoch = 1
    second, again = list(order()), epoch(len(first))
    for batch, same in zip(second, again, strict=True):
        for part, other in zip(batch, same, strict=True):
            for name, values in part.items():
                np.testing.assert_array_equal(values, other[name])

    def texts(epoch):
        return {row.tobytes() for batch in epoch for row in batch[0]["token_ids"]}

    assert texts(first) != texts(second)


def test_a_validation_hides_the_same_every_time():
    dataset = load().dataset(TEXTS, shuffle=False)
    [(first, _)], [(second, _)] = list(dataset), list(dataset)
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name])


def test_loss_and_perplexity_are_those_of_the_hidden_tokens_alone():
    masked = load()
    [(inputs, targets)] = masked.dataset(TEXTS, shuffle=False)
    logits = keras.ops.convert_to_numpy(masked.model(inputs)["mlm_logits"])
    log_probs = np.log(np.exp(logits) / np.exp(logits).sum(-1, keepdims=True))
    labels = targets["mlm_logits"].numpy()
    rows, places = np.nonzero(labels >= 0)
    losses = -log_probs[rows, places, labels[rows, places]]
    found = masked.evaluate(TEXTS)
    assert found["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert found["perplexity"] == pytest.approx(np.exp(np.mean(losses)), rel=1e-4)


def test_perplexity_counts_weights():
    metric = Perplexity()
    logits = np.log(np.array([[[0.5, 0.5]], [[0.125, 0.875]]], "float32"))
    metric.update_state(np.array([[0], [0]]), logits, sample_weight=np.array([1, 3]))
    # (1 * ln 2 + 3 * ln 8) / 4
    assert float(metric.result()) == pytest.approx(2 ** (10 / 4), rel=1e-6)


@pytest.mark.slow
def test_training_makes_texts_likelier(tmp_path):
    masked = load(mask_rate=0.3, whole_words=True)
    before = masked.pseudo_perplexity(TEXTS)
    masked.compile(Recipe(learning_rate=0.01))
    history = masked.fit(
        TEXTS * 8, validation_data=TEXTS, epochs=4, batch_size=8, verbose=0
    )
    perplexities = history.history["val_perplexity"]
    assert len(perplexities) == 4
    assert perplexities[-1] < perplexities[0]
    assert (masked.pseudo_perplexity(TEXTS) < before / 2).all()


def test_targets_are_the_texts_themselves():
    with pytest.raises(ValueError, match="Expected no targets"):
        load().features(TEXTS, ["good"] * 3)


@pytest.mark.parametrize("rate", [0, 1, -0.1])
def test_a_rate_is_a_part_of_the_tokens(rate):
    with pytest.raises(ValueError, match="mask_rate above 0 and below 1"):
        load(mask_rate=rate)
