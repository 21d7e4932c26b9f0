"""Searches in one graph with a cache, against plain Python without one."""

import functools
import math

import keras
import numpy as np
import pytest

from kerasbert.decoding import BeamSearch, Greedy, Limits, Sampling
from kerasbert.decoding.sampling import uniforms_of
from kerasbert.models.decoder import Continuation
from tests import harness
from tests.models.test_seq2seq_transformer import transformer

START, END = 1, 8  # where one row ends at once, one later and one never
LENGTH = 7
BATCH = {name: harness.BATCH[name][:3] for name in ("token_ids", "padding_mask")}


@functools.cache
def model_of(norm="post"):
    return harness.randomise(transformer(norm=norm), seed=3, scale=0.6)


def continued(strategy, model=None, length=LENGTH, limits=None, uniforms=None):
    model = model or model_of()
    limits = limits or Limits(END)

    def run(token_ids, padding_mask):
        continuation = model.continuation(token_ids, padding_mask, START, length)
        prompt = keras.ops.ones_like(token_ids[:, :1]) * START
        seen = limits.seen_in(prompt, None, harness.V)
        return tuple(strategy(continuation, limits, seen, uniforms))

    return [harness.numpy(x) for x in compiled(run)(*BATCH.values())]


def compiled(function):
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function, autograph=False)


def logits_after(model, row, prefixes):
    """Logits of the next token of each prefix, by a whole pass of one shape."""
    token_ids = np.full((3, LENGTH), START, "int32")  # what follows is not seen
    for tokens, ids in zip(prefixes, token_ids, strict=False):
        ids[1 : 1 + len(tokens)] = tokens
    batch = {name: value[[row] * 3] for name, value in BATCH.items()}
    logits = harness.numpy(model({**batch, "decoder_token_ids": token_ids})["logits"])
    return logits[: len(prefixes), len(prefixes[0])].astype("float64")


def log_softmax(logits):
    logits = logits - logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def greedy_by_hand(model, row, length=LENGTH, min_length=0, penalty=1.0):
    tokens, total = [], 0.0
    for index in range(length):
        [logits] = logits_after(model, row, [tokens])
        log_probs = log_softmax(logits)
        allowed = logits.copy()
        for token in {START, *tokens}:
            allowed[token] *= penalty if allowed[token] < 0 else 1 / penalty
        if index < min_length:
            allowed[END] = -math.inf
        token = int(np.argmax(allowed))
        total += log_probs[token]
        if token == END:
            return tokens, total / (index + 1)
        tokens.append(token)
    return tokens, total / length


def beams_by_hand(model, row, beams, penalty, length=LENGTH):
    """The results of a beam search, as lists of tokens with their scores."""
    running, ended = [(0.0, [])], []
    for index in range(length):
        grown = []
        every = log_softmax(logits_after(model, row, [tokens for _, tokens in running]))
        for (total, tokens), log_probs in zip(running, every, strict=True):
            grown += [(total + x, [*tokens, t]) for t, x in enumerate(log_probs)]
        grown.sort(key=lambda each: -each[0])
        is_last = index + 1 == length
        divisor = (index + 1) ** penalty
        for total, tokens in grown[:beams]:
            if tokens[-1] == END or is_last:
                ended.append((total / divisor, [t for t in tokens if t != END]))
        ended = sorted(ended, key=lambda each: -each[0])[:beams]
        running = [each for each in grown[: 2 * beams] if each[1][-1] != END][:beams]
        if len(ended) == beams and running[0][0] / divisor <= ended[-1][0]:
            break
    return ended


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_greedy_is_the_likeliest_token_each_time(norm):
    model = model_of(norm)
    tokens, lengths, scores, _ = continued(Greedy(), model)
    assert tokens.shape == (3, 1, LENGTH)
    for row in range(3):
        expected, score = greedy_by_hand(model, row)
        assert tokens[row, 0, : lengths[row, 0]].tolist() == expected
        np.testing.assert_allclose(scores[row, 0], score, rtol=1e-5)


@pytest.mark.parametrize(
    "penalty",
    [
        1.0,
        pytest.param(0.0, marks=pytest.mark.slow),
        pytest.param(2.0, marks=pytest.mark.slow),
    ],
)
def test_beam_search_finds_what_it_finds_by_hand(penalty):
    beams = BeamSearch(num_beams=3, length_penalty=penalty, num_results=3)
    tokens, lengths, scores, has_ended = continued(beams)
    for row in range(3):
        expected = beams_by_hand(model_of(), row, 3, penalty)
        found = [
            tokens[row, place, : lengths[row, place]].tolist() for place in range(3)
        ]
        assert found == [tokens for _, tokens in expected]
        np.testing.assert_allclose(scores[row], [s for s, _ in expected], rtol=1e-5)
        lengths_by_hand = np.array([len(tokens) for _, tokens in expected])
        np.testing.assert_array_equal(has_ended[row], lengths_by_hand < LENGTH)


def test_one_beam_is_greedy():
    beam, greedy = continued(BeamSearch(1)), continued(Greedy())
    np.testing.assert_array_equal(beam[0], greedy[0])
    np.testing.assert_allclose(beam[2], greedy[2], rtol=1e-5)


def test_after_the_end_there_is_padding():
    limits = Limits(END, pad_token_id=7)
    tokens, lengths, _, has_ended = continued(Greedy(), limits=limits)
    after = np.arange(LENGTH) >= lengths[..., None]
    assert has_ended.any() and (tokens[after] == 7).all()


