"""Training and testing a text embedder on texts that are near or far."""

import numpy as np

from kerasbert.tasks.embedding.prompts import prompt_text
from kerasbert.tasks.embedding.search import semantic_search
from kerasbert.tasks.embedding.similarity import pairwise_similarity, similarity
from kerasbert.tasks.scores import agreement, checked_scores
from kerasbert.tasks.task import Task, check_one_segment
from kerasbert.tasks.text_rows import list_of_texts
from kerasbert.tasks.token_rows import TokenRows, warn_of_truncation
from kerasbert.training.features import GroupFeatures
from kerasbert.training.similarity_losses import similarity_loss

CHUNK = 4096  # texts that are tokenized at once


class BiEncoder(Task):
    """What a text embedder is as a task: its vectors are compared, and trained so.

    It is trained on pairs of texts with scores, or on texts that belong together: an
    anchor, its positive, and maybe negatives. The one model embeds all of them.

    Args:
        model: A `kerasbert.models.SentenceEmbeddingModel`.
        tokenizer: The `kerasbert.Tokenizer` of its vocabulary.
        max_length: The longest sequence in tokens, special tokens included.
    """

    kind = "embed"
    needs_targets = False
    takes_groups = True

    def __init__(self, model, tokenizer, max_length=None):
        super().__init__(model, tokenizer, max_length)
        check_one_segment(tokenizer)
        self.prompts = {}
        self.default_prompt = None
        self.similarity_fn_name = "cosine"
        self.loss = None
        self._rows = TokenRows(tokenizer, self.max_length)

    def compile(self, optimizer=None, loss=None, metrics=None, **options):
        """Says how the model is trained.

        Args:
            optimizer: As in `TextClassifier.compile`; by default
                `kerasbert.Recipe()`.
            loss: The name of a loss, or a loss of
                `kerasbert.training.similarity_losses`. For pairs with scores:
                `"cosent"` (scores of any range; the default), `"cosine"` (from 0 to
                1), `"contrastive"` and `"online_contrastive"` (0 or 1). For texts
                without scores: `"multiple_negatives"` (their default).
            metrics: As in `keras.Model.compile`.
            **options: Others of `keras.Model.compile`, such as `jit_compile`.

        Raises:
            ValueError: If there is no such loss.
        """
        if loss is not None:
            self.loss = similarity_loss(loss)
        super().compile(optimizer, None, metrics, **options)

    def dataset(self, inputs, targets=None, batch_size=32, shuffle=True, seed=0):
        """A `tf.data.Dataset` for `model.fit` and `model.evaluate`.

        A batch of B examples of K texts holds B * K rows, the texts of an example in
        turn, and B targets; the losses of `kerasbert.training.similarity_losses` take
        them so.

        Args:
            inputs: As in `fit`.
            targets: As there.
            batch_size: Examples of a batch.
            shuffle: False: all examples in a fixed order.
            seed: Gives the order.
        """
        return super().dataset(inputs, targets, batch_size, shuffle, seed)

    def fit(self, inputs, targets=None, validation_data=None, **options):
        """Trains the model.

        Args:
            inputs: Pairs of texts; or, without scores, tuples of an anchor, its
                positive and any number of negatives, as many in each; or a
                `tf.data.Dataset` of `((text, text), score)`, or of such tuples.
            targets: The scores of the pairs; None: there are none.
            validation_data: `(pairs, scores)`, or `(tuples,)` without scores, to test
                on after every epoch.
            **options: `sample_weight`, `checkpoints`, `epochs`, `batch_size` and the
                others of `Task.fit`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: If an example is none, or a score none of the loss; the message
                says which.

        Example:
            >>> embedder = kerasbert.TextEmbedder.from_pretrained(tiny_bert)
            >>> pairs = [("a man sings", "someone sings"), ("a man sings", "it rains")]
            >>> embedder.compile(kerasbert.Recipe(1e-4), loss="cosent")
            >>> report = embedder.fit(pairs, [4.2, 0.3], epochs=1, verbose=0)
            >>> sorted(report.history)
            ['loss']
        """
        inputs, targets, weights = self.examples(
            inputs, targets, options.pop("sample_weight", None)
        )
        self._choose_loss(targets)
        return super().fit(inputs, targets, validation_data, weights, **options)

    def evaluate(self, inputs, targets=None, batch_size=32, sample_weight=None):
        """Loss and metrics on examples.

        Args:
            inputs: As in `fit`.
            targets: As there.
            batch_size: Examples of a batch.
            sample_weight: As in `Task.evaluate`.

        Returns:
            `loss`; with scores, `pearson` and `spearman` of the model's similarity,
            the cosine where it names no other; without, `accuracy`, how often the
            positive is the nearest to its anchor of all positives and negatives, and
            `mrr`, the mean of one by its place among the first ten, or 0.
        """
        inputs, targets, weights = self.examples(inputs, targets, sample_weight)
        self._choose_loss(targets)
        return super().evaluate(inputs, targets, batch_size, weights)

    def predict(self, inputs):
        """Embeds texts, or compares pairs of texts.

        Args:
            inputs: A list of strings, or of pairs of strings.

        Returns:
            A dictionary a text: its `embedding`, a list of numbers; or a dictionary a
            pair: its `score`, how alike the model finds its texts.
        """
        inputs = list_of_texts(inputs)
        if inputs and isinstance(inputs[0], tuple | list):
            return [{"score": score} for score in self.similarity(inputs).tolist()]
        return [{"embedding": vector.tolist()} for vector in self.encode(inputs)]

    def similarity(self, first, second=None):
        """How alike texts are, by the model's `similarity_fn_name`.

        Args:
            first: Vectors `[n, D]`, or a list of n strings; where there is no
                `second`, a list of n pairs of strings.
            second: Vectors `[m, D]`, or a list of m strings.

        Returns:
            float32 array `[n, m]` of each with each; of pairs `[n]`.

        Raises:
            ValueError: If the vectors are not of one size.

        Example:
            >>> embedder = kerasbert.TextEmbedder.from_pretrained(tiny_bert)
            >>> vectors = embedder.encode(["good morning", "hello", "bye"])
            >>> embedder.similarity(vectors[:1], vectors[1:]).shape
            (1, 2)
        """
        if second is not None:
            sides = [self._vectors_of(first), self._vectors_of(second)]
            return similarity(*sides, self.similarity_fn_name)
        texts = self._columns(list_of_texts(first), size=2)
        sides = np.split(self.encode([*texts[0], *texts[1]]), 2)
        return pairwise_similarity(*sides, self.similarity_fn_name)

    def _vectors_of(self, given):
        is_text = isinstance(given, str | bytes)
        if is_text or (len(given) and isinstance(given[0], str | bytes)):
            return self.encode(given)
        return given

    def answer_metrics(self, inputs, targets=None):
        if targets is not None:
            return agreement(self.similarity(inputs), np.asarray(targets, "float64"))
        anchors, *others = self._columns(inputs)
        corpus = list(dict.fromkeys(text for column in others for text in column))
        numbers, _ = semantic_search(
            self.encode(anchors),
            self.encode(corpus),
            similarity_fn_name=self.similarity_fn_name,
        )
        place = {text: number for number, text in enumerate(corpus)}
        positives = np.array([place[text] for text in others[0]])  # [n]
        hits = numbers == positives[:, None]  # [n, K]
        inverse = hits / np.arange(1, hits.shape[1] + 1)
        return {
            "accuracy": float(hits[:, 0].mean()),
            "mrr": float(inverse.sum(axis=1).mean()),
        }

    def features(self, inputs, targets=None, sample_weight=None):
        inputs = list_of_texts(inputs)
        columns = self._columns(inputs)
        self._choose_loss(targets)
        self._check_weights(sample_weight)
        texts = [text for group in zip(*columns, strict=True) for text in group]
        ids = self._ids(texts)
        if self.loss.targets == "texts":
            known = _numbers_of(texts).reshape(-1, len(columns))  # [n, K]
        else:
            known = self._scores(targets, len(inputs), len(columns))  # [n]
        segments = [np.zeros_like(row) for row in ids]
        return GroupFeatures(
            {"token_ids": ids, "segment_ids": segments},
            {"embedding": known},
            sample_weight,
            self.tokenizer.pad_token_id,
            size=len(columns),
        )

    def losses(self):
        loss = None if self.loss is None else {"embedding": self.loss}
        return {"loss": loss, "metrics": None}

    def _choose_loss(self, targets):
        """The loss for examples with or without scores, where none was named."""
        if self.loss is not None:
            return
        self.loss = similarity_loss(
            "multiple_negatives" if targets is None else "cosent"
        )
        if self._compile_arguments is not None:
            self._compile_arguments |= self.losses()
            if self.model.compiled:
                self.model.compile(**self._compile_arguments)

    def _check_weights(self, sample_weight):
        if sample_weight is not None and not self.loss.weighs_examples:
            raise ValueError(
                f"Expected no sample_weight with {type(self.loss).__name__}, which "
                "compares the examples of a batch. Take a loss of single examples, "
                'such as "cosine".'
            )

    def _scores(self, targets, count, size):
        if targets is None or size != 2:
            raise ValueError(
                "Expected pairs of texts with a score each, as the loss "
                f"{type(self.loss).__name__} wants them, got "
                f"{'no scores' if targets is None else f'{size} texts an example'}. "
                'Texts that belong together are for loss="multiple_negatives".'
            )
        return checked_scores(
            *(targets, count, self.loss.lowest, self.loss.highest),
            remedy='Scale the scores, take loss="cosent", which takes any, or name '
            "their range, as CosineSimilarityLoss(low, high) does",
        )

    def _ids(self, texts):
        """The rows of token ids of texts, with the prompt that the model wants."""
        prompt = prompt_text(None, self.prompts, self.default_prompt)
        if prompt and not self.model.head.include_prompt:
            raise ValueError(
                "Expected no default prompt in training: this model does not pool the "
                "tokens of a prompt (include_prompt=false), and a row of token ids "
                "does not tell which these are. Set embedder.default_prompt = None."
            )
        ids, too_long = [], []
        for start in range(0, len(texts), CHUNK):
            rows = self._rows.of(texts[start : start + CHUNK], prompt)
            ids += rows.ids
            too_long += rows.lengths[rows.lengths > self.max_length].tolist()
        warn_of_truncation(too_long, self.max_length, stacklevel=5)
        return ids

    def _columns(self, inputs, size=None):
        """The first texts of all examples, the second ones, and so on."""
        if not len(inputs):
            raise ValueError("Expected examples of two texts or more, got none.")
        size = size or max(2, len(inputs[0]))
        for position, group in enumerate(inputs):
            is_group = isinstance(group, tuple | list) and len(group) == size
            if not is_group or not all(isinstance(t, str | bytes) for t in group):
                raise TypeError(
                    f"Expected a tuple of {size} texts at position {position}, got "
                    f"{type(group).__name__}: {str(group)[:60]!r}."
                )
        return [list(column) for column in zip(*inputs, strict=True)]


def _numbers_of(texts):
    """A number for each text, the same for equal ones."""
    numbers = {}
    return np.array(
        [numbers.setdefault(text, len(numbers)) for text in texts], "float32"
    )
