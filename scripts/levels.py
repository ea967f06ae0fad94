"""`make test`: every level of tests in a pytest process of its own, closed by one true sum of them all.

The levels cannot share a process: the provider layer is tested without Odoo, and pytest-odoo loads Odoo at once.
Odoo's tests take the longest, so they are divided, and the others run beside them.
"""

import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL
from xml.etree import ElementTree

from devenv import databases, postgres, services
from devenv.settings import LOGS, ROOT, TEST_MODULES, VENV_PYTHON, present_addons
from devenv.steps import SetupError, say

LEVEL_SECONDS = 40 * 60
ONE_TEST_SECONDS = 300


def _halves(folder: Path) -> tuple[list[str], list[str]]:
    """The files of tests of a folder in two lists with about as many tests in each."""
    counts = {path: path.read_text().count("def test_") for path in folder.glob("test_*.py")}
    halves: tuple[list[Path], list[Path]] = [], []
    for path in sorted(counts, key=lambda path: (-counts[path], path.name)):
        min(halves, key=lambda half: sum(counts[one] for one in half)).append(path)
    first, second = ([str(path.relative_to(ROOT)) for path in half] for half in halves)
    return first, second


_FIRST, _SECOND = _halves(ROOT / "fieldpromax_accounting" / "tests")
# Levels that need a database with our addons, each its own.
ODOO_LEVELS = {
    "odoo-1": _FIRST,
    "odoo-2": _SECOND,
    "projects": ["fieldpromax_accounting_project/tests"],
}
# What the classes of these tests would otherwise make one by one.
PREPARE_SCRIPT = """
from odoo.addons.fieldpromax_accounting.tests.common import prepare_database
prepare_database(env)
env.cr.commit()
"""
FOLDERS = {
    "providers": [
        "tests/providers",
        "tests/contract",
        "tests/faults",
        "tests/fuzz",
        "tests/matching",
        "tests/merging",
    ],
    "simulators": ["tests/simulators"],
    "scripts": ["scripts/tests"],
    "upgrade": ["tests/upgrade"],
    "processes": ["tests/processes"],
    "lifecycle": ["tests/life_cycle"],
    "e2e": ["e2e"],
    **ODOO_LEVELS,
    "code": ["scripts/checks_hold/test_code.py"],
    "logs": ["scripts/checks_hold/test_logs.py"],
}
# Several levels by one name.
TOGETHER = {"odoo": ["odoo-1", "odoo-2"], "checks": ["code", "logs"]}
NAMES = [*FOLDERS, *TOGETHER]
# What runs side by side, each lane in its order: Odoo's tests wait for servers and locks about half of their time, so
# that four lanes keep two cores busy.
LANES = (
    ("odoo-1",),
    ("odoo-2",),
    ("projects", "upgrade", "scripts", "providers", "code"),
    ("simulators", "processes", "lifecycle", "e2e"),
)
# Servers that are killed and real time-outs, and databases that are made, upgraded and removed: each takes more minutes
# than `make test` has to spare.
ON_REQUEST = ("processes", "lifecycle")


# Odoo's log of installing our addons for the last run; the log gate reads it, as the next two.
INSTALL_LOG = LOGS / "gate-install.log"


def test_log(level: str) -> Path:
    return LOGS / f"gate-{level}-tests.log"


def output(level: str) -> Path:
    """What pytest said in the last run of a level."""
    return LOGS / f"gate-{level}-output.txt"


def issued(level: str) -> Path:
    """What the simulators handed out during the last run of a level, as hashes: the logs are searched for it."""
    return LOGS / f"gate-{level}-issued.txt"


@dataclass
class Outcome:
    """What a level came to; `broken` says why there is no result to count."""

    level: str
    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: list[str] = field(default_factory=list)
    broken: str = ""


def read_report(level: str, report: Path, exit_code: int) -> Outcome:
    """Count a pytest process's JUnit report; a process that left none, or collected nothing, is broken."""
    outcome = Outcome(level)
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))  # noqa: S314, written by our own pytest
    except (OSError, ElementTree.ParseError):
        outcome.broken = f"pytest ended with code {exit_code} and left no report"
        return outcome
    for case in cases:
        kinds = {child.tag: child for child in case}
        if "error" in kinds:
            outcome.errors += 1
        elif "failure" in kinds:
            outcome.failed += 1
        elif "skipped" in kinds:
            name = f"{case.get('classname')}::{case.get('name')}"
            outcome.skipped.append(f"{name}: {kinds['skipped'].get('message')}")
        else:
            outcome.passed += 1
    if not cases:
        outcome.broken = "it collected no test"
    elif exit_code and not outcome.failed and not outcome.errors:
        outcome.broken = f"pytest ended with code {exit_code} although no test failed"
    return outcome


def closing_line(outcomes: list[Outcome], seconds: float) -> str:
    """pytest's own closing line, over all processes; a broken level counts as an error."""
    counts = {
        "failed": sum(one.failed for one in outcomes),
        "passed": sum(one.passed for one in outcomes),
        "skipped": sum(len(one.skipped) for one in outcomes),
        "errors": sum(one.errors + bool(one.broken) for one in outcomes),
    }
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "no tests ran"
    if counts["errors"] == 1:
        told = told.replace("1 errors", "1 error")
    return f" {told} in {seconds:.2f}s ".center(100, "=")


