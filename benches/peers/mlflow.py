#!/usr/bin/env python3
"""Engram and MLflow side by side on this machine: the same client, the same points, one after the other, and the ratio.

    python3 -m venv peers && peers/bin/pip install mlflow && cargo build --release --workspace
    python3 benches/peers/mlflow.py --mlflow peers/bin/mlflow

Both servers use SQLite in a temporary folder. The client is this script: one connection, one request at a time, Python's own HTTP.
"""

import argparse, contextlib, http.client, json, os, signal, socket, statistics, subprocess, tempfile, time, uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 5


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Client:
    """One connection that is kept."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port)

    def call(self, method, path, body=None):
        headers = {"content-type": "application/json"} if body is not None else {}
        self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {data[:300]}")
        return json.loads(data) if data else None


@contextlib.contextmanager
def running(command, folder, port, ready):
    """Starts a server; gives its process and the seconds to the first 200 of `ready`."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", ready)
                if connection.getresponse().status == 200:
                    break
            except OSError:
                pass
            if process.poll() is not None or time.perf_counter() - start > 120:
                raise SystemExit(f"it did not start: {' '.join(command)}")
            time.sleep(0.002)
        yield process, time.perf_counter() - start
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def memory_mib(process):
    """Resident memory of the process and all that it started."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text().rsplit(")", 1)[1].split()
            if int(fields[3]) == process.pid:  # the session it started
                total += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return total / 2**20


def rate(write, points):
    """Points a second of `write(first step)`, which stores so many."""
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        write(done + 1)
        done += points
    return done / (time.perf_counter() - start)


def timed(read):
    times = []
    for _ in range(5):
        start = time.perf_counter()
        read()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def engram(folder):
    port = free_port()
    command = [str(ROOT / "target/release/engram"), "--port", str(port), "--workers", "0", "--data-dir", str(folder / "engram")]
    with running(command, folder, port, "/readyz") as (process, started):
        time.sleep(3)
        figures = {"cold start, s": started, "idle memory, MiB": memory_mib(process)}
        client = Client(port)

        def lease():
            client.call("POST", "/api/v1/runs", {"experiment": "g2gnet"})
            worker = str(uuid.uuid4())
            version = subprocess.run([command[0], "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
            client.call("POST", "/api/v1/worker/register",
                        {"worker_id": worker, "name": "peers", "host": "here", "devices": ["cpu"], "version": version})
            got = client.call("POST", "/api/v1/worker/lease", {"worker_id": worker, "wait_seconds": 5})
            return got["run_id"], got["lease_token"]

        def writer(count):
            run, token = lease()
            address = f"/api/v1/worker/runs/{run}/batches"

            def write(first):
                now = int(time.time() * 1000)
                items = [{"type": "point", "name": "loss", "step": step, "value": step * 0.5, "time_ms": now}
                         for step in range(first, first + count)]
                client.call("POST", address, {"lease_token": token, "first_ordinal": first, "items": items})

            return run, write

        figures["single points a second"] = rate(writer(1)[1], 1)
        figures["points a second in batches of 1,000"] = rate(writer(1000)[1], 1000)
        run, write = writer(1000)
        for first in range(1, 100_000, 1000):
            write(first)

        def read():
            answer = client.call("GET", f"/api/v1/runs/{run}/metrics?points=0")
            assert len(answer["series"][0]["steps"]) == 100_000

        figures["read of 100,000 points, s"] = timed(read)
        return figures


def mlflow(folder, program):
    port = free_port()
    command = [program, "server", "--host", "127.0.0.1", "--port", str(port), "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
               "--default-artifact-root", str(folder / "artifacts")]
    with running(command, folder, port, "/health") as (process, started):
        time.sleep(3)
        figures = {"cold start, s": started, "idle memory, MiB": memory_mib(process)}
        client, api = Client(port), "/api/2.0/mlflow"
        experiment = client.call("POST", f"{api}/experiments/create", {"name": "peers"})["experiment_id"]

        def new_run():
            return client.call("POST", f"{api}/runs/create", {"experiment_id": experiment})["run"]["info"]["run_id"]

        def single(run):
            return lambda step: client.call("POST", f"{api}/runs/log-metric",
                                            {"run_id": run, "key": "loss", "value": step * 0.5, "step": step, "timestamp": int(time.time() * 1000)})

        def batch(run):
            def write(first):
                now = int(time.time() * 1000)
                metrics = [{"key": "loss", "value": step * 0.5, "step": step, "timestamp": now} for step in range(first, first + 1000)]
                client.call("POST", f"{api}/runs/log-batch", {"run_id": run, "metrics": metrics})

            return write

        figures["single points a second"] = rate(single(new_run()), 1)
        figures["points a second in batches of 1,000"] = rate(batch(new_run()), 1000)
        run = new_run()
        write = batch(run)
        for first in range(1, 100_000, 1000):
            write(first)

        def read():
            count, page = 0, ""
            while True:
                token = f"&page_token={page}" if page else ""
                answer = client.call("GET", f"{api}/metrics/get-history?run_id={run}&metric_key=loss&max_results=25000{token}")
                count += len(answer["metrics"])
                page = answer.get("next_page_token")
                if not page:
                    break
            assert count == 100_000, count

        figures["read of 100,000 points, s"] = timed(read)
        return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mlflow", default="mlflow", help="the mlflow program")
    options = parser.parse_args()
    version = subprocess.run([options.mlflow, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    with tempfile.TemporaryDirectory() as folder:
        ours = engram(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        theirs = mlflow(Path(folder), str(Path(options.mlflow).absolute()) if os.sep in options.mlflow else options.mlflow)
    print(f"{'':<38} {'Engram':>12} {'MLflow ' + version:>14} {'better by':>10}")
    for name, own in ours.items():
        other = theirs[name]
        ratio = own / other if "a second" in name else other / own
        print(f"{name:<38} {own:>12,.3f} {other:>14,.3f} {ratio:>9,.1f}x")


if __name__ == "__main__":
    main()
