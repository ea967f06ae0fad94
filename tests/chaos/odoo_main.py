"""Odoo's own command, as a file: a prefork server starts itself anew by that name for its live connections."""

from odoo.cli.command import main

if __name__ == "__main__":
    main()
