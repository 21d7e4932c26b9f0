"""How a text is found in the outputs of a model of speech."""

from kerasbert.account import quoted
from kerasbert.tasks.speech_recognition import ctc
from kerasbert.tasks.speech_recognition.attention import attend

SEARCHES = ("ctc", "attention")


def checked_search(search, num_beams, model):
    """Returns a search, by default that of the model; raises a `ValueError`."""
    if search not in (None, *SEARCHES):
        raise ValueError(
            f"Expected search to be {' or '.join(SEARCHES)}, got {quoted(search)}."
        )
    if search == "attention" and model.decoder is None:
        raise ValueError(
            "Expected a model with a decoder for search='attention', got one without. "
            "Make it with for_texts(..., num_decoder_layers=1)."
        )
    search = search or ("ctc" if model.decoder is None else "attention")
    check_beams(num_beams, search, model.config.vocab_size)
    return search


def check_beams(num_beams, search, size):
    """Raises a `ValueError` for beams that a search cannot have."""
    if type(num_beams) is not int or num_beams < 1:
        raise ValueError(f"Expected num_beams of 1 or more, got {quoted(num_beams)}.")
    if search == "attention" and num_beams > size:
        raise ValueError(
            f"Expected at most {size} beams, as many as there are units, got "
            f"num_beams={num_beams}."
        )


def heard(model, waveform, length, search, num_beams):
    """Recognizes in the graph.

    Shapes:
        waveform `[B, W]`, length `[B]` -> units int32 `[B, U]`, padded with 0, scores
        float32 `[B]`, and the logits of CTC `[B, S, V]`.
    """
    states, mask = model.encode(waveform, length)
    logits = model.head(states, mask)
    if search == "attention":
        found = attend(model.decoder, states, mask, num_beams)
    elif num_beams == 1:
        found = ctc.greedy(logits)
    else:
        found = ctc.prefix_beam(logits, num_beams)
    return *found, logits
