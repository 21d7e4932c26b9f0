"""Token classification: entities of texts, tags of words."""

import contextlib
import functools
import itertools
import os
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerasbert.data import holds_words, open_words
from kerasbert.inference.serving_graph import text_function
from kerasbert.metrics.entities import Span, span_scores
from kerasbert.models import TokenClassificationModel
from kerasbert.tasks.class_losses import ClassCrossentropy
from kerasbert.tasks.encoder_task import EncoderTask
from kerasbert.tasks.examples import list_of_texts
from kerasbert.tasks.preprocessor import check_one_segment
from kerasbert.tasks.pretrained_task import (
    has_published_head,
    load_parts,
    model_with_labels,
)
from kerasbert.tasks.scores import sparse_crossentropy
from kerasbert.tasks.token_classification.decoding import TagDecoder
from kerasbert.tasks.token_classification.inputs import (
    are_words,
    checked_entities,
    checked_tags,
    word_spans,
)
from kerasbert.tasks.token_classification.preprocessor import WordPreprocessor
from kerasbert.tasks.token_classification.serving import substrings, word_logits
from kerasbert.tasks.token_classification.tagged_files import (
    read_tagged_file,
    without_spaces,
)
from kerasbert.tasks.token_classification.tags import (
    TagScheme,
    labels_of,
    scheme_of,
)
from kerasbert.training.features import IGNORED, EncodedExamples


