#!/usr/bin/env python3
"""SQL and key-value storage beside the raw databases: the same statements by our storage_bench, by the sqlite3 shell and by
pgbench, in one run, in turn, on the same disk.

usage: bench/storage_beside.py BUILD_DIR [DIRECTORY]     settings: ROUNDS (3), ROWS (10000)
    DIRECTORY: where the files go (default: the system's temporary directory)
One JSON line a case: microseconds a row, medians over the rounds, and ours divided by theirs. A batch is one transaction of ROWS
statements. The server is a throw-away cluster on a free loopback port, stopped by its process id.
"""
import csv
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(root / "tests/process"))
from cluster import PROGRAMS, Cluster, run  # noqa: E402

build = pathlib.Path(sys.argv[1])
work = pathlib.Path(tempfile.mkdtemp(prefix="troupe_bench.", dir=sys.argv[2] if len(sys.argv) > 2 else None))
rounds = int(os.environ.get("ROUNDS", 3))
rows = int(os.environ.get("ROWS", 10_000))
few = min(rows, 2_000)  # one by one, as storage_bench: each waits for the disk

# As storage_bench has them; its books_repository and kv_sql send these statements.
DATA = '{"description":"' + "x" * 900 + '"}'
PROVIDER, FETCHED_MS = "orchestrated:google+openlibrary", 1_700_000_000_000
BOOK = ("INSERT INTO books (isbn, title, author, data, provider, fetched_ms) VALUES ({}, {}, {}, {}, {}, {})"
        " ON CONFLICT (isbn) DO UPDATE SET title = excluded.title, author = excluded.author, data = excluded.data,"
        " provider = excluded.provider, fetched_ms = excluded.fetched_ms")
FIND = "SELECT isbn, title, author, data, provider, fetched_ms FROM books WHERE isbn = {}"
PUT = ("INSERT INTO kv (namespace, name, value, number, metadata, expires_ms, version)"
       " VALUES ({}, {}, {}, NULL, '', 3600000, {})"
       " ON CONFLICT (namespace, name) DO UPDATE SET value = excluded.value, number = excluded.number,"
       " metadata = excluded.metadata, expires_ms = excluded.expires_ms, version = excluded.version")
GET = ("SELECT name, value, number, metadata, expires_ms, version FROM kv"
       " WHERE namespace = {} AND name = {} AND expires_ms > 0")

VARIABLES = [word for pair in (f"data={DATA}", f"provider={PROVIDER}", "prefix=search:query:number+", "value=\\x" + "76" * 1000)
             for word in ("-D", pair)]


def tables(blob_type):
    """The up part of the migrations of books and kv."""
    return "\n".join((root / "storage/migrations" / name).read_text().split("-- up\n")[1].split("-- down\n")[0]
                     .replace("{blob}", blob_type) for name in ("0001_books.sql", "0002_kv.sql"))


def ours(address):
    """Microseconds a row of every case of storage_bench."""
    lines = map(json.loads, run(build / "storage_bench", work, rows, address).splitlines())
    return {line["case"]: line["us_per_row"] for line in lines}


def shell_times(sync, cases):
    """Microseconds of each case, a list of lines for the sqlite3 shell, into a fresh file. The shell's .timer knows nothing below
    milliseconds either, so it is asked for the time in between."""
    clock = "SELECT strftime('%s', 'now') || substr(strftime('%f', 'now'), 3);"
    script = ["PRAGMA journal_mode = WAL;", f"PRAGMA synchronous = {sync};", "PRAGMA temp_store = MEMORY;",
              "PRAGMA journal_size_limit = 67108864;", tables("BLOB")]
    for lines in cases.values():
        script += [".output stdout", clock, ".output /dev/null", *lines, ".output stdout", clock]
    said = run("sqlite3", "-batch", "-bail", work / "shell.db", input="\n".join(script) + "\n", env={**os.environ, "HOME": str(work)})
    times = [float(line) * 1e6 for line in said.splitlines() if re.fullmatch(r"\d+\.\d{3}", line)]
    for leftover in work.glob("shell.db*"):
        leftover.unlink()
    return {case: end - start for case, start, end in zip(cases, times[::2], times[1::2], strict=True)}


