"""Steps of the set-up: progress lines, stamps that let a broken-off set-up recover, failures in one sentence."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from devenv.settings import DEV, LOGS, ROOT, STAMPS

GIGABYTE = 1024**3
FIRST_SETUP_BYTES = 4 * GIGABYTE
LATER_START_BYTES = GIGABYTE // 2
DISK_FULL = "No space left on device"


class SetupError(Exception):
    """What is wrong and what to do about it, in a sentence that is shown to a person as it is."""


def say(text: str) -> None:
    print(text, flush=True)


def digest(*inputs: object) -> str:
    """A short hash of what a step is made from; a `Path` stands for its content."""
    told = [item.read_text() if isinstance(item, Path) else item for item in inputs]
    return hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest()[:16]


def disk_full_error() -> SetupError:
    free = shutil.disk_usage(ROOT).free / GIGABYTE
    return SetupError(
        f"The disk that holds {ROOT} is full ({free:.1f} GB free): free some space and start again, "
        "the set-up goes on where it stopped."
    )


def check_disk(needed: int) -> None:
    free = shutil.disk_usage(ROOT).free
    if free < needed:
        raise SetupError(
            f"The disk that holds {ROOT} has {free / GIGABYTE:.1f} GB free, but {needed / GIGABYTE:.1f} GB are "
            "needed: free some space and start again."
        )


@contextlib.contextmanager
def one_sentence_for_a_full_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full_error() from error
        raise


@contextlib.contextmanager
def exclusive(name: str, *, quiet: bool = False) -> Iterator[None]:
    """Only one process of this working tree does `name` at a time; the others wait. Dies with the process."""
    DEV.mkdir(exist_ok=True)
    with (DEV / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not quiet:
                say(f"Another command is busy with the {name} in this folder: waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def stamp_path(name: str) -> Path:
    return STAMPS / name


def stamp_of(name: str) -> str | None:
    """The digest that a finished step left, None when it never finished."""
    path = stamp_path(name)
    return path.read_text().strip() if path.is_file() else None


def step(
    name: str, title: str, wanted: str, build: Callable[[str | None], None], exists: Callable[[], bool]
) -> bool:
    """Run `build` unless a finished run left the stamp `wanted`; tell whether it ran.

    `build` is given the digest of the last finished run, None after a broken-off one. The stamp is taken away
    before and written after: whatever breaks off in between is built anew by the next start.
    """
    before = stamp_of(name) if exists() else None
    if before == wanted:
        return False
    say(f"  {title} …")
    started = time.monotonic()
    stamp_path(name).unlink(missing_ok=True)
    with one_sentence_for_a_full_disk():
        build(before)
        STAMPS.mkdir(parents=True, exist_ok=True)
        stamp_path(name).write_text(wanted)
    say(f"  {title}: done in {time.monotonic() - started:.0f} s")
    return True


def together(*tasks: Callable[[], None]) -> None:
    """Do independent tasks at the same time; raise the first failure when all have ended."""
    with ThreadPoolExecutor(len(tasks)) as pool:
        running = [pool.submit(task) for task in tasks]
    for one in running:
        one.result()


NETWORK_WORDS = re.compile(
    r"Temporary failure resolving|Could not resolve|Name or service not known|name resolution|Network is unreachable"
    r"|Connection refused|Connection timed out|Could not connect|NewConnectionError|Max retries exceeded|ProxyError"
    r"|Unable to connect|Read timed out|No route to host",
    re.IGNORECASE,
)


def explain(what: str, output: str, log: Path, *, fetches: bool = False) -> SetupError:
    """The likeliest cause of a failed program as one sentence, with its log for the curious.

    `fetches` tells that the program talks to the network.
    """
    if DISK_FULL in output:
        return disk_full_error()
    where = log.relative_to(ROOT)
    if fetches and NETWORK_WORDS.search(output):
        return SetupError(
            f"{what} failed because the network did not answer: check the connection or proxy and start again "
            f"(details: {where})."
        )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"(E:|ERROR|error:|fatal:|FATAL|\w*Error\b)", line)]
    said = (telling or lines or ["it said nothing"])[-1]
    return SetupError(f"{what} failed: {said.rstrip('.')} (details: {where}).")


def run(
    command: list,
    what: str,
    *,
    env: dict | None = None,
    cwd: Path = ROOT,
    stdin: str | None = None,
    fetches: bool = False,
) -> str:
    """Run a program to its end with its output in a log; return the output, or raise the reason in a sentence."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / (re.sub(r"\W+", "-", what.lower()).strip("-") + ".log")
    try:
        done = subprocess.run(
            [str(part) for part in command],
            env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
            cwd=cwd,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError as error:
        raise SetupError(
            f"{what} needs the program {error.filename}, which is not installed here."
        ) from error
    with one_sentence_for_a_full_disk():
        log.write_text(done.stdout)
    if done.returncode:
        raise explain(what, done.stdout, log, fetches=fetches)
    return done.stdout


def remove(path: Path) -> None:
    """Take away a file or folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def fail(error: SetupError) -> int:
    print(f"\n{error}", file=sys.stderr, flush=True)
    return 1
