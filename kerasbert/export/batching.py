"""How TF Serving makes batches of the requests for a model."""

# As many batches are computed at once as there are processors, which is the default.
PARAMETERS = """\
max_batch_size {{ value: {most} }}
batch_timeout_micros {{ value: 1000 }}
max_enqueued_batches {{ value: 256 }}
"""
SPLITTING = """\
max_execution_batch_size { value: 64 }
enable_large_batch_splitting { value: true }
"""
BATCH = 64  # rows that are computed together
LONGEST_REQUEST = 1024  # rows


def most_rows(signatures):
    """The most rows of a request on a server with batching.

    A server can compute a long request in parts where a row of an answer has one
    shape: it cannot join what was padded to texts of other lengths.

    Args:
        signatures: From a signature's name to a `tf.function`.
    """
    concrete = [function.get_concrete_function() for function in signatures.values()]
    outputs = [each for one in concrete for each in one.structured_outputs.values()]
    alike = all(output.shape[1:].is_fully_defined() for output in outputs)
    return LONGEST_REQUEST if alike else BATCH


def batching_parameters(signatures):
    """The file `batching_params.pbtxt` of a model.

    Args:
        signatures: From a signature's name to a `tf.function`.

    Returns:
        `BatchingParameters` of TF Serving, in text form.
    """
    most = most_rows(signatures)
    return PARAMETERS.format(most=most) + (SPLITTING if most > BATCH else "")
