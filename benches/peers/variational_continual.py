#!/usr/bin/env python3
"""The training and the theory of the `variational_continual` experiment in NumPy and SciPy, as a researcher would write them, to compare speeds
on the same machine.

    python3 -m venv numpy && numpy/bin/pip install numpy scipy
    numpy/bin/python benches/peers/variational_continual.py    # samples a second of the arms, steps of the perceptron, seconds of the theory
    cargo bench --workspace --bench variational_continual           # the same by Engram

784-128-128-10 with binary weights on Fashion-MNIST, batches of 64, one epoch of 8,000 images; the perceptron has 400 inputs and 640 examples. The
theory is that of 1.6 examples per weight in both tasks at an inverse temperature of 100 and a teacher overlap of 0.5. Reads the files of the
Debian package dataset-fashion-mnist, or those in --data.
"""

import argparse, gzip, time
from pathlib import Path

import numpy as np
from scipy.special import log_ndtr, ndtr

WIDTHS, BATCH, SAMPLES, RATE = (784, 128, 128, 10), 64, 8_000, 0.01


def read(folder, name, offset):
    """The values of an IDX file, packed or not."""
    path = Path(folder) / name
    data = gzip.decompress(path.with_name(name + ".gz").read_bytes()) if not path.exists() else path.read_bytes()
    return np.frombuffer(data, dtype=np.uint8, offset=offset)


class Adam:
    def __init__(self, shapes, second):
        self.first, self.second, self.decay, self.steps = [np.zeros(s, "f4") for s in shapes], [np.zeros(s, "f4") for s in shapes], second, 0

    def directions(self, gradients):
        self.steps += 1
        out = []
        for m, v, g in zip(self.first, self.second, gradients):
            m += np.float32(0.1) * (g - m)
            v += np.float32(1 - self.decay) * (g * g - v)
            out.append(m / np.float32(1 - 0.9**self.steps) / (np.sqrt(v / np.float32(1 - self.decay**self.steps)) + np.float32(1e-8)))
        return out


def softmax_errors(logits, labels):
    powers = np.exp(logits - logits.max(1, keepdims=True))
    errors = powers / powers.sum(1, keepdims=True)
    loss = -np.log(errors[np.arange(len(labels)), labels]).sum()
    errors[np.arange(len(labels)), labels] -= 1
    return errors, loss


def variational(images, labels, reference, rng):
    """An epoch of the variational rule; `reference` is step, task or none."""
    fields = [rng.standard_normal((n, m)).astype("f4") for n, m in zip(WIDTHS, WIDTHS[1:])]
    adam, carried, total = Adam([f.shape for f in fields], 0.99), [np.zeros_like(f) for f in fields], 0
    beta = np.float32(1 if reference == "task" else 10 * np.tanh(0.1 + 2 / 12))
    order = rng.permutation(SAMPLES)
    begun = time.perf_counter()
    for start in range(0, SAMPLES, BATCH):
        rows = order[start : start + BATCH]
        a, means, variances, activity, spreads, noises = images[rows], [], [], [], [], []
        for at, theta in enumerate(fields):
            m = np.tanh(beta * theta)
            s = 1 - m * m
            n = np.float32(len(theta))
            v = np.sqrt((a * a) @ s / n + np.float32(1e-30))
            noise = rng.standard_normal(v.shape, dtype="f4")
            z = a @ m / np.sqrt(n) + v * noise
            means.append(m), variances.append(s), activity.append(a), spreads.append(v), noises.append(noise)
            a = np.maximum(z, 0) if at < 2 else z
        errors, loss = softmax_errors(a, labels[rows])
        total += loss
        gradients = [None] * 3
        for at in (2, 1, 0):
            m, s, x, n = means[at], variances[at], activity[at], np.float32(len(fields[at]))
            weighted = errors * noises[at] / spreads[at]
            gradients[at] = beta * s * (x.T @ errors / np.sqrt(n) - m * ((x * x).T @ weighted) / n)
            if reference == "step":
                gradients[at] += carried[at]
            elif reference == "task":
                gradients[at] += np.float32(BATCH / SAMPLES) * beta * beta * s * fields[at]
            if at:
                errors = (x > 0) * (errors @ m.T / np.sqrt(n) + (weighted @ s.T) * x / n)
        for at, direction in enumerate(adam.directions(gradients)):
            step = np.float32(-RATE) * direction
            fields[at] += step
            if reference == "step":
                carried[at] = beta * beta * (1 - np.tanh(beta * fields[at]) ** 2) * step
    return time.perf_counter() - begun, total / SAMPLES


