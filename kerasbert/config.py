"""Configuration of BERT and ALBERT encoders.

The names are those of the published `bert_config.json` and `albert_config.json`.
"""

import dataclasses
from typing import ClassVar

from kerasbert.account import quoted

ACTIVATIONS = ("gelu", "gelu_tanh", "relu", "silu", "tanh", "linear")
INITIALIZATIONS = ("normal", "local")  # of an encoder that is pretrained


def check_initialization(name: str) -> None:
    """Raises a `ValueError` if there is no such initialization."""
    if name not in INITIALIZATIONS:
        raise ValueError(
            f"Expected an initialization among {', '.join(INITIALIZATIONS)}, got "
            f"{name!r}."
        )


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """Hyperparameters that BERT and ALBERT share.

    Args:
        vocab_size: Vocabulary size, V.
        hidden_size: Width of the hidden states, D.
        num_hidden_layers: Number of Transformer blocks, L.
        num_attention_heads: Number of attention heads, N. D is a multiple of N.
        intermediate_size: Inner width of the feed-forward network, F.
        hidden_act: Activation of the feed-forward network: `"gelu"` (the exact, erf
            form), `"gelu_tanh"` (Google's approximation), `"relu"`, `"silu"`, `"tanh"`
            or `"linear"`.
        hidden_dropout_prob: Dropout rate of embeddings and sub-layer outputs.
        attention_probs_dropout_prob: Dropout rate of attention probabilities.
        max_position_embeddings: Maximum sequence length in tokens.
        type_vocab_size: Number of segments (sentence A, sentence B).
        initializer_range: Standard deviation of the weight initializer.
        layer_norm_eps: Epsilon of layer normalization.

    Raises:
        ValueError: If a value is invalid.
    """

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12

    @property
    def blocks(self):
        """The numbers in the name of each block with weights of its own."""
        return [{"layer": layer} for layer in range(self.num_hidden_layers)]

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type is int and (type(value) is not int or value < 1):
                raise ValueError(
                    f"Expected {field.name} to be a positive integer, got "
                    f"{quoted(value)}."
                )
            if field.name.endswith("dropout_prob") and not 0 <= value < 1:
                raise ValueError(
                    f"Expected {field.name} to be a rate in [0, 1), got "
                    f"{quoted(value)}."
                )
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                "Expected hidden_size to be a multiple of num_attention_heads, got "
                f"hidden_size={self.hidden_size} and "
                f"num_attention_heads={self.num_attention_heads}."
            )
        if self.hidden_act not in ACTIVATIONS:
            raise ValueError(
                f"Expected hidden_act to be one of {', '.join(ACTIVATIONS)}, "
                f"got {quoted(self.hidden_act)}."
            )


@dataclasses.dataclass(frozen=True)
class BertConfig(EncoderConfig):
    """Configuration of a BERT encoder; the defaults are those of BERT-base.

    The arguments are those of `EncoderConfig`.

    Example:
        >>> kerasbert.BertConfig(num_hidden_layers=2).hidden_size
        768

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 3.
    """


@dataclasses.dataclass(frozen=True)
class DistilBertConfig(EncoderConfig):
    """Hyperparameters of a DistilBERT encoder; the defaults are the base model's.

    It has no segments: `type_vocab_size` is 0, and `layer_norm_eps` is 1e-12. The other
    arguments are those of `EncoderConfig`.

    Example:
        >>> kerasbert.DistilBertConfig().num_hidden_layers
        6

    Reference:
        [Sanh et al., 2019](https://arxiv.org/abs/1910.01108), section 3.
    """

    num_hidden_layers: int = 6
    type_vocab_size: ClassVar[int] = 0
    layer_norm_eps: ClassVar[float] = 1e-12