def test_a_minimum_length_delays_the_end():
    limits = Limits(END, min_length=5)
    tokens, lengths, _, _ = continued(Greedy(), limits=limits)
    assert lengths.min() >= 5
    for row in range(3):
        expected, _ = greedy_by_hand(model_of(), row, min_length=5)
        assert tokens[row, 0, : lengths[row, 0]].tolist() == expected


def test_a_repetition_penalty_counts_the_prompt_and_what_came_since():
    limits = Limits(END, min_length=3, repetition_penalty=3.0)
    tokens, lengths, *_ = continued(Greedy(), limits=limits)
    plain, *_ = continued(Greedy(), limits=Limits(END, min_length=3))
    assert (tokens != plain).any()
    for row in range(3):
        expected, _ = greedy_by_hand(model_of(), row, min_length=3, penalty=3.0)
        assert tokens[row, 0, : lengths[row, 0]].tolist() == expected
    beams, *_ = continued(BeamSearch(1), limits=limits)
    assert len(set(beams[2, 0].tolist())) > len(set(plain[2, 0].tolist()))


def test_sampling_draws_by_the_distribution():
    logits = np.log(np.array([[0.5, 0.3, 0.15, 0.05]], "float32")).repeat(2000, 0)
    uniforms = np.random.default_rng(0).uniform(size=2000).astype("float32")
    chosen = harness.numpy(Sampling().choose(logits, uniforms))
    shares = np.bincount(chosen, minlength=4) / 2000
    np.testing.assert_allclose(shares, [0.5, 0.3, 0.15, 0.05], atol=0.03)
    of_two = harness.numpy(Sampling(top_k=2).choose(logits, uniforms))
    assert set(of_two.tolist()) == {0, 1}
    within = harness.numpy(Sampling(top_p=0.81).choose(logits, uniforms))
    assert set(within.tolist()) == {0, 1, 2}  # the one that crosses it, too
    cold = harness.numpy(Sampling(temperature=0.01).choose(logits, uniforms))
    assert set(cold.tolist()) == {0}


def test_sampling_repeats_with_its_seed_alone():
    def drawn(seed):
        return continued(Sampling(), uniforms=uniforms_of(3, LENGTH, seed))[0]

    np.testing.assert_array_equal(drawn(1), drawn(1))
    assert (drawn(1) != drawn(2)).any()


def test_prompts_of_other_lengths_share_a_batch():
    """Padding between a prompt and its continuation changes nothing."""
    model = model_of()
    states = model.encode(**BATCH)
    prompts = np.array([[1, 5, 6, 3], [1, 4, 0, 0], [1, 8, 9, 0]], "int32")
    mask = (prompts > 0).astype("int32")

    def run(rows, width):
        continuation = Continuation(
            model.decoder,
            keras.ops.convert_to_tensor(prompts[rows, :width]),
            keras.ops.convert_to_tensor(mask[rows, :width]),
            states[rows],
            BATCH["padding_mask"][rows],
            length=5,
        )
        return harness.numpy(BeamSearch(2)(continuation, Limits(END)).token_ids)

    together = run(slice(0, 3), 4)
    for row, width in enumerate(mask.sum(1)):
        np.testing.assert_array_equal(run(slice(row, row + 1), width)[0], together[row])


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="at most 11 beams"):
        continued(BeamSearch(12))
    with pytest.raises(ValueError, match="num_results from 1 to 2"):
        BeamSearch(2, num_results=3)
    with pytest.raises(ValueError, match=r"a temperature above 0, got 0\. Greedy\(\)"):
        Sampling(temperature=0)
    with pytest.raises(ValueError, match="top_p to be a probability"):
        Sampling(top_p=1.5)
    with pytest.raises(ValueError, match="top_k of 1 or more"):
        Sampling(top_k=0)
    with pytest.raises(ValueError, match="min_length to be 0 or more"):
        Limits(END, min_length=-1)
    with pytest.raises(ValueError, match="repetition_penalty above 0"):
        Limits(END, repetition_penalty=0)
    with pytest.raises(ValueError, match="maximum length of 1 token"):
        continued(Greedy(), length=0)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), "1"])
def test_settings_that_are_no_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match="length_penalty to be a number, such as"):
        BeamSearch(2, length_penalty=wrong)
    with pytest.raises(ValueError, match="a temperature above 0, got"):
        Sampling(temperature=wrong)
    with pytest.raises(ValueError, match="top_p to be a probability"):
        Sampling(top_p=wrong)
    with pytest.raises(ValueError, match="num_results from 1 to 2"):
        BeamSearch(2, num_results=1.5)
    with pytest.raises(ValueError, match="top_k of 1 or more"):
        Sampling(top_k=1.5)


def test_one_token_of_top_k_is_the_likeliest_whatever_top_p_is():
    logits = keras.ops.convert_to_tensor([[0.0, 2.0, 1.0]])
    log_probs, tokens = Sampling(top_k=1, top_p=0.5).log_probs(logits)
    assert np.array(log_probs).tolist() == [[0.0]]
    assert np.array(tokens).tolist() == [[1]]


def test_a_prompt_and_a_length_beyond_the_positions_are_refused():
    model = transformer(positions="learned", max_position_embeddings=7)
    with pytest.raises(ValueError, match="at most 7 tokens .* max_length of at most 6"):
        continued(Greedy(), model)
