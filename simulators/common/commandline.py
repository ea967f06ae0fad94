"""Starting a simulator from the command line."""

import argparse
import asyncio
import contextlib

from .server import NotLoopback, serve, state_directory
from .store import StoreInUse


def parser_of(name, words, port, seeds):
    """The options of every simulator; a provider adds its own to the parser.

    :param str name: of the package, as in ``python -m simulators.<name>``
    :param str words: what is simulated, for the help
    :param int port: unless the caller says another one
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m simulators.{name}", description=f"A simulator of {words} on loopback."
    )
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=port, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--state-dir", help="keep the state in this directory across restarts")
    parser.add_argument(
        "--seed", choices=seeds, default="demo", help="what a new state holds (default: %(default)s)"
    )
    return parser


def run(parser, arguments, name, make_simulator):
    """Serve until the process is told to end.

    ``make_simulator(options, state_dir)`` makes it, once the options are read.

    :return: 0; what cannot start leaves with a sentence, 2 for a wrong option or a directory in use, 1 for a port
        that cannot be had
    """
    options = parser.parse_args(arguments)

    def make_app():
        return make_simulator(options, state_directory(options.state_dir)).app()

    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(make_app, name, options.host, options.port))
    except (NotLoopback, StoreInUse) as error:
        parser.exit(2, f"The simulator cannot start: {error}\n")
    except OSError as error:
        parser.exit(
            1, f"The simulator cannot listen on {options.host}:{options.port}: {error.strerror or error}.\n"
        )
    return 0
