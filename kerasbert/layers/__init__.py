"""Layers, in `keras.ops` alone: they run on the TensorFlow, JAX and torch backends.

The axes have one letter each, here and in every shape comment of the project:

| letter | axis | letter | axis |
| --- | --- | --- | --- |
| B | batch: rows, texts | D | hidden size |
| S | sequence: positions of a row | E | embedding size of ALBERT |
| T | packed tokens: all rows, no padding | F | feed-forward, inner size |
| Q, K | positions of queries, of keys | V | vocabulary |
| N | attention heads | C | classes |
| H | size of one head, D / N | L | layers |

Dense layers, norms and activations work on the last axis, so a block takes
`[B, S, D]` and packed tokens `[T, D]` alike; attention alone knows about rows.
"""

from kerasbert.layers.activations import get_activation as get_activation
from kerasbert.layers.attention import MultiHeadAttention as MultiHeadAttention
from kerasbert.layers.attention import attention_probs as attention_probs
from kerasbert.layers.attention import dot_product_attention as dot_product_attention
from kerasbert.layers.attention_bias import causal_bias as causal_bias
from kerasbert.layers.attention_bias import padding_bias as padding_bias
from kerasbert.layers.attention_bias import prefix_bias as prefix_bias
from kerasbert.layers.decoder_block import DecoderBlock as DecoderBlock
from kerasbert.layers.decoder_block import PreNormDecoderBlock as PreNormDecoderBlock
from kerasbert.layers.embeddings import Embeddings as Embeddings
from kerasbert.layers.embeddings import FactorizedEmbeddings as FactorizedEmbeddings
from kerasbert.layers.embeddings import ScaledEmbeddings as ScaledEmbeddings
from kerasbert.layers.encoder_block import EncoderBlock as EncoderBlock
from kerasbert.layers.encoder_block import PreNormEncoderBlock as PreNormEncoderBlock
from kerasbert.layers.feed_forward import FeedForward as FeedForward
from kerasbert.layers.heads import ClassificationHead as ClassificationHead
from kerasbert.layers.heads import MaskedLMHead as MaskedLMHead
from kerasbert.layers.heads import SpanHead as SpanHead
from kerasbert.layers.heads import TiedLogitsHead as TiedLogitsHead
from kerasbert.layers.layer_norm import LayerNorm as LayerNorm
from kerasbert.layers.packing import ONE_ROW as ONE_ROW
from kerasbert.layers.packing import GroupedPacking as GroupedPacking
from kerasbert.layers.packing import Packing as Packing
from kerasbert.layers.packing import packing_of as packing_of
from kerasbert.layers.packing import pad as pad
from kerasbert.layers.packing import unpad as unpad
from kerasbert.layers.patch_embeddings import PatchEmbeddings as PatchEmbeddings
from kerasbert.layers.pooling import BertPooler as BertPooler
from kerasbert.layers.pooling import CLSPooling as CLSPooling
from kerasbert.layers.pooling import FirstTokenPooling as FirstTokenPooling
from kerasbert.layers.pooling import LastTokenPooling as LastTokenPooling
from kerasbert.layers.pooling import MaxPooling as MaxPooling
from kerasbert.layers.pooling import MeanPooling as MeanPooling
from kerasbert.layers.pooling import SqrtLengthPooling as SqrtLengthPooling
from kerasbert.layers.pooling import WeightedMeanPooling as WeightedMeanPooling
from kerasbert.layers.positional_encoding import (
    SinusoidalPositionalEncoding as SinusoidalPositionalEncoding,
)
from kerasbert.layers.sentence_head import SentenceHead as SentenceHead
from kerasbert.lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {})
