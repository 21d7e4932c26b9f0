"""Search for the best continuation: greedy, beam search, sampling.

All of it is `keras.ops` in one loop: in a TensorFlow graph a `tf.while_loop`, which
an export takes along, and on JAX a `jax.lax.while_loop`.
"""

from kerasbert.decoding.beam_search import BeamSearch as BeamSearch
from kerasbert.decoding.decoded import Decoded as Decoded
from kerasbert.decoding.decoded import Limits as Limits
from kerasbert.decoding.sampling import Greedy as Greedy
from kerasbert.decoding.sampling import Sampling as Sampling
from kerasbert.decoding.stream import stream as stream
from kerasbert.lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {})
