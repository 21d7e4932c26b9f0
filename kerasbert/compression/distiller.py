"""Distillation: a student learns what its teacher computes."""

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasbert.account import quoted
from kerasbert.compression.losses import (
    CosineDistance,
    InnerLosses,
    OutputIsLoss,
    SoftLabels,
)
from kerasbert.models.inputs import encoder_inputs
from kerasbert.models.loading import fingerprint
from kerasbert.models.model import Model
from kerasbert.tasks.examples import list_of_texts
from kerasbert.tasks.preprocessor import joined
from kerasbert.training.features import EncodedExamples
from kerasbert.training.fit import Run, Validation, fit
from kerasbert.training.recipe import Recipe

OUTPUTS = {"embed": "embedding", "classify": "logits", "regress": "logits"}
NEIGHBOURS = 10


class Distiller:
    """Trains a student on what a teacher computes of texts without labels.

    The student learns the teacher's vectors (cosine distance), its class probabilities
    (Kullback-Leibler divergence) or its scores (squared error), as its task has them;
    and, where they have a weight, the hidden states and attention of the teacher's
    layers.

    Args:
        teacher: A `kerasbert.TextEmbedder`, `TextClassifier` or `TextRegressor`.
        student: A task of the same class, such as `student_of(teacher, layers)`.
        output: Weight of the loss of the output.
        hidden_states: Weight of the loss of hidden states, embeddings included.
        attention: Weight of the loss of attention probabilities.
        layers: For each layer of the student, the layer of the teacher that it learns
            from, from 0; by default spread evenly, the last one from the last.
        temperature: What the logits of classes are divided by.
        dropout: Whether the student has dropout in training.

    Raises:
        ValueError: If the two do not fit.

    Example:
        >>> from kerasbert.compression import Distiller, student_of
        >>> teacher = kerasbert.TextEmbedder.from_pretrained(tiny_bert)
        >>> distiller = Distiller(teacher, student_of(teacher, layers=[0]))
        >>> distiller.compile(kerasbert.Recipe(1e-3))
        >>> history = distiller.fit(["good morning", "hello"], epochs=1, verbose=0)
        >>> sorted(history.history)
        ['loss']

    Reference:
        [Hinton et al., 2015](https://arxiv.org/abs/1503.02531);
        [Reimers and Gurevych, 2020](https://arxiv.org/abs/2004.09813), for vectors.
    """

    def __init__(
        self,
        teacher: Any,
        student: Any,
        output: float = 1.0,
        hidden_states: float = 0.0,
        attention: float = 0.0,
        layers: Sequence[int] | None = None,
        temperature: float = 1.0,
        dropout: bool = False,
    ):
        weights = {
            OUTPUTS.get(teacher.kind): output,
            "hidden_states": hidden_states,
            "attention": attention,
        }
        if teacher.kind not in OUTPUTS or type(student) is not type(teacher):
            raise ValueError(
                "Expected a teacher and a student that are both a TextEmbedder, a "
                f"TextClassifier or a TextRegressor, got a {type(teacher).__name__} "
                f"and a {type(student).__name__}."
            )
        if any(not 0 <= w < np.inf for w in weights.values()) or temperature <= 0:
            raise ValueError(
                "Expected weights of 0 or above and a temperature above 0, got "
                f"{quoted(weights)} and {temperature}."
            )
        self.weights = {name: float(w) for name, w in weights.items() if w}
        if not self.weights:
            raise ValueError("Expected a weight above 0 for some loss, got none.")
        self.teacher = teacher
        self.student = student
        self.temperature = temperature
        self.dropout = dropout
        self._check_alike()
        inner = [
            name for name in ("hidden_states", "attention") if name in self.weights
        ]
        self.layers = self._mapped(layers) if inner else None
        self.model = DistillationModel(
            student.model, teacher.encoder, self.layers, inner
        )
        self._compile_arguments = None

    def compile(self, optimizer: Any = None, **options: Any) -> None:
        """Configures the training.

        Args:
            optimizer: A `kerasbert.Recipe`, by default `Recipe()`; a
                `kerasbert.training.RoundedRecipe` trains rounded weights.
            **options: Others of `keras.Model.compile`, such as `jit_compile`.
        """
        losses = {name: OutputIsLoss() for name in self.weights}
        if self._output in losses:
            losses[self._output] = self._output_loss()
        self._compile_arguments = {
            "optimizer": Recipe() if optimizer is None else optimizer,
            "loss": losses,
            "loss_weights": self.weights,
            **options,
        }

    def fit(
        self,
        inputs: Any,
        validation_data: Any = None,
        checkpoints: Any = None,
        targets: Any = None,
        **options: Any,
    ) -> Any:
        """Trains the student.

        Args:
            inputs: Texts, as the task's `predict` takes them.
            validation_data: Texts whose losses are computed after every epoch.
            checkpoints: A folder in which the state is saved and from which an ended
                run goes on, or a `kerasbert.training.Run`, as in the task's `fit`.
            targets: `teacher_outputs(inputs)` where it was computed before.
            **options: `epochs` (3), `batch_size` (32), `seed` (0), `callbacks`, and
                others of `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: If there are no texts.
        """
        if self._compile_arguments is None:
            self.compile()
        validation = None
        if validation_data is not None:
            validation = Validation(self.features(validation_data))
        run = checkpoints if isinstance(checkpoints, Run) else Run(checkpoints)
        about = {
            "teacher": fingerprint(self.teacher.model),
            "layers": self.layers,
            "dropout": self.dropout,
            "max_length": self.student.max_length,
        }
        features = self.features(inputs, targets)
        with contextlib.nullcontext() if self.dropout else without_dropout(self.model):
            return fit(
                *(self.model, features, self._compile_arguments, validation),
                run=run,
                about=about,
                **options,
            )

    def features(self, inputs: Any, targets: Any = None) -> EncodedExamples:
        """Tokenizes texts to examples whose targets are the teacher's outputs.

        Args:
            inputs: Texts, as in `fit`.
            targets: As in `fit`.
        """
        inputs = list_of_texts(inputs)
        if not inputs:
            raise ValueError("Expected texts to distill on, got none.")
        if self._output in self.weights and targets is None:
            targets = self.teacher_outputs(inputs)
        if targets is not None and len(targets) != len(inputs):
            raise ValueError(
                f"Expected targets for {len(inputs)} texts, got {len(targets)}."
            )
        numbers = np.arange(len(inputs), dtype="float32")  # which have no effect
        known = {
            name: targets if name == self._output else numbers for name in self.weights
        }
        rows = self._rows(inputs)
        return EncodedExamples.of_rows(rows, known, None, self.student.tokenizer)

    def teacher_outputs(self, inputs: Any) -> np.ndarray:
        """Computes what the student's output should be.

        Args:
            inputs: Texts, as in `fit`.

        Returns:
            float32 `[n, E]` vectors, or `[n, C]` logits.
        """
        return self._outputs(self.teacher, list_of_texts(inputs))

    def evaluate(self, inputs: Any) -> dict[str, float]:
        """Compares the outputs of student and teacher.

        Args:
            inputs: Texts, as in `fit`.

        Returns:
            Of vectors, `cosine`, the mean, and `worst_cosine`; and `neighbours`, which
            part of the ten nearest texts of each is the same. Of classes, `agreement`,
            how often the highest is the same; of both logits and scores,
            `mean_absolute_error`.
        """
        inputs = list_of_texts(inputs)
        wanted, found = (
            self._outputs(task, inputs) for task in (self.teacher, self.student)
        )
        if self.teacher.kind == "embed":
            return compare_vectors(wanted, found)
        report = {"mean_absolute_error": float(np.abs(wanted - found).mean())}
        if self.teacher.kind == "classify":
            same = wanted.argmax(axis=-1) == found.argmax(axis=-1)
            if self.teacher.multi_label:
                same = (wanted > 0) == (found > 0)
            report["agreement"] = float(same.mean())
        return report

    @property
    def _output(self):
        return OUTPUTS[self.teacher.kind]

    def _output_loss(self):
        if self.teacher.kind == "embed":
            return CosineDistance()
        if self.teacher.kind == "regress":
            return keras.losses.MeanSquaredError()
        return SoftLabels(self.temperature, self.teacher.activation == "sigmoid")

    @staticmethod
    def _outputs(task, inputs):
        if task.kind == "embed":
            size = task.model.output["embedding"].shape[-1]
            return task.encode(inputs, truncate_dim=size)
        return task._logits(inputs)

    def _rows(self, inputs):
        preprocessor = self.student.preprocessor
        if self.student.kind != "embed":
            return preprocessor.encode(inputs)
        prompt = self.student.prompt_of()
        chunks = preprocessor.chunks(inputs)
        return joined([preprocessor.encode(chunk, prompt) for chunk in chunks])

    def _check_alike(self):
        tasks = self.teacher, self.student
        sizes = [task.model.output[self._output].shape[-1] for task in tasks]
        if sizes[0] != sizes[1]:
            raise ValueError(
                f"Expected a student with outputs of the teacher's size, {sizes[0]}, "
                f"got {sizes[1]}."
            )
        inner = {"hidden_states", "attention"} & set(self.weights)
        tokenizers = [
            dataclasses.replace(task.tokenizer.config, max_length=None)
            for task in tasks
        ]
        if inner and tokenizers[0] != tokenizers[1]:
            raise ValueError(
                "Expected a student with the teacher's vocabulary, whose tokens are "
                f"compared, got another. Leave out {' and '.join(sorted(inner))}."
            )

    def _mapped(self, layers):
        teacher, student = self.teacher.encoder.config, self.student.encoder.config
        count, own = teacher.num_hidden_layers, student.num_hidden_layers
        if layers is None:
            layers = [(layer + 1) * count // own - 1 for layer in range(own)]
        numbers = [n for n in layers if isinstance(n, int) and -count <= n < count]
        if len(layers) != own or len(numbers) != own:
            raise ValueError(
                f"Expected {own} layers, one for each of the student's, from 0 to "
                f"{count - 1} (the teacher's), got {quoted(list(layers), 80)}."
            )
        heads = teacher.num_attention_heads, student.num_attention_heads
        if "attention" in self.weights and heads[0] != heads[1]:
            raise ValueError(
                f"Expected a student with the teacher's {heads[0]} attention heads, "
                f"got {heads[1]}. Leave out attention."
            )
        return [layer % count for layer in numbers]


class DistillationModel(Model):
    """A student with the losses of its inside beside its own outputs.

    Args:
        student: The model of the student.
        teacher: The encoder of the teacher.
        layers: For each layer of the student, that of the teacher; None without terms.
        terms: The losses, of `InnerLosses`.
    """

    def __init__(self, student, teacher, layers, terms):
        inputs = encoder_inputs()
        encoded = student.encoder(inputs)
        outputs = dict(student.head_outputs(encoded, **inputs))
        if terms:
            inner = InnerLosses(teacher, student.encoder, layers, terms, name="inner")
            outputs |= inner(encoded["hidden_states"], **inputs)
        super().__init__(inputs=inputs, outputs=outputs, name="distillation")
        self.dtype_policy = student.dtype_policy
        self.encoder = student.encoder
        self.config = student.config


@contextlib.contextmanager
def without_dropout(model):
    """Sets the dropout rates of a model to 0 for a block."""
    layers = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.Dropout)
    ]
    rates = [layer.rate for layer in layers]
    try:
        for layer in layers:
            layer.rate = 0.0
        yield
    finally:
        for layer, rate in zip(layers, rates, strict=True):
            layer.rate = rate


def compare_vectors(wanted, found, neighbours=NEIGHBOURS):
    """Compares vectors `[n, E]` with those of a teacher.

    Example:
        >>> vectors = np.eye(3, dtype="float32")
        >>> compare_vectors(vectors, vectors)["cosine"]
        1.0
    """
    wanted, found = (
        vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        for vectors in (wanted, found)
    )
    cosines = (wanted * found).sum(axis=1)
    report = {"cosine": float(cosines.mean()), "worst_cosine": float(cosines.min())}
    count = min(neighbours, len(wanted) - 1)
    if count:
        sets = [_nearest(vectors, count) for vectors in (wanted, found)]
        common = [len(a & b) / count for a, b in zip(*sets, strict=True)]
        report["neighbours"] = float(np.mean(common))
    return report


def _nearest(vectors, count):
    """Returns the nearest other rows of each row."""
    found = []
    for start in range(0, len(vectors), 1024):
        similarity = vectors[start : start + 1024] @ vectors.T
        rows = np.arange(len(similarity))
        similarity[rows, start + rows] = -np.inf
        found += map(set, np.argpartition(-similarity, count - 1)[:, :count].tolist())
    return found