@dataclasses.dataclass(frozen=True)
class AlbertConfig(EncoderConfig):
    """Configuration of an ALBERT encoder; the defaults are those of ALBERT-base.

    It has the arguments of `EncoderConfig` and three more.

    Args:
        embedding_size: Width of the factorized embeddings, E.
        num_hidden_groups: Number of layer groups; the layers of a group share weights.
        inner_group_num: Number of blocks, with weights of their own, per layer.

    Example:
        >>> kerasbert.AlbertConfig().embedding_size
        128

    Reference:
        [Lan et al., 2019](https://arxiv.org/abs/1909.11942), section 3.1.
    """

    vocab_size: int = 30000
    hidden_act: str = "gelu_tanh"
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    embedding_size: int = 128
    num_hidden_groups: int = 1
    inner_group_num: int = 1

    @property
    def blocks(self):
        """The numbers of the groups and of the inner blocks of each."""
        return [
            {"group": group, "inner": inner}
            for group in range(self.num_hidden_groups)
            for inner in range(self.inner_group_num)
        ]

    def __post_init__(self):
        super().__post_init__()
        if self.num_hidden_groups > self.num_hidden_layers:
            raise ValueError(
                "Expected num_hidden_groups to be at most num_hidden_layers, got "
                f"num_hidden_groups={self.num_hidden_groups} and "
                f"num_hidden_layers={self.num_hidden_layers}."
            )


