import numpy as np
import pytest
import tensorflow as tf

import kerasbert
from kerasbert.export import curl_line
from tests.export.served import FIXTURES

TEXTS = ["the [MASK] is here", "a film", "", "[MASK] [MASK] 世界 good [MASK]"]


@pytest.mark.parametrize("name", ["bert_masked_lm", "albert_masked_lm"])
def test_a_masked_lm_gives_tokens_and_scores_of_each_mask(tmp_path, name):
    task = kerasbert.MaskedLM.from_pretrained(FIXTURES / name / "huggingface")
    version = task.export(tmp_path / "fill")
    model = tf.saved_model.load(str(version)).signatures["serving_default"]
    found = {k: v.numpy() for k, v in model(text=tf.constant(TEXTS)).items()}
    assert found["mask_count"].tolist() == [1, 0, 0, 3]
    lengths = [len(ids) for ids in task.tokenizer.encode(TEXTS)]
    assert found["token_count"].tolist() == lengths
    assert found["tokens"].shape == found["scores"].shape == (4, 3, 5)
    for number in (0, 3):
        [answer] = task.predict([TEXTS[number]])
        for mask, expected in enumerate(answer["masks"]):
            tokens = [token.decode() for token in found["tokens"][number, mask]]
            assert tokens == [choice["token"] for choice in expected]
            scores = [choice["score"] for choice in expected]
            np.testing.assert_allclose(found["scores"][number, mask], scores, atol=1e-6)
    assert not found["scores"][0, 1:].any() and not found["scores"][1:3].any()
    assert set(found["tokens"][1:3].reshape(-1)) == {b""}
    empty = model(text=tf.constant(["no mask"]))
    assert empty["tokens"].shape == (1, 0, 5)
    assert "[MASK]" in curl_line("fill", task=task)
