"""The base class of tasks of recordings and images."""

import base64
import os
from typing import Any

from kerasbert.inputs import is_dataset, listed
from kerasbert.tasks.media_files import open_media
from kerasbert.tasks.sample_weights import checked_weights
from kerasbert.tasks.task import Task


class MediaTask(Task):
    """A task whose inputs are files, their bytes, or arrays.

    Args:
        model: A `keras.Model`.
    """

    takes_text = False
    input_noun = None  # what an input is, in messages: "image"
    suffixes = ()  # of files
    max_length = None  # in tokens, which there are none of

    def example_file(self) -> bytes:
        """Returns the bytes of a small file, for an input of an export."""
        raise NotImplementedError

    def example_instance(self) -> Any:
        """Returns a small file as JSON has it, for a curl line."""
        return {"b64": base64.b64encode(self.example_file()).decode()}

    def example_requests(self, specs: Any) -> list[dict]:
        """Returns warm-up requests of a signature.

        Args:
            specs: The `tf.TensorSpec`s of its inputs.

        Returns:
            A list of dictionaries from names to arrays.
        """
        raise NotImplementedError

    def examples(
        self, inputs: Any, targets: Any = None, sample_weight: Any = None
    ) -> Any:
        if is_dataset(inputs):
            raise TypeError(
                f"Expected a list of {self.input_noun}s, got a tf.data.Dataset. Pass "
                "their paths, or a list of what it holds."
            )
        inputs = self.checked_list(inputs)
        if targets is None:
            raise ValueError(
                f"Expected the target of each of {len(inputs)} {self.input_noun}s, got "
                "none."
            )
        weights = checked_weights(sample_weight, len(inputs))
        return inputs, listed(targets, "targets"), weights

    def checked_list(self, inputs: Any) -> list:
        """Converts inputs to a list; a single one is refused."""
        if isinstance(inputs, str | bytes | os.PathLike):
            raise TypeError(
                f"Expected a list of {self.input_noun}s, got one. Put it into a list."
            )
        return list(inputs)

    def open_inputs(self, file: str | os.PathLike, options: Any) -> Any:
        return open_media(file, self.suffixes, options.encoding)
