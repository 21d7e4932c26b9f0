import pathlib

import numpy as np
import pytest

import kerasbert
from kerasbert.compression import prune_heads, pruning_costs, student_of
from kerasbert.models.loading import variables_of
from tests.tasks.test_before_training import made

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
TEXTS = ["a cat", "the bank", "hello", "it rains"]


@pytest.fixture(scope="module")
def teacher():
    return kerasbert.TextEmbedder.from_pretrained(
        FIXTURES / "sentence_mean" / "sentence_transformers"
    )


def test_a_student_with_all_layers_answers_as_its_teacher(teacher):
    np.testing.assert_allclose(
        student_of(teacher).encode(TEXTS), teacher.encode(TEXTS), atol=1e-6
    )


def test_a_student_has_the_chosen_layers(teacher):
    student = student_of(teacher, layers=[-1])
    ours, theirs = variables_of(student.encoder), variables_of(teacher.encoder)
    assert student.encoder.config.num_hidden_layers == 1
    for path, variable in ours.items():
        other = path.replace("layer_0", "layer_1")
        np.testing.assert_array_equal(variable, theirs[other], err_msg=path)


def test_a_classifier_keeps_its_head_and_labels():
    teacher = made("TextClassifier")
    student = student_of(teacher, layers=[0])
    assert student.labels == teacher.labels
    for own, other in zip(
        student.model.head.weights, teacher.model.head.weights, strict=True
    ):
        np.testing.assert_array_equal(own, other)


def test_factorized_embeddings_are_near_the_teachers(teacher):
    wide = teacher.encoder.config.hidden_size
    found = {}
    inputs = teacher.tokenizer(TEXTS)
    expected = np.asarray(teacher.encoder(inputs)["hidden_states"][0])
    for size in (4, wide - 1):
        student = student_of(teacher, embedding_size=size)
        assert type(student.encoder) is kerasbert.AlbertEncoder
        states = np.asarray(student.encoder(inputs)["hidden_states"][0])
        assert states.shape == expected.shape
        found[size] = np.abs(states - expected).mean() / np.abs(expected).mean()
    assert found[wide - 1] < found[4]
    assert found[wide - 1] < 0.5


def test_layers_of_an_albert_student_share_weights(teacher, tmp_path):
    student = student_of(teacher, layers=[0, 1], embedding_size=8, repeats=2)
    config = student.encoder.config
    assert (config.num_hidden_layers, config.num_hidden_groups) == (4, 2)
    ours, theirs = variables_of(student.encoder), variables_of(teacher.encoder)
    for path in ("attention/query/kernel", "feed_forward/output/bias"):
        np.testing.assert_array_equal(
            ours[f"group_1_inner_0/{path}"], theirs[f"layer_1/{path}"]
        )
    student.save(tmp_path / "student")
    again = kerasbert.load(tmp_path / "student")
    np.testing.assert_allclose(again.encode(TEXTS), student.encode(TEXTS), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"layers": []}, "Expected layers from 0 to 1"),
        ({"layers": [1, 0]}, r"in order and each once, got \[1, 0\]"),
        ({"layers": [0, 2]}, r"got \[0, 2\]"),
        ({"layers": [0.0]}, r"got \[0.0\]"),
        ({"repeats": 2}, "Expected repeats=1 without embedding_size"),
        ({"embedding_size": 10_000}, "Expected an embedding_size from 1 to"),
        ({"embedding_size": 4, "repeats": 0}, "repeats of 1 or more, got 4 and 0"),
    ],
)
def test_bad_settings_are_refused(teacher, options, told):
    with pytest.raises(ValueError, match=told):
        student_of(teacher, **options)


def test_an_albert_is_no_teacher_of_layers():
    albert = kerasbert.TextEmbedder.from_pretrained(
        FIXTURES / "albert_tiny" / "huggingface"
    )
    with pytest.raises(ValueError, match="got an ALBERT"):
        student_of(albert, layers=[0])
    with pytest.raises(ValueError, match="got a Albert"):
        student_of(albert, embedding_size=4)
    with pytest.raises(ValueError, match="a head of one is a head of all"):
        prune_heads(albert, [(0, 0)])


def test_a_pruned_head_outputs_nothing(teacher):
    student = student_of(teacher)
    block = student.encoder.blocks[0]
    states = np.random.default_rng(0).normal(size=(1, 3, 24)).astype("float32")
    size = student.encoder.config.hidden_size // 3
    value = block.attention.value_dense
    prune_heads(student, [(0, 1), (0, 2)])
    before = np.asarray(block.attention(states))
    kernel = np.array(value.kernel)
    kernel[:, size:] += 1.0  # what the pruned head sees
    value.kernel.assign(kernel)
    np.testing.assert_array_equal(block.attention(states), before)
    kernel[:, :size] += 1.0
    value.kernel.assign(kernel)
    assert np.abs(np.asarray(block.attention(states)) - before).max() > 0.1


def test_costs_are_those_of_each_removal_and_change_nothing(teacher):
    wanted = teacher.encode(TEXTS)

    def score(task):
        return float((task.encode(TEXTS) * wanted).sum(axis=1).mean())

    costs = pruning_costs(teacher, score)
    assert costs.shape == (2, teacher.encoder.config.num_attention_heads)
    assert (costs > 0).all()
    np.testing.assert_array_equal(teacher.encode(TEXTS), wanted)
    student = student_of(teacher)
    prune_heads(student, [(1, 0)])
    assert costs[1, 0] == pytest.approx(score(teacher) - score(student), abs=1e-6)

    costs = pruning_costs(teacher, score, "layers")
    without_first = student_of(teacher, layers=[1])
    assert costs[0] == pytest.approx(1 - score(without_first), abs=1e-5)
    assert costs.shape == (2,)


def test_bad_parts_are_refused(teacher):
    with pytest.raises(ValueError, match='Expected "heads" or "layers"'):
        pruning_costs(teacher, lambda task: 0.0, "neurons")
    with pytest.raises(ValueError, match=r"heads from 0 to 2, got \(0, 7\)"):
        prune_heads(teacher, [(0, 7)])
    with pytest.raises(ValueError, match="Expected two layers or more"):
        pruning_costs(student_of(teacher, layers=[0]), lambda task: 0.0, "layers")
