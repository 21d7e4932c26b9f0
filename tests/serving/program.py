"""A C program on TensorFlow's own library, which runs exports without Python."""

import atexit
import functools
import pathlib
import shutil
import subprocess
import tempfile

import pytest
import tensorflow as tf
import tensorflow_text

SOURCE = pathlib.Path(__file__).with_name("embed.c")
TENSORFLOW = pathlib.Path(tf.sysconfig.get_lib())
TF_TEXT = pathlib.Path(tensorflow_text.__file__).parent / "python" / "ops"
OPERATIONS = [
    "_fast_bert_normalizer.so",
    "_fast_sentencepiece_tokenizer.so",
    "_fast_wordpiece_tokenizer.so",
    "_sentencepiece_tokenizer.so",
    "_whitespace_tokenizer_v2.so",
]


@functools.cache
def program():
    """Builds the program; returns a function that runs it."""
    compiler = shutil.which("gcc")
    library = TENSORFLOW / "libtensorflow_cc.so.2"
    header = TENSORFLOW / "include" / "tensorflow" / "c" / "c_api.h"
    if compiler is None:
        pytest.skip("There is no gcc to build the program with.")
    for file in (library, header):
        if not file.exists():
            pytest.skip(f"TensorFlow was installed without {file.name}.")
    folder = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    binary = folder / "embed"
    subprocess.run(
        [
            *(compiler, "-O1", "-pthread", "-Wall", "-Wextra", "-Werror"),
            *(SOURCE, "-o", binary),
            *(f"-I{TENSORFLOW / 'include'}", f"-L{TENSORFLOW}"),
            *("-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2"),
            f"-Wl,-rpath,{TENSORFLOW}",
        ],
        check=True,
    )

    def run(version, *options, texts=b"", operations=OPERATIONS):
        libraries = [TF_TEXT / name for name in operations]
        return subprocess.run(
            [binary, *options, version, *libraries], input=texts, capture_output=True
        )

    return run
