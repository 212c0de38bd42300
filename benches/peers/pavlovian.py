#!/usr/bin/env python3
"""Associative memories in NumPy and the trained task in PyTorch, as a researcher would write them, to compare speeds on the same machine.

    python3 -m venv peers && peers/bin/pip install numpy torch
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 peers/bin/python benches/peers/pavlovian.py
    cargo bench --workspace --bench pavlovian           # the same by Engram

Hebb's rule is one product of matrices to write and one to read; the delta rule a loop over pairs, each a product of a matrix and a vector and a
change of rank one. A step of the trained task is a batch of 32 episodes of 16 keys, of which 8 get a second value; gradients come from PyTorch's
own differentiation, the delta rule is a loop over pairs with the batch as a dimension. Without PyTorch the task is left out.
"""

import argparse, time

import numpy as np

SIZE, FEW, MANY = 64, 64, 1024
KEYS, BATCH, KEY_DIM, VALUE_DIM, VOCAB_KEYS, VOCAB_VALUES = 16, 32, 16, 16, 64, 32


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


def keys_of(rng, pairs, size):
    keys = rng.standard_normal((pairs, size), dtype=np.float32)
    return keys / np.linalg.norm(keys, axis=1, keepdims=True)


def delta(state, keys, values):
    for key, value in zip(keys, values):
        state += np.outer(value - state @ key, key)


def memories(rounds):
    rng = np.random.default_rng(0)
    for pairs, size in [(FEW, SIZE), (MANY, SIZE), (MANY, 1024)]:
        keys = keys_of(rng, pairs, size)
        values = rng.choice(np.array([-1, 1], np.float32), (pairs, SIZE))
        say(f"hebb, {pairs} unit keys of {size}: written and read", lambda: keys @ (values.T @ keys).T, rounds)
    keys = keys_of(rng, MANY, SIZE)
    values = rng.choice(np.array([-1, 1], np.float32), (MANY, SIZE))
    state = np.zeros((SIZE, SIZE), np.float32)
    say(f"delta, {MANY} pairs of {SIZE}, one by one", lambda: delta(state, keys, values), rounds)


def task(rounds):
    import torch
    from torch.nn.functional import cross_entropy, normalize

    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    writes = KEYS + KEYS // 2
    order = torch.stack([torch.randperm(VOCAB_KEYS, generator=generator)[:KEYS] for _ in range(BATCH)])
    written = torch.cat([order, order[:, : KEYS // 2]], 1)
    tokens = torch.randint(VOCAB_VALUES, (BATCH, writes), generator=generator)
    answers = torch.cat([tokens[:, KEYS:], tokens[:, KEYS // 2 : KEYS]], 1)
    for rule in ["hebb", "decay", "delta", "softmax"]:
        shapes = [(VOCAB_KEYS, KEY_DIM), (VOCAB_KEYS, KEY_DIM), (VOCAB_VALUES, VALUE_DIM), (VOCAB_VALUES, VALUE_DIM)]
        key_table, query_table, value_table, read_out = [
            (torch.randn(shape, generator=generator) / shape[1] ** 0.5).requires_grad_() for shape in shapes
        ]
        gate = torch.zeros(1, requires_grad=True)
        adam = torch.optim.Adam([key_table, query_table, value_table, read_out, gate], lr=1e-3)

        def step():
            k, q = normalize(key_table[written], dim=-1), normalize(query_table[order], dim=-1)
            v, rate = value_table[tokens], torch.sigmoid(gate)
            if rule == "delta":
                state = torch.zeros(BATCH, VALUE_DIM, KEY_DIM)
                for t in range(writes):
                    error = v[:, t] - (state @ k[:, t, :, None])[..., 0]
                    state = state + rate * error[:, :, None] * k[:, t, None, :]
                y = q @ state.transpose(1, 2)
            else:
                weights = q @ k.transpose(1, 2)
                if rule == "decay":
                    weights = weights * (1 - rate) ** torch.arange(writes - 1, -1, -1)
                elif rule == "softmax":
                    weights = torch.softmax(weights * 8, -1)
                y = weights @ v
            loss = cross_entropy((y @ read_out.T).flatten(0, 1), answers.flatten())
            adam.zero_grad()
            loss.backward()
            adam.step()

        say(f"step of training, {rule}, {BATCH} episodes of {KEYS} keys", step, rounds)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    memories(rounds)
    try:
        import torch  # noqa: F401
    except ImportError:
        print("the trained task needs torch")
        return
    task(rounds)


if __name__ == "__main__":
    main()
