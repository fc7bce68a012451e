"""What the command line says, and how it refuses."""
import os
import pathlib
import re
import socket
import tempfile
import unittest

from harness import ROOT, Troupe, environment, run


class CommandLine(unittest.TestCase):
    def assert_refused(self, result, *parts):
        """Exit code 2 and one line that holds every part."""
        self.assertEqual(result.returncode, 2, result.stderr)
        lines = result.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, result.stderr)
        for part in parts:
            self.assertIn(part, lines[0])

    def test_version_is_one_line(self):
        result = run("--version")
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout, r"\Atroupe \d+\.\d+\.\d+\n\Z")

    def test_help_names_every_flag(self):
        result = run("up", "--help")
        self.assertEqual(result.returncode, 0)
        for flag in ("--config", "--set", "--http", "--data-dir", "--demo", "--demo-listen", "--log-level", "--log-format"):
            self.assertIn(flag, result.stdout)

    def test_an_unknown_flag_is_refused(self):
        self.assertEqual(run("up", "--nonsense").returncode, 2)

    def test_the_configuration_of_the_project_is_valid(self):
        result = run("check", "--config", str(ROOT / "config/troupe.toml"))
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_every_mistake_is_told_with_its_place_and_the_nearest_name(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "bad.toml"
            path.write_text('[cache]\nhot_tll = "1h"\nbytes = "lots"\n[http]\nmax_connections = -1\n')
            result = run("check", "--config", str(path))
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, r"bad\.toml:2:1: cache\.hot_tll: .*hot_ttl")
        self.assertRegex(result.stderr, r"bad\.toml:3:\d+: cache\.bytes: expected .*lots")
        self.assertRegex(result.stderr, r"bad\.toml:5:\d+: http\.max_connections: expected")

    def test_the_examples_are_valid(self):
        examples = sorted((ROOT / "config/examples").glob("*.toml"))
        self.assertTrue(examples)
        for path in examples:
            result = run("check", "--config", str(path))
            self.assertEqual(result.returncode, 0, f"{path}: {result.stderr}")

    def test_a_broken_jq_program_is_refused_with_its_line(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "bad.toml"
            path.write_text("[providers.mine]\nurl = 'http://127.0.0.1:1'\n[providers.mine.operations.get]\npath = '/x'\n"
                            "map = '''\n{a: .b,\n c: }\n'''\n")
            for command in ("check", "up"):
                self.assert_refused(run(command, "--config", str(path)), "bad.toml:7: providers.mine.operations.get.map: ",
                                    "line 2 of it: syntax error, unexpected '}'")

    def test_an_unreadable_configuration_is_one_line(self):
        self.assert_refused(run("up", "--config", "/nowhere/troupe.toml"), "/nowhere/troupe.toml")

    def test_a_wrong_override_is_one_line_that_names_it(self):
        self.assert_refused(run("up", "--set", "cache.bytes=lots"), "--set", "cache.bytes", "lots")

    def test_a_port_in_use_is_one_line_that_names_it(self):
        with socket.socket() as taken, tempfile.TemporaryDirectory() as folder:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            self.assert_refused(run("up", "--http", address, "--data-dir", folder), address, "in use")

    def test_an_unusable_data_directory_is_one_line_that_names_it(self):
        with tempfile.NamedTemporaryFile() as file:
            self.assert_refused(run("up", "--http", "127.0.0.1:0", "--data-dir", file.name + "/data"), file.name)

    def test_a_data_directory_in_use_is_one_line_that_names_it(self):
        with Troupe() as troupe:
            self.assert_refused(run("up", "--http", "127.0.0.1:0", "--data-dir", troupe.data_dir), troupe.data_dir,
                                "another node", "--data-dir")

    def test_a_corrupt_database_is_one_line_that_names_it(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "troupe.db").write_bytes(b"this is no database " * 100)
            self.assert_refused(run("up", "--http", "127.0.0.1:0", "--data-dir", folder), "troupe.db")

    def test_the_environment_sets_what_the_file_does_not(self):
        with tempfile.TemporaryDirectory() as folder:
            env = environment(TROUPE_LOG_FORMAT="json", TROUPE_HTTP_ADDRESS="127.0.0.1:0")
            with Troupe(env=env, data_dir=folder) as troupe:
                self.assertTrue(re.match(r'\{"time":".*"level":"info"', troupe.lines[0]), troupe.lines)

    def test_a_secrets_file_that_others_can_read_is_refused(self):
        with tempfile.NamedTemporaryFile("w", suffix=".env") as file:
            file.write("TROUPE_SECRET_GOOGLE_KEY=hush-hush\n")
            file.flush()
            os.chmod(file.name, 0o644)
            result = run("up", "--secrets", file.name)
            self.assert_refused(result, file.name)
            self.assertNotIn("hush", result.stderr)
