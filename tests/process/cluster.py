"""A PostgreSQL of our own: a throw-away cluster on a free loopback port, stopped by its process id. Whoever is root has it
run as the user postgres."""
import os
import pathlib
import pwd
import secrets
import signal
import socket
import subprocess
import time

PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout


class Cluster:
    def __init__(self, folder):
        """In `folder`, which the user postgres must be able to enter."""
        self.dir, self.port, self.password = pathlib.Path(folder, "postgres"), free_port(), secrets.token_hex(8)
        self.reach = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "troupe"]
        self.env = {**os.environ, "PGPASSWORD": self.password}
        self.server = None
        # Should this process be killed, the server goes too.
        self.as_user = ["setpriv", "--pdeathsig=QUIT"]
        self.dir.mkdir()
        (self.dir / "password").write_text(self.password)
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            for path in (self.dir, self.dir / "password"):
                os.chown(path, user.pw_uid, user.pw_gid)
            self.as_user += ["--reuid=postgres", "--regid=postgres", "--init-groups"]
        run(*self.as_user, PROGRAMS / "initdb", "--username=troupe", f"--pwfile={self.dir}/password", "--auth=scram-sha-256",
            "--encoding=UTF8", "--locale=C.UTF-8", self.dir / "data", cwd="/")

    def start(self):
        """Returns when it takes connections; `server` is the process."""
        log = open(self.dir.parent / "server.log", "a")
        self.server = subprocess.Popen(
            [*self.as_user, PROGRAMS / "postgres", "-D", self.dir / "data", "-p", str(self.port), "-c",
             "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.dir}"],
            cwd="/", stdout=subprocess.DEVNULL, stderr=log)
        log.close()
        until = time.monotonic() + 30
        while subprocess.run([PROGRAMS / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode != 0:
            if self.server.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the server does not start: " + (self.dir.parent / "server.log").read_text()[-2000:])
            time.sleep(0.02)  # the server tells nobody that it has begun to listen

    def sql(self, text, database="postgres"):
        """What psql prints of the rows, without decoration."""
        return run(PROGRAMS / "psql", *self.reach, "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", text,
                   env=self.env)

    def address(self, database):
        return f"postgres://troupe:{self.password}@127.0.0.1:{self.port}/{database}"

    def stop(self, how=signal.SIGINT):
        """SIGINT: whoever is connected is thrown out. SIGQUIT: as a crash."""
        if self.server and self.server.poll() is None:
            self.server.send_signal(how)
            self.server.wait(30)
