"""/metrics as Prometheus reads it."""
import pathlib
import shutil
import subprocess
import sys
import unittest

from harness import PATIENCE_S, PROGRAM, Troupe

PROMTOOL = shutil.which("promtool") or shutil.which(str(pathlib.Path(PROGRAM).resolve().parent / "tools/promtool"))


class Metrics(unittest.TestCase):
    def test_promtool_has_nothing_to_say(self):
        if PROMTOOL is None:
            print("\n*** LEFT OUT: promtool is neither in the PATH nor in tools/ beside the program ***", file=sys.stderr)
            self.skipTest("no promtool")
        with Troupe() as troupe:
            troupe.get("/api/v2/books/search?q=dune")
            troupe.get("/api/v2/books/9780441172719")
            text = troupe.get("/metrics").body
        result = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, timeout=PATIENCE_S)
        self.assertEqual((result.returncode, result.stdout + result.stderr), (0, b""))

    def test_every_name_has_its_help_and_type_before_its_first_value(self):
        with Troupe() as troupe:
            lines = troupe.get("/metrics").body.decode().splitlines()
        typed = {}
        for line in lines:
            if line.startswith("# HELP "):
                self.assertNotIn(line.split()[2], typed, "two blocks of one name")
                self.assertGreater(len(line.split()), 3, line)
            elif line.startswith("# TYPE "):
                typed[line.split()[2]] = line.split()[3]
            else:
                name = line.replace("{", " ").split()[0]
                for suffix in ("_bucket", "_sum", "_count"):
                    if typed.get(name.removesuffix(suffix)) == "histogram":
                        name = name.removesuffix(suffix)
                self.assertIn(name, typed, line)
        self.assertEqual(typed["troupe_provider_duration_seconds"], "histogram")
