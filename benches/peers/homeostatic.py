#!/usr/bin/env python3
"""The training of the `homeostatic` experiment in PyTorch, as a researcher would write it, to compare speeds on the same machine.

    python3 -m venv torch && torch/bin/pip install torch
    torch/bin/python benches/peers/homeostatic.py            # samples a second of each arm
    cargo bench --workspace --bench homeostatic             # the same training by Engram

784-80-60-10 with ELU on Fashion-MNIST, batches of 10, plain SGD, 8 swaps of labels an epoch of 2,000 batches; the homeostatic arm decides at the
first image of every batch, on the 20 images before it. Reads the files of the Debian package dataset-fashion-mnist, or those in --data.
"""

import argparse, gzip, time
from pathlib import Path

import torch
from torch.func import functional_call

BATCH, MEMORY, SAMPLES, SWAPS, RATE = 10, 20, 20_000, 8, 0.001
STEP, FLOOR = 0.1 * RATE, 1e-8


def read(folder, name, offset):
    """The values of an IDX file, packed or not."""
    path = Path(folder) / name
    data = gzip.decompress(path.with_name(name + ".gz").read_bytes()) if not path.exists() else path.read_bytes()
    return torch.frombuffer(bytearray(data[offset:]), dtype=torch.uint8)


def network():
    layers = []
    for inputs, outputs in ((784, 80), (80, 60), (60, 10)):
        layer = torch.nn.Linear(inputs, outputs)
        torch.nn.init.normal_(layer.weight, std=(2 / inputs) ** 0.5)
        torch.nn.init.normal_(layer.bias)
        layers += [layer, torch.nn.ELU()]
    return torch.nn.Sequential(*layers[:-1])


def moved(rate, label):
    rate += STEP if label >= 5 else -STEP
    return FLOOR if rate < 0 else rate


def train(arm, images, labels, batches):
    """Trains for so many batches; gives seconds, accuracy before learning, and the learning rate at the end."""
    torch.manual_seed(0)
    net, loss_of = network(), torch.nn.CrossEntropyLoss()
    rate = 0.05 if arm == "lrc_tuned" else RATE
    optimiser = torch.optim.SGD(net.parameters(), lr=rate)
    parameters = dict(net.named_parameters())
    permutation, order, correct = torch.arange(10), torch.randperm(SAMPLES), 0
    begun = time.perf_counter()
    for step in range(batches):
        at = step * BATCH % SAMPLES
        if at == 0:
            order = torch.randperm(SAMPLES)
        rows = order[at : at + BATCH]
        x, y = images[rows], permutation[labels[rows]]
        logits = net(x)
        guesses = logits.argmax(1)
        correct += (guesses == y).sum().item()
        if arm == "lrh" and at > MEMORY:
            rate = decide(net, parameters, loss_of, rate, x[:1], y[:1], guesses[0].item(), images[order[at - MEMORY : at]], permutation[labels[order[at - MEMORY : at]]])
        elif arm == "lrr" and at > 0 and torch.rand(()).item() > 0.5:
            rate = moved(rate, y[0].item())
        optimiser.param_groups[0]["lr"] = rate
        optimiser.zero_grad()
        loss_of(logits, y).backward()
        optimiser.step()
        if (step + 1) % (SAMPLES // BATCH // SWAPS) == 0:
            a, b = torch.randperm(10)[:2]
            was_a, was_b = permutation == a, permutation == b
            permutation[was_a], permutation[was_b] = b, a
    return time.perf_counter() - begun, correct / (batches * BATCH), rate


def decide(net, parameters, loss_of, rate, x, y, guess, remembered, known):
    """The rate after the decision on an image: moved if moving it as its guessed label would do makes a better memory."""
    gradients = torch.autograd.grad(loss_of(net(x), y), list(parameters.values()))

    @torch.no_grad()
    def right(rate):
        future = {name: value - rate / BATCH * gradient for (name, value), gradient in zip(parameters.items(), gradients)}
        return (functional_call(net, future, (remembered,)).argmax(1) == known).sum().item()

    return moved(rate, y.item()) if right(moved(rate, guess)) > right(rate) else rate


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist", help="folder of the four IDX files")
    parser.add_argument("--batches", type=int, default=2_000)
    parser.add_argument("--threads", type=int, default=1, help="more than one makes batches of 10 slower, not faster")
    arguments = parser.parse_args()
    images = (read(arguments.data, "train-images-idx3-ubyte", 16).float() / 255).view(-1, 784)[:SAMPLES]
    labels = read(arguments.data, "train-labels-idx1-ubyte", 8).long()[:SAMPLES]
    torch.set_num_threads(arguments.threads)
    for arm in ("lrh", "lrc", "lrr", "lrc_tuned"):
        train(arm, images, labels, 100)
        seconds, accuracy, rate = train(arm, images, labels, arguments.batches)
        speed = arguments.batches * BATCH / seconds
        print(f"{arm:10} {speed:10.0f} samples/s, accuracy {accuracy:.3f}, learning rate {rate:.5f}", flush=True)


if __name__ == "__main__":
    main()
