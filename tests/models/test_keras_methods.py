"""Every public method and attribute of `keras.Model` works on every model, or refuses.

A new version of Keras that adds one makes `test_every_public_name_is_here` fail.
"""

import keras
import numpy as np
import pytest

import kerasbert
from kerasbert import models
from kerasbert.models.quantization import quantized_layers
from tests.harness import BATCH, flat, randomise
from tests.models import tiny

TENSORFLOW = keras.backend.backend() == "tensorflow"
ONE = dict(num_hidden_layers=1)
MODELS = {
    "BertEncoder": lambda: tiny.bert(**ONE),
    "AlbertEncoder": lambda: tiny.albert(**ONE),
    "DistilBertEncoder": lambda: randomise(
        kerasbert.DistilBertEncoder(kerasbert.DistilBertConfig(**tiny.SIZES | ONE))
    ),
    "MaskedLMModel": lambda: models.MaskedLMModel(tiny.albert(**ONE)),
    "PretrainingModel": lambda: models.PretrainingModel(tiny.bert(**ONE)),
    "SentencePairModel": lambda: models.SentencePairModel(tiny.bert(**ONE)),
    "SequenceClassificationModel": lambda: models.SequenceClassificationModel(
        tiny.bert(**ONE), 3
    ),
    "TokenClassificationModel": lambda: models.TokenClassificationModel(
        tiny.bert(**ONE), 3
    ),
    "QuestionAnsweringModel": lambda: models.QuestionAnsweringModel(tiny.bert(**ONE)),
    "SentenceEmbeddingModel": lambda: models.SentenceEmbeddingModel(
        tiny.bert(**ONE), ["cls", "mean"], [{"units": 5}]
    ),
    "ViTEncoder": lambda: tiny.vit(**ONE),
    "ImageClassificationModel": lambda: models.ImageClassificationModel(
        tiny.vit(**ONE), 3
    ),
    "Seq2SeqTransformer": lambda: models.Seq2SeqTransformer(tiny.seq2seq_config(**ONE)),
    "TransformerEncoder": lambda: models.TransformerEncoder(tiny.seq2seq_config(**ONE)),
    "TransformerDecoder": lambda: models.TransformerDecoder(tiny.seq2seq_config()),
    "BertDecoder": lambda: tiny.bert_decoder(**ONE),
}
every_model = pytest.mark.parametrize("kind", MODELS)
on_tensorflow = pytest.mark.skipif(not TENSORFLOW, reason="TensorFlow's alone")


@pytest.fixture(scope="module")
def made():
    """The models, each made once, for checks that leave them as they are."""
    return {kind: randomise(make()) for kind, make in MODELS.items()}


def inputs_of(model):
    return {name: BATCH[name] for name in model.input}


def assert_same(found, expected, tolerance=1e-6):
    found, expected = flat(found), flat(expected)
    for out, ref in zip(found, expected, strict=True):
        np.testing.assert_allclose(out[tiny.REAL], ref[tiny.REAL], 1e-5, tolerance)


def compiled(model):
    loss = {name: "mse" for name in model.output if name != "hidden_states"}
    if "hidden_states" in model.output:
        loss = {"sequence_output": "mse", "pooled_output": "mse", "hidden_states": None}
    model.compile("sgd", loss, run_eagerly=TENSORFLOW)
    return model


# === Checks of methods that leave the model as it is ===


def check_config(model):
    clone = type(model).from_config(model.get_config())
    clone.set_weights(model.get_weights())
    assert_same(clone(inputs_of(model)), model(inputs_of(model)))


def check_json(model):
    clone = keras.models.model_from_json(model.to_json())
    clone.set_weights(model.get_weights())
    assert type(clone) is type(model)
    assert_same(clone(inputs_of(model)), model(inputs_of(model)))


def check_calls(model):
    batch = inputs_of(model)
    expected = model(batch)
    assert_same(model.call(batch), expected)
    stateless, _ = model.stateless_call(
        model.trainable_variables, model.non_trainable_variables, batch
    )
    assert_same(stateless, expected)
    assert_same(model.predict_on_batch(batch), expected)
    assert_same(model.rematerialized_call(model.call, batch)(batch), expected)


