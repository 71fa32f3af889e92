"""Tokens, their bytes and what is special, for both large kinds of tokenizers."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

from backends.mlx.folder import ModelFolder, open_folder
from backends.mlx.vocabulary import Vocabulary, chat_template


@pytest.fixture(scope="session")
def words(tiny: Path) -> Vocabulary:
    return Vocabulary(open_folder(tiny))


@pytest.fixture
def sentencepiece(tmp_path: Path) -> Vocabulary:
    """A vocabulary with a blank before every text and bytes for what it does not know."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces += ["▁", "h", "i", "▁h", "▁hi", "\n"]
    merges = [("▁", "h"), ("▁h", "i")]
    made = Tokenizer(
        models.BPE(
            {text: n for n, text in enumerate(pieces)},
            merges,
            unk_token="<unk>",
            byte_fallback=True,
        )
    )
    made.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    made.add_tokens([AddedToken(text, special=True) for text in pieces[:3]])
    made.save(str(tmp_path / "tokenizer.json"))
    told = {"bos_token": {"content": "<s>"}, "eos_token": "</s>", "add_bos_token": True}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(told), encoding="utf-8")
    return Vocabulary(ModelFolder(tmp_path, {"model_type": "llama", "eos_token_id": [2]}))


@given(st.text(max_size=60))
def test_the_bytes_of_a_text_s_tokens_are_the_text(words: Vocabulary, text: str) -> None:
    for special in (True, False):
        pieces = b"".join(words.piece(token) for token in words.tokenize(text, special=special))
        assert pieces.decode("utf-8") == text


def test_control_tokens_are_recognised_only_where_it_is_wanted(words: Vocabulary) -> None:
    assert words.tokenize("<|im_end|>", special=True) == [words.eos]
    typed = words.tokenize("<|im_end|>", special=False)
    assert words.eos not in typed
    assert b"".join(map(words.piece, typed)) == b"<|im_end|>"
    tool = words.tokenize("<tool>", special=False)
    assert len(tool) == 1
    assert words.piece(tool[0]) == b"<tool>"
    assert words.plain_piece(tool[0]) == b""
    assert {token.text for token in words.special_tokens if token.user_defined} == {"<tool>"}


def test_a_control_token_has_no_text_unless_it_is_spoken(tiny: Path) -> None:
    words = Vocabulary(open_folder(tiny))
    assert words.piece(words.bos) == b""
    words.speak(["<|im_start|>"])
    assert words.piece(words.bos) == b"<|im_start|>"
    assert words.is_special_text("<|im_start|>")
    assert not words.is_special_text("quick")


def test_every_end_of_an_answer_is_known(words: Vocabulary) -> None:
    ends = {words.text(token) for token in words.ends}
    assert ends == {"<|im_end|>", "<|endoftext|>"}
    assert words.is_eog(words.eos)
    assert not words.is_eog(words.bos)
    assert not words.adds_bos


def test_sentencepiece_puts_a_blank_first_and_falls_back_to_bytes(
    sentencepiece: Vocabulary,
) -> None:
    assert sentencepiece.sentencepiece
    assert sentencepiece.adds_bos
    assert (sentencepiece.bos, sentencepiece.eos) == (1, 2)
    ids = sentencepiece.tokenize("hi hi é", special=True)
    assert b"".join(map(sentencepiece.piece, ids)).decode() == " hi hi é"
    assert sentencepiece.text(ids[0]) == "▁hi"


def test_ids_beyond_the_vocabulary_have_no_text(words: Vocabulary) -> None:
    assert words.text(-1) == words.text(words.size) == ""
    assert words.piece(words.size + 5) == b""


def test_the_template_is_found_wherever_a_folder_keeps_it(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path, {"model_type": "llama"})
    assert chat_template(folder) is None
    named = [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]
    told = json.dumps({"chat_template": named})
    (tmp_path / "tokenizer_config.json").write_text(told, encoding="utf-8")
    assert chat_template(folder) == "D"
    (tmp_path / "chat_template.json").write_text('{"chat_template": "J"}', encoding="utf-8")
    assert chat_template(folder) == "J"
    (tmp_path / "chat_template.jinja").write_text("X", encoding="utf-8")
    assert chat_template(folder) == "X"
