#!/usr/bin/env python3
"""The layers and training steps of the `g2gnet` experiment in PyTorch, as a researcher would write them, side by side with Engram's.

    cargo bench -p lab --bench block_sparse --no-run   # prints the program that --engram wants
    python3 -m venv torch && torch/bin/pip install torch
    torch/bin/python benches/peers/g2gnet.py --engram PROGRAM [--preload libmimalloc.so]

In every round Engram and PyTorch take turns, each on two threads in a process of its own. The fastest repetition of a round counts, for
the others were disturbed, and the medians over the rounds are compared.
PyTorch runs a second time with another allocator in place of glibc's where one is given. Values are random, for speed does not depend
on them.
"""

import argparse, os, statistics, subprocess, sys, time

WIDTH, GROUPS, FAN_IN = 1024, 16, 4
SECONDS = 0.4
COMPARED = [
    # Engram's case, PyTorch's case, what it is
    ("step_dense_128", "step_dense_128", "training step, dense, batch 128"),
    ("step_tile_128", "step_masked_128", "training step, tiles / masked, batch 128"),
    ("step_dense_256", "step_dense_256", "training step, dense, batch 256"),
    ("layer_dense", "layer_dense", "layer, dense, forward + backward"),
    ("layer_tile", "layer_masked", "layer, tiles / masked, forward + backward"),
    ("layer_tile_interleaved", "layer_masked", "layer, interleaved tiles / masked"),
]


def measure(threads):
    """PyTorch's cases, one line each."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.set_num_threads(threads)
    torch.manual_seed(0)

    def mask(outputs, inputs):
        tiles = torch.eye(GROUPS)
        for row in range(GROUPS):
            others = [group for group in range(GROUPS) if group != row]
            tiles[row, [others[i] for i in torch.randperm(GROUPS - 1)[: FAN_IN - 1]]] = 1
        return tiles.repeat_interleave(outputs // GROUPS, 0).repeat_interleave(inputs // GROUPS, 1)

    class Masked(nn.Linear):
        def __init__(self, inputs, outputs):
            super().__init__(inputs, outputs)
            self.register_buffer("mask", mask(outputs, inputs))

        def forward(self, x):
            return F.linear(x, self.weight * self.mask, self.bias)

    def layer(kind):
        module, x = kind(WIDTH, WIDTH), torch.randn(128, WIDTH, requires_grad=True)
        weights_of_sum = torch.randn(128, WIDTH)

        def work():
            x.grad = module.weight.grad = module.bias.grad = None
            (F.relu(module(x)) * weights_of_sum).sum().backward()

        return work

    def step(kind, batch):
        network = nn.Sequential(kind(784, WIDTH), nn.ReLU(), kind(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10))
        optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
        x, labels = torch.rand(batch, 784), torch.randint(10, (batch,))

        def work():
            optimiser.zero_grad(set_to_none=True)
            F.cross_entropy(network(x), labels).backward()
            optimiser.step()

        return work

    cases = {
        "layer_dense": layer(nn.Linear),
        "layer_masked": layer(Masked),
        "step_dense_128": step(nn.Linear, 128),
        "step_masked_128": step(Masked, 128),
        "step_dense_256": step(nn.Linear, 256),
    }
    for name, work in cases.items():
        for _ in range(3):
            work()
        begun, fastest = time.perf_counter(), float("inf")
        while (one := time.perf_counter()) - begun < SECONDS:
            work()
            fastest = min(fastest, time.perf_counter() - one)
        print(f"{name} {1e3 * fastest:.3f} ms")


def run(command, **variables):
    output = subprocess.run(command, env={**os.environ, **variables}, check=True, capture_output=True, text=True).stdout
    return {name: float(ms) for name, ms, _ in (line.split() for line in output.splitlines() if line.endswith(" ms"))}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--engram", help="the program of `cargo bench -p lab --bench block_sparse`")
    parser.add_argument("--preload", help="an allocator for PyTorch, as libmimalloc.so")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        return measure(options.threads)
    if not options.engram:
        parser.error("--engram: say where the bench program is")
    torch = [sys.executable, __file__, "--measure", "--threads", str(options.threads)]
    ours, plain, preloaded = [], [], []
    # Memory that is handed back to the system and asked for again at every step costs more than the step; the worker keeps it too.
    keep = {"MIMALLOC_PURGE_DELAY": "-1"}
    for _ in range(options.rounds):
        ours.append(run([options.engram, "--rounds", "1"], RAYON_NUM_THREADS=str(options.threads), CANDLE_NUM_THREADS="1", **keep))
        plain.append(run(torch))
        if options.preload:
            preloaded.append(run(torch, LD_PRELOAD=options.preload, **keep))

    def median(rounds, case):
        return statistics.median(one[case] for one in rounds)

    for case in ours[0]:
        print(f"engram {case:24} {median(ours, case):8.3f} ms")
    for case, peer, title in COMPARED:
        engram, theirs = median(ours, case), median(plain, peer)
        line = f"{title:42} {engram:8.3f} ms, PyTorch {theirs:8.3f} ms: {theirs / engram:5.2f} x"
        if preloaded:
            theirs = median(preloaded, peer)
            line += f"; with another allocator {theirs:8.3f} ms: {theirs / engram:5.2f} x"
        print(line)


if __name__ == "__main__":
    main()
