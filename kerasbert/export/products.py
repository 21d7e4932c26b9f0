"""What stands in for products of an encoder in an export."""

from kerasbert.export.int8_products import calibrated_products
from kerasbert.export.packed_graph import joint_projections


def products_of(encoder, constants, precision, rows_of, calibration=None):
    """From layers of an encoder to what computes their products in a precision.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        constants: Pairs of a variable and the tensor that takes its place.
        precision: A name of `kerasbert.export.precision.PRECISIONS`.
        rows_of: As in `calibrated_products`, for `"int8"`.
        calibration: The texts of it.
    """
    if precision == "int8":
        return calibrated_products(encoder, constants, rows_of, calibration)
    return joint_projections(encoder, constants)
