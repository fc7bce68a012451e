"""The schema by hand: troupe migrate."""
import tempfile
import unittest

from harness import Troupe, run


class Migrate(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def migrate(self, *args):
        return run("migrate", "--data-dir", self.folder.name, *args)

    def test_what_is_pending_is_listed_printed_applied_and_taken_back(self):
        pending = self.migrate("list")
        self.assertEqual(pending.returncode, 0, pending.stderr)
        names = [line.split()[0] for line in pending.stdout.splitlines()]
        self.assertEqual(names[:2], ["0001_books", "0002_kv"])
        self.assertEqual(pending.stdout.count("pending"), len(names))
        script = self.migrate("apply", "--dry-run").stdout
        self.assertIn("CREATE TABLE books", script)
        self.assertIn("BLOB", script)
        self.assertEqual(self.migrate("list").stdout, pending.stdout)  # nothing has changed
        self.assertIn(f"from version 0 to {len(names)}", self.migrate("apply").stdout)
        self.assertEqual(self.migrate("list").stdout.count("applied 20"), len(names))
        self.assertIn("nothing to do", self.migrate("apply").stdout)
        self.assertEqual(self.migrate("apply", "--dry-run").stdout, "")
        self.assertIn(f"from version {len(names)} to 1", self.migrate("down", "1").stdout)
        self.assertEqual(self.migrate("list").stdout.count("pending"), len(names) - 1)

    def test_a_node_applies_what_is_pending_by_itself(self):
        with Troupe(data_dir=self.folder.name) as troupe:
            self.assertEqual(troupe.stop(), 0)
        self.assertNotIn("pending", self.migrate("list").stdout)

    def test_wrong_arguments_are_refused(self):
        self.assertEqual(self.migrate("down").returncode, 2)
        self.assertEqual(self.migrate("down", "-1").returncode, 2)
        self.assertEqual(run("migrate").returncode, 2)
        nowhere = run("migrate", "--storage", "postgres://u@127.0.0.1:1/db", "list")
        self.assertEqual(nowhere.returncode, 2)
        self.assertIn("postgres://127.0.0.1:1/db: is not reachable", nowhere.stderr)
