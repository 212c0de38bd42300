#!/usr/bin/env python3
"""The arm `vcl_task` of `variational_continual` in NumPy, written from the formulas alone: the reference of its acceptance test.

    python3 -m venv numpy && numpy/bin/pip install numpy scipy
    numpy/bin/python benches/peers/variational_task.py                                      # six seeds of the preset `deep_quick`
    numpy/bin/python benches/peers/variational_task.py --hidden 256 --samples 16000         # of the preset `deep_wide`

Binary weights of fields theta at a fixed beta of 1; the relative entropy is taken to the fields at the end of the last task, in the first to
fields of 0, and weighs a batch by its share of the task, B/N. Tasks are permutations of the pixels of Fashion-MNIST, the first of which leaves
them where they are. One Adam (0.01, 0.9, 0.99) goes through the whole stream. Accuracies are those of the signs of the fields on the first
2,000 test images. Prints average, backward transfer and accuracy when learnt of every seed and their means. Reads the files of the Debian
package dataset-fashion-mnist, or those in --data, and fetches nothing.
"""

import argparse

import numpy as np

from variational_continual import Adam, read, softmax_errors

RATE, BATCH = 0.01, 64


def learn(fields, last, images, labels, share, adam, rng):
    """One batch: forward with noise, backward, a step of Adam."""
    a, passed = images, []
    for at, theta in enumerate(fields):
        mean = np.tanh(theta)
        variance, n = 1 - mean * mean, np.float32(len(theta))
        spread = np.sqrt((a * a) @ variance / n + np.float32(1e-30))
        noise = rng.standard_normal(spread.shape, dtype="f4")
        z = a @ mean / np.sqrt(n) + spread * noise
        passed.append((a, mean, variance, noise / spread))
        a = np.maximum(z, 0) if at + 1 < len(fields) else z
    errors, _ = softmax_errors(a, labels)
    gradients = []
    for (x, mean, variance, scaled), theta, before in reversed(list(zip(passed, fields, last))):
        n, weighted = np.float32(len(theta)), errors * scaled
        data = x.T @ errors / np.sqrt(n) - mean * ((x * x).T @ weighted) / n
        gradients.insert(0, variance * (data + np.float32(share) * (theta - before)))
        errors = (x > 0) * (errors @ mean.T / np.sqrt(n) + (weighted @ variance.T) * x / n)
    for theta, direction in zip(fields, adam.directions(gradients)):
        theta -= np.float32(RATE) * direction


def accuracy(fields, images, labels):
    """By signs."""
    a = images
    for at, theta in enumerate(fields):
        a = a @ np.where(theta < 0, np.float32(-1), np.float32(1))
        a = np.maximum(a, 0) if at + 1 < len(fields) else a
    return (a.argmax(1) == labels).mean()


def stream(train, test, hidden, tasks, epochs, seed):
    """Average, backward transfer and accuracy when learnt."""
    rng = np.random.default_rng(seed)
    widths = (784, hidden, hidden, 10)
    fields = [rng.standard_normal((n, m), dtype="f4") for n, m in zip(widths, widths[1:])]
    last, adam = [np.zeros_like(theta) for theta in fields], Adam([theta.shape for theta in fields], 0.99)
    orders = [np.arange(784)] + [rng.permutation(784) for _ in range(tasks - 1)]
    (images, labels), count, rows = train, len(train[1]), []
    for task, order in enumerate(orders):
        permuted = np.ascontiguousarray(images[:, order])
        for _ in range(epochs):
            shuffled = rng.permutation(count)
            for start in range(0, count - BATCH + 1, BATCH):
                batch = shuffled[start : start + BATCH]
                learn(fields, last, permuted[batch], labels[batch], BATCH / count, adam, rng)
        last = [theta.copy() for theta in fields]
        rows.append([accuracy(fields, test[0][:, seen], test[1]) for seen in orders[: task + 1]])
    diagonal = [row[-1] for row in rows]
    return np.mean(rows[-1]), np.mean([rows[-1][task] - diagonal[task] for task in range(tasks - 1)]), np.mean(diagonal)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist", help="folder of the four IDX files")
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--samples", type=int, default=8_000, help="training images of a task")
    parser.add_argument("--tasks", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4, help="of a task")
    parser.add_argument("--seeds", type=int, default=6)
    arguments = parser.parse_args()

    def part(name, count):
        images = read(arguments.data, f"{name}-images-idx3-ubyte", 16).reshape(-1, 784)[:count].astype("f4") / np.float32(255)
        return images, read(arguments.data, f"{name}-labels-idx1-ubyte", 8)[:count]

    train, test = part("train", arguments.samples), part("t10k", 2_000)
    found = []
    for seed in range(arguments.seeds):
        found.append(stream(train, test, arguments.hidden, arguments.tasks, arguments.epochs, seed))
        print(f"seed {seed}: average {found[-1][0]:.3f}, backward transfer {found[-1][1]:+.3f}, when learnt {found[-1][2]:.3f}", flush=True)
    means, spreads = np.mean(found, 0), np.std(found, 0, ddof=1) if len(found) > 1 else np.zeros(3)
    told = ", ".join(f"{mean:+.3f} (deviation {spread:.3f})" for mean, spread in zip(means, spreads))
    print(f"mean of {len(found)} seeds: {told}")


if __name__ == "__main__":
    main()
