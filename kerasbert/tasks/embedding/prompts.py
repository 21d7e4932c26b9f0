"""Prompts: what some models want before a text, such as `query: `."""


def prompt_text(prompt, prompts, default=None):
    """The text of a prompt, given by its name or as it is.

    Args:
        prompt: A name in `prompts`, a text of more than one word or sign, or None for
            the default.
        prompts: From names to texts.
        default: The name of the prompt that a model always wants, or None.

    Returns:
        A string, empty for no prompt.

    Raises:
        ValueError: If `prompt` is a single word, and no name in `prompts`.

    Example:
        >>> prompt_text("query", {"query": "Represent this query: "})
        'Represent this query: '
    """
    prompt = default if prompt is None else prompt
    if prompt is None:
        return ""
    if prompt not in prompts and prompts and prompt.isidentifier():
        raise ValueError(
            f"Expected the name of a prompt, {' or '.join(prompts)}, or a text such "
            f"as 'query: '; got {prompt!r}."
        )
    return prompts.get(prompt, prompt)
