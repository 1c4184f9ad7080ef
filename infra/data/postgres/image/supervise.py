#!/usr/bin/python3 -I
"""PID 1 of the PostgreSQL container: `supervise COMMAND [ARGUMENT …]`.

Keeps COMMAND (Patroni) running inside the container. A Patroni that dies is started again at once and takes over the
PostgreSQL that it left running, so neither the kubelet's restart back-off nor a recovery is in the way.
A command that does not stay up is given up after a few attempts, since a primary must not run without the agent that
would demote it: the container ends, PostgreSQL with it, and the kubelet shows why.

Before it starts COMMAND it locks the data volume, and waits while another holds the lock: a pod deleted by force may run on while the pod
that takes its place has the same volume already, and PostgreSQL's own lock file names a process of another container.

Also makes a self-signed TLS pair where PostgreSQL expects one, forwards SIGTERM and SIGHUP, and reaps orphans.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time

# A command that ran for this many seconds has started well; the count of quick deaths begins anew.
SETTLED_SECONDS = 10.0
# Pauses before a restart, in seconds. As many quick deaths in a row are borne; in all they stay well below Patroni's
# smallest ttl (20 s).
PAUSES = (0.0, 0.1, 0.5, 1.0)
# How long PostgreSQL gets to stop by itself once Patroni has ended, in seconds.
ORPHAN_GRACE_SECONDS = 10.0
TLS_DAYS = 3650
# Seconds between two attempts to lock the volume: what the wait for another pod's end adds to it.
LOCK_PAUSE_SECONDS = 0.1

HANDLED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def say(text: str) -> None:
    print(f"supervise: {text}", file=sys.stderr, flush=True)


def make_tls_pair(folder: str) -> None:
    """A key and a self-signed certificate, for encryption on the wire; an existing pair (a mounted one) is kept."""
    key, certificate = os.path.join(folder, "server.key"), os.path.join(folder, "server.crt")
    if os.path.exists(key) and os.path.exists(certificate):
        return
    os.makedirs(folder, mode=0o700, exist_ok=True)
    name = os.uname().nodename
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-days", str(TLS_DAYS)]
        + ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        + ["-subj", f"/CN={name[:64]}", "-addext", f"subjectAltName=DNS:{name},DNS:localhost"]
        + ["-keyout", key, "-out", certificate],
        check=True,
        stderr=subprocess.PIPE,
        umask=0o077,
    )


def lock_volume(path: str) -> bool:
    """Holds the volume's lock until this process ends; false when it was asked to stop while it waited.

    It is released when process 1 ends. The kernel then kills what is left in the container, long before a new COMMAND is up.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    told = False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if told:
                say(f"{path} is free; going on")
            return True
        except BlockingIOError:
            if not told:
                say(f"{path} is locked: another container still runs on this volume; waiting for its end")
                told = True
        if signal.sigtimedwait({signal.SIGTERM, signal.SIGINT}, LOCK_PAUSE_SECONDS) is not None:
            return False


def describe(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"


class Supervisor:
    def __init__(self, command: list[str]) -> None:
        self.command = command
        self.child = 0
        self.started_at = 0.0
        self.quick_deaths = 0
        self.stopping = False

    def start(self) -> None:
        self.started_at = time.monotonic()
        self.child = os.posix_spawnp(self.command[0], self.command, os.environ, setsigmask=[])

    def run(self) -> int:
        self.start()
        while True:
            received = signal.sigwait(HANDLED)
            if received in (signal.SIGTERM, signal.SIGINT):
                self.stopping = True
                os.kill(self.child, signal.SIGTERM)
            elif received == signal.SIGHUP:
                os.kill(self.child, signal.SIGHUP)
            status = self.reap()
            if status is not None:
                if self.stopping:
                    self.stop_orphans()
                    return exit_status(status)
                if not self.restart(status):
                    return exit_status(status)

    def reap(self) -> int | None:
        """Collects every child that has ended; the status of the command if it is among them."""
        ended = None
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return ended
            if pid == 0:
                return ended
            if pid == self.child:
                ended = status

    def restart(self, status: int) -> bool:
        if time.monotonic() - self.started_at >= SETTLED_SECONDS:
            self.quick_deaths = 0
        if self.quick_deaths == len(PAUSES):
            say(f"{self.command[0]} {describe(status)}, {self.quick_deaths + 1} times in a row; giving up")
            return False
        pause = PAUSES[self.quick_deaths]
        self.quick_deaths += 1
        say(f"{self.command[0]} {describe(status)}; starting it again in {pause} s")
        deadline = time.monotonic() + pause
        while (left := deadline - time.monotonic()) > 0:
            # Only a request to stop may cut the pause short; it is put back for the loop.
            received = signal.sigtimedwait({signal.SIGTERM, signal.SIGINT}, left)
            if received is not None:
                os.kill(os.getpid(), signal.SIGTERM)
                break
        self.start()
        return True

    def stop_orphans(self) -> None:
        """A PostgreSQL whose Patroni was killed hangs on to this process: it gets a fast shutdown, then the end."""
        deadline = time.monotonic() + ORPHAN_GRACE_SECONDS
        for pid in children():
            os.kill(pid, signal.SIGINT)
        while children() and (left := deadline - time.monotonic()) > 0:
            signal.sigtimedwait({signal.SIGCHLD}, left)
            self.reap()


def children() -> list[int]:
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return [int(pid) for pid in file.read().split()]


def exit_status(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def main() -> int:
    command = sys.argv[1:]
    if not command:
        say("usage: supervise COMMAND [ARGUMENT …]")
        return 64
    make_tls_pair(os.environ.get("POSTGRES_TLS_DIR", "/run/postgresql/tls"))
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    if not lock_volume(os.environ.get("POSTGRES_VOLUME_LOCK", "/var/lib/postgresql/lock")):
        return 0
    return Supervisor(command).run()


if __name__ == "__main__":
    sys.exit(main())
