#!/usr/bin/env python3
"""Sweeps of multitasking networks in NumPy, as a researcher would write them, to compare speeds on the same machine.

    python3 -m venv peers && peers/bin/pip install numpy
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 peers/bin/python benches/peers/multitasking.py
    cargo bench --workspace --bench multitasking           # the same by Engram, one thread

A sweep updates every neuron once: a tenth at a time, the tenths in random order, or all at once. Fields come from the overlaps with three
stored patterns of 100,000 entries, or from 640 examples of each of two patterns of 10,000, without a teacher all side by side. Patterns and
examples are matrices of single precision, so that fields and overlaps are products of matrices.
"""

import argparse, time

import numpy as np

NEURONS, PATTERNS, DILUTION, TEMPERATURE = 100_000, 3, 0.4, 0.1
LEARNING, EXAMPLES, QUALITY = (10_000, 2), 640, 0.2


def timed(work, rounds):
    for _ in range(3):
        work()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    times.sort()
    return times[len(times) // 2], times[0]


def say(what, work, rounds):
    median, least = timed(work, rounds)
    print(f"{what}: {1e3 * median:.3f} ms, best {1e3 * least:.3f} ms")


def sweep(rng, rows, spins, scale, blocks):
    """`rows` [features, neurons]: fields are `scale rows^T (rows s)`."""
    neurons = len(spins)
    for at in rng.permutation(blocks):
        block = slice(at * neurons // blocks, (at + 1) * neurons // blocks)
        mine = rows[:, block]
        field = scale * (mine.T @ (rows @ spins))
        up = rng.random(len(field), dtype=np.float32) < 1 / (1 + np.exp(-2 * field / TEMPERATURE))
        spins[block] = np.where(up, np.float32(1), np.float32(-1))


def ternary(rng, patterns, neurons):
    return (np.sign(rng.standard_normal((patterns, neurons))) * (rng.random((patterns, neurons)) >= DILUTION)).astype(np.float32)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    rng = np.random.default_rng(0)

    patterns = ternary(rng, PATTERNS, NEURONS)
    spins = np.sign(patterns.sum(0) + 0.5).astype(np.float32)
    scale = np.float32(1 / (NEURONS * (1 - DILUTION)))
    say(f"overlaps, {PATTERNS} ternary patterns of {NEURONS}", lambda: patterns @ spins, rounds)
    say(f"block sweep, {NEURONS} neurons", lambda: sweep(rng, patterns, spins, scale, 10), rounds)
    say(f"parallel sweep, {NEURONS} neurons", lambda: sweep(rng, patterns, spins, scale, 1), rounds)

    neurons, count = LEARNING
    patterns = ternary(rng, count, neurons)
    right = rng.random((count, EXAMPLES, neurons)) < (1 + QUALITY) / 2
    examples = patterns[:, None, :] * np.where(right, np.float32(1), np.float32(-1))
    spins = np.sign(patterns.sum(0) + 0.5).astype(np.float32)
    length = 1 + (EXAMPLES - 1) * QUALITY**2
    size = f"{neurons} neurons, {count} patterns, {EXAMPLES} examples of each"
    means = examples.mean(1)
    taught = np.float32(EXAMPLES / (neurons * (1 - DILUTION) * length))
    say(f"supervised block sweep, {size}", lambda: sweep(rng, means, spins, taught, 10), rounds)
    side_by_side = np.ascontiguousarray(examples.reshape(count * EXAMPLES, neurons))
    pooled = np.float32(1 / (neurons * (1 - DILUTION) * length))
    say(f"unsupervised block sweep, {size}", lambda: sweep(rng, side_by_side, spins, pooled, 10), rounds)


if __name__ == "__main__":
    main()
