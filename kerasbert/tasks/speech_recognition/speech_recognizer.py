"""The task of speech recognition."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasbert.account import quoted
from kerasbert.config import SpeechConfig
from kerasbert.data import DataAccount, Examples
from kerasbert.inference.serving_graph import check_precision
from kerasbert.metrics.error_rates import error_rates
from kerasbert.models.speech_model import SpeechRecognitionModel
from kerasbert.tasks.generation_task import frozen_model
from kerasbert.tasks.media_files import files_in, read_media_table
from kerasbert.tasks.media_task import MediaTask
from kerasbert.tasks.speech_recognition import ctc
from kerasbert.tasks.speech_recognition.speech_examples import SpeechExamples
from kerasbert.tasks.speech_recognition.waveforms import read_wav, read_waveforms
from kerasbert.training.recipe import Recipe

# New models by name: width and number of layers.
SIZES = {"speech_mini": (96, 3), "speech_tiny": (144, 4), "speech_small": (256, 8)}
UNITS = ("characters", "words")
BATCH_SECONDS = 60  # of speech that is recognized together


class SpeechRecognizer(MediaTask):
    """Recognizes what is said in recordings.

    A recording is a path of a wav file (PCM of 8, 16, 24 or 32 bits, one channel), its
    bytes, or an array of samples at the model's rate: floats from -1 to 1, or int16.
    Files of another rate are resampled, which a warning tells.

    Args:
        model: A `kerasbert.models.speech_model.SpeechRecognitionModel`.
        vocabulary: The units of text, without the blank.
        units: `"characters"`, or `"words"` for a small set of words.
        num_beams: Number of beams of the prefix beam search; 1: the likeliest path.

    Raises:
        ValueError: If the vocabulary is not that of the model.

    Example:
        >>> recordings = [np.sin(np.arange(4000) * f) / 2 for f in (0.1, 0.9)] * 4
        >>> recognizer = kerasbert.SpeechRecognizer.for_texts(
        ...     ["low", "high"], "speech_mini", sampling_rate=8000, units="words")
        >>> history = recognizer.fit(
        ...     recordings, ["low", "high"] * 4, epochs=1, verbose=0)
        >>> [answer] = recognizer.predict(recordings[:1])
        >>> sorted(answer)
        ['score', 'text', 'words']

    Reference:
        [Graves et al., 2006](https://doi.org/10.1145/1143844.1143891); [Gulati et al.,
        2020](https://arxiv.org/abs/2005.08100), section 2, for the subsampling.
    """

    kind = "transcribe"
    input_noun = "recording"
    input_names = ("waveform", "length")
    suffixes = (".wav",)
    run_settings = {"learning_rate": 2e-3, "epochs": 20, "batch_size": 32}

    def __init__(
        self,
        model: keras.Model,
        vocabulary: Sequence[str],
        units: str = "characters",
        num_beams: int = 1,
    ):
        super().__init__(model)
        if units not in UNITS:
            raise ValueError(
                f"Expected units to be {' or '.join(UNITS)}, got {quoted(units)}."
            )
        if type(num_beams) is not int or num_beams < 1:
            raise ValueError(
                f"Expected num_beams of 1 or more, got {quoted(num_beams)}."
            )
        self.vocabulary = [str(unit) for unit in vocabulary]
        size = model.config.vocab_size
        if len(set(self.vocabulary)) != size - 1 or len(self.vocabulary) != size - 1:
            raise ValueError(
                f"Expected {size - 1} different units (the model's vocab_size is {size}"
                f", with the blank), got {len(self.vocabulary)}."
            )
        self.units = units
        self.num_beams = num_beams
        self.encoder = model
        self._numbers = {unit: n for n, unit in enumerate(self.vocabulary, 1)}

    @classmethod
    def for_texts(
        cls,
        texts: Any,
        size: str | SpeechConfig = "speech_tiny",
        sampling_rate: int = 16000,
        units: str = "characters",
        dtype: str | None = None,
        dropout: float = 0.1,
        num_beams: int = 1,
        **settings: Any,
    ) -> "SpeechRecognizer":
        """Makes a new recognizer with the units of the texts it will learn.

        Args:
            texts: What is said in the recordings.
            size: `"speech_mini"`, `"speech_tiny"` or `"speech_small"`.
            sampling_rate: Samples a second that the model takes.
            units: As in the constructor.
            dtype: A dtype policy, such as `"mixed_bfloat16"`.
            dropout: The dropout rate.
            num_beams: As in the constructor.
            **settings: Others of `kerasbert.SpeechConfig`.

        Raises:
            ValueError: If there is no such size, or no text has a unit.
        """
        if size not in SIZES:
            raise ValueError(
                f"Expected a size among {', '.join(SIZES)}, got {quoted(size)}."
            )
        vocabulary = sorted({unit for text in texts for unit in _split(text, units)})
        if not vocabulary:
            raise ValueError("Expected texts to take the units of, got empty ones.")
        width, layers = SIZES[size]
        config = SpeechConfig(
            **{
                "vocab_size": len(vocabulary) + 1,
                "hidden_size": width,
                "num_hidden_layers": layers,
                "intermediate_size": 4 * width,
                "hidden_dropout_prob": dropout,
                "sampling_rate": sampling_rate,
                **settings,
            }
        )
        model = SpeechRecognitionModel(config, dtype)
        return cls(model, vocabulary, units, num_beams)

    @classmethod
    def from_pretrained(
        cls, source: str | os.PathLike, dtype: str | None = None, **options: Any
    ) -> "SpeechRecognizer":
        """Loads a recognizer that `save` wrote; `kerasbert.load` names its options.

        Args:
            source: The folder.
            dtype: A dtype policy, such as `"mixed_bfloat16"`.
            **options: `vocabulary`, `units` and `num_beams`, as in the constructor.

        Raises:
            FileNotFoundError: If there is no such folder.
            ValueError: If it holds no recognizer.
        """
        return cls(SpeechRecognitionModel.from_pretrained(source, dtype), **options)

    @classmethod
    def for_run(cls, model: str, examples: Any, **options: Any) -> "SpeechRecognizer":
        """Makes the task of a run: a new one of a size, or one that was saved."""
        if model in SIZES:
            if "sampling_rate" not in options:
                data = pathlib.Path(examples.inputs[0]).read_bytes()
                _, rate = read_wav(data, f"in {examples.inputs[0]}")
                options["sampling_rate"] = rate
            return cls.for_texts(examples.targets, model, **options)
        if options:
            raise ValueError(
                f"Expected no {', '.join(options)} for a model that was trained before."
                f" New ones are {', '.join(SIZES)}."
            )
        from kerasbert.tasks.task_files import load

        return load(model)

    # Training.

    def features(
        self, inputs: Any, targets: Any = None, sample_weight: Any = None
    ) -> Any:
        inputs = self.checked_list(inputs)
        waveforms = read_waveforms(inputs, self.model.config.sampling_rate)
        encoded = {}
        if targets is not None:
            if len(targets) != len(inputs):
                raise ValueError(
                    f"Expected a text for each of {len(inputs)} recordings, got "
                    f"{len(targets)}."
                )
            encoded["logits"] = [
                self._encode(text, len(samples), position, inputs[position])
                for position, (text, samples) in enumerate(
                    zip(targets, waveforms, strict=True)
                )
            ]
        return SpeechExamples({"waveform": waveforms}, encoded, sample_weight)

    def _encode(self, text, samples, position, recording):
        named = isinstance(recording, str | os.PathLike)
        where = f"of {recording}" if named else f"at position {position}"
        units = _split(text, self.units)
        unknown = [unit for unit in units if unit not in self._numbers]
        if unknown:
            raise ValueError(
                f"Expected {self.units} of the vocabulary in the text {where}, got "
                f"{quoted(unknown[0])}. The model knows "
                f"{quoted(' '.join(self.vocabulary), 80)}."
            )
        if not units:
            raise ValueError(
                f"Expected a text {where}, got an empty one. Take the recording out."
            )
        least = ctc.states_needed(units)
        states = self.model.config.states_in(samples)
        if states < least:
            raise ValueError(
                f"Expected a recording {where} of {least} states or more, as "
                f"its text {quoted(text, 60)} needs, got {states} ({samples} samples). "
                "Take it out, or make a model with a smaller subsampling."
            )
        return [self._numbers[unit] for unit in units]

    def compile(
        self,
        optimizer: Any = None,
        loss: Any = None,
        metrics: Any = None,
        **options: Any,
    ) -> None:
        """Configures the training, see `Task.compile`.

        Args:
            optimizer: As there; by default a `kerasbert.Recipe` for a new model.
            loss: As there.
            metrics: As there.
            **options: As there.
        """
        if optimizer is None:
            rate = self.run_settings["learning_rate"]
            optimizer = Recipe(learning_rate=rate, decay="cosine")
        options.setdefault("jit_compile", False)  # CTC is one operation of processors
        super().compile(optimizer, loss, metrics, **options)

    def losses(self) -> dict[str, Any]:
        return {"loss": {"logits": ctc.CTCLoss()}, "metrics": None}

    def answer_metrics(self, inputs: Any, targets: Any) -> dict[str, float]:
        """Computes word and character error rates, and how many texts are right."""
        found = self.transcribe(inputs)
        expected = [" ".join(text.split()) for text in targets]
        right = np.mean([a == b for a, b in zip(found, expected, strict=True)])
        return {**error_rates(found, expected), "accuracy": float(right)}

    # Answers.

    def transcribe(self, recordings: Any, num_beams: int | None = None) -> list[str]:
        """Recognizes what is said.

        Args:
            recordings: As in `predict`.
            num_beams: As there.

        Returns:
            A list of strings.
        """
        return [answer["text"] for answer in self.predict(recordings, num_beams)]

    def predict(self, inputs: Any, num_beams: int | None = None) -> Any:
        """Recognizes what is said, and when.

        Args:
            inputs: A list of recordings.
            num_beams: Number of beams; None: that of the task.

        Returns:
            A dictionary a recording: its `text`; its `score`, the log probability of
            the path or, with beams, of the text; and `words`, each with its `start`
            and `end` in seconds. A recording without samples or sound has no words.
        """
        inputs = self.checked_list(inputs)
        waveforms = read_waveforms(inputs, self.model.config.sampling_rate)
        features = SpeechExamples({"waveform": waveforms})
        answers = [None] * len(inputs)
        order = np.argsort([-len(one) for one in waveforms], kind="stable").tolist()
        most = BATCH_SECONDS * self.model.config.sampling_rate
        while order:
            count = max(1, most // max(1, len(waveforms[order[0]])))
            batch, order = order[:count], order[count:]
            logits = self.model.predict_on_batch(features.batch(batch)[0])["logits"]
            for row, answer in zip(
                batch, self._answers(logits, num_beams), strict=True
            ):
                answers[row] = answer
        return answers

    def _answers(self, logits, num_beams=None):
        units, scores = self._decode(tf.constant(logits), num_beams or self.num_beams)
        log_probs = tf.nn.log_softmax(logits).numpy()  # [B, S, V]
        for row, score, probs in zip(
            units.numpy(), scores.numpy(), log_probs, strict=True
        ):
            row = row[row > 0]
            times = ctc.align(probs, row) * self.model.config.state_seconds
            words = self._words([self.vocabulary[n - 1] for n in row], times.tolist())
            text = " ".join(word["word"] for word in words)
            yield {"text": text, "score": float(score), "words": words}

    def _words(self, units, times):
        """Joins units with times to words with times."""
        words, joined = [], False
        for unit, (start, end) in zip(units, times, strict=True):
            if unit == " ":
                joined = False
            elif joined and self.units == "characters":
                words[-1]["word"] += unit
                words[-1]["end"] = end
            else:
                words.append({"word": unit, "start": start, "end": end})
                joined = True
        return words

    def _decode(self, logits, num_beams):
        if num_beams == 1:
            return ctc.greedy(logits)
        return ctc.prefix_beam(logits, num_beams)

    # Files and exports.

    def options(self) -> dict[str, Any]:
        return {
            "vocabulary": self.vocabulary,
            "units": self.units,
            "num_beams": self.num_beams,
        }

    def write(self, folder: str | os.PathLike) -> None:
        self.model.write(folder)

    def serving_functions(
        self, precision: str, max_length: int | None = None, calibration: Any = None
    ) -> Any:
        """Returns one signature.

        `serving_default` takes `waveform`, float32 `[B, W]` from -1 to 1 at the model's
        rate, and `length`, the samples of each, int32 `[B]`; it gives `text` and
        `score`.
        """
        check_precision(precision)
        if precision == "int8":
            raise ValueError("Expected float32 or bfloat16 for speech, got int8.")
        model, constants = frozen_model(self.model, precision)
        before = " " if self.units == "words" else ""
        symbols = tf.constant(["", *(before + unit for unit in self.vocabulary)])

        def serve(waveform, length):
            with keras.StatelessScope(constants):
                logits = model({"waveform": waveform, "length": length})["logits"]
            units, scores = self._decode(logits, self.num_beams)
            text = tf.strings.reduce_join(tf.gather(symbols, units), axis=1)  # [B]
            text = tf.strings.regex_replace(tf.strings.strip(text), " +", " ")
            return {"text": text, "score": scores}

        specs = [
            tf.TensorSpec([None, None], tf.float32, "waveform"),
            tf.TensorSpec([None], tf.int32, "length"),
        ]
        function = tf.function(serve, input_signature=specs, autograph=False)
        return {"serving_default": function}

    def example_instance(self) -> Any:
        """Returns a very short recording as JSON has it."""
        return {"waveform": [0.0, 0.1, 0.0, -0.1], "length": 4}

    def example_requests(self, specs: Any) -> list[dict]:
        second = self.model.config.sampling_rate
        random = np.random.default_rng(0)
        return [
            {
                "waveform": random.uniform(-0.1, 0.1, (count, second)).astype(
                    "float32"
                ),
                "length": np.full(count, second, "int32"),
            }
            for count in (1, 4)
        ]

    def facts(self) -> dict[str, Any]:
        config = self.model.config
        return {
            **super().facts(),
            "model": f"{config.num_hidden_layers} layers, {config.hidden_size} wide; "
            f"{self.model.count_params() / 1e6:.1f} M weights",
            "recordings": f"one channel, {config.sampling_rate} samples a second",
            "units": f"{len(self.vocabulary)} {self.units}",
            "search": "the likeliest path"
            if self.num_beams == 1
            else f"prefix beam search, {self.num_beams} beams",
        }

    # The command.

    @classmethod
    def read(
        cls,
        file: str | os.PathLike,
        options: Any,
        pairs: bool | None = None,
        learns: bool = False,
    ) -> Any:
        if not os.path.isdir(file):
            return read_media_table(file, options, "its text")
        files = files_in(file, cls.suffixes)
        if not files:
            raise ValueError(f"Expected wav files in {file}, found none.")
        account = DataAccount(str(file), "texts are the files' names, _ for a space")
        account.examples = len(files)
        texts = [path.stem.replace("_", " ") for path in files]
        lines = list(range(1, len(files) + 1))
        return Examples(str(file), lines, list(map(str, files)), texts, None, account)


def _split(text, units):
    words = text.split()
    return words if units == "words" else list(" ".join(words))