class TokenClassifier(EncoderTask):
    """Finds entities in texts, or tags words.

    A text that is too long is read in windows that overlap, so that every word gets a
    tag. The tags of a text are the likeliest that the scheme of the labels allows.

    Args:
        model: A `kerasbert.models.TokenClassificationModel`.
        tokenizer: The `kerasbert.Tokenizer` of its vocabulary.
        max_length: The longest window in tokens, special tokens included.
        stride: How many tokens neighbouring windows share; None: a quarter.
        scheme: `"IOB2"`, `"IOBES"` (BMES, BILOU), `"IOB1"`, in which I may begin an
            entity, or `"PLAIN"`, in which a tag is a type; None: as the labels say.

    Example:
        >>> tagger = kerasbert.TokenClassifier.from_pretrained(
        ...     tiny_bert, labels=["O", "B-LOC", "I-LOC"]
        ... )
        >>> [tags] = tagger.predict_tags([["a", "small", "town"]])
        >>> len(tags)
        3

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 5.3.
    """

    kind = "tag"
    takes_words = True

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        max_length: int | None = None,
        stride: int | None = None,
        scheme: str | None = None,
    ):
        super().__init__(model, tokenizer, max_length)
        check_one_segment(tokenizer)
        room = self.max_length - tokenizer.num_special_tokens()
        self.stride = room // 4 if stride is None else stride
        if not 0 <= self.stride < room:
            raise ValueError(
                f"Expected a stride from 0 to {room - 1} (max_length={self.max_length} "
                f"leaves {room} tokens), got {stride}."
            )
        self.labels = list(model.labels)
        self.scheme = TagScheme(self.labels, scheme)
        if self.scheme.tag_format.role_last and scheme is None:
            warnings.warn(
                f"Tags such as {self.labels[-1]!r} are read as a type and, at the end, "
                "a role. With scheme='PLAIN' each is a type of its own.",
                stacklevel=3,
            )
        self.preprocessor = WordPreprocessor(tokenizer, self.max_length, self.stride)

    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike,
        labels: Sequence[str] | None = None,
        dtype: str | None = None,
        **options: Any,
    ) -> "TokenClassifier":
        """Loads the encoder of a source, with its classifier or a new one.

        A published classifier with tags of B and I is read as IOB1, since nothing
        says what it was trained with: as seqeval and others read it.

        Args:
            source: As in `BertEncoder.from_pretrained`.
            labels: All tags, such as `kerasbert.tasks.labels_of` finds in data; None:
                those of the source. Where the source has a classifier of other tags, a
                new one takes its place.
            dtype: A dtype policy of the encoder, such as `"mixed_bfloat16"`.
            **options: `max_length`, `stride` and `scheme`, as in the constructor; and
                `dropout`, of what the classifier takes.

        Raises:
            FileNotFoundError: If there is no such source.
            ValueError: If the source is broken, neither it nor you name tags, or they
                are of no scheme.
        """
        dropout = options.pop("dropout", None)
        if labels is not None and options.get("scheme") is None:
            scheme_of(labels := list(labels))  # before anything is loaded
        folder, checkpoint, tokenizer = load_parts(source)
        model = model_with_labels(
            TokenClassificationModel, folder, checkpoint, labels, dropout, dtype
        )
        published = has_published_head(model)
        if published and all(re.fullmatch(r"LABEL_\d+", x) for x in model.labels):
            warnings.warn(
                f"{folder} does not name its tags: every word is an entity of a type "
                f"such as {model.labels[0]!r}. Name them with labels=[...].",
                stacklevel=2,
            )
        if published and options.get("scheme") is None:
            if scheme_of(model.labels) == "IOB2":
                options["scheme"] = "IOB1"
        return cls(model, tokenizer, **options)

    def features(
        self, inputs: Any, targets: Any = None, sample_weight: Any = None
    ) -> EncodedExamples:
        inputs = list_of_texts(inputs, words=True)
        rows = self.preprocessor.encode(inputs)
        known = {}
        if targets is not None:
            numbers = [
                [self.scheme.numbers[tag] for tag in tags]
                for tags in self._tags_of(inputs, rows, targets)[0]
            ]
            known = {"logits": rows.at_tokens(numbers, IGNORED)}
        if sample_weight is not None:
            sample_weight = np.asarray(sample_weight, "float32")[rows.texts]
        return self._features(rows, known, sample_weight)

    def compile(
        self,
        optimizer: Any = None,
        loss: Any = None,
        metrics: Any = None,
        label_smoothing: float = 0.0,
        **options: Any,
    ) -> None:
        """Configures the training, see `Task.compile`.

        Args:
            optimizer: As in `Task.compile`.
            loss: As there.
            metrics: As there.
            label_smoothing: Which part of each target is spread over all tags.
            **options: As there.

        Raises:
            ValueError: If both a loss and label smoothing are given.
        """
        if label_smoothing:
            if loss is not None:
                raise ValueError("Expected label_smoothing or a loss, got both.")
            loss = ClassCrossentropy(label_smoothing, ignore_class=IGNORED)
        super().compile(optimizer, loss, metrics, **options)

    def losses(self) -> dict[str, Any]:
        return {
            "loss": {"logits": sparse_crossentropy(ignore_class=IGNORED)},
            "metrics": None,
        }

    def predict(self, inputs: Any) -> Any:
        """Finds entities.

        Args:
            inputs: A list of strings, or of lists of words.

        Returns:
            A list of entities a text: dictionaries of `type`, `text`, its first
            character `start`, the one after its last `end`, and `score`, the mean
            probability of its words' tags. Of words, which count as joined by spaces,
            there are `first_word` and `last_word`, too.
        """
        inputs = list_of_texts(inputs, words=True)
        return self._decoded(inputs)[1] if inputs else []

    def predict_tags(self, words: Any) -> list[list[str]]:
        """Predicts the tags of words.

        Args:
            words: A list of lists of words, or of characters.

        Returns:
            A list of tags a text. A word of which the tokenizer leaves nothing, such
            as a control character, gets `"O"`.
        """
        return [answer["tags"] for answer in self.predict_words(words)]

    def predict_words(self, words: Any) -> Any:
        """Predicts the tags of words, and their entities.

        Args:
            words: As in `predict_tags`.

        Returns:
            A dictionary a text: `tags`, as of `predict_tags`, and `entities`, as of
            `predict`.
        """
        words = list_of_texts(words, words=True)
        if words and not are_words(words):
            raise TypeError(
                f"Expected lists of words, got {words[0][:40]!r}. Entities in texts "
                "are found by predict."
            )
        answers = zip(*self._decoded(words), strict=True) if words else []
        return [{"tags": tags, "entities": entities} for tags, entities in answers]

    @classmethod
    def read(
        cls,
        file: str | os.PathLike,
        options: Any,
        pairs: bool | None = None,
        learns: bool = False,
    ) -> Any:
        return read_tagged_file(file, options)

    @classmethod
    def labels_in(cls, examples: Any) -> list[str] | None:
        try:
            return labels_of(examples.targets)
        except ValueError as error:
            raise ValueError(f"In {examples.name}: {error}") from None

    def reading(self) -> dict[str, Any]:
        return {"labels": self.labels}

    @contextlib.contextmanager
    def open_inputs(self, file: str | os.PathLike, options: Any) -> Any:
        if not holds_words(file, self.labels, options.format, options.encoding):
            with super().open_inputs(file, options) as opened:
                yield opened
            return
        with open_words(
            *(file, options.format, options.columns.text, options.word_prefix),
            *(options.characters, options.delimiter, options.sentence),
            options.encoding,
        ) as texts:
            yield (({"tokens": words}, words) for words in texts), texts.account

    def answer_rows(self, inputs: Any, options: Any) -> Iterable[dict]:
        if inputs and not isinstance(inputs[0], list):
            return [{"entities": entities} for entities in self.predict(inputs)]
        answers = self.predict_words(inputs)
        if options.characters:
            for words, answer in zip(inputs, answers, strict=True):
                answer["entities"] = [
                    without_spaces(entity, words) for entity in answer["entities"]
                ]
        return answers

    def answer_metrics(self, inputs: Any, targets: Any) -> dict[str, float]:
        """Computes entity-level precision, recall and F1, and tag accuracy.

        Args:
            inputs: As in `evaluate`.
            targets: As in `evaluate`.

        Returns:
            `{"precision", "recall", "f1", "accuracy"}`.
        """
        inputs = list_of_texts(inputs, words=True)
        rows = self.preprocessor.encode(inputs)
        tags, spans = self._tags_of(inputs, rows, targets)
        found_tags, entities = self._decoded(inputs, rows)
        if rows.of_words:
            found = [self.scheme.spans(tags) for tags in found_tags]
        else:
            found = [
                [Span(one["type"], one["start"], one["end"]) for one in row]
                for row in entities
            ]
        pairs = [
            tag == other
            for row, others in zip(tags, found_tags, strict=True)
            for tag, other in zip(row, others, strict=True)
        ]
        accuracy = sum(pairs) / max(1, len(pairs))
        return {**span_scores(spans, found), "accuracy": accuracy}

    def options(self) -> dict[str, Any]:
        return {
            **super().options(),
            "stride": self.stride,
            "scheme": self.scheme.name,
        }

    def signatures(self, graph: Any) -> dict[str, Callable]:
        """`serving_default`, from `text` to its entities, and `tags`, to its words.

        The entities are `types` and `texts`, `starts` and `ends` in characters,
        `scores`, `[B, E]` each, of which the first `entity_count` are entities; the
        words `words`, `tags`, `starts` and `ends`, and `word_count`. Both give
        `token_count`.
        """
        preprocessor = self.preprocessor.with_length(graph.max_length)
        decoder = TagDecoder(self.scheme)
        labels = tf.constant(self.labels)  # [C]
        types = tf.constant(self.scheme.types)  # [C]

        def tagged(text):
            words = preprocessor(text)
            logits = words.places.with_values(word_logits(graph, words))
            return words, logits, decoder.tags(logits)  # [B, (words), C], [N]

        def entities(text):
            words, logits, tags = tagged(text)
            found = decoder.entities(logits, tags)
            rows = tf.RaggedTensor.from_row_splits(
                tf.gather(types, found.labels), found.row_splits, validate=False
            )
            starts = rows.with_values(tf.gather(words.starts.values, found.first))
            ends = rows.with_values(tf.gather(words.ends.values, found.last))
            return {
                "types": rows.to_tensor(""),
                "texts": substrings(text, starts, ends).to_tensor(""),
                "starts": starts.to_tensor(),
                "ends": ends.to_tensor(),
                "scores": rows.with_values(found.scores).to_tensor(),
                "entity_count": tf.cast(rows.row_lengths(), tf.int32),
                "token_count": words.token_count,
            }

        def tags(text):
            words, _, tags = tagged(text)
            names = words.places.with_values(tf.gather(labels, tags))
            return {
                "words": substrings(text, words.starts, words.ends).to_tensor(""),
                "tags": names.to_tensor(""),
                "starts": words.starts.to_tensor(),
                "ends": words.ends.to_tensor(),
                "word_count": tf.cast(names.row_lengths(), tf.int32),
                "token_count": words.token_count,
            }

        return {
            "serving_default": text_function(entities, "text"),
            "tags": text_function(tags, "text"),
        }

    def _features(self, rows, targets=None, weights=None):
        inputs = {
            "token_ids": rows.token_ids,
            "segment_ids": [np.zeros_like(row) for row in rows.token_ids],
        }
        return EncodedExamples(
            inputs, targets or {}, weights, self.tokenizer.pad_token_id
        )

    def _tags_of(self, inputs, rows, targets):
        """Returns the target tags of words in the scheme, and the spans."""
        if rows.of_words:
            tags = checked_tags(inputs, targets, self.labels)
            spans = [self.scheme.spans(row) for row in tags]
            return [self.scheme.repaired(row) for row in tags], spans
        spans = checked_entities(rows.strings, targets, self.scheme.entity_types)
        tags = [
            self.scheme.write(word_spans(row, starts, ends), len(starts))
            for row, (starts, ends) in zip(spans, rows.characters(), strict=True)
        ]
        return tags, spans

    def _decoded(self, inputs, rows=None):
        """Returns the tags and the entities of each text."""
        rows = rows or self.preprocessor.encode(inputs)
        outputs = self.outputs(self._features(rows))
        logits = rows.at_words(
            np.concatenate([output["logits"] for output in outputs]),
            self.scheme.nothing,
        )  # [N, C]
        tags, *entities = (
            tensor.numpy() for tensor in self._decode(logits, rows.splits)
        )
        names = [self.labels[tag] for tag in tags.tolist()]
        entities = self._entities(rows, *(values.tolist() for values in entities))
        return [names[a:b] for a, b in itertools.pairwise(rows.splits)], entities

    def _entities(self, rows, labels, firsts, lasts, scores, splits):
        answers = []
        for text, (begin, end) in enumerate(itertools.pairwise(splits)):
            string = rows.strings[text]
            answers.append([])
            for one in range(begin, end):
                first, last = firsts[one], lasts[one]
                start, stop = int(rows.starts[first]), int(rows.ends[last])
                answer = {
                    "type": self.scheme.types[labels[one]],
                    "text": string[start:stop],
                    "start": start,
                    "end": stop,
                    "score": scores[one],
                }
                if rows.of_words:
                    answer["first_word"] = int(first - rows.splits[text])
                    answer["last_word"] = int(last - rows.splits[text])
                answers[-1].append(answer)
        return answers

    @functools.cached_property
    def _decode(self):
        decoder = TagDecoder(self.scheme)

        def decode(logits, row_splits):
            rows = tf.RaggedTensor.from_row_splits(logits, row_splits, validate=False)
            tags = decoder.tags(rows)
            return tags, *decoder.entities(rows, tags)

        specs = [
            tf.TensorSpec([None, len(self.labels)], tf.float32),
            tf.TensorSpec([None], tf.int64),
        ]
        return tf.function(decode, input_signature=specs, autograph=False)
