"""A MkDocs hook: the notebooks of `tutorials/` are pages of the site."""

import pathlib

from mkdocs.plugins import event_priority
from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).parents[1]


@event_priority(100)  # before mkdocs-jupyter takes the notebooks
def on_files(files, config):
    """Adds every notebook to the files of the site."""
    for notebook in sorted((ROOT / "tutorials").glob("*.ipynb")):
        name = notebook.relative_to(ROOT).as_posix()
        files.append(
            File(name, str(ROOT), config["site_dir"], config["use_directory_urls"])
        )
    return files
