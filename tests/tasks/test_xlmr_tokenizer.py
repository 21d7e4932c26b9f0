"""A BERT with XLM-R's tokenizer, as multilingual E5 is: every task and its export.

That its outputs are those of transformers was compared by hand; here ids are those of
`tokenizers`, and what is saved and exported gives what was predicted.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tokenizers import Tokenizer as Reference

import kerasbert
from tests.text import pipelines

NAMES = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>"} | {
    f"{name}_token": token
    for name, token in (
        *(("sep", "</s>"), ("pad", "<pad>"), ("mask", "<mask>"), ("unk", "<unk>")),
    )
}
TEXTS = ["the cat sat on the mat", "Na\u00efve ''caf\u00e9`` \u5b57 end.", "a"]
PAIRS = [("the cat", "on the mat"), ("a", "Na\u00efve caf\u00e9"), ("x", "\u5b57")]
MASKED = ["the <mask> sat", "a<mask> b <mask>"]
# The inputs of each task, and what of its answers its export gives, by name.
TASKS = {
    "TextEmbedder": (TEXTS, None),
    "TextClassifier": (PAIRS, {"label": "label", "score": "score"}),
    "TextRegressor": (PAIRS, {"score": "score"}),
    "TokenClassifier": (TEXTS, {"type": "types", "start": "starts", "end": "ends"}),
    "QuestionAnswerer": (
        PAIRS,
        {"answer": "answer", "start": "start", "score": "score"},
    ),
    "MaskedLM": (MASKED, {"token": "tokens", "score": "scores"}),
}
# Those whose tokens are tested elsewhere: tracing this tokenizer takes long.
SLOW = ("TextClassifier", "TextRegressor", "MaskedLM", "QuestionAnswerer")
LABELS = {"TextClassifier": ["a", "b", "c"], "TokenClassifier": ["O", "B-X", "B-Y"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("xlmr") / "encoder"
    whole = pipelines.xlmr()
    size = 1 + max(token["id"] for token in whole["added_tokens"])
    config = kerasbert.BertConfig(
        *(max(size, len(whole["model"]["vocab"])), 16, 1, 2, 32),
        max_position_embeddings=64,
    )
    keras.utils.set_random_seed(0)
    encoder = kerasbert.BertEncoder(config, add_pooler=True)
    model = kerasbert.models.PretrainingModel(encoder)
    random = np.random.default_rng(0)
    for variable in model.weights:
        variable.assign(variable + random.normal(0, 0.3, variable.shape))
    model.save_pretrained(folder)
    return pipelines.write(folder, whole, **NAMES)


@pytest.mark.filterwarnings("ignore::kerasbert.tasks.pretrained_task.NewHeadWarning")
@pytest.mark.parametrize(
    "name",
    [
        *("TextEmbedder", "TokenClassifier"),
        *(pytest.param(n, marks=pytest.mark.slow) for n in SLOW),
    ],
)
def test_a_task_is_the_same_saved_and_exported(name, folder, tmp_path):
    inputs, outputs = TASKS[name]
    options = {"labels": LABELS[name]} if name in LABELS else {}
    keras.utils.set_random_seed(1)
    task = getattr(kerasbert, name).from_pretrained(folder, **options)
    if name in ("TextClassifier", "TextRegressor"):
        task.pairs = True
    head = getattr(task.model, "head", None)
    for number, variable in enumerate(head.trainable_weights if head else ()):
        values = np.random.default_rng(number).normal(0, 1, variable.shape)
        variable.assign(values)

    task.save(tmp_path / "task")
    theirs = Reference.from_file(str(tmp_path / "task" / "tokenizer.json"))
    rows = theirs.encode_batch(TEXTS)
    assert task.tokenizer.encode(TEXTS) == [row.ids for row in rows]
    pairs = list(zip(*PAIRS, strict=True))
    rows = theirs.encode_batch(PAIRS)
    assert task.tokenizer.encode(*map(list, pairs)) == [row.ids for row in rows]
    again = kerasbert.load(tmp_path / "task")
    assert again.tokenizer.encode(TEXTS) == task.tokenizer.encode(TEXTS)

    version = task.export(tmp_path / "exported")
    run = tf.saved_model.load(str(version)).signatures["serving_default"]
    columns = list(zip(*inputs, strict=True)) if inputs is PAIRS else [inputs]
    names = {"QuestionAnswerer": ("question", "context")}.get(name, ("text", "pair"))
    served = run(**{n: tf.constant(c) for n, c in zip(names, columns, strict=False)})
    if outputs is None:
        expected = task.encode(inputs)
        np.testing.assert_allclose(served["embedding"], expected, atol=1e-5)
        np.testing.assert_allclose(again.encode(inputs), expected, atol=1e-6)
        return
    answers = task.predict(inputs)
    assert_same_answers(again.predict(inputs), answers)
    for row, answer in enumerate(answers):
        if name == "MaskedLM":
            found = [
                [choice[key] for mask in answer["masks"] for choice in mask]
                for key in outputs
            ]
        elif isinstance(answer, list):
            assert answer
            found = [[entity[key] for entity in answer] for key in outputs]
        else:
            found = [[answer[key]] for key in outputs]
        for values, key in zip(found, outputs.values(), strict=True):
            array = np.ravel(served[key].numpy()[row])[: len(values)].tolist()
            array = [v.decode() if isinstance(v, bytes) else v for v in array]
            if isinstance(values[0], float):
                np.testing.assert_allclose(array, values, rtol=1e-4, atol=1e-5)
            else:
                assert array == values


def assert_same_answers(found, expected):
    def compare(one, two):
        if isinstance(two, float):
            assert one == pytest.approx(two, rel=1e-4, abs=1e-6)
        else:
            assert one == two

    keras.tree.map_structure(compare, found, expected)
