"""The node on a PostgreSQL that goes away and comes back under load."""
import pathlib
import signal
import tempfile
import threading
import time
import unittest

from cluster import Cluster
from harness import PATIENCE_S, Troupe, environment

BOOKS = ("9780441172719", "9780340839935", "9780192802637")


class Postgres(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        pathlib.Path(folder.name).chmod(0o755)
        self.cluster = Cluster(folder.name)
        self.addCleanup(self.cluster.stop)
        self.cluster.start()
        self.cluster.sql("CREATE DATABASE troupe")

    def eventually(self, rows):
        until = time.monotonic() + PATIENCE_S
        while (found := self.cluster.sql("SELECT count(*) FROM books", "troupe").strip()) != str(rows):
            self.assertLess(time.monotonic(), until, f"{found} rows stored, expected {rows}")
            time.sleep(0.05)  # nobody is told when the rows have been written

    def test_while_it_restarts_reads_go_on_and_what_was_to_be_written_is_written_after(self):
        with Troupe("--set", "limits.client.enabled=false", "--storage",
                    f"postgres://troupe@127.0.0.1:{self.cluster.port}/troupe",
                    env=environment(TROUPE_SECRET_STORAGE_PASSWORD=self.cluster.password)) as troupe:
            cached = "/api/v2/books/search?q=dune"
            self.assertEqual(troupe.get(cached).status, 200)
            self.assertEqual(troupe.get(f"/api/v2/books/{BOOKS[0]}").status, 200)
            self.eventually(1)
            seen, stop = set(), threading.Event()

            def read():
                while not stop.is_set():
                    answer = troupe.get(cached)
                    seen.add((answer.status, answer.headers.get("x-cache")))

            readers = [threading.Thread(target=read) for _ in range(4)]
            for reader in readers:
                reader.start()
            try:
                self.cluster.stop(signal.SIGQUIT)
                for book in BOOKS[1:]:
                    self.assertEqual(troupe.get(f"/api/v2/books/{book}").status, 200)
                self.assertEqual(troupe.get("/api/v2/books/search?q=hobbit").status, 200)
                self.cluster.start()
                self.eventually(3)
            finally:
                stop.set()
                for reader in readers:
                    reader.join()
            self.assertEqual(seen, {(200, "HIT-KV-HOT")})
            self.assertEqual(troupe.stop(), 0)


if __name__ == "__main__":
    unittest.main()
