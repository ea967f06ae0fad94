"""Steps are built once, and again after whatever broke them off."""

import errno
import re
import shutil
import subprocess
import sys
import threading

import pytest

from devenv import settings, steps
from devenv.steps import SetupError


def one(built, wanted="a", exists=lambda: True):
    return steps.step("one", "Step one", wanted, built.append, exists)


def test_a_finished_step_is_not_built_again(dev):
    built = []
    assert one(built)
    assert not one(built)
    assert built == [None]


def test_a_changed_input_builds_again_and_tells_the_former_digest(dev):
    built = []
    one(built)
    one(built, "b")
    assert built == [None, "a"]


def test_a_result_that_was_removed_is_built_anew(dev):
    built = []
    one(built)
    one(built, exists=lambda: False)
    assert built == [None, None]


def test_a_step_that_breaks_off_is_built_anew_by_the_next_start(dev):
    built = []
    one(built)
    with pytest.raises(KeyboardInterrupt):
        steps.step(
            "one", "Step one", "b", lambda _before: (_ for _ in ()).throw(KeyboardInterrupt), lambda: True
        )
    one(built, "b")
    assert built == [None, None]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_is_one_sentence_and_leaves_no_stamp(dev, number):
    def fill(_before):
        raise OSError(number, "full")

    with pytest.raises(SetupError, match=r"is full .* free some space and start again"):
        steps.step("one", "Step one", "a", fill, lambda: True)
    assert steps.stamp_of("one") is None


def test_another_operating_system_error_is_not_called_a_full_disk(dev):
    def deny(_before):
        raise PermissionError(errno.EACCES, "denied")

    with pytest.raises(PermissionError):
        steps.step("one", "Step one", "a", deny, lambda: True)


def test_too_little_space_is_refused_before_anything_is_made(dev, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**9, 10**9 - 1, 1))
    with pytest.raises(SetupError, match=r"0.0 GB free, but 4.0 GB are needed"):
        steps.check_disk(steps.FIRST_SETUP_BYTES)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("E: Failed to fetch http://x  Temporary failure resolving 'x'\n", "the network did not answer"),
        (
            "ProxyError('Cannot connect to proxy.')\nERROR: No matching distribution\n",
            "the network did not answer",
        ),
        ("dpkg-deb: error: cannot write: No space left on device\n", "is full"),
        ("noise\nE: Unable to locate package odoo-19\nmore noise\n", "E: Unable to locate package odoo-19"),
        ("", "it said nothing"),
    ],
)
def test_a_failed_program_is_told_in_one_sentence(dev, said, told):
    script = f"import sys; sys.stdout.write({said!r}); sys.exit(3)"
    with pytest.raises(SetupError) as caught:
        steps.run([sys.executable, "-c", script], "Fetching it", fetches=True)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (dev / "logs" / "fetching-it.log").read_text() == said


def test_a_missing_program_is_named(dev):
    with pytest.raises(SetupError, match="needs the program no-such-program, which is not installed here"):
        steps.run(["no-such-program"], "Fetching it")


def test_tasks_done_together_all_end_before_the_failure_is_raised(dev):
    gate = threading.Event()
    ended = []

    def slow():
        gate.wait(10)
        ended.append(True)

    def fails():
        gate.set()
        raise SetupError("This one failed.")

    with pytest.raises(SetupError, match=r"This one failed\."):
        steps.together(fails, slow)
    assert ended == [True]


def test_two_commands_do_the_same_step_one_after_the_other(dev, capsys):
    order = []
    inside, leave = threading.Event(), threading.Event()

    def first():
        with steps.exclusive("setup"):
            inside.set()
            leave.wait(10)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(10)
    threading.Timer(0.2, leave.set).start()
    with steps.exclusive("setup"):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
    assert "waiting for it" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["80", "65536", "x", "-1", "8069.5"])
def test_what_is_not_a_port_is_refused(monkeypatch, text):
    monkeypatch.setenv("ODOO_PORT", text)
    with pytest.raises(SetupError, match=f"ODOO_PORT={re.escape(text)} is not a port"):
        settings.port("ODOO_PORT", 8069)


def test_a_port_comes_from_the_environment_or_is_the_usual_one(monkeypatch):
    monkeypatch.setenv("ODOO_PORT", "18069")
    monkeypatch.delenv("XERO_PORT", raising=False)
    assert (settings.port("ODOO_PORT", 8069), settings.port("XERO_PORT", 8071)) == (18069, 8071)


def test_make_alone_lists_every_command_with_a_line():
    told = subprocess.run(
        ["make", "-s"], cwd=settings.ROOT, capture_output=True, text=True, check=True
    ).stdout
    listed = re.findall(r"^  make ([a-z0-9-]+) {2,}\S", told, re.MULTILINE)
    targets = re.findall(r"^([a-z0-9-]+):", (settings.ROOT / "Makefile").read_text(), re.MULTILINE)
    assert listed == targets
    assert {"demo", "demo-reset", "test", "lint", "e2e", "bench"} <= set(listed)
