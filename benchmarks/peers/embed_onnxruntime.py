"""Embeds with ONNX Runtime, for `benchmarks/serving.py` to compare with.

The model is exported from transformers with mean pooling and length 1, fused by ONNX
Runtime's own optimizer for BERT, and for int8 quantized by its `quantize_dynamic`, a
scale a channel. `common.py` has the protocol.
"""

import common


def export(folder, file):
    """Writes the fused model, from token ids to vectors of length 1."""
    import torch
    from onnxruntime.transformers import optimizer

    module, config = common.sentences(folder)
    ones = torch.ones(2, 8, dtype=torch.long)
    plain = file.with_suffix(".plain.onnx")
    torch.onnx.export(
        module,
        (ones, ones, ones * 0),
        str(plain),
        input_names=list(common.INPUTS),
        output_names=["embedding"],
        dynamic_axes={name: {0: "batch", 1: "length"} for name in common.INPUTS},
        opset_version=17,
        dynamo=False,
    )
    fused = optimizer.optimize_model(
        str(plain),
        model_type="bert",
        num_heads=config.num_attention_heads,
        hidden_size=config.hidden_size,
        opt_level=0,
    )
    counts = fused.get_fused_operator_statistics()
    layers = config.num_hidden_layers
    if counts["Attention"] != layers or counts["SkipLayerNormalization"] != 2 * layers:
        raise RuntimeError(f"ONNX Runtime did not fuse the model: {counts}")
    fused.save_model_to_file(str(file))


def quantize(file, target):
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        str(file),
        str(target),
        weight_type=QuantType.QInt8,
        per_channel=True,
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )


def model_file(arguments):
    fused = arguments.work / "float32.onnx"
    if not fused.exists():
        export(arguments.model, fused)
    if arguments.precision == "float32":
        return fused
    quantized = arguments.work / "int8.onnx"
    if not quantized.exists():
        quantize(fused, quantized)
    return quantized


def main():
    arguments = common.parser(__doc__, ["float32", "int8"]).parse_args()
    common.set_threads(arguments.threads)
    import onnxruntime

    def make():
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = arguments.threads // arguments.requests
        session = onnxruntime.InferenceSession(
            str(model_file(arguments)), options, providers=["CPUExecutionProvider"]
        )
        types = {"tensor(int32)": "int32", "tensor(int64)": "int64"}
        dtype = types[session.get_inputs()[0].type]
        batches = common.Batches(arguments)

        def vectors(*inputs):
            return session.run(None, dict(zip(common.INPUTS, inputs, strict=True)))[0]

        name = f"onnxruntime {onnxruntime.__version__} {arguments.precision}"
        name += common.at_once(arguments)
        return name, lambda texts: batches.map(vectors, texts, dtype)

    common.answer_commands(make)


if __name__ == "__main__":
    main()
