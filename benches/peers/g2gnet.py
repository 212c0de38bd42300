#!/usr/bin/env python3
"""The layers and training steps of the `g2gnet` experiment in PyTorch, as a researcher would write them, to compare speeds on the same machine.

    python3 -m venv torch && torch/bin/pip install torch
    torch/bin/python benches/peers/g2gnet.py           # milliseconds of a layer, forward and backward, and of a training step
    cargo bench --workspace --bench block_sparse            # the same by Engram

The fastest repetition counts, for the others were disturbed. Values are random, for speed does not depend on them.
"""

import argparse, time

WIDTH, GROUPS, FAN_IN = 1024, 16, 4
SECONDS = 0.4


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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    measure(parser.parse_args().threads)


if __name__ == "__main__":
    main()
