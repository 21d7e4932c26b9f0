"""The task of speech recognition."""

import functools
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
from kerasbert.inference.frozen_model import frozen_model
from kerasbert.metrics.error_rates import error_rates
from kerasbert.models.speech_model import SpeechRecognitionModel
from kerasbert.tasks.media_files import files_in, read_media_table
from kerasbert.tasks.media_task import MediaTask
from kerasbert.tasks.speech_recognition import ctc
from kerasbert.tasks.speech_recognition.attention import END, TextCrossentropy
from kerasbert.tasks.speech_recognition.search import check_beams, checked_search, heard
from kerasbert.tasks.speech_recognition.speech_examples import SpeechExamples
from kerasbert.tasks.speech_recognition.text_units import TextUnits, split
from kerasbert.tasks.speech_recognition.waveforms import read_wav, read_waveforms

# New models by name: width and number of layers.
SIZES = {"speech_mini": (96, 3), "speech_tiny": (144, 4), "speech_small": (256, 8)}
CTC_WEIGHT = 0.3  # of the loss, beside that of the decoder
INPUTS = [
    tf.TensorSpec([None, None], tf.float32, "waveform"),
    tf.TensorSpec([None], tf.int32, "length"),
]
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
        num_beams: Number of beams; 1: the likeliest path, or the likeliest unit each
            time.
        search: `"ctc"`, with beams a prefix beam search; or `"attention"`, with a model
            that has a decoder, whose default it is.
        speed: In training, the most by which a recording is made faster or slower, and
            its pitch higher or lower: 0.1 for up to a tenth. It needs more steps.

    Raises:
        ValueError: If the vocabulary is not that of the model, or a value is out of
            range.

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
        2020](https://arxiv.org/abs/2005.08100), section 2, for the subsampling; [Ko et
        al., 2015](https://doi.org/10.21437/Interspeech.2015-711), for the speed.
    """

    kind = "transcribe"
    input_noun = "recording"
    input_names = ("waveform", "length")
    suffixes = (".wav",)
    run_settings = {
        "learning_rate": 2e-3,
        "decay": "cosine",
        "epochs": 20,
        "batch_size": 32,
    }

    def __init__(
        self,
        model: keras.Model,
        vocabulary: Sequence[str],
        units: str = "characters",
        num_beams: int = 1,
        search: str | None = None,
        speed: float = 0.0,
    ):
        super().__init__(model)
        if not 0 <= speed < 1:
            raise ValueError(
                "Expected speed from 0 up to below 1, such as 0.1, got "
                f"{quoted(speed)}."
            )
        self.text_units = TextUnits(vocabulary, units)
        self.vocabulary = self.text_units.vocabulary
        size = model.config.vocab_size
        if len(set(self.vocabulary)) != size - 1 or len(self.vocabulary) != size - 1:
            raise ValueError(
                f"Expected {size - 1} different units (the model's vocab_size is {size}"
                f", with the blank), got {len(self.vocabulary)}."
            )
        self.search = checked_search(search, num_beams, model)
        self.units = units
        self.num_beams = num_beams
        self.speed = speed
        self.encoder = model

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
        search: str | None = None,
        speed: float = 0.0,
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
            search: As there.
            speed: As there.
            **settings: Others of `kerasbert.SpeechConfig`; `num_decoder_layers` for
                attention decoding.

        Raises:
            ValueError: If there is no such size, or no text has a unit.
        """
        if size not in SIZES:
            raise ValueError(
                f"Expected a size among {', '.join(SIZES)}, got {quoted(size)}."
            )
        vocabulary = sorted({unit for text in texts for unit in split(text, units)})
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
        return cls(model, vocabulary, units, num_beams, search, speed)

    @classmethod
    def from_pretrained(
        cls, source: str | os.PathLike, dtype: str | None = None, **options: Any
    ) -> "SpeechRecognizer":
        """Loads a recognizer that `save` wrote; `kerasbert.load` names its options.

        Args:
            source: The folder.
            dtype: A dtype policy, such as `"mixed_bfloat16"`.
            **options: `vocabulary` and others of the constructor.

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
        least = [
            self.model.config.samples_for(ctc.states_needed(units))
            for units in encoded.get("logits", ())
        ]
        given = {"waveform": waveforms}
        if self.model.decoder is not None and encoded:
            given["decoder_token_ids"] = [[END, *row] for row in encoded["logits"]]
            encoded["decoder_logits"] = [[*row, END] for row in encoded["logits"]]
        return SpeechExamples(
            *(given, encoded, sample_weight),
            speed=self.speed,
            least=np.array(least, "int64"),
        )

    def _encode(self, text, samples, position, recording):
        named = isinstance(recording, str | os.PathLike)
        where = f"of {recording}" if named else f"at position {position}"
        units = self.text_units.numbers(text, where)
        least = ctc.states_needed(units)
        states = self.model.config.states_in(samples)
        if states < least:
            raise ValueError(
                f"Expected a recording {where} of {least} states or more, as "
                f"its text {quoted(text, 60)} needs, got {states} ({samples} samples). "
                "Take it out, or make a model with a smaller subsampling."
            )
        return units

    def losses(self) -> dict[str, Any]:
        found = {"loss": {"logits": ctc.CTCLoss()}, "metrics": None}
        found["jit_compile"] = False  # CTC is one operation of processors
        if self.model.decoder is not None:
            found["loss"]["decoder_logits"] = TextCrossentropy()
            weights = {"logits": CTC_WEIGHT, "decoder_logits": 1 - CTC_WEIGHT}
            found["loss_weights"] = weights
        return found

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
            the path or, with beams, of the text, or with attention the mean log
            probability of its units; and `words`, each with its `start` and `end` in
            seconds, by CTC. A recording without samples or sound has no words.
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
            found = self._graph(num_beams or self.num_beams)(**features.batch(batch)[0])
            for row, answer in zip(batch, self._answers(*found), strict=True):
                answers[row] = answer
        return answers

    @functools.cached_property
    def _graphs(self):
        return {}

    def _graph(self, num_beams):
        """Returns a graph function of `heard`."""
        check_beams(num_beams, self.search, self.model.config.vocab_size)
        if num_beams not in self._graphs:

            @tf.function(input_signature=INPUTS, autograph=False)
            def graph(waveform, length):
                return heard(self.model, waveform, length, self.search, num_beams)

            self._graphs[num_beams] = graph
        return self._graphs[num_beams]

    def _answers(self, units, scores, logits):
        log_probs = tf.nn.log_softmax(logits).numpy()  # [B, S, V]
        for row, score, probs in zip(
            units.numpy(), scores.numpy(), log_probs, strict=True
        ):
            row = row[row > 0]
            times = ctc.align(probs, row) * self.model.config.state_seconds
            words = self.text_units.words(row.tolist(), times.tolist())
            text = " ".join(word["word"] for word in words)
            yield {"text": text, "score": float(score), "words": words}

    # Files and exports.

    def options(self) -> dict[str, Any]:
        return {
            "vocabulary": self.vocabulary,
            "units": self.units,
            "num_beams": self.num_beams,
            "search": self.search,
            "speed": self.speed,
        }

    def write(self, folder: str | os.PathLike) -> None:
        self.model.write(folder)

    def serving_functions(
        self, precision: str, max_length: int | None = None, calibration: Any = None
    ) -> Any:
        """Returns one signature.

        `serving_default` takes `waveform`, float32 `[B, W]` from -1 to 1 at the model's
        rate, and `length`, the samples of each, int32 `[B]`; it gives `text` and
        `score`. A length that the waveform does not have ends in an error.
        """
        model, weights = frozen_model(self.model, precision, calibration)

        def serve(waveform, length):
            samples = tf.shape(waveform)[1]
            fits = tf.reduce_all((length >= 0) & (length <= samples))
            expected = "Expected each length from 0 to the samples of waveform, got"
            check = tf.Assert(fits, [expected, length, "of", samples])
            with tf.control_dependencies([check]), weights():
                waveform = tf.identity(waveform)
                how = self.search, self.num_beams
                units, scores, _ = heard(model, waveform, length, *how)
            return {"text": self.text_units.texts(units), "score": scores}  # [B] each

        function = tf.function(serve, input_signature=INPUTS, autograph=False)
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
            "search": f"`{self.search}`, beams: {self.num_beams}",
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
