"""Replies that are written, and replies that are found."""

import io
import pathlib

import pytest

import kerasbert
from kerasbert.cli import main
from kerasbert.tasks.chat import RetrievalChatbot

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures"
EMBEDDER = FIXTURES / "sentence_mean" / "sentence_transformers"
SAID = ["hello", ["hello", "hi there", "who are you"], "bye"] * 4
REPLIES = ["hi there", "a machine", "see you"] * 4


@pytest.fixture(scope="module")
def chatbot():
    chatbot = kerasbert.Chatbot.for_texts(
        SAID, REPLIES, "transformer_tiny", vocab_size=40, dropout=0.0, num_beams=1
    )
    chatbot.compile(kerasbert.Recipe(learning_rate=5e-3), label_smoothing=0.0)
    chatbot.fit(SAID, REPLIES, epochs=60, batch_size=12, verbose=0)
    return chatbot


def test_it_replies_to_what_was_said_before(chatbot):
    assert [chatbot.reply(said) for said in SAID[:3]] == REPLIES[:3]


def test_a_stream_is_the_reply_in_pieces(chatbot):
    assert "".join(chatbot.stream(SAID[1])) == chatbot.reply(SAID[1])


def test_turns_beyond_the_last_ones_are_not_read(chatbot):
    history = ["what", "ever", *SAID[1]]
    assert chatbot.predict([history]) == chatbot.predict([SAID[1]])


def test_a_history_is_a_list_of_strings(chatbot):
    with pytest.raises(TypeError, match="a string or a list of strings, the last one"):
        chatbot.predict([["hello", 3]])
    with pytest.raises(TypeError, match="One history is a list of one"):
        chatbot.predict("hello")


def test_it_is_saved_and_talks_on_the_command_line(
    chatbot, tmp_path, capsys, monkeypatch
):
    chatbot.save(tmp_path / "saved")
    loaded = kerasbert.load(tmp_path / "saved")
    assert loaded.predict(SAID[:3]) == chatbot.predict(SAID[:3])
    monkeypatch.setattr("sys.stdin", io.StringIO("hello\n"))
    assert main(["chat", str(tmp_path / "saved")]) == 0
    assert capsys.readouterr().out == "hi there\n"


@pytest.fixture(scope="module")
def retrieval():
    embedder = kerasbert.TextEmbedder.from_pretrained(EMBEDDER)
    dialogues = [["hello", "good morning", "world"], ["hello world", "yes"]]
    return RetrievalChatbot.from_dialogues(embedder, dialogues)


def test_what_was_said_before_has_the_reply_it_had(retrieval):
    answers = retrieval.predict(["hello", ["ever", "hello world"]])
    assert [answer["reply"] for answer in answers] == ["good morning", "yes"]
    assert [answer["said"] for answer in answers] == ["hello", "hello world"]
    assert min(answer["score"] for answer in answers) > 0.999


def test_what_is_like_nothing_gets_the_fallback(retrieval):
    careful = RetrievalChatbot(
        *(retrieval.embedder, ["hello"], ["hi"]), fallback="Pardon?", threshold=1.0
    )
    assert careful.reply("something else") == "Pardon?"


def test_a_saved_retrieval_chatbot_talks(retrieval, tmp_path, capsys, monkeypatch):
    retrieval.save(tmp_path / "saved")
    monkeypatch.setattr("sys.stdin", io.StringIO("hello world\nhello\n"))
    assert main(["chat", str(tmp_path / "saved")]) == 0
    assert capsys.readouterr().out == "yes\ngood morning\n"
    assert main(["chat", str(tmp_path / "saved"), "--temperature", "1"]) == 2
    assert "Expected no --temperature" in capsys.readouterr().err


def test_a_task_that_does_not_talk_is_refused(tmp_path, capsys):
    kerasbert.TextEmbedder.from_pretrained(EMBEDDER).save(tmp_path / "embedder")
    assert main(["chat", str(tmp_path / "embedder")]) == 2
    assert "Expected a Chatbot, a RetrievalChatbot" in capsys.readouterr().err


def test_settings_out_of_range_are_refused(chatbot, retrieval):
    with pytest.raises(ValueError, match="turns of 1 or more"):
        kerasbert.Chatbot(chatbot.model, chatbot.tokenizer, turns=0)
    with pytest.raises(ValueError, match="a reply for each thing"):
        RetrievalChatbot(retrieval.embedder, ["a", "b"], ["c"])
