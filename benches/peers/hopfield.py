#!/usr/bin/env python3
"""The inner loops of the Hopfield memories in PyTorch, as a researcher would write them, to compare speeds on the same machine.

    python3 -m venv torch && torch/bin/pip install torch
    torch/bin/python benches/peers/hopfield.py        # one softmax retrieval, one product with a matrix of signs
    cargo bench --workspace --bench hopfield               # the same by Engram

256 cues of 64 numbers are retrieved from 4,096 patterns, `softmax(beta xi X^T) X`; overlaps of one state with 4,096 patterns of 4,096
signs are a product in single precision. Values are random, for speed does not depend on them.
"""

import argparse, time

import torch

PATTERNS, DIM, CUES, BETA = 4096, 64, 256, 1.0


def timed(work, rounds):
    for _ in range(10):
        work()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    times.sort()
    return times[len(times) // 2], times[0]


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    stored, cues = torch.rand(PATTERNS, DIM) * 2 - 1, torch.rand(CUES, DIM) * 2 - 1
    keys, queries = stored[None, None], cues[None, None]
    plain = lambda: torch.softmax(BETA * (cues @ stored.T), 1) @ stored
    fused = lambda: torch.nn.functional.scaled_dot_product_attention(queries, keys, keys, scale=BETA)
    # Warm-up differs between the two; each is timed twice and the second counts.
    for name, work in [("softmax", plain), ("fused attention", fused)] * 2:
        median, least = timed(work, options.rounds)
        print(f"{name}, {CUES} cues from {PATTERNS} patterns of {DIM}, {options.threads} threads: {1e3 * median:.2f} ms, best {1e3 * least:.2f} ms")

    torch.set_num_threads(1)
    signs, state = torch.randint(2, (4096, 4096)).float() * 2 - 1, torch.randint(2, (4096,)).float() * 2 - 1
    median, least = timed(lambda: signs @ state, options.rounds)
    print(f"overlaps of 4096 patterns of 4096 signs in single precision, one thread: {1e6 * median:.0f} us, best {1e6 * least:.0f} us")


if __name__ == "__main__":
    main()
