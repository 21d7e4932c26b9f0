"""Every variable of our models: its path, and its shape in the letters of the axes.

`kerasbert.layers` explains the letters. A group of variables comes together: the
encoder always, the pooler and each head where the checkpoint has it.
"""

from kerasbert.config import AlbertConfig

BLOCK = {
    "attention/query/kernel": "DD",
    "attention/query/bias": "D",
    "attention/key/kernel": "DD",
    "attention/key/bias": "D",
    "attention/value/kernel": "DD",
    "attention/value/bias": "D",
    "attention/output/kernel": "DD",
    "attention/output/bias": "D",
    "attention_norm/gamma": "D",
    "attention_norm/beta": "D",
    "feed_forward/intermediate/kernel": "DF",
    "feed_forward/intermediate/bias": "F",
    "feed_forward/output/kernel": "FD",
    "feed_forward/output/bias": "D",
    "feed_forward_norm/gamma": "D",
    "feed_forward_norm/beta": "D",
}

EMBEDDINGS = {
    "embeddings/token_embedding/embeddings": "VE",
    "embeddings/segment_embedding/embeddings": "GE",
    "embeddings/position_embedding/embeddings": "PE",
    "embeddings/norm/gamma": "E",
    "embeddings/norm/beta": "E",
}

PROJECTION = {
    "embeddings/projection/kernel": "ED",
    "embeddings/projection/bias": "D",
}

POOLER = {"pooler/dense/kernel": "DD", "pooler/dense/bias": "D"}

HEADS = {
    "masked_lm_head": {
        "masked_lm_head/dense/kernel": "DE",
        "masked_lm_head/dense/bias": "E",
        "masked_lm_head/norm/gamma": "E",
        "masked_lm_head/norm/beta": "E",
        "masked_lm_head/bias": "V",
    },
    "pair_head": {"pair_head/dense/kernel": "D2", "pair_head/dense/bias": "2"},
    "classification_head": {
        "classification_head/dense/kernel": "DC",
        "classification_head/dense/bias": "C",
    },
    "span_head": {"span_head/dense/kernel": "D2", "span_head/dense/bias": "2"},
}


def block_names(config):
    """The names of the encoder's blocks: a layer's in BERT, a group's in ALBERT."""
    if isinstance(config, AlbertConfig):
        return [
            f"group_{group}_inner_{inner}"
            for group in range(config.num_hidden_groups)
            for inner in range(config.inner_group_num)
        ]
    return [f"layer_{layer}" for layer in range(config.num_hidden_layers)]


def encoder_variables(config):
    """The paths of the encoder's variables, without the pooler's, and their letters.

    Args:
        config: A `BertConfig` or `AlbertConfig`.

    Returns:
        A dictionary from path to letters.
    """
    projection = PROJECTION if isinstance(config, AlbertConfig) else {}
    blocks = {
        f"{name}/{path}": letters
        for name in block_names(config)
        for path, letters in BLOCK.items()
    }
    return {**EMBEDDINGS, **projection, **blocks}


def shape_of(letters, config, num_classes=None):
    """The shape that letters stand for.

    Args:
        letters: Letters of axes; `G` is the segments, `P` the positions.
        config: A `BertConfig` or `AlbertConfig`.
        num_classes: Number of classes of the classification head.
    """
    sizes = {
        "V": config.vocab_size,
        "P": config.max_position_embeddings,
        "G": config.type_vocab_size,
        "D": config.hidden_size,
        "E": getattr(config, "embedding_size", config.hidden_size),
        "F": config.intermediate_size,
        "C": num_classes,
        "2": 2,
    }
    return tuple(sizes[letter] for letter in letters)
