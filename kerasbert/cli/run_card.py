"""The model card of a run."""

__all__ = ["run_card"]

CARD = """\
# {name}

{model}, fine-tuned by kerasbert.

* task: `{task}`{labels}
* examples: {train}
* epochs: {epochs}, of batches of {batch_size}; learning rate {rate}

{table}

All settings are in `config.yaml`, the course of the run is in `log.csv`, and the model,
in the format of Hugging Face, in `model/`.

    kerasbert predict {folder} --input FILE
    kerasbert evaluate {folder} --input FILE
    kerasbert export {folder} saved_models/{name}

In Python:

    kerasbert.load("{folder}")
"""


def run_card(config, folder, metrics):
    """Returns the text of the card."""
    labels = config.label_names or []
    return CARD.format(
        name=folder.path.name,
        folder=folder.path,
        model=config.model,
        task=config.task,
        train=config.train,
        epochs=metrics["epochs"],
        batch_size=config.batch_size,
        rate=config.recipe.learning_rate,
        labels=f", of {', '.join(labels)}" if labels else "",
        table=_table(config, metrics),
    )


def _table(config, metrics):
    rows = [("data", "metric", "value"), ("---",) * 3]
    for part, name in (("train", config.train), ("validation", config.validation)):
        for metric, value in metrics.get(part, {}).items():
            rows.append((f"{name} ({part})", metric, f"{value:.4f}"))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
