"""A process of Odoo on one database that runs the functions it is given, one after another.

Orders come as lines of JSON on standard input, answers leave as lines of JSON on what was standard output; what else is
printed goes to the log. Each function gets an environment with a transaction of its own, which is committed when the
function returns. A worker can fork, as Odoo's own prefork server does: the twin is ready at once and takes its orders
from a socket. The other end is ``rig.Worker``.
"""

import importlib.util
import json
import os
import random
import socket
import sys
import threading
import traceback
from functools import partial
from pathlib import Path

_modules = {}


class Orders:
    """Where orders come from and answers go to: a pair of text files."""

    def __init__(self, incoming, outgoing):
        self.incoming, self.outgoing = incoming, outgoing

    def answer(self, **values):
        self.outgoing.write(json.dumps(values) + "\n")
        self.outgoing.flush()


def load(path):
    """The module of a file, once: what it keeps stays from one order to the next."""
    if path not in _modules:
        sys.path.append(str(Path(path).parent))
        spec = importlib.util.spec_from_file_location(f"worker_{len(_modules)}_{Path(path).stem}", path)
        module = importlib.util.module_from_spec(spec)
        _modules[path] = module
        spec.loader.exec_module(module)
    return _modules[path]


def carry_out(registry, order):
    """Run one order as Odoo runs a request: with a fresh look at the registry, repeated on a conflict if so ordered."""
    from odoo.api import SUPERUSER_ID, Environment
    from odoo.service.model import retrying

    function = getattr(load(order["file"]), order["function"])
    registry.check_signaling()
    with registry.cursor() as cr:
        env = Environment(cr, order["uid"] or SUPERUSER_ID, {})
        if order["repeat"]:
            return retrying(partial(function, env, **order["arguments"]), env)
        result = function(env, **order["arguments"])
        cr.commit()
        return result


def fork(path):
    """In the twin: its orders, from the socket at ``path``. In this process: None."""
    from odoo import sql_db

    # No database connection may be shared between two processes.
    sql_db.close_all()
    if os.fork():
        return None
    os.close(0)
    random.seed()
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    orders = Orders(connection.makefile("r"), connection.makefile("w"))
    orders.answer(result=os.getpid())
    return orders


def main():
    orders = Orders(sys.stdin, os.fdopen(os.dup(1), "w"))
    os.dup2(2, 1)

    from odoo import sql_db
    from odoo.modules.registry import Registry
    from odoo.service.server import load_server_wide_modules
    from odoo.tools import config

    config.parse_config(sys.argv[1:], setup_logging=True)
    load_server_wide_modules()
    database = config["db_name"][0]
    threading.current_thread().dbname = database
    registry = Registry(database)
    orders.answer(result=os.getpid())
    while line := orders.incoming.readline():
        order = json.loads(line)
        try:
            if "fork" in order:
                orders = fork(order["fork"]) or orders
            else:
                orders.answer(result=carry_out(registry, order))
        except Exception as error:  # noqa: BLE001, told to whoever gave the order
            orders.answer(error=type(error).__name__, sentence=str(error), traceback=traceback.format_exc())
    sql_db.close_all()
    # Taking Odoo's registry down piece by piece takes seconds, and nothing is left to be done.
    os._exit(0)


if __name__ == "__main__":
    main()
