"""Added and special tokens of a folder, with their ids.

The order in which tokens come after a vocabulary is that of transformers.
"""

from kerasbert.account import quoted
from kerasbert.checkpoints.vocabulary_settings import SETTINGS_FILE
from kerasbert.text.tokenizer_config import (
    BERT_SPECIAL_TOKENS,
    SpecialTokens,
    Template,
    bert_template,
)


def with_added(vocabulary, added, settings, folder):
    """Appends the added tokens of the settings to a vocabulary."""
    tokens = list(vocabulary)
    ids = {token: number for number, token in enumerate(tokens)}
    for token in sorted(added, key=added.get):
        if token.content not in ids:
            ids[token.content] = len(tokens)
            tokens.append(token.content)
    by_content = {token.content: token for token in added}
    decoder = "added_tokens_decoder" in settings.values
    for number, token in sorted(settings.added.items()):
        if token.content not in ids:
            ids[token.content] = len(tokens)
            tokens.append(token.content)
        if ids[token.content] != number:
            name = SETTINGS_FILE if decoder else "added_tokens.json"
            raise ValueError(
                f"Expected {quoted(token.content, 60)} of {folder / name} to have the "
                f"id {ids[token.content]}, which the vocabulary gives it, or the next "
                f"after it, got {number}. Are the files of the same model?"
            )
        if decoder or token.content not in by_content:
            by_content[token.content] = token
    for token in settings.special():
        if token.content not in ids:
            ids[token.content] = len(tokens)
            tokens.append(token.content)
        by_content.setdefault(token.content, token)
    found = {token: ids[content] for content, token in by_content.items()}
    return tokens, dict(sorted(found.items(), key=lambda item: item[1]))


def special_tokens_of(file, settings, vocabulary, added):
    """Returns the special tokens of a `tokenizer.json`."""
    known, found = set(vocabulary), {token.content for token in added}
    around = [token for token, _ in file.template.single if token is not None]
    candidates = {
        "cls": (*around[:1], "[CLS]", "<s>"),
        "sep": (*around[-1:], "[SEP]", "</s>"),
        "pad": (*([file.pad] if file.pad else []), "[PAD]", "<pad>"),
        "mask": ("[MASK]", "<mask>"),
    }
    defaults = {
        name: next((t for t in tokens if t in found), None)
        or next((t for t in tokens if t in known), tokens[0])
        for name, tokens in candidates.items()
    }
    defaults = SpecialTokens(**defaults, unk=file.unk)
    names = settings.named(defaults)
    if names["unk"] != file.unk:
        raise ValueError(
            f"{file.path} says that {quoted(file.unk, 60)} is the unknown token, and "
            f"{settings.folder / SETTINGS_FILE} that {quoted(names['unk'], 60)} is. "
            "Correct one of them: which the model was trained with is not said."
        )
    return SpecialTokens(**names, additional=additional(settings, added, names))


def additional(settings, added, names=None):
    """Returns the special tokens without a standard name."""
    names = names or settings.named(BERT_SPECIAL_TOKENS)
    tokens = [*settings.special(), *(t for t in added if t.special)]
    plain = {token.content for token in added if not token.special}
    contents = dict.fromkeys(token.content for token in tokens)
    return tuple(t for t in contents if t not in plain and t not in names.values())


def flagged(added, special):
    """Returns added tokens that are not special, or have matching flags."""
    known = set(special.all())
    return tuple(
        token if not token.is_plain or token.special else token.content
        for token in added
        if not (token.is_plain and token.content in known)
    )


def own_tokens(settings, special):
    """Returns the added tokens of the settings, see `flagged`."""
    return flagged({token: i for i, token in settings.added.items()}, special)


def unless_default(template, special):
    """Returns the template, or None if it is BERT's."""
    same = template == bert_template(special.cls, special.sep)
    return None if same else template


def without_segments(config):
    """Returns a template whose segment ids are all 0."""
    sides = (config.template_or_default.single, config.template_or_default.pair)
    zeros = [tuple((token, 0) for token, _ in side) for side in sides]
    return unless_default(Template(*zeros), config.special_tokens)
