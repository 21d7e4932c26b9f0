"""The rows of a container's table, for a configuration."""

import dataclasses

from kerasbert.checkpoints import variables
from kerasbert.checkpoints.transforms import SAME, Transform


@dataclasses.dataclass(frozen=True)
class Row:
    """One variable of ours and one tensor of theirs.

    Args:
        ours: The path of our variable.
        theirs: Their name.
        transform: From their tensor to our variable.
        group: `"encoder"`, `"pooler"` or the name of a head.
        letters: The letters of our variable's axes.
    """

    ours: str
    theirs: str
    transform: Transform
    group: str
    letters: str

    def expected_shape(self, config, num_classes):
        """The shape that their tensor has by the configuration."""
        shape = variables.shape_of(self.letters, config, num_classes)
        return self.transform.saved_shape(shape, config.num_attention_heads)


@dataclasses.dataclass(frozen=True)
class Table:
    """The names of a container for one kind of encoder.

    A name is a string, or a pair of a string and a transform.

    Args:
        embeddings: Names of `variables.EMBEDDINGS` and `variables.PROJECTION`.
        block: Names of `variables.BLOCK`, after the prefix of a block.
        block_prefix: From the index of a block (in BERT `layer`; in ALBERT `group`
            and `inner`) to the prefix of its names.
        pooler: Names of `variables.POOLER`.
        heads: From a head to names of its variables.
    """

    embeddings: dict
    block: dict
    block_prefix: str
    pooler: dict
    heads: dict

    def rows(self, config):
        """The rows of the table for a configuration, block by block.

        Args:
            config: A `BertConfig` or `AlbertConfig`.

        Returns:
            A list of `Row`.
        """
        letters = variables.encoder_variables(config)
        rows = [
            _row(path, name, "encoder", letters)
            for path, name in self.embeddings.items()
        ]
        for index, block in enumerate(variables.block_names(config)):
            prefix = self.block_prefix.format(index=index, **_numbers(block))
            for path, name in self.block.items():
                row = _row(f"{block}/{path}", name, "encoder", letters)
                rows.append(dataclasses.replace(row, theirs=prefix + row.theirs))
        rows += [
            _row(path, name, "pooler", variables.POOLER)
            for path, name in self.pooler.items()
        ]
        for head, names in self.heads.items():
            rows += [
                _row(path, name, head, variables.HEADS[head])
                for path, name in names.items()
            ]
        return rows


def _row(path, name, group, letters):
    theirs, transform = (name, SAME) if isinstance(name, str) else name
    return Row(path, theirs, transform, group, letters[path])


def _numbers(block):
    """The numbers in a block's name: `layer_3` or `group_0_inner_1`."""
    words = block.split("_")
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))
