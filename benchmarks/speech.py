"""Speech: a recognizer of kerasbert beside the same network and loss in torch.

    python benchmarks/speech.py --data FOLDER
    python benchmarks/speech.py --data FOLDER --torch PYTHON

FOLDER holds `speech/fsdd` (spoken digits of six speakers, `digit_speaker_index.wav`,
https://github.com/Jakobovski/free-spoken-digit-dataset) and `speech/yesno` (eight words
a recording, https://www.openslr.org/1/). PYTHON is that of an environment with torch.

digits    recordings 5 to 9 of each speaker and digit are held back; a model learns the
          others, and strings of 3 to 7 of them with silence between
speaker   a whole speaker is held back, the others are learnt
yesno     30 recordings are learnt, 10 are held back

Digits are made up to a tenth faster or slower, differently in each epoch. Yes and no
are not, and come in batches of 4 with a lower learning rate, which was chosen on 24 and
6 of the 30 recordings. Whether they are learnt from so few depends on the seed all the
same: they are trained with several, and the median is shown with the others.

torch has mel bands of the same kind, `nn.Conv1d`, `nn.TransformerEncoder` with
`norm_first` and `nn.CTCLoss`, of the same sizes, and sees the same batches as often,
with the same speeds and the same schedule of the learning rate. Both decode greedily,
and kerasbert with 8 beams, too. Seconds are those of the processor, of one thread, so
that other work on the machine does not count.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "results"
RATE = 8000
SPEEDS = {"digits": 0.1, "speaker": 0.1, "yesno": 0.0}
BEAMS = 8
NETWORK = {"subsampling": 4, "frequency_mask": 3, "time_mask": 3}
WIDTH, LAYERS, HEADS = 96, 3, 4
LEARNING_RATES = {"digits": 3e-3, "speaker": 3e-3, "yesno": 1e-3}
SEEDS = {"digits": 1, "speaker": 1, "yesno": 5}  # number of trainings
BATCHES = {"digits": 16, "speaker": 16, "yesno": 4}
TASKS = {
    "digits": ("characters", 20),
    "yesno": ("words", 100),
    "speaker": ("characters", 10),
}
STRINGS = {"train": 2400, "test": 100}


def waveforms(paths):
    """The samples of files, float32."""
    from kerasbert.tasks.speech_recognition.waveforms import read_waveforms

    return read_waveforms(paths, RATE)


def strings(recordings, count, seed):
    """Strings of 3 to 7 digits of one speaker, joined with silence."""
    random = np.random.default_rng(seed)
    speakers = sorted({speaker for _, speaker, _ in recordings})
    found = []
    for _ in range(count):
        speaker = speakers[random.integers(len(speakers))]
        own = [(digit, x) for digit, who, x in recordings if who == speaker]
        parts, text = [], ""
        for number in random.integers(0, len(own), random.integers(3, 8)):
            digit, samples = own[number]
            silence = np.zeros(int(RATE * random.uniform(0.05, 0.3)), "float32")
            parts += [silence, samples]
            text += digit
        found.append((np.concatenate([*parts, np.zeros(RATE // 10, "float32")]), text))
    return found


def digits(folder, held_back):
    """Training examples, and named sets of held-back ones."""
    files = sorted((folder / "speech" / "fsdd").glob("*.wav"))
    named = [file.stem.split("_") for file in files]
    rows = [
        (digit, speaker, samples, held_back(speaker, int(index)))
        for (digit, speaker, index), samples in zip(
            named, waveforms(files), strict=True
        )
    ]
    parts = [[row[:3] for row in rows if row[3] == held] for held in (False, True)]
    single = [[(x, digit) for digit, _, x in part] for part in parts]
    train = single[0] + strings(parts[0], STRINGS["train"], 0)
    return train, {
        "single": single[1],
        "strings": strings(parts[1], STRINGS["test"], 1),
    }


def yesno(folder):
    files = sorted((folder / "speech" / "yesno").glob("*.wav"))
    texts = [
        file.stem.replace("_", " ").replace("0", "lo").replace("1", "ken")
        for file in files
    ]
    order = np.random.default_rng(0).permutation(len(files))
    rows = list(zip(waveforms(files), texts, strict=True))
    return [rows[i] for i in order[:30]], {"words": [rows[i] for i in order[30:]]}


def read(task, folder):
    if task == "yesno":
        return yesno(folder)
    if task == "speaker":
        return digits(folder, lambda speaker, index: speaker == "theo")
    return digits(folder, lambda speaker, index: index < 10)


def over_seeds(train, task, *arguments):
    """The figures of the median training, and the error rates of all."""

    def rate(figures):
        return figures["words" if task == "yesno" else "single"]["word_error_rate"]

    count = SEEDS[task]
    runs = sorted((train(task, *arguments, seed) for seed in range(count)), key=rate)
    median = runs[count // 2]
    return median if count == 1 else {**median, "of_seeds": [*map(rate, runs)]}


def train_kerasbert(task, train, tests, epochs, units, folder, seed):
    """Trains a recognizer, and gives its figures."""
    import keras

    import kerasbert

    keras.utils.set_random_seed(seed)

    recordings, texts = map(list, zip(*train, strict=True))
    recognizer = kerasbert.SpeechRecognizer.for_texts(
        *(texts, "speech_mini"),
        sampling_rate=RATE,
        units=units,
        speed=SPEEDS[task],
        **NETWORK,
    )
    recognizer.compile(
        kerasbert.Recipe(learning_rate=LEARNING_RATES[task], decay="cosine")
    )
    start = time.process_time()
    options = {"epochs": epochs, "batch_size": BATCHES[task], "seed": seed}
    options["verbose"] = 2
    recognizer.fit(recordings, texts, **options)
    seconds = time.process_time() - start
    recognizer.save(folder / task, overwrite=True)
    figures = {"seconds": seconds, "weights": recognizer.model.count_params()}
    return {**figures, **measured(recognizer, tests)}


def measured(recognizer, tests):
    """The figures of a recognizer, greedily and with beams."""
    found = {}
    for name, rows in tests.items():
        held, expected = map(list, zip(*rows, strict=True))
        for ending, beams in (("", 1), (", beams", BEAMS)):
            recognizer.num_beams = beams
            found[name + ending] = recognizer.answer_metrics(held, expected)
    return found


def train_torch(task, train, tests, epochs, units, python, seed):
    """Runs `peers/speech_torch.py` in its own environment."""
    from kerasbert.metrics.error_rates import error_rates

    with tempfile.TemporaryDirectory() as folder:
        job = pathlib.Path(folder) / "job.npz"
        rows = [train, *tests.values()]
        split = str.split if units == "words" else list
        vocabulary = sorted({unit for _, text in train for unit in split(text)})
        numbers = {unit: number for number, unit in enumerate(vocabulary, 1)}
        arrays = {}
        for part, examples in enumerate(rows):
            for number, (samples, text) in enumerate(examples):
                arrays[f"{part}_{number}_x"] = samples
                arrays[f"{part}_{number}_y"] = np.array(
                    [numbers[unit] for unit in split(text)]
                )
        np.savez(job, **arrays)
        options = {
            "rate": RATE,
            "vocab_size": len(vocabulary) + 1,
            "epochs": epochs,
            "width": WIDTH,
            "layers": LAYERS,
            "heads": HEADS,
            "speed": SPEEDS[task],
            **NETWORK,
            "learning_rate": LEARNING_RATES[task],
            "seed": seed,
            "batch_size": BATCHES[task],
        }
        script = HERE / "peers" / "speech_torch.py"
        answer = subprocess.run(
            [python, str(script), str(job), json.dumps(options)],
            stdout=subprocess.PIPE,
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
            check=True,
            text=True,
        )
    found = json.loads(answer.stdout.splitlines()[-1])
    joint = " " if units == "words" else ""
    figures = {"seconds": found["seconds"], "weights": found["weights"]}
    for (name, examples), rows in zip(tests.items(), found["units"], strict=True):
        texts = [joint.join(vocabulary[unit - 1] for unit in row) for row in rows]
        expected = [text for _, text in examples]
        right = np.mean([a == b for a, b in zip(texts, expected, strict=True)])
        figures[name] = {**error_rates(texts, expected), "accuracy": float(right)}
    return figures


def table(results):
    """The figures as Markdown."""
    rows = [
        "| task | held back | measure | kerasbert | torch | target |",
        "| --- | --- | --- | --: | --: | --: |",
    ]
    shown = (
        ("digits", "single", "accuracy", "at least 0.985"),
        ("digits", "strings", "character_error_rate", "at most 0.03"),
        ("speaker", "single", "accuracy", ""),
        ("speaker", "strings", "character_error_rate", ""),
        ("yesno", "words", "word_error_rate", "at most 0.05"),
    )
    shown = [
        (task, part + ending, measure, target)
        for task, part, measure, target in shown
        for ending in ("", ", beams")
    ]
    for task, part, measure, target in shown:
        if task in results:
            cells = [
                f"{results[task][who][part][measure]:.4f}"
                if part in results[task].get(who, ())
                else ""
                for who in ("kerasbert", "torch")
            ]
            name = measure.replace("_", " ").replace("character", "digit")
            rows.append(
                f"| {task} | {part} | {name} | {' | '.join(cells)} | {target} |"
            )
    for task, found in results.items():
        cells = [
            f"{found[who]['seconds']:.0f}" if who in found else ""
            for who in ("kerasbert", "torch")
        ]
        rows.append(f"| {task} | | seconds of training | {' | '.join(cells)} | |")
        if "of_seeds" in found.get("kerasbert", ()):
            cells = [
                ", ".join(
                    f"{rate:.3f}" for rate in found.get(who, {}).get("of_seeds", ())
                )
                for who in ("kerasbert", "torch")
            ]
            rows.append(f"| {task} | | all seeds | {' | '.join(cells)} | |")
    return "\n".join(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("KERASBERT_DATA"))
    parser.add_argument("--torch", metavar="PYTHON", help="python with torch")
    parser.add_argument(
        "--peer-alone", action="store_true", help="keep the figures of kerasbert"
    )
    parser.add_argument("--only", choices=TASKS, nargs="+", default=list(TASKS))
    parser.add_argument("--models", default=tempfile.gettempdir(), metavar="FOLDER")
    arguments = parser.parse_args()
    if arguments.data is None:
        sys.exit("Expected --data FOLDER, or the environment variable KERASBERT_DATA.")
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    file = RESULTS / "speech.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    for task in arguments.only:
        units, epochs = TASKS[task]
        train, tests = read(task, pathlib.Path(arguments.data))
        models = pathlib.Path(arguments.models)
        options = (train, tests, epochs, units)
        found = results.setdefault(task, {})
        if not arguments.peer_alone:
            found["kerasbert"] = over_seeds(train_kerasbert, task, *options, models)
        if arguments.torch:
            found["torch"] = over_seeds(train_torch, task, *options, arguments.torch)
        file.write_text(json.dumps(results, indent=2) + "\n")
        (RESULTS / "speech.md").write_text(table(results) + "\n")
        print(table(results), flush=True)


if __name__ == "__main__":
    main()
