"""kill -9 at random moments during writes: nothing acknowledged is lost, and every store opens."""
import os
import random
import subprocess
import tempfile
import unittest

from harness import PATIENCE_S, PROGRAM

WRITER = os.path.join(os.path.dirname(PROGRAM), "troupe_writer")
ROUNDS = int(os.environ.get("TROUPE_KILL_ROUNDS", "25"))  # 1000 for the whole measurement


class Kill(unittest.TestCase):
    def test_whatever_moment_the_writer_is_killed_at_all_that_it_acknowledged_is_there(self):
        seed = random.randrange(1 << 32)
        draw = random.Random(seed)
        last = 0
        with tempfile.TemporaryDirectory() as folder:
            for number in range(ROUNDS):
                with self.subTest(round=number, seed=seed):
                    writer = subprocess.Popen([WRITER, "write", folder, str(last + 1)], stdout=subprocess.PIPE,
                                              stderr=subprocess.PIPE, text=True)
                    # Some writes, and then a moment within one (a write takes some milliseconds).
                    for _ in range(draw.randrange(1, 8)):
                        last = int(writer.stdout.readline() or self.fail(writer.stderr.read()))
                    try:
                        writer.wait(draw.random() * 0.02)
                    except subprocess.TimeoutExpired:
                        pass
                    writer.kill()
                    rest, trouble = writer.communicate(timeout=PATIENCE_S)
                    self.assertEqual(trouble, "")
                    for line in rest.splitlines():
                        last = int(line)
                    checked = subprocess.run([WRITER, "check", folder, str(last)], capture_output=True, text=True,
                                             timeout=PATIENCE_S)
                    self.assertEqual(checked.returncode, 0, checked.stderr)