def binary(images, labels, meta, rng):
    """An epoch of binary weights with batch normalisation, trained through their signs; metaplastic where `meta` is above 0."""
    weights = [np.float32(0.1) * rng.standard_normal((n, m)).astype("f4") for n, m in zip(WIDTHS, WIDTHS[1:])]
    gains, shifts = [np.ones(n, "f4") for n in WIDTHS[1:]], [np.zeros(n, "f4") for n in WIDTHS[1:]]
    adam = Adam([p.shape for p in weights + gains + shifts], 0.999)
    order, total = rng.permutation(SAMPLES), 0
    begun = time.perf_counter()
    for start in range(0, SAMPLES, BATCH):
        rows = order[start : start + BATCH]
        a, kept = images[rows], []
        for at, w in enumerate(weights):
            signs = np.where(w < 0, np.float32(-1), np.float32(1))
            z = a @ signs
            z = z - z.mean(0)
            inverse = 1 / np.sqrt((z * z).mean(0) + np.float32(1e-5))
            normal = z * inverse
            y = gains[at] * normal + shifts[at]
            kept.append((a, signs, inverse, normal, y))
            a = np.where(y < 0, np.float32(-1), np.float32(1)) if at < 2 else y
        errors, loss = softmax_errors(a, labels[rows])
        total += loss
        errors /= BATCH
        of_weights, of_gains, of_shifts = [None] * 3, [None] * 3, [None] * 3
        for at in (2, 1, 0):
            x, signs, inverse, normal, _ = kept[at]
            of_gains[at], of_shifts[at] = (errors * normal).sum(0), errors.sum(0)
            errors = gains[at] * inverse * (errors - (of_shifts[at] + normal * of_gains[at]) / BATCH)
            of_weights[at] = x.T @ errors
            if at:
                errors = (errors @ signs.T) * (np.abs(kept[at - 1][4]) <= 1)
        directions = adam.directions(of_weights + of_gains + of_shifts)
        for parameter, direction in zip(weights + gains + shifts, directions):
            if meta and parameter.ndim == 2:
                direction = np.where(parameter * direction > 0, direction * (1 - np.tanh(np.float32(meta) * parameter) ** 2), direction)
            parameter -= np.float32(0.005) * direction
    return time.perf_counter() - begun, total / SAMPLES


def perceptron(steps, rng):
    """Seconds of so many steps of a perceptron with 400 inputs and 640 examples."""
    teacher, inputs = np.sign(rng.uniform(-1, 1, 400)), np.sign(rng.uniform(-1, 1, (640, 400)))
    labels = np.where(inputs @ teacher < 0, -1.0, 1.0)
    theta, first, second = rng.standard_normal(400), np.zeros(400), np.zeros(400)
    begun = time.perf_counter()
    for t in range(1, steps + 1):
        m = np.tanh(theta)
        s = 1 - m * m
        total = s.sum()
        kappa = labels * (inputs @ m) / np.sqrt(total)
        ratio = np.exp(-kappa * kappa / 2 - np.log(2 * np.pi) / 2 - log_ndtr(kappa))
        gradient = s * (-(inputs.T @ (ratio * labels)) / np.sqrt(total) - m * (ratio @ kappa) / total + theta)
        first += 0.1 * (gradient - first)
        second += 0.001 * (gradient * gradient - second)
        theta -= RATE * first / (1 - 0.9**t) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
    return time.perf_counter() - begun


def hermite(n):
    x, w = np.polynomial.hermite_e.hermegauss(n)
    return x, w / w.sum()


def energy(q, r, Q, b, nodes):
    z, w = nodes
    A = (np.sqrt(q) * z[:, None] + np.sqrt(Q - q) * z[None, :]) / np.sqrt(1 - Q)
    logs = b * log_ndtr(A) + np.log(w)
    most = logs.max(1)
    inner = most + np.log(np.exp(logs - most[:, None]).sum(1))
    return 2 * (w * ndtr(z * r / np.sqrt(q - r * r)) * inner).sum()


def conjugates(q, r, Q, alpha, b, nodes):
    h = min(1e-5, 0.1 * (Q - q), 0.1 * (q - r * r))
    by = lambda a, c: (energy(*a, b, nodes) - energy(*c, b, nodes)) / (2 * h)
    return (
        max(-2 * alpha * by((q + h, r, Q), (q - h, r, Q)), 0),
        alpha * by((q, r + h, Q), (q, r - h, Q)),
        alpha * by((q, r, Q + h), (q, r, Q - h)),
    )


