import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from kerasbert import files, leftovers
from kerasbert.files import json_text, new_folder, write_atomically


@pytest.fixture
def dead():
    """The prefix of names of a process of this machine that is no more."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    machine = leftovers._machine()
    return lambda kind: f".{kind}-{machine}-{done.pid}-{'0' * 8}-{'1' * 8}-"


def test_what_a_dead_process_left_is_removed_and_named(tmp_path, dead, capsys):
    (tmp_path / f"{dead('partial')}scores.json").write_text("[1,")
    (tmp_path / f"{dead('partial')}model").mkdir()
    mine = leftovers.beside(tmp_path / "mine.json")
    mine.write_text("[1,")
    foreign = tmp_path / f".partial-{'f' * 8}-1-{'0' * 8}-{'1' * 8}-other.json"
    foreign.write_text("[1,")
    with write_atomically(tmp_path / "scores.json") as partial:
        partial.write_text("[1]")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"scores.json", mine.name, foreign.name}
    told = capsys.readouterr().err
    assert told.count("\n") == 2 and "scores.json" in told and "model" in told


def test_a_folder_that_was_set_aside_is_put_back(tmp_path, dead, capsys):
    aside = tmp_path / dead("replaced")
    (aside / "model").mkdir(parents=True)
    (aside / "model" / "weights").write_text("whole")
    with write_atomically(tmp_path / "note") as partial:
        partial.write_text("")
    assert (tmp_path / "model" / "weights").read_text() == "whole"
    assert not aside.exists()
    assert "restored" in capsys.readouterr().err


def failing(number):
    def fsync(handle):
        raise OSError(number, os.strerror(number))

    return fsync


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_an_error_of_fsync_leaves_the_old_file_whole(tmp_path, monkeypatch, number):
    target = tmp_path / "state"
    target.write_text("old and whole")
    monkeypatch.setattr(os, "fsync", failing(number))
    with pytest.raises(OSError, match="state") as caught:
        with write_atomically(target) as partial:
            partial.write_text("new, never on disk")
    assert caught.value.errno == number
    assert target.read_text() == "old and whole"
    with pytest.raises(OSError):
        with new_folder(tmp_path / "model") as partial:
            (partial / "weights").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_fsync_is_written_to(tmp_path, monkeypatch, number):
    monkeypatch.setattr(os, "fsync", failing(number))
    with write_atomically(tmp_path / "state") as partial:
        partial.write_text("new")
    assert (tmp_path / "state").read_text() == "new"


def test_files_are_on_disk_before_they_have_their_names(tmp_path, monkeypatch):
    order = []
    to_disk, rename = files._to_disk, os.rename
    monkeypatch.setattr(
        files, "_to_disk", lambda p, *name: (order.append(p.name[-7:]), to_disk(p))
    )
    monkeypatch.setattr(
        os, "rename", lambda a, b: (order.append("rename"), rename(a, b))
    )
    with new_folder(tmp_path / "a" / "model") as partial:
        (partial / "sub").mkdir()
        (partial / "sub" / "weights").write_text("whole")
    assert set(order[:2]) == {"sub", "weights"}
    assert order[2].endswith("model") and order[3:] == ["rename", "a"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        RuntimeError("Can't write data (errno = 28, error message = 'No space left')"),
        ValueError("I/O error: No space left on device (os error 28)"),
        OSError("8 requested and 3 written"),
    ],
)
def test_a_full_disk_is_one_error_that_names_the_file(tmp_path, error):
    target = tmp_path / "weights.h5"
    target.write_text("old")
    with pytest.raises(OSError, match="The existing one is kept.*weights.h5") as caught:
        with write_atomically(target) as partial:
            partial.write_text("half of")
            raise error
    assert caught.value.errno in (errno.ENOSPC, errno.EDQUOT)
    assert target.read_text() == "old"


def test_numbers_that_json_has_not_are_null_and_named():
    value = {"f1": 0.5, "pearson": float("nan"), "rows": np.array([1.0, np.inf])}
    with pytest.warns(UserWarning, match=r"pearson \(nan\), rows\[1\] \(inf\)"):
        text = json_text(value)
    found = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert found == {"f1": 0.5, "pearson": None, "rows": [1.0, None]}


def test_json_of_half_a_character_is_utf8():
    assert json_text({"text": "né \ud83d"}) == '{"text": "né \\ud83d"}'
