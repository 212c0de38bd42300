#!/usr/bin/env python3
"""The arms of the `nhl` experiment in PyTorch, as a researcher would write them, to compare speeds on the same machine.

    python3 -m venv torch && torch/bin/pip install torch
    torch/bin/python benches/peers/nhl.py              # images a second of the source model, milliseconds a batch of each arm
    engram run nhl --preset quick --json               # the same by Engram: time/batch_ms and throughput/samples_per_s

The network of the quick preset (12, 24 and 32 filters) on batches of 100 grey images of 28 x 28 pixels; values are random, for speed
does not depend on them.
"""

import argparse, time

import torch
from torch import nn
from torch.nn import functional as F

BATCH, CHANNELS, STEP, TEMPERATURE = 100, (12, 24, 32), 0.005, 0.1


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        a, b, c = CHANNELS
        self.convolutions = nn.ModuleList(
            [nn.Conv2d(1, a, 5, padding=2, bias=False), nn.Conv2d(a, b, 3, padding=1, bias=False), nn.Conv2d(b, c, 3, padding=1, bias=False)]
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(n) for n in CHANNELS)
        self.read_out = nn.Linear(c * 9, 10)

    def forward(self, x):
        for convolution, norm in zip(self.convolutions, self.norms):
            x = F.max_pool2d(F.relu(norm(convolution(x))), 2)
        return self.read_out(x.flatten(1))


def entropy(logits):
    return -(F.softmax(logits, 1) * F.log_softmax(logits, 1)).sum(1).mean()


@torch.no_grad()
def hebb(convolution, x):
    weights = convolution.weight.flatten(1)
    norms = weights.norm(dim=1, keepdim=True)
    units = weights / norms
    patches = F.unfold(x, 5, padding=2).transpose(1, 2).reshape(-1, 25)
    u = patches @ units.T
    y = F.softmax(u / TEMPERATURE, 1)
    change = y.T @ patches - (y * u).sum(0)[:, None] * units
    moved = units + STEP * change / change.abs().max()
    convolution.weight.copy_((norms * moved / moved.norm(dim=1, keepdim=True)).view_as(convolution.weight))


def adapted(network, parameters):
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    for parameter in parameters:
        parameter.requires_grad_(True)
    return torch.optim.Adam(parameters, lr=0.005)


def minimise(network, optimiser, x):
    logits = network(x)
    optimiser.zero_grad(set_to_none=True)
    entropy(logits).backward()
    optimiser.step()
    return logits


def timed(work, rounds):
    for _ in range(5):
        work()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return sorted(times)[len(times) // 2]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    x, labels = torch.randn(BATCH, 1, 28, 28), torch.randint(10, (BATCH,))

    network = Network()
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)

    def train():
        optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(network(x), labels).backward()
        optimiser.step()

    print(f"source model: {BATCH / timed(train, options.rounds):.0f} images/s")
    first = [network.norms[0].weight, network.norms[0].bias]
    every = [parameter for norm in network.norms for parameter in (norm.weight, norm.bias)]

    @torch.no_grad()
    def predict():
        network(x)

    network.eval()
    print(f"source: {1e3 * timed(predict, options.rounds):.2f} ms a batch")
    network.train()
    print(f"bn_adapt: {1e3 * timed(predict, options.rounds):.2f} ms a batch")
    tent = adapted(network, every)
    print(f"tent: {1e3 * timed(lambda: minimise(network, tent, x), options.rounds):.2f} ms a batch")
    print(f"hebb: {1e3 * timed(lambda: (hebb(network.convolutions[0], x), predict()), options.rounds):.2f} ms a batch")
    modulator = adapted(network, first)
    print(f"modulator: {1e3 * timed(lambda: (minimise(network, modulator, x), predict()), options.rounds):.2f} ms a batch")
    both = lambda: (hebb(network.convolutions[0], x), minimise(network, modulator, x), predict())
    print(f"nhl: {1e3 * timed(both, options.rounds):.2f} ms a batch")


if __name__ == "__main__":
    main()
