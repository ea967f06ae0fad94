"""The whole set-up, step by step; each step is skipped when it is done already."""

from devenv import browser, databases, odoo_tree, postgres, python_env
from devenv.steps import FIRST_SETUP_BYTES, LATER_START_BYTES, check_disk, exclusive, stamp_of, together


def set_up(*, develop: bool = True) -> None:
    """Everything that any other command needs; quick when it is there already.

    Without `develop` what tests alone need is left for later: whoever wants to look at the product waits less.
    """
    check_disk(LATER_START_BYTES if stamp_of(postgres.stamp_name("template")) else FIRST_SETUP_BYTES)
    with exclusive("setup"):
        python_env.check()
        together(
            lambda: (
                odoo_tree.ensure(),
                odoo_tree.compile_ahead(databases.TEMPLATE_MODULES, python_env.interpreter()[0]),
            ),
            python_env.ensure_run,
        )
        databases.write_configuration()
        postgres.ensure()
        with postgres.lease():
            if develop:
                together(
                    lambda: (databases.ensure_template(), databases.ensure_test_pages()),
                    lambda: (python_env.ensure_develop(), browser.ensure()),
                )
            else:
                databases.ensure_template()
