"""Embeds with OpenVINO, for `benchmarks/serving.py` to compare with.

The model is converted from transformers with mean pooling and length 1. For int8 it is
quantized by NNCF with the settings of sentence-transformers' OpenVINO backend: static
scales, of the model type "transformer", which includes SmoothQuant. `common.py` has the
protocol.
"""

import json
import pathlib
import threading

import common

PRECISIONS = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}
CALIBRATION = 300  # texts


def convert(folder, file):
    import openvino
    import torch

    module, _ = common.sentences(folder)
    ones = torch.ones(2, 8, dtype=torch.long)
    model = openvino.convert_model(module, example_input=(ones, ones, ones * 0))
    for port, name in zip(model.inputs, common.INPUTS, strict=True):
        port.get_node().set_partial_shape(openvino.PartialShape([-1, -1]))
        port.get_tensor().set_names({name})
    model.validate_nodes_and_infer_types()
    openvino.save_model(model, str(file), compress_to_fp16=False)


def quantize(file, target, batches, texts):
    import nncf
    import openvino

    inputs = []
    batches.batch_size = 1
    batches.map(lambda *arrays: inputs.append(arrays) or arrays[0][:, :1], texts)
    quantized = nncf.quantize(
        openvino.Core().read_model(file),
        nncf.Dataset(inputs),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(inputs),
        fast_bias_correction=True,
        model_type=nncf.ModelType.TRANSFORMER,
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            overflow_fix=nncf.OverflowFix.DISABLE
        ),
    )
    openvino.save_model(quantized, str(target), compress_to_fp16=False)


def model_file(arguments):
    plain = arguments.work / "float32.xml"
    if not plain.exists():
        convert(arguments.model, plain)
    if arguments.precision != "int8":
        return plain
    quantized = arguments.work / "int8.xml"
    if not quantized.exists():
        texts = json.loads(arguments.calibration.read_text("utf-8"))[:CALIBRATION]
        quantize(plain, quantized, common.Batches(arguments), texts)
    return quantized


def main():
    parser = common.parser(__doc__, PRECISIONS)
    parser.add_argument(
        "--calibration", type=pathlib.Path, help="for int8: a JSON list of texts"
    )
    arguments = parser.parse_args()
    common.set_threads(arguments.threads)
    import openvino

    hints = {"PERFORMANCE_HINT": "LATENCY"}
    if arguments.requests > 1:
        hints = {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": arguments.requests}

    def make():
        compiled = openvino.Core().compile_model(
            str(model_file(arguments)),
            "CPU",
            {
                "INFERENCE_NUM_THREADS": arguments.threads,
                **hints,
                "INFERENCE_PRECISION_HINT": PRECISIONS[arguments.precision],
            },
        )
        batches = common.Batches(arguments)
        of_thread = threading.local()

        def vectors(*inputs):
            if not hasattr(of_thread, "request"):
                of_thread.request = compiled.create_infer_request()
            request = of_thread.request
            request.infer(inputs, share_inputs=True)
            return request.get_output_tensor().data.copy()

        version = openvino.__version__.partition("-")[0]
        name = f"OpenVINO {version} {arguments.precision}"
        name += common.at_once(arguments)
        return name, lambda texts: batches.map(vectors, texts)

    common.answer_commands(make)


if __name__ == "__main__":
    main()
