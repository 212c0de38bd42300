#!/usr/bin/env python3
"""All comparisons of training speed with PyTorch in one go: Engram, PyTorch, and PyTorch with Engram's allocator take turns.

    python3 -m venv torch && torch/bin/pip install torch
    cargo bench --workspace --no-run
    torch/bin/python benches/peers/together.py --preload libmimalloc.so      # five rounds, a table in Markdown

Each program runs in a process of its own, on two threads unless the table says one, and the medians over the rounds are compared. The
programs of PyTorch are the files beside this one. Run it on a machine that does nothing else: the load at the end of every round is printed.
"""

import argparse, json, os, re, statistics, subprocess, sys
from pathlib import Path

HERE = Path(__file__).parent
# Memory that is handed back to the system and asked for again at every step costs more than the step; the worker keeps it too.
KEEP = {"MIMALLOC_PURGE_DELAY": "-1"}
# What it is, aim, (program, case) of Engram, of PyTorch; a time unless the case ends in "/s".
LINES = [
    ("MLP 784-1024-1024-10, training step, batch 128", 1.5, ("layers", "step_dense_128"), ("layers", "step_dense_128")),
    ("the same, batch 256", 1.5, ("layers", "step_dense_256"), ("layers", "step_dense_256")),
    ("CNN of 12, 24 and 32 filters, batch 100, training", 1.1, ("cnn", "images/s"), ("cnn", "images/s")),
    ("75% sparse layer of 1,024, batch 128: products of its tiles against Engram's dense products", 3.3, ("layers", "layer_tile_products"), ("ours", "layer_dense_products")),
    ("the same layer with autograd and ReLU against Engram's dense products alone", None, ("layers", "layer_tile"), ("ours", "layer_dense_products")),
    ("the same layer with autograd and ReLU against weights times mask", 6.0, ("layers", "layer_tile"), ("layers", "layer_masked")),
    ("training step, tiles against Engram's dense one", 2.5, ("layers", "step_tile_128"), ("ours", "step_dense_128")),
    ("training step, tiles against weights times mask", None, ("layers", "step_tile_128"), ("layers", "step_masked_128")),
    ("784-80-60-10, batches of 10, constant rate", 5.0, ("homeostatic", "lrc/s"), ("homeostatic", "lrc/s")),
    ("the same with decisions", 5.0, ("homeostatic", "lrh/s"), ("homeostatic", "lrh/s")),
    ("Hopfield retrieval, 256 cues from 4,096 patterns of 64, softmax(...) X", 1.0, ("hopfield", "retrieval"), ("hopfield", "softmax")),
    ("the same against scaled_dot_product_attention", 1.0, ("hopfield", "retrieval"), ("hopfield", "fused attention")),
]


def output(command, threads=2, **variables):
    environment = {**os.environ, "RAYON_NUM_THREADS": str(threads), "CANDLE_NUM_THREADS": "1", **variables}
    return subprocess.run([str(part) for part in command], env=environment, check=True, capture_output=True, text=True).stdout


def layers(text):
    return {name: float(ms) for name, ms in re.findall(r"^(\w+) +([\d.]+) ms$", text, re.M)}


def rates(text):
    return {f"{arm}/s": float(rate) for arm, rate in re.findall(r"^(\w+) +([\d.]+) samples/s", text, re.M)}


def retrievals(text):
    """The last line of a name counts: PyTorch's program warms up with the first."""
    return {name: float(ms) for name, ms in re.findall(r"^([a-z ]+), .*: ([\d.]+) ms, best", text, re.M)}


def engram(programs, lab):
    run = [lab, "run", "nhl", "--preset", "quick", "--threads", "2", "--set", 'corruptions=["fog"]', "--json"]
    summary = json.loads(output(run))["summary"]
    return {
        "layers": layers(output([programs["block_sparse"], "--rounds", "1"], **KEEP)),
        "cnn": {"images/s": next(value for name, value in summary.items() if name.startswith("throughput/samples_per_s"))},
        "homeostatic": rates(output([programs["homeostatic"]], threads=1)),
        "hopfield": retrievals(output([programs["hopfield"]])),
    }


def pytorch(**variables):
    def run(program, *options):
        return output([sys.executable, HERE / program, *options], **variables)

    return {
        "layers": layers(run("g2gnet.py", "--threads", "2")),
        "cnn": {"images/s": float(re.search(r"source model: (\d+) images/s", run("nhl.py", "--rounds", "60")).group(1))},
        "homeostatic": rates(run("homeostatic.py", "--batches", "1000")),
        "hopfield": retrievals(run("hopfield.py")),
    }


def bench_programs():
    """Where Cargo put the programs of the benches."""
    built = subprocess.run(
        ["cargo", "bench", "--workspace", "--no-run", "--message-format", "json"], cwd=HERE, check=True, capture_output=True, text=True
    ).stdout
    messages = [json.loads(line) for line in built.splitlines() if line.startswith("{")]
    return {message["target"]["name"]: message["executable"] for message in messages if message.get("executable")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engram", type=Path, default=HERE.parent.parent / "target/release/engram")
    parser.add_argument("--preload", help="Engram's allocator as a shared library, for PyTorch")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    programs = bench_programs()
    ours, plain, preloaded = [], [], []
    for number in range(1, options.rounds + 1):
        ours.append(engram(programs, options.engram))
        plain.append(pytorch())
        if options.preload:
            preloaded.append(pytorch(LD_PRELOAD=options.preload, **KEEP))
        print(f"round {number} of {options.rounds}: load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)

    def median(rounds, place):
        return statistics.median(one[place[0]][place[1]] for one in rounds)

    def told(value, place):
        return f"{value:,.0f}/s" if place[1].endswith("/s") else f"{value:.2f} ms"

    def cell(our_value, place, rounds):
        value = median(rounds, place)
        return f"{told(value, place)} ({value / our_value if not place[1].endswith('/s') else our_value / value:.2f} ×)"

    print("| work | Engram | compared with | the same with mimalloc | aim |\n|---|---|---|---|---|")
    for title, aim, our_place, place in LINES:
        value = median(ours, our_place)
        if place[0] == "ours":
            cells = [cell(value, ("layers", place[1]), ours), "–"]
        else:
            cells = [cell(value, place, plain), cell(value, place, preloaded) if preloaded else "–"]
        print(f"| {title} | {told(value, our_place)} | {' | '.join(cells)} | {f'{aim} ×' if aim else '–'} |")


if __name__ == "__main__":
    main()
