"""The sum at the end of `make test` is true, whatever became of the levels."""

import subprocess
import sys

import levels
import pytest

MIXED = """
import pytest, unittest
def test_good(): pass
def test_bad(): assert 0
def test_later(): pytest.skip("no browser here")
@pytest.fixture
def broken(): raise ValueError
def test_error(broken): pass
class TestOld(unittest.TestCase):
    def test_good(self): pass
"""


def outcome_of(tmp_path, text, *options):
    """What a real pytest process on `text` is counted as."""
    (tmp_path / "test_it.py").write_text(text)
    report = tmp_path / "report.xml"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:odoo", f"--junitxml={report}", *options, str(tmp_path)],
        capture_output=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    return levels.read_report("it", report, done.returncode)


def test_every_kind_of_result_is_counted(tmp_path):
    outcome = outcome_of(tmp_path, MIXED)
    assert (outcome.passed, outcome.failed, outcome.errors, len(outcome.skipped)) == (2, 1, 1, 1)
    assert "no browser here" in outcome.skipped[0]
    assert not outcome.broken


def test_a_level_that_collects_nothing_is_broken(tmp_path):
    assert outcome_of(tmp_path, "").broken == "it collected no test"


def test_a_file_that_cannot_be_imported_counts_as_an_error(tmp_path):
    outcome = outcome_of(tmp_path, "import no_such_module")
    assert outcome.errors == 1


def test_a_process_that_dies_leaves_a_broken_level(tmp_path):
    outcome = outcome_of(tmp_path, "import os\ndef test_it(): os._exit(7)")
    assert outcome.broken == "pytest ended with code 7 and left no report"


def test_an_exit_code_without_a_failed_test_is_not_overlooked(tmp_path):
    conftest = "def pytest_sessionfinish(session): session.exitstatus = 9"
    (tmp_path / "conftest.py").write_text(conftest)
    assert (
        outcome_of(tmp_path, "def test_it(): pass").broken
        == "pytest ended with code 9 although no test failed"
    )


def test_the_closing_line_is_pytests_own():
    outcomes = [
        levels.Outcome("a", passed=3, skipped=["x"]),
        levels.Outcome("b", passed=1, failed=2, broken="it died"),
    ]
    line = levels.closing_line(outcomes, 12.3)
    assert line.strip("= ") == "2 failed, 4 passed, 1 skipped, 1 error in 12.30s"
    assert line.startswith("===")
    assert levels.closing_line([], 0).strip("= ") == "no tests ran in 0.00s"


@pytest.fixture
def without_servers(monkeypatch):
    class Lease:
        __enter__ = __exit__ = lambda *_args: None

    monkeypatch.setattr(levels.postgres, "lease", Lease)
    monkeypatch.setattr(levels.databases, "drop", lambda _name: None)
    monkeypatch.setattr(levels, "_odoo", lambda level, _made: levels.Outcome(level, passed=1))


@pytest.mark.parametrize(
    ("plain", "code"),
    [({"passed": 1}, 0), ({"passed": 1, "failed": 1}, 1), ({"passed": 1, "errors": 1}, 1), ({}, 1),
     ({"passed": 1, "broken": "it died"}, 1)],
)  # fmt: skip
@pytest.mark.usefixtures("without_servers")
def test_the_exit_code_is_good_only_when_every_level_is(monkeypatch, capsys, plain, code):
    monkeypatch.setattr(levels, "_plain", lambda level, _made: levels.Outcome(level, **plain))
    assert levels.run([]) == code
    assert capsys.readouterr().out.strip().splitlines()[-1].startswith("===")


@pytest.mark.usefixtures("without_servers")
def test_skipped_tests_are_listed_with_their_reason(monkeypatch, capsys):
    monkeypatch.setattr(
        levels, "_plain", lambda level, _made: levels.Outcome(level, passed=1, skipped=["t: no\n browser"])
    )
    assert levels.run(["e2e"]) == 0
    assert "skipped in e2e: t: no browser" in capsys.readouterr().out


@pytest.mark.usefixtures("without_servers")
def test_a_database_that_cannot_be_made_is_told_to_every_level(monkeypatch, capsys):
    def refuse(_name, _modules, log):
        raise levels.SetupError(f"Installing failed, see {log.name}.")

    monkeypatch.setattr(levels.databases, "create", refuse)
    with levels.Databases() as made:
        for _time in range(2):
            with pytest.raises(levels.SetupError, match="gate-install"):
                made.ready(made.prepared)
    monkeypatch.setattr(levels, "_odoo", lambda _level, made: made.ready(made.installed))
    assert levels.run(["odoo"]) == 1
    assert "odoo-2 could not be counted: Installing failed" in capsys.readouterr().out
