"""The working tree passes its gates, and the logs of the test run just made hold no warning."""

import checks
import pytest


@pytest.mark.parametrize("gate", [*checks.GATES])
def test_the_tree_passes(gate):
    assert checks.GATES[gate]() == ""


def test_the_installation_logs_no_warning():
    assert checks.logs(checks.levels.INSTALL_LOG) == ""


def test_the_odoo_tests_log_no_warning():
    assert checks.logs(checks.levels.TEST_LOG) == ""


def test_the_odoo_tests_log_no_secret():
    assert checks.secrets() == ""
