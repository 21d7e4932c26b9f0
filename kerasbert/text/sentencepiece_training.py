"""SentencePiece vocabularies of texts."""

import io

MOST_TEXTS = 1_000_000  # that the trainer looks at


def train_sentencepiece(texts, vocab_size, extra, told, **options):
    """Returns a SentencePiece model as bytes, by default a unigram one (Kudo, 2018).

    `extra` installs the package, and `told` is what an error says was expected.
    """
    try:
        import sentencepiece
    except ModuleNotFoundError:
        raise ImportError(
            "Expected the package sentencepiece, which trains the vocabulary. Install: "
            f"pip install 'kerasbert[{extra}]'"
        ) from None
    model = io.BytesIO()
    arguments = {
        "sentence_iterator": iter(texts),
        "model_writer": model,
        "model_type": "unigram",
        "vocab_size": vocab_size,
        "hard_vocab_limit": False,
        "character_coverage": 0.9995,
        "pad_id": 0,
        "pad_piece": "<pad>",
        "input_sentence_size": MOST_TEXTS,
        "shuffle_input_sentence": True,
        "num_threads": 2,
        "minloglevel": 2,
    }
    try:
        sentencepiece.SentencePieceTrainer.train(**{**arguments, **options})
    except RuntimeError as error:
        raise ValueError(f"Expected {told}: {error}") from None
    return model.getvalue()
