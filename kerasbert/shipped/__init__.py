"""The models that come with the package: a folder each, read like any other source."""

import pathlib

NAME = "packed_minilm"  # what is embedded with where nothing else is named


def model_folder(name: str = NAME) -> pathlib.Path:
    """Returns the folder of a model.

    Args:
        name: Its name.

    Raises:
        FileNotFoundError: If the package lacks it.

    Example:
        >>> model_folder().name
        'packed_minilm'
    """
    folder = pathlib.Path(__file__).parent / name
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(
            f"Expected the model {name} in {folder.parent}, which comes with "
            "kerasbert, but it is missing. Install kerasbert again, or name another "
            "model."
        )
    return folder
