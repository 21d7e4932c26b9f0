"""Images: the digits of scikit-learn, a fifth held back.

    python benchmarks/images.py [--sklearn PYTHON]

PYTHON is that of an environment with scikit-learn, which has the data: 1,797 digits of
8 x 8 pixels. A new ViT of 4 layers, 64 wide, learns 1,437 of them.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

RESULTS = pathlib.Path(__file__).resolve().parent / "results"
EPOCHS, RATE, PATCH = 50, 3e-3, 2
LOAD = """
import sys, numpy, sklearn.datasets
digits = sklearn.datasets.load_digits()
numpy.savez(sys.argv[1], images=digits.images, labels=digits.target)
"""


def digits(python):
    """Images from 0 to 1, `[n, 8, 8]`, and their labels."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "digits.npz"
        subprocess.run([python, "-c", LOAD, str(file)], check=True)
        arrays = np.load(file)
        return arrays["images"] / 16, arrays["labels"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sklearn", default=sys.executable, metavar="PYTHON")
    images, labels = digits(parser.parse_args().sklearn)
    import kerasbert

    order = np.random.default_rng(0).permutation(len(images))
    train, test = np.split(order, [len(order) * 4 // 5])
    classifier = kerasbert.ImageClassifier.for_images(
        [str(digit) for digit in range(10)], 8, 1, patch_size=PATCH
    )
    classifier.compile(kerasbert.Recipe(learning_rate=RATE, decay="cosine"))
    start = time.perf_counter()
    options = {"epochs": EPOCHS, "batch_size": 64, "verbose": 2}
    classifier.fit(images[train], labels[train], **options)
    seconds = time.perf_counter() - start
    found = classifier.evaluate(images[test], labels[test])
    found = {"accuracy": round(found["accuracy"], 4), "seconds": round(seconds)}
    (RESULTS / "images.json").write_text(json.dumps(found, indent=2) + "\n")
    print(f"accuracy {found['accuracy']} (target 0.975) after {seconds:.0f} s")


if __name__ == "__main__":
    main()
