#!/usr/bin/env python3
"""PostgreSQL dies and comes back under a node that answers: what its clients see, and how soon writes resume.

usage: bench/database_restart.py BUILD_DIR/troupe     settings: ROUNDS (3), DOWN_S (3)
Two clients read a cached search, one asks for details that nobody has asked for. One JSON line a round: requests and their
failures while the server was away, the slowest cached answer, and the time from the moment at which it takes connections again
until a row is in it.
"""
import csv
import itertools
import json
import os
import pathlib
import signal
import sys
import tempfile
import threading
import time

root = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(root / "tests/process"))
from cluster import Cluster  # noqa: E402
from harness import Troupe, environment  # noqa: E402

CACHED = "/api/v2/books/search?q=dune"


def load(troupe, target, pause_s, stop, seen):
    while not stop.is_set():
        begun = time.monotonic()
        status = troupe.get(target()).status
        seen.append((status, time.monotonic() - begun))
        time.sleep(pause_s)


def measure(cluster, database, troupe, books, down_s):
    stop, cached, details = threading.Event(), [], []
    clients = [threading.Thread(target=load, args=(troupe, lambda: CACHED, 0.002, stop, cached)) for _ in range(2)]
    clients.append(threading.Thread(target=load, args=(troupe, lambda: f"/api/v2/books/{next(books)}", 0.05, stop, details)))
    cluster.stop(signal.SIGQUIT)
    for client in clients:
        client.start()
    time.sleep(down_s)
    cluster.start()
    back = time.monotonic()
    before = cluster.sql("SELECT count(*) FROM books", database)
    while cluster.sql("SELECT count(*) FROM books", database) == before and time.monotonic() < back + 30:
        time.sleep(0.01)
    resumed = time.monotonic() - back
    stop.set()
    for client in clients:
        client.join()
    print(json.dumps({
        "case": "database_restart", "down_s": down_s,
        "cached_requests": len(cached), "cached_failures": sum(status != 200 for status, _ in cached),
        "slowest_cached_ms": round(max(s for _, s in cached) * 1e3, 1),
        "details_requests": len(details), "details_failures": sum(status != 200 for status, _ in details),
        "slowest_details_ms": round(max(s for _, s in details) * 1e3, 1),
        "writes_resumed_s": round(resumed, 2)}), flush=True)


def main():
    with open(root / "config/demo-catalogue.csv", newline="") as file:
        isbns = [row["isbn13"] for row in csv.DictReader(file)]
    with tempfile.TemporaryDirectory(prefix="troupe_bench.") as folder:
        pathlib.Path(folder).chmod(0o755)
        cluster = Cluster(folder)
        try:
            for n in range(int(os.environ.get("ROUNDS", 3))):
                cluster.start()
                cluster.sql(f"CREATE DATABASE troupe{n}")
                # Each round with a node that has asked for nothing yet, and slowly enough that there is something left to ask.
                with Troupe("--set", "limits.client.enabled=false",
                            "--storage", f"postgres://troupe@127.0.0.1:{cluster.port}/troupe{n}",
                            env=environment(TROUPE_SECRET_STORAGE_PASSWORD=cluster.password)) as troupe:
                    troupe.get(CACHED)
                    measure(cluster, f"troupe{n}", troupe, itertools.cycle(isbns), float(os.environ.get("DOWN_S", 3)))
                cluster.stop()
        finally:
            cluster.stop()


main()