@dataclasses.dataclass(frozen=True)
class ViTConfig(EncoderConfig):
    """Configuration of a ViT encoder of images; the defaults are those of ViT-base.

    It has no vocabulary and no segments, and as many positions as patches and one for
    the class token. It has the other arguments of `EncoderConfig` and these:

    Args:
        image_size: Height and width of an image in pixels, a multiple of `patch_size`.
        patch_size: Height and width of a patch in pixels.
        num_channels: Number of channels: 3 for RGB, 1 for grey.

    Example:
        >>> kerasbert.ViTConfig(image_size=32, patch_size=8).max_position_embeddings
        17

    Reference:
        [Dosovitskiy et al., 2020](https://arxiv.org/abs/2010.11929), section 3.1.
    """

    vocab_size: ClassVar[int] = 0
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    type_vocab_size: ClassVar[int] = 0
    image_size: int = 224
    patch_size: int = 16
    num_channels: int = 3
    max_position_embeddings: ClassVar[int] = property(
        lambda self: (self.image_size // self.patch_size) ** 2 + 1
    )

    def __post_init__(self):
        super().__post_init__()
        if self.image_size % self.patch_size:
            raise ValueError(
                "Expected image_size to be a multiple of patch_size, got "
                f"image_size={self.image_size} and patch_size={self.patch_size}."
            )


@dataclasses.dataclass(frozen=True)
class SpeechConfig(EncoderConfig):
    """Configuration of a model from speech to units of text; the defaults are small.

    It has the arguments of `EncoderConfig`, without positions and segments, and these:

    Args:
        vocab_size: Number of units of text, and one for the blank.
        sampling_rate: Samples a second.
        num_mel_bins: Number of frequency bands, M.
        window: Length of a frame in seconds.
        stride: Seconds from a frame to the next.
        subsampling: Number of frames that become one state: 1, 2, 4 or 8.
        frequency_mask: The most bands that are masked in training, twice.
        time_mask: The most frames that are masked in training, twice.
        num_decoder_layers: Number of blocks of a decoder that attends to the states of
            the encoder, beside CTC; None: there is no decoder.

    Example:
        >>> kerasbert.SpeechConfig(sampling_rate=8000).frame_stride
        80

    Reference:
        [Graves et al., 2006](https://doi.org/10.1145/1143844.1143891); [Park et al.,
        2019](https://arxiv.org/abs/1904.08779), for the masks; [Watanabe et al.,
        2017](https://doi.org/10.1109/JSTSP.2017.2763455), for the decoder.
    """

    vocab_size: int = 32
    hidden_size: int = 144
    num_hidden_layers: int = 4
    num_attention_heads: int = 4
    intermediate_size: int = 576
    attention_probs_dropout_prob: float = 0.0
    max_position_embeddings: ClassVar[int] = 0
    type_vocab_size: ClassVar[int] = 0
    initializer_range: float = 0.08
    layer_norm_eps: float = 1e-5
    sampling_rate: int = 16000
    num_mel_bins: int = 40
    window: float = 0.025
    stride: float = 0.01
    subsampling: int = 4
    frequency_mask: int = 8
    time_mask: int = 10
    num_decoder_layers: int | None = None

    @property
    def frame_length(self):
        """Number of samples of a frame."""
        return round(self.window * self.sampling_rate)

    @property
    def frame_stride(self):
        """Number of samples from a frame to the next."""
        return round(self.stride * self.sampling_rate)

    @property
    def state_seconds(self):
        """Seconds from a state of the model to the next."""
        return self.frame_stride * self.subsampling / self.sampling_rate

    def states_in(self, samples):
        """Returns the number of states of a number of samples."""
        frames = -(-samples // self.frame_stride)
        return -(-frames // self.subsampling)

    def samples_for(self, states):
        """Returns the least number of samples with a number of states."""
        return (states - 1) * self.subsampling * self.frame_stride + 1

    def __post_init__(self):
        super().__post_init__()
        if self.subsampling not in (1, 2, 4, 8):
            raise ValueError(
                f"Expected subsampling of 1, 2, 4 or 8, got {self.subsampling}."
            )
        layers = self.num_decoder_layers
        if layers is not None and (type(layers) is not int or layers < 1):
            raise ValueError(
                "Expected num_decoder_layers of 1 or more, or None for CTC alone, got "
                f"{quoted(layers)}."
            )
        if not 0 < self.stride <= self.window or self.frame_stride < 1:
            raise ValueError(
                "Expected a stride above 0 and at most as long as the window, got "
                f"stride={self.stride} and window={self.window} seconds."
            )
        if self.hidden_size % 2:
            raise ValueError(f"Expected an even hidden_size, got {self.hidden_size}.")


@dataclasses.dataclass(frozen=True)
class Seq2SeqConfig(EncoderConfig):
    """Configuration of a `Seq2SeqTransformer`; the defaults are small and fast.

    A deep encoder with one decoder layer translates as well as one with several and
    much faster, because the decoder runs once for every token of the answer.

    It has the arguments of `EncoderConfig`, without segments, and these:

    Args:
        num_hidden_layers: Number of encoder blocks.
        num_decoder_layers: Number of decoder blocks.
        source_vocab_size: Size of the vocabulary of the sources; None: sources and
            targets share vocabulary and embeddings, as the output does.
        positions: `"sinusoidal"`, or `"learned"`: a table of
            `max_position_embeddings`.
        norm: `"pre"`: layer normalization before the sub-layers and after the stack,
            which trains without care; or `"post"`: after each sub-layer.

    Example:
        >>> kerasbert.Seq2SeqConfig(vocab_size=8000).num_decoder_layers
        1

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3; [Kasai et
        al., 2020](https://arxiv.org/abs/2006.10369), for the layers.
    """

    vocab_size: int = 8000
    hidden_size: int = 256
    num_hidden_layers: int = 6
    num_attention_heads: int = 4
    intermediate_size: int = 1024
    hidden_act: str = "relu"
    attention_probs_dropout_prob: float = 0.0
    type_vocab_size: ClassVar[int] = 0
    initializer_range: float = 0.05
    layer_norm_eps: float = 1e-5
    num_decoder_layers: int = 1
    source_vocab_size: int | None = None
    positions: str = "sinusoidal"
    norm: str = "pre"

    def __post_init__(self):
        super().__post_init__()
        size = self.source_vocab_size
        if size is not None and (type(size) is not int or size < 1):
            raise ValueError(
                "Expected source_vocab_size to be a positive integer, or None for a "
                f"shared vocabulary, got {quoted(size)}."
            )
        for name, choices in (
            ("positions", ("sinusoidal", "learned")),
            ("norm", ("pre", "post")),
        ):
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"Expected {name} to be {' or '.join(choices)}, got "
                    f"{quoted(getattr(self, name))}."
                )
        if self.positions == "sinusoidal" and self.hidden_size % 2:
            raise ValueError(
                "Expected an even hidden_size for sinusoidal positions, got "
                f"{self.hidden_size}."
            )
