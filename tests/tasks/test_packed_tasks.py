"""A task whose weights are packed loads, and answers as its rounded weights do."""

import numpy as np
import pytest

import kerasbert
from kerasbert.models.loading import variables_of
from kerasbert.packed.rounding import bits_of, integers_of, scales_of
from tests.tasks.test_before_training import EXAMPLES, made


@pytest.mark.filterwarnings("ignore:kerasbert gives scores from:UserWarning")
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_packed_task_answers_as_its_rounded_weights_do(name, tmp_path):
    task = made(name)
    task.save(tmp_path / "task", bits=5)
    again = kerasbert.load(tmp_path / "task")
    rounded = 0
    for path, variable in variables_of(task.model).items():
        bits = bits_of(path, {"": 5})
        if bits is not None:
            rows = np.asarray(variable)
            rows = rows if path.endswith("embeddings") else rows.T
            scales = scales_of(rows, bits)
            rows = integers_of(rows, scales, bits) * scales[:, None]
            variable.assign(rows if path.endswith("embeddings") else rows.T)
            rounded += 1
    assert rounded > 5
    inputs, _ = EXAMPLES[name]
    inputs = ["the [MASK]"] if name == "MaskedLM" else inputs
    assert again.predict(inputs) == task.predict(inputs)
