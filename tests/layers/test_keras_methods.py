"""Every public method and attribute of `keras.Layer` works on every layer, or refuses.

A new version of Keras that adds one makes `test_every_public_name_is_here` fail.
"""

import keras
import numpy as np
import pytest

from tests.harness import batch_of, built, flat, functional_model, randomise
from tests.layers.test_properties import CASES

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def call_of(case, batch):
    """The arguments with which a case calls its layer."""
    recorded = []

    def layer(*arguments, **options):
        recorded.append((arguments, options))

    case.call(layer, batch)
    [call] = recorded
    return call


def fresh(case):
    layer = case.make("float32")
    case.call(layer, batch_of(case))
    return layer


def assert_same(found, expected):
    for out, ref in zip(flat(found), flat(expected), strict=True):
        np.testing.assert_allclose(out, ref, 1e-5, 1e-5)


def check_calls(case):
    layer = built(case)
    expected = case.call(layer, batch_of(case))
    arguments, options = call_of(case, batch_of(case))
    assert_same(layer.call(*arguments, **options), expected)
    variables = (layer.trainable_variables, layer.non_trainable_variables)
    assert_same(layer.stateless_call(*variables, *arguments, **options)[0], expected)
    again = layer.rematerialized_call(layer.call, *arguments, **options)
    assert_same(again(*arguments, **options), expected)


def check_shapes(case):
    layer = built(case)
    expected = [x.shape for x in flat(case.call(layer, batch_of(case)))]
    symbols = {
        name: keras.KerasTensor(array.shape, str(array.dtype))
        for name, array in batch_of(case).items()
    }
    arguments, options = call_of(case, symbols)
    for method in (layer.symbolic_call, layer.compute_output_spec):
        found = keras.tree.flatten(method(*arguments, **options))
        assert [tuple(x.shape) for x in found] == expected
    if type(layer).compute_output_shape is keras.Layer.compute_output_shape:
        with pytest.raises(NotImplementedError, match="compute_output_shape"):
            layer.compute_output_shape(arguments[0].shape)
    else:
        found = layer.compute_output_shape(arguments[0].shape)
        found = [found] if isinstance(found[0], int) else found
        assert [tuple(shape) for shape in found] == expected


def check_weights(case):
    layer, other = built(case), randomise(fresh(case), seed=5)
    other.set_weights(layer.get_weights())
    assert_same(case.call(other, batch_of(case)), case.call(layer, batch_of(case)))
    ids = {id(v) for v in layer.variables}
    split = [*layer.trainable_variables, *layer.non_trainable_variables]
    assert {id(v) for v in split} == ids and len(split) == len(ids)
    weights = [*layer.trainable_weights, *layer.non_trainable_weights]
    assert {id(v) for v in weights} == {id(v) for v in layer.weights}
    assert layer.count_params() == sum(np.prod(v.shape) for v in layer.weights)
    store = {}
    layer.save_own_variables(store)
    other.load_own_variables(store)
    assert all(v.path for v in layer.weights) and layer.path == layer.name


def check_config(case):
    layer = built(case)
    clone = type(layer).from_config(layer.get_config())
    assert clone.get_config() == layer.get_config()
    clone = type(layer).from_config(layer.get_config())
    config = layer.get_build_config()
    if config:
        clone.build_from_config(config)
        case.call(clone, batch_of(case))
        assert [v.shape for v in clone.weights] == [v.shape for v in layer.weights]


def check_build(case):
    layer = fresh(case)
    before = [id(v) for v in layer.variables]
    case.call(layer, batch_of(case))
    assert layer.built and [id(v) for v in layer.variables] == before
    with pytest.raises(ValueError, match="cannot add new elements"):
        layer.add_weight(shape=(2,), name="more")  # after it is built
    with pytest.raises(ValueError, match="cannot add new elements"):
        layer.add_variable(shape=(2,), initializer="zeros", name="more")


def check_trainable(case):
    layer = fresh(case)
    layer.trainable = False
    assert not layer.trainable_variables
    layer.trainable = True


def check_dtypes(case):
    layer = built(case)
    names = (layer.dtype, layer.variable_dtype, layer.compute_dtype)
    assert {*names, layer.dtype_policy.name} == {"float32"}
    assert layer.input_dtype == "float32"


def check_masking(case):
    layer = built(case)
    assert layer.compute_mask(None, None) is None  # padding_mask is an argument


def check_losses(case):
    layer = fresh(case)
    layer.add_loss(keras.ops.ones(()))
    assert [float(loss) for loss in layer.losses] == [1.0]
    assert layer.metrics == [] and layer.metrics_variables == []
    with pytest.raises(NotImplementedError):
        layer.add_metric()


def check_graph(case):
    layer = fresh(case)
    with pytest.raises(AttributeError, match="no defined"):
        _ = layer.output
    model = functional_model(case, layer)
    assert_same(model(batch_of(case)), case.call(layer, batch_of(case)))
    assert [x.shape for x in keras.tree.flatten(layer.output)] == [
        x.shape for x in model.outputs
    ]
    assert layer.input is not None and layer.input_spec is None


def check_quantize(case):
    layer = fresh(case)
    assert layer.quantization_mode is None
    refused = (NotImplementedError, ValueError, AttributeError)
    for method in (layer.quantize, lambda mode: layer.quantized_build((), mode)):
        with pytest.raises(refused):
            method("int8")
    arguments, options = call_of(case, batch_of(case))
    with pytest.raises(refused):
        layer.quantized_call(*arguments, **options)


# Which check shows each public name of `keras.Layer`.
CHECK_OF = {
    check_calls: "call stateless_call rematerialized_call",
    check_shapes: "symbolic_call compute_output_spec compute_output_shape",
    check_weights: "get_weights set_weights weights variables trainable_variables "
    "non_trainable_variables trainable_weights non_trainable_weights count_params "
    "save_own_variables load_own_variables path",
    check_config: "get_config from_config get_build_config build_from_config",
    check_build: "build add_weight add_variable",
    check_trainable: "trainable",
    check_dtypes: "dtype dtype_policy compute_dtype variable_dtype input_dtype",
    check_masking: "compute_mask supports_masking",
    check_losses: "add_loss losses add_metric metrics metrics_variables",
    check_graph: "input output input_spec",
    check_quantize: "quantize quantized_build quantized_call quantization_mode",
}


def test_every_public_name_is_here():
    known = {name for names in CHECK_OF.values() for name in names.split()}
    public = {name for name in dir(keras.Layer) if not name.startswith("_")}
    assert public == known


@every_case
@pytest.mark.parametrize("check", CHECK_OF, ids=lambda check: check.__name__)
def test_methods_work_or_refuse(check, case):
    check(case)
