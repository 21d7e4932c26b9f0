"""Training examples of several texts: scored pairs, or anchors with positives."""

import dataclasses

import numpy as np

from kerasbert.data import check_scores, number, score_if_any
from kerasbert.tasks.embedding.search import semantic_search
from kerasbert.tasks.embedding.vectors import warn_of_long_texts
from kerasbert.tasks.example_files import read_table
from kerasbert.tasks.preprocessor import joined
from kerasbert.tasks.scores import checked_scores
from kerasbert.training.features import GroupedExamples
from kerasbert.training.similarity_losses import similarity_loss

ALIKE = "none"  # a --label-column: pairs without scores


def read_alike(file, options, learns=False):
    """Reads the `Examples` of a file of pairs, with or without scores."""
    if options.label_column == ALIKE:
        options = dataclasses.replace(options, label_column=None)
        return read_table(file, options, None, pairs=True)
    target = score_if_any if options.label_column is None else number
    examples = read_table(file, options, target, pairs=True)
    if examples.targets is not None:
        check_scores(examples.targets, examples.account, learns)
    return examples


def columns_of(examples, size=None):
    """Transposes examples: all first texts, all second texts, ...

    Example:
        >>> columns_of([("a", "b"), ("c", "d")])
        [['a', 'c'], ['b', 'd']]
    """
    if not len(examples):
        raise ValueError("Expected examples of two texts or more, got none.")
    size = size or max(2, len(examples[0]))
    for position, group in enumerate(examples):
        is_group = isinstance(group, tuple | list) and len(group) == size
        if not is_group or not all(isinstance(text, str | bytes) for text in group):
            raise TypeError(
                f"Expected a tuple of {size} texts at position {position}, got "
                f"{type(group).__name__}: {str(group)[:60]!r}."
            )
    return [list(column) for column in zip(*examples, strict=True)]


def numbers_of(texts):
    """Returns a number for each text, equal for equal texts, float32 `[n]`."""
    numbers = {}
    return np.array(
        [numbers.setdefault(text, len(numbers)) for text in texts], "float32"
    )


def retrieval_metrics(encode, columns, similarity_fn_name):
    """Computes how well anchors retrieve their positives."""
    anchors, *others = columns
    corpus = list(dict.fromkeys(text for column in others for text in column))
    found, _ = semantic_search(
        encode(anchors), encode(corpus), similarity_fn_name=similarity_fn_name
    )
    place = {text: number for number, text in enumerate(corpus)}
    positives = np.array([place[text] for text in others[0]])  # [n]
    hits = found == positives[:, None]  # [n, K]
    inverse = hits / np.arange(1, hits.shape[1] + 1)
    return {
        "accuracy": float(hits[:, 0].mean()),
        "mrr": float(inverse.sum(axis=1).mean()),
    }


def default_loss(targets):
    """Returns the default loss, with or without scores."""
    return similarity_loss("multiple_negatives" if targets is None else "cosent")


def group_features(embedder, loss, examples, targets, sample_weight):
    """Tokenizes examples, with the model's default prompt."""
    columns = columns_of(examples)
    if sample_weight is not None and not loss.weighs_examples:
        raise ValueError(
            f"Expected no sample_weight with {type(loss).__name__}, which compares the "
            'examples of a batch. Take a loss of single examples, such as "cosine".'
        )
    texts = [text for group in zip(*columns, strict=True) for text in group]
    rows = _rows(embedder, texts)
    if loss.targets == "texts":
        known = numbers_of(texts).reshape(-1, len(columns))  # [n, K]
    else:
        known = _scores(loss, targets, len(examples), len(columns))  # [n]
    return GroupedExamples.of_rows(
        *(rows, {"embedding": known}, sample_weight, embedder.tokenizer),
        size=len(columns),
    )


def _rows(embedder, texts):
    prompt = embedder.prompt_of()
    if prompt and not embedder.model.head.include_prompt:
        raise ValueError(
            "Expected no default prompt in training: this model does not pool the "
            "tokens of a prompt (include_prompt=false), and a row of token ids does "
            "not tell which these are. Set embedder.default_prompt = None."
        )
    preprocessor = embedder.preprocessor
    chunks = preprocessor.chunks(texts)
    rows = joined([preprocessor.encode(chunk, prompt) for chunk in chunks])
    warn_of_long_texts(rows.token_count, preprocessor.max_length)
    return rows


def _scores(loss, targets, count, size):
    if targets is None or size != 2:
        raise ValueError(
            "Expected pairs of texts with a score each, as the loss "
            f"{type(loss).__name__} wants them, got "
            f"{'no scores' if targets is None else f'{size} texts an example'}. "
            'Texts that belong together are for loss="multiple_negatives".'
        )
    return checked_scores(
        *(targets, count, loss.lowest, loss.highest),
        remedy='Scale the scores, take loss="cosent", which takes any, or name '
        "their range, as CosineSimilarityLoss(low, high) does",
    )