def check_shapes(model):
    symbols = {
        name: keras.KerasTensor(x.shape, str(x.dtype), name=name)
        for name, x in inputs_of(model).items()
    }
    shapes = [x.shape for x in keras.tree.flatten(model(inputs_of(model)))]
    for outputs in (model.compute_output_spec(symbols), model.symbolic_call(symbols)):
        assert [x.shape for x in keras.tree.flatten(outputs)] == shapes
    found = model.compute_output_shape({n: x.shape for n, x in symbols.items()})
    tensors = keras.tree.map_shape_structure(tuple, found)
    assert keras.tree.flatten_with_path(tensors)
    shapes = [x.shape for x in model.outputs]
    assert model.output_shape == (shapes if len(shapes) > 1 else shapes[0])
    shapes = [x.shape for x in keras.tree.flatten(model.input)]
    assert model.input_shape == (shapes if len(shapes) > 1 else shapes[0])


def check_layers(model):
    for layer in model.layers:
        assert model.get_layer(layer.name) is layer
    assert model.count_params() == sum(np.prod(v.shape) for v in model.weights)
    lines = []
    model.summary(expand_nested=True, print_fn=lines.append)
    assert f"{model.count_params():,}" in "".join(lines)


def check_variables(model):
    ids = {id(v) for v in model.variables}
    split = [*model.trainable_variables, *model.non_trainable_variables]
    assert {id(v) for v in split} == ids and len(split) == len(ids)
    weights = [*model.trainable_weights, *model.non_trainable_weights]
    assert {id(v) for v in weights} == {id(v) for v in model.weights}


def check_masking(model):
    assert model.compute_mask(inputs_of(model), None) is None
    assert model.supports_masking is False  # padding_mask is an input


def check_build(model):
    before = [id(v) for v in model.variables]
    model.build({name: x.shape for name, x in model.input.items()})
    model.build_from_config(model.get_build_config())
    assert [id(v) for v in model.variables] == before


def check_dtypes(model):
    assert model.dtype_policy.name == model.compute_dtype == model.dtype == "float32"
    assert model.variable_dtype == "float32"
    with pytest.raises(ValueError, match="float32, with which the layers were made"):
        model.dtype_policy = "mixed_bfloat16"


def check_add_loss(model):
    with pytest.raises(NotImplementedError, match="compile"):
        model.add_loss(1.0)


def check_add_metric(model):
    with pytest.raises(NotImplementedError, match="compile"):
        model.add_metric()


def check_weights_of_its_own(model):
    for add in (model.add_weight, model.add_variable):
        with pytest.raises(NotImplementedError, match="weights of its layers"):
            add(shape=(2,), initializer="zeros", name="more")
    for method in (lambda: model.quantized_build((), "int8"), model.quantized_call):
        with pytest.raises((NotImplementedError, TypeError, ValueError)):
            method()


# === Checks of methods that change the model ===


def check_weights_files(model, folder):
    file = folder / "model.weights.h5"
    model.save_weights(file)
    other = randomise(type(model).from_config(model.get_config()), seed=9)
    other.load_weights(file)
    assert_same(other(inputs_of(model)), model(inputs_of(model)))
    model.save(folder / "model.keras")
    loaded = keras.models.load_model(folder / "model.keras")
    assert type(loaded) is type(model)
    assert_same(loaded(inputs_of(model)), model(inputs_of(model)))
    with pytest.raises(ValueError, match="ends in .keras"):
        model.save(folder / "model.h5")


def check_export(model, folder):
    if not TENSORFLOW:
        with pytest.raises(ValueError, match='KERAS_BACKEND="tensorflow"'):
            model.export(folder / "export")
        return
    import tensorflow as tf

    with pytest.raises(ValueError, match="tf_saved_model.*got 'onnx'"):
        model.export(folder / "export", format="onnx")
    model.export(folder / "export", verbose=False)
    served = tf.saved_model.load(str(folder / "export")).signatures["serving_default"]
    batch = {name: tf.constant(x) for name, x in inputs_of(model).items()}
    found, expected = served(**batch), dict(model(batch))
    states = expected.pop("hidden_states", [])
    expected |= {f"hidden_states_{i}": state for i, state in enumerate(states)}
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert_same(found[name], values, 1e-5)


