import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from kerasbert.cli import main
from kerasbert.serving import server
from kerasbert.serving.server import listening_socket

ROOT = pathlib.Path(__file__).parents[2]
PATIENCE = 60
COMMAND = """
import atexit, sys
from kerasbert.cli import main

unwanted = {"keras", "kerasbert.models", "tensorflow", "tensorflow_text"}
atexit.register(lambda: print(sorted(unwanted & set(sys.modules))))
sys.exit(main())
"""


@pytest.fixture
def process(exported):
    words = [sys.executable, "-c", COMMAND, "serve", str(exported), "--port", "0"]
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        words, cwd=ROOT, env=quiet, stdout=pipe, stderr=pipe, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def test_sigterm_ends_a_process_after_what_is_in_flight(process):
    greeting = process.stdout.readline()
    found = re.fullmatch(
        r"Serving tiny, version 1\. Try: curl -d '(.*)' http://127\.0\.0\.1:(\d+)"
        r"/v1/models/tiny:predict\n",
        greeting,
    )
    assert found, greeting + process.stderr.read()
    body = found[1].encode()
    with socket.create_connection(("127.0.0.1", int(found[2])), PATIENCE) as connection:
        connection.sendall(
            b"POST /v1/models/tiny:predict HTTP/1.1\r\nHost: x\r\n"
            b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        # The server says so when it has begun with the request.
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        process.send_signal(signal.SIGTERM)
        connection.sendall(body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, content = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert len(json.loads(content)["predictions"]) == 1
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert err == ""
    assert out == "[]\n"  # neither Keras, TensorFlow's package nor a model class


RUN = """
import sys
import numpy as np
from kerasbert.serving.saved_model import SavedModel

model = SavedModel(sys.argv[1])
texts = np.array([b"\\xc3\\x84h"], object)
found = model.run("serving_default", {"text": texts})["folded"]
print(found.tolist(), "tensorflow" in sys.modules)
import hashlib, ssl  # these and TensorFlow's package still work
import tensorflow as tf

ciphers = ssl.create_default_context().get_ciphers()
print(hashlib.sha256(b"a").digest_size, len(ciphers) > 0)
print(tf.constant([1, 2]).numpy().tolist())
"""


def test_a_model_with_other_operations_of_tf_text_runs(tmp_path):
    import tensorflow as tf
    import tensorflow_text

    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
        def fold(self, text):
            return {"folded": tensorflow_text.case_fold_utf8(text)}

    model = Model()
    tf.saved_model.save(model, str(tmp_path), signatures=model.fold)
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[b'\\xc3\\xa4h'] False\n32 True\n[1, 2]\n"


def refusal(capsys, *words):
    code = main(["serve", *map(str, words)])
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    return err


def test_a_folder_that_is_no_model_is_one_line_and_exit_code_2(
    capsys, tmp_path, exported
):
    assert "Expected the folder of a model" in refusal(capsys, tmp_path / "nothing")
    assert "found none. Export one" in refusal(capsys, tmp_path)
    message = refusal(capsys, exported / "1")
    assert f"use its parent folder, {exported.resolve()}," in message
    assert "found none" in refusal(capsys, exported / "1/saved_model.pb")


def test_a_model_that_does_not_load_is_one_line_and_exit_code_2(
    capsys, tmp_path, exported, caplog
):
    model = tmp_path / "model"
    shutil.copytree(exported / "1", model / "1")
    content = (model / "1/saved_model.pb").read_bytes()
    (model / "1/saved_model.pb").write_bytes(content[: len(content) // 2])
    assert "Version 1 cannot be loaded" in refusal(capsys, model, "--port", 0)
    assert caplog.text == ""


def test_a_port_that_is_taken_is_one_line_and_exit_code_2(capsys, exported):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = refusal(capsys, exported, "--port", port)
    assert f"Cannot listen on 127.0.0.1, port {port}: Address already in use" in message
    assert "--port" in refusal(capsys, exported, "--port", 70000)


def test_small_packets_do_not_wait_for_their_acknowledgement():
    with listening_socket("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP  # what asyncio asks for


@pytest.mark.parametrize(
    ("processors", "setting", "threads"),
    [(1, "", 1), (2, "", 1), (8, "", 8), (2, "2", 2), (8, "1", 1), (2, "0", 1)],
)
def test_two_processors_run_two_batches_and_more_run_one_unless_told_otherwise(
    processors, setting, threads, monkeypatch
):
    monkeypatch.setattr(server, "processors", lambda: processors)
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", setting)
    assert server.intra_op_threads() == threads
