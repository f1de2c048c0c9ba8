"""Draws the packaged `mnist12k` from the full MNIST.

    python experiments/make_mnist12k.py --data_dir=TFDS_DIR --output=mnist12k.npz

On MNIST the script reproduces the packaged file, array by array.
"""

import numpy as np
from absl import app, flags

from scaletime_jax.data.sources import load_dataset

flags.DEFINE_string("data_dir", None, "TFDS directory that holds `mnist`.")
flags.DEFINE_string("output", "mnist12k.npz", "Path of the file to write.")


def draw_balanced(rng, images, labels, per_class):
    """Returns `per_class` images of each class, in random order."""
    index = np.concatenate(
        [
            rng.choice(np.flatnonzero(labels == label), per_class, replace=False)
            for label in range(10)
        ]
    )
    index = rng.permutation(index)
    return images[index], labels[index].astype(np.uint8)


def main(_):
    """Draws 1,000 training and 200 test digits of each class."""
    mnist = load_dataset("mnist", flags.FLAGS.data_dir)
    rng = np.random.default_rng(12_000)
    train = draw_balanced(rng, mnist.train_images, mnist.train_labels, 1000)
    test = draw_balanced(rng, mnist.test_images, mnist.test_labels, 200)
    names = ("train_images", "train_labels", "test_images", "test_labels")
    np.savez_compressed(
        flags.FLAGS.output, **dict(zip(names, (*train, *test), strict=True))
    )


if __name__ == "__main__":
    app.run(main)