def check_training(model, folder):
    batch = inputs_of(model)
    targets = {
        name: np.full(keras.ops.shape(values), 0.5, "float32")
        for name, values in model(batch).items()
        if name != "hidden_states"
    }
    if "hidden_states" in model.output:
        targets["hidden_states"] = None
    with pytest.raises(ValueError, match="compile.optimizer, loss. first"):
        model.get_state_tree()
    compiled(model)
    trained = {name: x for name, x in targets.items() if x is not None}
    if "hidden_states" in model.output:  # a loss of some outputs: those alone
        heads = {name: model.output[name] for name in trained}
        plain = keras.Model(model.input, heads)
        plain.compile("sgd", dict.fromkeys(trained, "mse"), run_eagerly=TENSORFLOW)
        first = plain.evaluate(batch, trained, verbose=0, return_dict=True)["loss"]
        plain.fit(batch, trained, epochs=2, verbose=0)
        last = plain.evaluate(batch, trained, verbose=0, return_dict=True)["loss"]
        assert 0 < last < first
        return
    first = model.test_on_batch(batch, trained, return_dict=True)["loss"]
    if TENSORFLOW:  # elsewhere steps take the state, too
        model.reset_metrics()
        np.testing.assert_allclose(
            float(model.test_step((batch, trained))["loss"]), first, 1e-5
        )
        model.train_step((batch, trained))
    model.train_on_batch(batch, trained)
    model.fit(batch, trained, verbose=0)
    last = model.evaluate(batch, trained, verbose=0, return_dict=True)["loss"]
    assert 0 < last < first
    assert_same(model.predict(batch, verbose=0), model(batch))
    model.set_state_tree(model.get_state_tree())
    model.reset_metrics()
    config = model.get_compile_config()
    clone = type(model).from_config(model.get_config())
    clone.compile_from_config(config)
    assert clone.compiled and type(clone.optimizer) is type(model.optimizer)


def check_trainable(model, folder):
    model.trainable = False
    assert not model.trainable_variables
    model.trainable = True
    assert model.trainable_variables


def check_quantize(model, folder):
    before = np.concatenate(
        [x[tiny.REAL].ravel() for x in flat(model(inputs_of(model)))]
    )
    calibrated = keras.quantizers.GPTQConfig(dataset=["a"], tokenizer=str)
    for mode, config, reason in (
        ("int4", None, "0.92"),
        ("gptq", calibrated, "calibration"),
        ("int2", None, "int2"),
    ):
        with pytest.raises(ValueError, match=reason):
            model.quantize(mode, config=config)
    model.quantize("int8")
    out = model(inputs_of(model))
    after = np.concatenate([x[tiny.REAL].ravel() for x in flat(out)])
    cosine = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
    assert 0.999 < cosine < 1
    model.save(folder / "int8.keras")
    loaded = keras.models.load_model(folder / "int8.keras")
    assert len(quantized_layers(loaded)) == len(quantized_layers(model)) > 0
    assert_same(loaded(inputs_of(model)), out)
    with pytest.raises(ValueError, match="int8, which other projects do not read"):
        model.save_pretrained(folder / "other")


LEAVES_THE_MODEL = [
    check_config,
    check_json,
    check_calls,
    check_shapes,
    check_layers,
    check_variables,
    check_masking,
    check_build,
    check_dtypes,
    check_add_loss,
    check_add_metric,
    check_weights_of_its_own,
]
CHANGES_THE_MODEL = [
    check_weights_files,
    check_export,
    check_training,
    check_trainable,
    check_quantize,
]

# Which check shows each public name of `keras.Model`, and of what it inherits.
CHECK_OF = {
    check_config: "from_config get_config get_weights set_weights weights",
    check_json: "to_json",
    check_calls: "call stateless_call predict_on_batch rematerialized_call",
    check_shapes: "compute_output_spec symbolic_call compute_output_shape output_shape "
    "input_shape input output inputs outputs input_spec",
    check_layers: "layers get_layer count_params summary operations path",
    check_variables: "variables trainable_variables non_trainable_variables "
    "trainable_weights non_trainable_weights",
    check_masking: "compute_mask supports_masking",
    check_build: "build build_from_config get_build_config",
    check_dtypes: "dtype dtype_policy compute_dtype variable_dtype input_dtype",
    check_add_loss: "add_loss losses",
    check_add_metric: "add_metric metrics metrics_names metrics_variables",
    check_weights_files: "save_weights load_weights save save_own_variables "
    "load_own_variables",
    check_export: "export",
    check_training: "compile fit evaluate predict train_on_batch test_on_batch "
    "get_state_tree set_state_tree reset_metrics get_compile_config "
    "compile_from_config loss compiled_loss compiled_metrics get_metrics_result "
    # What these call, for those who override it.
    "make_train_function make_test_function make_predict_function train_step test_step "
    "predict_step compute_loss compute_metrics stateless_compute_loss jit_compile "
    "run_eagerly distribute_strategy distribute_reduction_method",
    check_trainable: "trainable",
    check_quantize: "quantize quantization_mode get_quantization_layer_structure",
    # What a layer with weights of its own implements; models have none.
    check_weights_of_its_own: "quantized_build quantized_call add_weight add_variable",
}


