"""The logs of the test run just made hold no warning and no secret."""

import checks
import pytest


def test_the_installation_logs_no_warning():
    assert checks.logs(checks.levels.INSTALL_LOG) == ""


@pytest.mark.parametrize("level", checks.levels.ODOO_LEVELS)
def test_the_odoo_tests_log_no_warning(level):
    assert checks.logs(checks.levels.test_log(level)) == ""


@pytest.mark.parametrize("level", checks.levels.ODOO_LEVELS)
def test_the_odoo_tests_log_no_secret(level):
    assert checks.secrets_of(level) == ""