def _pytest(level: str, env: dict[str, str], *options: str) -> Outcome:
    missing = [folder for folder in FOLDERS[level] if not (ROOT / folder).exists()]
    if missing:
        say(f"\n--- {level}: {missing[0]} is missing")
        return Outcome(level, broken=f"{missing[0]} is missing")
    report = LOGS / f"junit-{level}.xml"
    report.unlink(missing_ok=True)
    command = [
        VENV_PYTHON,
        "-m",
        "pytest",
        "-q",
        "-rs",
        "--tb=short",
        "--durations=10",
        f"--junitxml={report}",
    ]
    command += [f"--timeout={ONE_TEST_SECONDS}", *options, *FOLDERS[level]]
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=LEVEL_SECONDS)
        outcome = read_report(level, report, process.returncode)
    except subprocess.TimeoutExpired:
        said, outcome = "", Outcome(level, broken=f"it was stopped after {LEVEL_SECONDS // 60} minutes")
    finally:
        # Also what the level left running, such as a browser; and all of it when this run is interrupted.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, SIGKILL)
    output(level).write_text(said)
    say(f"\n--- {level}: {' '.join(FOLDERS[level])}\n{said.rstrip()}")
    return outcome


class Databases:
    """What the levels of one run begin with, made when the first of them asks; each level gets a copy of its own.

    :ivar installed: name of a database with our addons
    :ivar prepared: name of one that also has what Odoo's tests share
    :ivar opened: name of one whose pages are put together already, for the journeys
    """

    def __init__(self):
        self.installed = f"test_installed_{os.getpid()}"
        self.prepared = f"test_prepared_{os.getpid()}"
        self.opened = f"test_opened_{os.getpid()}"
        self._lock, self._made = threading.Lock(), {}

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        for name in (self.installed, self.prepared, self.opened):
            databases.drop(name)

    def ready(self, name: str) -> str:
        """`name`, one of the three, which is there now.

        :raise SetupError: it cannot be made; every level that wants it is told the same
        """
        with self._lock:
            self._make(name)
        return name

    def _make(self, name: str) -> None:
        if name not in self._made:
            try:
                if name == self.installed:
                    databases.create(name, [*present_addons(), *TEST_MODULES], log=INSTALL_LOG)
                else:
                    self._make(self.installed)
                    databases.copy(self.installed, name)
                    what, script = {
                        self.prepared: ("Preparing the database of the tests", PREPARE_SCRIPT),
                        self.opened: ("Preparing the pages of the journeys", databases.WORK_PAGES_SCRIPT),
                    }[name]
                    databases.run_shell(what, name, script)
                self._made[name] = None
            except SetupError as error:
                self._made[name] = error
        if self._made[name]:
            raise self._made[name]


def _plain(level: str, made: Databases) -> Outcome:
    env = databases.odoo_environment()
    if level == "e2e":
        env["JOURNEYS_BEGIN_WITH"] = made.ready(made.opened)
    return _pytest(level, env, "-p", "no:odoo")


def _odoo(level: str, made: Databases) -> Outcome:
    name = f"test_{level.replace('-', '_')}_{os.getpid()}"
    try:
        databases.copy(made.ready(made.prepared), name)
        for left in (test_log(level), issued(level)):
            left.unlink(missing_ok=True)
        options = [
            f"--odoo-config={databases.write_configuration()}",
            f"--odoo-database={name}",
            "--odoo-http",
            "--odoo-log-level=info",
            f"--odoo-extra=logfile={test_log(level)}",
        ]
        env = {**databases.odoo_environment(), "SIMULATORS_ISSUED": str(issued(level))}
        with ExitStack() as running:
            # Each class of tests would otherwise start its own, which takes longer than most of its tests.
            for provider in ("xero", "quickbooks"):
                env[f"FIELDPROMAX_{provider.upper()}_SIMULATOR"] = running.enter_context(
                    services.simulator(
                        provider, services.free_port(), None, f"{level} {provider} simulator", env
                    )
                )
            return _pytest(level, env, *options)
    finally:
        databases.drop(name)


def _level(level: str, made: Databases) -> Outcome:
    try:
        return (_odoo if level in ODOO_LEVELS else _plain)(level, made)
    except SetupError as error:
        say(f"\n--- {level}: {error}")
        return Outcome(level, broken=str(error).splitlines()[0])


def _lane(names: list[str], made: Databases) -> list[Outcome]:
    return [_level(name, made) for name in names]


def run(chosen: list[str]) -> int:
    """Run the named levels, or all; tell whether everything passed by the exit code."""
    started = time.monotonic()
    names = chosen or [name for name in FOLDERS if name not in ON_REQUEST]
    wanted = {level for name in names for level in TOGETHER.get(name, [name])}
    outcomes: list[Outcome] = []
    with postgres.lease(), Databases() as made, ThreadPoolExecutor(len(LANES)) as pool:
        lanes = [pool.submit(_lane, [level for level in lane if level in wanted], made) for lane in LANES]
        for lane in lanes:
            outcomes += lane.result()
        # What the others wrote has to be there.
        if "logs" in wanted:
            outcomes.append(_level("logs", made))
    say("")
    for one in outcomes:
        for reason in one.skipped:
            say(f"skipped in {one.level}: {' '.join(reason.split())}")
        if one.broken:
            say(f"{one.level} could not be counted: {one.broken}.")
    say(closing_line(outcomes, time.monotonic() - started))
    good = outcomes and all(one.passed and not (one.failed or one.errors or one.broken) for one in outcomes)
    return 0 if good else 1