@on_tensorflow
def test_every_public_name_is_here():
    public = {name for name in dir(MODELS["BertEncoder"]().__class__.__mro__[0])}
    keras_model = {name for name in dir(keras.Model) if not name.startswith("_")}
    functional = {"input_shape", "inputs", "operations", "output_shape", "outputs"}
    known = {name for names in CHECK_OF.values() for name in names.split()}
    missing = (keras_model | functional) - known
    assert not missing, f"Keras has {sorted(missing)} besides: does each work here?"
    assert known <= public | keras_model | functional | {"input_spec"}
    assert set(CHECK_OF) == {*LEAVES_THE_MODEL, *CHANGES_THE_MODEL}


def test_every_model_is_here():
    public = {
        name
        for name, value in vars(models).items()
        if isinstance(value, type) and issubclass(value, keras.Model)
    }
    assert public - {"Encoder"} - {"Decoder"} == set(MODELS)


@every_model
@pytest.mark.parametrize("check", LEAVES_THE_MODEL, ids=lambda check: check.__name__)
def test_methods_work_or_refuse(check, kind, made):
    check(made[kind])


@every_model
@pytest.mark.parametrize("check", CHANGES_THE_MODEL, ids=lambda check: check.__name__)
def test_methods_that_change_a_model_work_or_refuse(check, kind, tmp_path):
    check(randomise(MODELS[kind]()), tmp_path)


@pytest.mark.parametrize("kind", ["BertEncoder", "SequenceClassificationModel"])
def test_a_clone_computes_the_same(kind, made):
    clone = keras.models.clone_model(made[kind])
    clone.set_weights(made[kind].get_weights())
    assert_same(clone(inputs_of(made[kind])), made[kind](inputs_of(made[kind])))


def test_a_clone_without_the_tie_of_its_matrices_is_refused(made):
    with pytest.raises(ValueError, match=r"from_config\(model.get_config\(\)\)"):
        keras.models.clone_model(made["MaskedLMModel"])


@pytest.mark.parametrize("policy", ["float16", "bfloat16", "float64"])
@every_model
def test_pure_policies_compute_what_float32_does(policy, kind, made):
    if policy == "float64" and not TENSORFLOW:
        pytest.skip("JAX computes in float32, and says so, unless it is told otherwise")
    keras.config.set_dtype_policy(policy)
    try:
        model = MODELS[kind]()
    finally:
        keras.config.set_dtype_policy("float32")
    model.set_weights(made[kind].get_weights())
    assert model.dtype_policy.name == policy
    outputs = flat(model(inputs_of(model)))
    for out, ref in zip(outputs, flat(made[kind](inputs_of(model))), strict=True):
        out, ref = out[tiny.REAL], ref[tiny.REAL]
        assert np.isfinite(out).all()
        error = np.linalg.norm(out - ref) / np.linalg.norm(ref)
        assert error < {"float16": 0.01, "bfloat16": 0.05, "float64": 1e-5}[policy]


@on_tensorflow
def test_a_model_that_recomputes_its_states_has_the_same_gradients():
    def make():
        without = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
        encoder = tiny.bert(num_hidden_layers=1, **without)
        return models.SequenceClassificationModel(encoder, 3, dropout=0.0)

    with keras.RematScope(mode="full"):
        model = make()
    plain = make()
    plain.set_weights(model.get_weights())
    targets = {"logits": np.eye(4, 3, dtype="float32")}
    for one in (model, plain):
        one.compile("sgd", {"logits": "mse"}, run_eagerly=TENSORFLOW)
        one.train_on_batch(inputs_of(one), targets)
    assert_same(model(inputs_of(model)), plain(inputs_of(plain)), 1e-5)