def shell(sync):
    """The same by the sqlite3 shell: statements as text and, for the batch, also as .import, which binds values to one prepared
    INSERT as we do (a plain one: its only conflict would be an error)."""
    books = [(f"978{i:010}", f"Title {i}", "An Author", DATA, PROVIDER, FETCHED_MS) for i in range(rows)]
    with open(work / "books.csv", "w", newline="") as file:
        csv.writer(file).writerows(books)
    insert = [BOOK.format(*(f"'{x}'" for x in book[:5]), book[5]) + ";" for book in books]
    find = [FIND.format(f"'{book[0]}'") + ";" for book in books]
    value = "X'" + "76" * 1000 + "'"
    name = [f"CAST('search:query:number+{i}' AS BLOB)" for i in range(few)]
    batch = shell_times(sync, {"insert_batch": ["BEGIN;", *insert, "COMMIT;"], "find_by_isbn": find})
    imported = shell_times(sync, {"insert_batch_prepared": [f".import --csv '{work}/books.csv' books"]})
    single = shell_times(sync, {
        "insert_run_loop": insert[:few],
        "kv_put": [PUT.format("'one'", n, value, 1 + i) + ";" for i, n in enumerate(name)],
        "kv_get": [GET.format("'one'", n) + ";" for n in name],
    })
    each = {case: us / rows for case, us in {**batch, **imported}.items()} | {case: us / few for case, us in single.items()}
    return {f"{case}_{sync}": us for case, us in each.items()}


def pgbench_times(cluster, script, transactions):
    """Microseconds of each transaction of a script, with one client that prepares every statement once."""
    (work / "script.sql").write_text("\n".join(script) + "\n")
    run(PROGRAMS / "pgbench", *cluster.reach, "-n", "-M", "prepared", "-c", "1", "-t", transactions, "-D", "n=-1", *VARIABLES,
        "-l", "--log-prefix", work / "log", "-f", work / "script.sql", "beside", env=cluster.env)
    log, = work.glob("log.*")
    times = [int(line.split()[2]) for line in log.read_text().splitlines()]
    log.unlink()
    return times


def pgbench(cluster):
    """The same by pgbench. In a batch every statement is one of its own, prepared when it is first met: the second counts."""
    cluster.sql("DROP TABLE IF EXISTS books, kv;" + tables("BYTEA"), "beside")
    # Variables stand for all that storage_bench binds; also because pgbench would see some in '...:google' itself.
    def book(number):
        return BOOK.format(isbn.format(number), f"'Title ' || {number}::text", "'An Author'", ":data", ":provider", FETCHED_MS) + ";"

    isbn, next_n = "'978' || lpad({}::text, 10, '0')", r"\set n :n + 1"
    name = "convert_to(:prefix || :n::text, 'UTF8')"
    single = {
        "insert_run_loop": book(":n"),
        "find_by_isbn": FIND.format(isbn.format(":n")) + ";",
        "kv_put": PUT.format("'one'", name, ":value", ":n::bigint + 1") + ";",
        "kv_get": GET.format("'one'", name) + ";",
    }
    took = {case: sum(pgbench_times(cluster, [next_n, statement], few)) / few for case, statement in single.items()}
    cluster.sql("TRUNCATE books", "beside")
    # One \set alone: pgbench counts the lines before each of them.
    batch = [book(f"(:n::bigint * {rows} + {i})") for i in range(rows)]
    took["insert_batch"] = pgbench_times(cluster, [next_n, "BEGIN;", *batch, "COMMIT;"], 2)[1] / rows
    return {f"{case}_postgres": us for case, us in took.items()}


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server is stopped
    work.chmod(0o755)
    cluster = Cluster(work)
    try:
        cluster.start()
        samples = []
        for database in ("ours", "beside"):
            cluster.sql(f"CREATE DATABASE {database}")
        for _ in range(rounds):
            theirs = {**shell("normal"), **shell("full"), **pgbench(cluster)}
            mine = ours(cluster.address("ours"))
            mine["find_by_isbn_normal"] = mine.pop("find_by_isbn")
            for sync in ("normal", "full"):
                mine[f"insert_batch_prepared_{sync}"] = mine[f"insert_batch_{sync}"]
            samples.append({case: (mine[case], us) for case, us in theirs.items() if case in mine})
        median = {case: [statistics.median(s[case][i] for s in samples) for i in (0, 1)] for case in samples[0]}
        for case, (mine, theirs) in median.items():
            beside = "pgbench" if case.endswith("postgres") else "sqlite3"
            print(json.dumps({"case": case, "troupe_us": round(mine, 2), f"{beside}_us": round(theirs, 2),
                              "ratio": round(statistics.median(s[case][0] / s[case][1] for s in samples), 2)}), flush=True)
        for where in ("normal", "full", "postgres"):
            print(json.dumps({"case": f"one_by_one_over_batch_{where}",
                              "ratio": round(median[f"insert_run_loop_{where}"][0] / median[f"insert_batch_{where}"][0], 1)}))
    finally:
        cluster.stop()
        shutil.rmtree(work)


main()
