"""Writes `golden.json`: hard strings, and their ids by the reference.

python -m tests.text.make_golden
"""

import json
import pathlib

from tests.text import oracle

GOLDEN = pathlib.Path(__file__).with_name("golden.json")
STRINGS = [
    "Hello, World! It isn't unlikely.",
    "Ünlïke naïve café, ÀÉÖ Łódź Straße İstanbul ſoft",
    "你好，世界！《中国》龍豈",
    "안녕 한글 가나다 \u1112\u1161\u11ab",
    "あカ゛ がガ ｶﾞ",
    "नमस्ते हिन्दी ภาษาไทย",
    "שָׁלוֹם العَرَبِيَّة",
    "ΑΣΟΣ ΣΑΣ Жщ",
    "ﬁne ½ № ① Ⅷ ㎏ ﷺ",
    "a\u0301\u0323 \u0323\u0301a a\u0315\u0300\u05ae\u0301b",
    "x\u302f\u302e\u1b44y \U0001d15e\u1b44",
    "tab\tnew\nline\u2028para\u2029nbsp\u00a0zwsp\u200bzwj\u200dbom\ufeff",
    "nul\x00 bell\x07 del\x7f c1\x85 soft\u00adhyphen \ufffd",
    "👩‍👩‍👧 🇩🇪 ❤️ \U000e0041",
    "[CLS] play [MASK] the[SEP][mask] [[MASK]] <unk> [PAD]",
    "``quotes'' and '''more'' \"x.y\" (2010, 20,10,) £5 €6",
    "!!!! oooooo hahahaha ----",
    "z" * 100 + " " + "z" * 101 + " " + "é" * 101 + " " + "가" * 51,
    "##ing ## # under_score e-mail@host.org http://a.b/c?d=e&f",
    "private \ue000 use \U00100000 and unassigned \u0378",
    "",
    "   ",
]


def main() -> None:
    vocabulary, model = oracle.wordpiece_vocabulary(), oracle.sentencepiece_model()
    references = {
        "uncased": oracle.bert(vocabulary),
        "cased": oracle.bert(vocabulary, lower_case=False),
        "uncased, accents": oracle.bert(vocabulary, strip_accents=False),
        "albert": oracle.albert(model),
    }
    golden = {"strings": STRINGS}
    for name, reference in references.items():
        encodings = reference.encode_batch(STRINGS, add_special_tokens=False)
        golden[name] = [encoding.ids for encoding in encodings]
    lines = (f'"{k}": {json.dumps(v)}' for k, v in golden.items())
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
