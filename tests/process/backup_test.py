"""Backup while the node writes, restore, and a node that goes on from there."""
import pathlib
import tempfile
import threading
import unittest

from harness import Troupe, run


class Backup(unittest.TestCase):
    def test_what_was_stored_is_there_after_a_backup_during_writes_and_a_restore(self):
        with tempfile.TemporaryDirectory() as folder:
            saved, again = str(pathlib.Path(folder, "saved.tar.zst")), str(pathlib.Path(folder, "again"))
            with Troupe() as troupe:
                first = troupe.get("/api/v2/books/0441172717")
                # Rows are written behind the answer; once it comes from the database, it is in there.
                while troupe.get("/api/v2/books/0441172717").json["provider"] not in ("cache:d1", "cache:kv"):
                    pass
                stop = threading.Event()

                def ask():
                    while not stop.is_set():
                        troupe.get("/api/v2/books/9780547928227")
                        troupe.get("/api/v2/books/search?q=dune")

                asking = threading.Thread(target=ask)
                asking.start()
                result = run("backup", saved, "--data-dir", troupe.data_dir)
                stop.set()
                asking.join()
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn("2 databases", result.stdout)
                self.assertEqual(troupe.stop(), 0)
            result = run("restore", saved, "--data-dir", again)
            self.assertEqual(result.returncode, 0, result.stderr)
            nobody = [f"--set=providers.{name}.url=http://127.0.0.1:1" for name in ("google", "openlibrary")]
            with Troupe(*nobody, "--set=cache.persist=false", data_dir=again) as troupe:
                answer = troupe.get("/api/v2/books/9780441172719")
                self.assertEqual((answer.status, answer.json["provider"]), (200, "cache:d1"))
                self.assertEqual(answer.json["data"], first.json["data"])

    def test_what_cannot_be_done_is_one_line_that_names_the_file(self):
        with tempfile.TemporaryDirectory() as folder:
            full = pathlib.Path(folder, "full")
            full.mkdir()
            (full / "a").write_text("something")
            saved = str(pathlib.Path(folder, "saved"))
            self.assertEqual(run("backup", saved, "--data-dir", str(full)).returncode, 0)
            for command, file, directory, code, part in (
                    ("backup", saved, full, 2, "exists already"),
                    ("backup", str(full / "b"), full, 2, "inside the data directory"),
                    ("backup", saved + "2", full / "nowhere", 1, "is not a data directory"),
                    ("restore", saved, full, 2, "is not empty"),
                    ("restore", str(full / "a"), folder + "/new", 1, str(full / "a")),
                    ("restore", saved + "3", folder + "/new", 1, saved + "3")):
                result = run(command, file, "--data-dir", str(directory))
                self.assertEqual(result.returncode, code, result.stderr)
                self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
                self.assertIn(part, result.stderr)

    def test_help_names_the_flags(self):
        for command in ("backup", "restore"):
            result = run(command, "--help")
            self.assertEqual(result.returncode, 0)
            for flag in ("FILE", "--data-dir", "--config"):
                self.assertIn(flag, result.stdout)
