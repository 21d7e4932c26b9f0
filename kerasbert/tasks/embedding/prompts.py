"""Prompts: prefixes of texts that some models need, such as `query: `."""

import re

from kerasbert.account import quoted

# One word, as the names of prompts are: "query", "s2p_query", "retrieval.passage".
NAME = re.compile(r"\w(?:[\w.\-/]*\w)?")


def prompt_text(prompt, prompts, default=None, prompt_name=None):
    """Returns a prompt, given by name or as text.

    Example:
        >>> prompt_text("query", {"query": "Represent this query: "})
        'Represent this query: '
    """
    for given in (prompt, prompt_name):
        if given is not None and not isinstance(given, str):
            raise TypeError(f"Expected a prompt, a string, got {quoted(given)}.")
    if prompt is not None and prompt_name is not None:
        raise ValueError(
            f"Expected prompt or prompt_name, got both: {quoted(prompt, 80)} and "
            f"{quoted(prompt_name, 80)}. Leave one of them out."
        )
    name = default if prompt is None and prompt_name is None else prompt_name
    if prompt is not None:
        is_name = NAME.fullmatch(prompt) is not None
        if prompt in prompts and not is_name and prompt:
            raise ValueError(
                f"{quoted(prompt, 80)} may be the text to put before every text, or "
                "the name of a prompt of this model. Say which: "
                f"prompt_name={quoted(prompt, 40)} for the prompt of that name; for "
                "the text, give it a name of its own in embedder.prompts."
            )
        if not is_name:
            return prompt
        name = prompt
    if name is None:
        return ""
    if name not in prompts:
        names = " or ".join(prompts)[:80] or "of which this model has none"
        raise ValueError(
            f"Expected the name of a prompt, {names}, or a text such as 'query: ', "
            f"which is more than one word; got {quoted(name, 60)}. A text of one word "
            "is given a name in embedder.prompts."
        )
    return prompts[name] or ""


def prompt_length(tokenizer, prompt, max_length):
    """Returns the number of tokens of a prompt, including `[CLS]`."""
    if not prompt:
        return 0
    [ids] = tokenizer.encode([prompt], max_length=max_length)
    return len(ids) - 1  # without [SEP]