def moments(logs, m, w):
    power = w * np.exp(logs - logs.max(-1, keepdims=True))
    total = power.sum(-1)
    return (power @ m) / total, (power @ (m * m)) / total, (power @ np.sign(m)) / total


def solve(start, alpha, b, nodes, averages):
    at, iterations = np.array(start), 0
    while iterations < 600:
        iterations += 1
        new, told = averages(conjugates(*at, alpha, b, nodes))
        if np.abs(new - at).max() <= 1e-6:
            break
        at += 0.3 * (new - at)
    return at, told, iterations


def theory(alpha, b, overlap):
    """Both tasks at `alpha` examples per weight."""
    nodes, (z, wz) = hermite(60), hermite(60)
    entropy = lambda m: -((1 + m) / 2 * np.log((1 + m) / 2) + (1 - m) / 2 * np.log((1 - m) / 2))
    logs_of = lambda c, m: (c[2] - c[0] / 2) * m * m + np.sqrt(c[0]) * z[:, None] * m + c[1] * m + b * entropy(m)
    m, w = np.polynomial.legendre.leggauss(240)

    def first(c):
        mean, square, sign = moments(logs_of(c, m), m, w)
        return np.array([wz @ mean**2, wz @ mean, wz @ square]), wz @ sign

    begun = time.perf_counter()
    at, told, iterations = solve([0.25, 0.35, 0.3], alpha, b, nodes, first)
    print(f"theory 1     {time.perf_counter() - begun:10.4f} s, {iterations} iterations, error {np.arccos(told) / np.pi:.4f}", flush=True)
    c = conjugates(*at, alpha, b, nodes)
    begun = time.perf_counter()
    m, w = np.polynomial.legendre.leggauss(120)
    x, wx = hermite(24)
    powers = w * np.exp(logs_of(c, m) - logs_of(c, m).max(1, keepdims=True))
    reference = wz @ (powers / powers.sum(1, keepdims=True))
    n = m[:, None]
    memory = -b * ((1 + m) / 2 * np.log((1 + m) / (1 + n)) + (1 - m) / 2 * np.log((1 - m) / (1 - n)))

    def second(c):
        new, told = np.zeros(3), np.zeros(2)
        for teacher in (1, -1):
            field = np.sqrt(c[0]) * x + c[1] * teacher
            logs = (c[2] - c[0] / 2) * m * m + field[None, :, None] * m + memory[:, None, :]
            mean, square, sign = moments(logs, m, w)
            weight = (1 + teacher * overlap) / 2 * reference[:, None] * wx[None, :]
            new += [(weight * mean**2).sum(), teacher * (weight * mean).sum(), (weight * square).sum()]
            told += [(weight * sign).sum(), teacher * (weight * sign).sum()]
        return new, told

    _, told, iterations = solve([at[0], overlap * at[1], at[2]], alpha, b, nodes, second)
    errors = np.arccos(told) / np.pi
    print(f"theory 2     {time.perf_counter() - begun:10.4f} s, {iterations} iterations, errors {errors[0]:.4f} {errors[1]:.4f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist", help="folder of the four IDX files")
    parser.add_argument("--rounds", type=int, default=3, help="the fastest counts")
    arguments = parser.parse_args()
    images = read(arguments.data, "train-images-idx3-ubyte", 16).reshape(-1, 784)[:SAMPLES].astype("f4") / np.float32(255)
    labels = read(arguments.data, "train-labels-idx1-ubyte", 8)[:SAMPLES]
    arms = [(name, variational, reference) for name, reference in (("vcl", "step"), ("vcl_no_kl", "none"), ("vcl_task", "task"))]
    arms += [(name, binary, meta) for name, meta in (("finetune", 0), ("metaplastic", 6))]
    for name, train, setting in arms:
        rounds = [train(images, labels, setting, np.random.default_rng(seed)) for seed in range(arguments.rounds)]
        seconds, loss = min(rounds)
        print(f"{name:12} {SAMPLES / seconds:10.0f} samples/s, loss {loss:.3f}", flush=True)
    seconds = min(perceptron(300, np.random.default_rng(seed)) for seed in range(arguments.rounds))
    print(f"perceptron   {300 / seconds:10.0f} steps/s, 400 inputs and 640 examples", flush=True)
    theory(1.6, 100.0, 0.5)


if __name__ == "__main__":
    main()
