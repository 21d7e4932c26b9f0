import os
import pathlib
import threading

import numpy as np
import pytest

from kerasbert import files


def test_a_file_appears_whole_under_its_name(tmp_path):
    target = tmp_path / "new" / "scores.json"
    with files.write_atomically(target) as path:
        path.write_text("[1]")
        assert path.parent == target.parent
        assert path.suffix == ".json"
        assert not target.exists()
    assert target.read_text() == "[1]"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_write_leaves_the_earlier_file(tmp_path, failure):
    target = tmp_path / "scores.json"
    target.write_text("old")
    with pytest.raises(failure), files.write_atomically(target) as path:
        path.write_text("half")
        raise failure
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_is_written_through_a_link(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    with files.write_atomically(link) as path:
        path.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_device_is_written_to_and_stays_a_device():
    with files.write_atomically(os.devnull) as path:
        assert str(path) == os.devnull
        path.write_text("gone")
    assert not pathlib.Path(os.devnull).is_file()


def test_a_folder_is_no_file_to_write(tmp_path):
    with pytest.raises(IsADirectoryError, match="Name a file in it"):
        with files.write_atomically(tmp_path):
            pass


def test_a_folder_appears_whole_under_its_name(tmp_path):
    target = tmp_path / "deep" / "model"
    with files.new_folder(target) as folder:
        (folder / "assets").mkdir()
        (folder / "assets" / "vocab.txt").write_text("[PAD]\n")
        assert not target.exists()
    assert (target / "assets" / "vocab.txt").read_text() == "[PAD]\n"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("overwrite", [False, True])
def test_an_interrupted_folder_leaves_what_was_there(tmp_path, failure, overwrite):
    target = tmp_path / "model"
    if overwrite:
        target.mkdir()
        (target / "old").write_text("old")
    with pytest.raises(failure), files.new_folder(target, overwrite) as folder:
        (folder / "half").write_text("half")
        raise failure
    left = sorted(path.name for path in tmp_path.rglob("*"))
    assert left == (["model", "old"] if overwrite else [])


def test_an_empty_folder_may_be_there_already(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    with files.new_folder(target) as folder:
        (folder / "config.json").write_text("{}")
    assert [path.name for path in target.iterdir()] == ["config.json"]


def test_a_folder_that_holds_files_is_not_replaced_unasked(tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(FileExistsError, match=r"overwrite=True \(--overwrite\)"):
        with files.new_folder(tmp_path):
            raise AssertionError("the block must not run")
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_replaced_folder_holds_nothing_of_the_old_one(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").write_text("old")
    with files.new_folder(target, overwrite=True) as folder:
        (folder / "new").write_text("new")
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


def test_the_current_folder_is_never_replaced(tmp_path, monkeypatch):
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    with pytest.raises(FileExistsError, match="Not replaced"):
        with files.new_folder(tmp_path, overwrite=True):
            pass
    assert (tmp_path / "inner").is_dir()


def test_a_mounted_folder_is_filled_from_within(tmp_path, monkeypatch):
    target = tmp_path / "mount"
    target.mkdir()
    (target / "old").mkdir()
    monkeypatch.setattr(os.path, "ismount", lambda path: path == target)
    with files.new_folder(target, overwrite=True) as folder:
        assert folder.parent == target
        (folder / "new").write_text("new")
    assert [path.name for path in target.iterdir()] == ["new"]


def test_a_file_in_the_place_of_a_folder_is_kept(tmp_path):
    (tmp_path / "model").write_text("a file")
    with pytest.raises(FileExistsError, match="a file is there"):
        with files.new_folder(tmp_path / "model", overwrite=True):
            pass
    assert (tmp_path / "model").read_text() == "a file"


def test_lines_end_at_line_feeds_alone(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes("\ufeffa\r\n\u2028\n\x85\n\nb".encode())
    assert files.read_lines(path) == ["a", "\u2028", "\x85", "", "b"]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_text_that_is_not_utf8_is_refused_with_its_line(tmp_path, mark):
    path = tmp_path / "vocab.txt"
    path.write_bytes(mark + b"one\ntwo\ncaf\xe9\n")
    with pytest.raises(ValueError, match=r"vocab\.txt, but in line 3 the byte 0xe9"):
        files.read_lines(path)


def test_broken_json_is_refused_with_its_line(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{\n  "layers": 2,\n  "width":\n}')
    with pytest.raises(ValueError, match=r"config\.json, but line 4"):
        files.read_json(path)


def test_json_nested_without_end_is_refused(tmp_path):
    path = tmp_path / "config.json"
    path.write_text("[" * 200_000)
    with pytest.raises(ValueError, match="too deep"):
        files.read_json(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.json"):
        files.read_json(tmp_path / "nothing.json")


@pytest.mark.parametrize(
    "path",
    ["/etc", "..", "a/../../b", "C:\\a", "\\\\a\\b", "..\\a", "a\0", None, 3, "link"],
)
def test_a_path_that_leaves_its_folder_is_refused(tmp_path, path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(ValueError, match="index.json names the path .* out of"):
        files.inside(folder, path, "index.json")


def test_a_path_inside_its_folder_is_given_back(tmp_path):
    (tmp_path / "model" / "0_BERT").mkdir(parents=True)
    (tmp_path / "model" / "link").symlink_to("0_BERT", target_is_directory=True)
    (tmp_path / "alias").symlink_to("model", target_is_directory=True)
    for folder in (tmp_path / "model", tmp_path / "alias"):
        for path in ("", ".", "0_BERT", "link", "not/there", "..almost"):
            assert files.inside(folder, path) == folder / path


def test_links_to_the_blobs_of_the_hub_cache_are_let_pass(tmp_path):
    model = tmp_path / "models--a--b"
    snapshot = model / "snapshots" / "0123"
    (snapshot / "1_Dense").mkdir(parents=True)
    (model / "blobs").mkdir()
    (model / "blobs" / "abc").write_text("weights")
    (snapshot / "part.safetensors").symlink_to("../../blobs/abc")
    (snapshot / "1_Dense" / "model.bin").symlink_to("../../../blobs/abc")
    (snapshot / "refs").symlink_to("../..")
    assert files.inside(snapshot, "part.safetensors").read_text() == "weights"
    assert files.inside(snapshot / "1_Dense", "model.bin").read_text() == "weights"
    with pytest.raises(ValueError, match="out of"):
        files.inside(snapshot, "refs")


def test_json_is_written_whole_or_not_at_all(tmp_path):
    file = tmp_path / "folder" / "a.json"
    files.write_json(
        file, {"name": "né", "half": "\ud800", "scores": np.float32([0.5])}
    )
    assert files.read_json(file) == {"name": "né", "half": "\ud800", "scores": [0.5]}
    before = file.read_bytes()
    assert before.endswith(b"}\n") and "né".encode() in before
    with pytest.raises(TypeError, match="Expected .*JSON"):
        files.write_json(file, {"a": object()})
    assert [each.name for each in file.parent.iterdir()] == ["a.json"]
    assert file.read_bytes() == before
    with pytest.warns(UserWarning, match="loss"):
        files.write_json(file, {"loss": float("nan")})
    assert files.read_json(file) == {"loss": None}


def test_text_is_read_from_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("epochs: 3\n",))
    writer.start()
    assert files.read_text(pipe) == "epochs: 3\n"
    writer.join()
    with pytest.raises(FileNotFoundError, match="Expected a file at"):
        files.read_text(tmp_path)
