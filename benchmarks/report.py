"""The table of `benchmarks/serving.py`."""


def line(what, ours, theirs, figure, target, reached):
    """A line of the table; `reached` is None where there is no target."""
    return {
        "what": what,
        "kerasbert": ours,
        "beside": theirs,
        "figure": figure,
        "target": target,
        "reached": None if reached is None else bool(reached),
    }


def markdown(lines, about):
    rows = ["| what | kerasbert | beside | figure | target | |"]
    rows.append("| --- | --- | --- | --- | --- | --- |")
    for found in lines:
        reached = {True: "reached", False: "**not reached**", None: ""}
        cells = [found[key] for key in ("what", "kerasbert", "beside", "figure")]
        cells += [found["target"], reached[found["reached"]]]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([about, "", *rows, ""])
