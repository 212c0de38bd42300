#!/usr/bin/env python3
"""Sweeps of dense memories in NumPy, as a researcher would write them, to compare speeds on the same machine.

    python3 -m venv peers && peers/bin/pip install numpy
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 peers/bin/python benches/peers/dense_rsb.py
    cargo bench --workspace --bench dense_rsb              # the same by Engram, one thread

One spin after the other in random order: its field is a product of its column of the patterns with a polynomial of the overlaps of all patterns
without it; a flip moves every overlap by two. Patterns and overlaps are double precision, which the sums need to be exact. Overlaps of many
patterns at once and the synchronous update of pairs through their couplings are products of a matrix in single precision with the state.
"""

import argparse, time

import numpy as np

NETWORKS = [(2, 2_000, 276), (3, 256, 8_264), (4, 96, 29_176), (4, 160, 135_073)]
TEMPERATURE = 0.2


def timed(work, rounds):
    work()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    times.sort()
    return times[len(times) // 2], times[0]


def say(what, terms, seconds):
    median, least = seconds
    print(f"{what}: {1e3 * median:.3f} ms, best {1e3 * least:.3f} ms, {terms / least / 1e9:.2f}e9 pattern terms a second", flush=True)


class Network:
    def __init__(self, rng, order, neurons, patterns):
        self.order, self.n = order, neurons
        # Columns are contiguous, as fields read them.
        self.columns = np.where(rng.random((neurons, patterns)) < 0.5, -1.0, 1.0)
        self.spins = self.columns[:, 0].copy()
        self.overlaps = self.spins @ self.columns

    def field(self, i):
        column, others = self.columns[i], self.n - 1
        c = self.overlaps - column * self.spins[i]
        if self.order == 2:
            values = c
        elif self.order == 3:
            values = c * c - others
        else:
            values = c * (c * c - (3 * others - 2))
        return column @ values

    def flip(self, i):
        self.spins[i] = -self.spins[i]
        self.overlaps += 2 * self.spins[i] * self.columns[i]

    def sweep(self, rng):
        unit = self.n ** (self.order - 1)
        for i in rng.permutation(self.n):
            h = self.field(i) / unit
            if rng.random() < 1 / (1 + np.exp(2 * h * self.spins[i] / TEMPERATURE)):
                self.flip(i)


def signs(rng, *shape):
    return np.where(rng.random(shape, dtype=np.float32) < 0.5, np.float32(-1), np.float32(1))


def packed(rng, rounds):
    patterns, state = signs(rng, 4_096, 4_096), signs(rng, 4_096)
    median, least = timed(lambda: patterns @ state, rounds)
    print(f"overlaps, 4096 patterns of 4096 signs: {1e3 * median:.4f} ms, best {1e3 * least:.4f} ms", flush=True)

    patterns, spins = signs(rng, 400, 4_096), signs(rng, 4_096)
    couplings = patterns.T @ patterns
    np.fill_diagonal(couplings, 0)

    def update():
        nonlocal spins
        field = couplings @ spins
        spins = np.where(field == 0, spins, np.sign(field))

    median, least = timed(update, rounds)
    print(f"synchronous update, 4096 neurons, 400 patterns: {1e3 * median:.4f} ms, best {1e3 * least:.4f} ms", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    rng = np.random.default_rng(0)
    packed(rng, 10 * rounds)
    for order, neurons, patterns in NETWORKS:
        network = Network(rng, order, neurons, patterns)
        terms, size = patterns * neurons, f"P = {order}, {neurons} neurons, {patterns} patterns"
        say(f"all fields, {size}", terms, timed(lambda: [network.field(i) for i in range(neurons)], rounds))
        say(f"all spins turned, {size}", terms, timed(lambda: [network.flip(i) for i in range(neurons)], rounds))
        network.spins = network.columns[:, 0].copy()

        def sweeps():
            network.spins = network.columns[:, 0].copy()
            network.overlaps = network.spins @ network.columns
            for _ in range(10):
                network.sweep(rng)

        say(f"ten sweeps at T = {TEMPERATURE} from the pattern, {size}", 10 * terms, timed(sweeps, max(1, rounds // 3)))


if __name__ == "__main__":
    main()
