"""The encoder and the tokenizer of what a user has at hand."""


def encoder_and_tokenizer(model, tokenizer=None):
    """The encoder and the tokenizer of a task or an encoder.

    Args:
        model: A task, which has both; or an encoder or a model with a head.
        tokenizer: The tokenizer; None: that of the task.

    Raises:
        TypeError: If there is none.
    """
    encoder = getattr(model, "encoder", model)
    tokenizer = tokenizer or getattr(model, "tokenizer", None)
    if not hasattr(encoder, "attention_model"):
        raise TypeError(
            "Expected a task such as kerasbert.TextEmbedder, or an encoder, got "
            f"{type(model).__name__}."
        )
    if tokenizer is None:
        raise TypeError(
            f"Expected a tokenizer beside {type(model).__name__}, which has none. "
            "Give tokenizer=kerasbert.Tokenizer.from_pretrained(source)."
        )
    return encoder, tokenizer
