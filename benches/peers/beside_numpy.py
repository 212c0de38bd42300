#!/usr/bin/env python3
"""The inner loops of the statistical-physics experiments beside NumPy in one go: Engram and NumPy take turns.

    python3 -m venv numpy && numpy/bin/pip install numpy scipy
    cargo bench --workspace --no-run
    numpy/bin/python benches/peers/beside_numpy.py                # three rounds, a table in Markdown

Each program runs in a process of its own, and the medians over the rounds are compared. What NumPy does is in the files beside this one, named
after the experiments as the benches of Engram are. Run it on a machine that does nothing else: the load at the end of every round is printed.
"""

import argparse, json, os, re, statistics, subprocess, sys
from pathlib import Path

HERE = Path(__file__).parent
# Threads of both programs.
EXPERIMENTS = {"dense_rsb": 1, "multitasking": 1, "pavlovian": 1, "variational_continual": 2}
LINE = re.compile(r"^(.+?)[: ]\s*([\d.]+) (ms|s|\S+/s)(?:,.*)?$", re.M)


def figures(command, threads):
    """What a program prints: the value and unit of each of its lines."""
    several = {name: str(threads) for name in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    environment = {**os.environ, **several, "CANDLE_NUM_THREADS": "1"}
    text = subprocess.run([str(part) for part in command], env=environment, check=True, capture_output=True, text=True).stdout
    return {name.strip(): (float(value), unit) for name, value, unit in LINE.findall(text)}


def bench_programs():
    """Where Cargo put the programs of the benches."""
    built = subprocess.run(
        ["cargo", "bench", "--workspace", "--no-run", "--message-format", "json"], cwd=HERE, check=True, capture_output=True, text=True
    ).stdout
    messages = [json.loads(line) for line in built.splitlines() if line.startswith("{")]
    return {message["target"]["name"]: message["executable"] for message in messages if message.get("executable")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help=f"of {', '.join(EXPERIMENTS)}; all by default")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if unknown := set(options.experiments) - set(EXPERIMENTS):
        parser.error(f"not compared with NumPy: {', '.join(sorted(unknown))}")
    programs = bench_programs()
    rounds = []
    for number in range(1, options.rounds + 1):
        one = {}
        for experiment in options.experiments or EXPERIMENTS:
            threads = EXPERIMENTS[experiment]
            one[experiment] = figures([programs[experiment]], threads), figures([sys.executable, HERE / f"{experiment}.py"], threads)
        rounds.append(one)
        print(f"round {number} of {options.rounds}: load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)

    print("| experiment | work | Engram | NumPy | ratio |\n|---|---|---|---|---|")
    for experiment, (ours, theirs) in rounds[0].items():
        for name, (_, unit) in ours.items():
            if name not in theirs:
                continue
            mine, other = (statistics.median(one[experiment][side][name][0] for one in rounds) for side in (0, 1))
            ratio = mine / other if unit.endswith("/s") else other / mine
            print(f"| {experiment} | {name} | {mine:,.6g} {unit} | {other:,.6g} {unit} | {ratio:.1f} × |")


if __name__ == "__main__":
    main()
