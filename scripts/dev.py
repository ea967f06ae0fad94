#!/usr/bin/env python3
"""The development commands, one by one; `make` offers the usual ones. See `dev.py --help`."""

import argparse
import os
import shlex
import subprocess
import sys

import checks
import demo
import levels

from devenv import browser, databases, postgres, setup
from devenv.settings import BIN, ROOT, TEST_MODULES, VENV, VENV_PYTHON, present_addons
from devenv.steps import SetupError, fail, say


def _modules(args: argparse.Namespace) -> list[str]:
    if args.modules is not None:
        return [name for name in args.modules.split(",") if name]
    return [*present_addons(), *(TEST_MODULES if args.action == "create" else ())]


def command_setup(_args: argparse.Namespace) -> int:
    setup.set_up()
    say("The set-up is complete.")
    return 0


def command_env(_args: argparse.Namespace) -> int:
    for name, value in {**postgres.environment(), **browser.environment()}.items():
        say(f"export {name}={shlex.quote(value)}")
    say(f"export PATH={shlex.quote(str(BIN))}:{shlex.quote(str(VENV / 'bin'))}:$PATH")
    return 0


def command_pg(args: argparse.Namespace) -> int:
    if postgres.is_external():
        say("PGHOST or PGPORT is set: that server is used and left alone.")
    elif args.action == "start":
        postgres.start_and_stay()
    elif args.action == "stop" and not postgres.stop_for_good():
        say("PostgreSQL is still in use: it stops with the last command that uses it.")
    else:
        say("running" if postgres.is_running() else "stopped")
    return 0


def command_db(args: argparse.Namespace) -> int:
    with postgres.lease():
        name = databases.check_name(args.name)
        if args.action == "create":
            databases.create(name, _modules(args))
        elif args.action == "update":
            databases.install(name, _modules(args), update=True)
        elif args.action == "install":
            databases.install(name, _modules(args))
        else:
            databases.drop(name)
    return 0


def _in_odoo_environment(command: list[str]) -> int:
    with postgres.lease():
        return subprocess.run(command, env=databases.odoo_environment(), cwd=ROOT, check=False).returncode


def command_serve(args: argparse.Namespace) -> int:
    options = ["-d", args.db, "--db-filter", f"^{args.db}$", "-p", args.port, "--max-cron-threads=2"]
    return _in_odoo_environment(databases.odoo_command("server", *options, *args.rest))


def command_shell(args: argparse.Namespace) -> int:
    return _in_odoo_environment(databases.odoo_command("shell", "-d", args.db, "--no-http", *args.rest))


def command_test_odoo(args: argparse.Namespace) -> int:
    command = [VENV_PYTHON, "-m", "pytest", f"--odoo-config={databases.write_configuration()}"]
    command += [f"--odoo-database={args.db}", "--odoo-http", *(args.rest or ["fieldpromax_accounting/tests"])]
    return _in_odoo_environment([str(part) for part in command])


def command_demo(args: argparse.Namespace) -> int:
    return demo.reset() if args.reset else demo.start()


def command_test(args: argparse.Namespace) -> int:
    setup.set_up()
    return levels.run(args.level)


def command_lint(_args: argparse.Namespace) -> int:
    setup.set_up()
    return checks.run()


def command_bench(args: argparse.Namespace) -> int:
    setup.set_up()
    return _in_odoo_environment([str(VENV_PYTHON), "-m", "bench", *args.rest])


def command_cents(args: argparse.Namespace) -> int:
    setup.set_up()
    return _in_odoo_environment([str(VENV_PYTHON), "-m", "bench.cents", *args.rest])


def command_faults(args: argparse.Namespace) -> int:
    setup.set_up()
    return _in_odoo_environment([str(VENV_PYTHON), "tests/faults/faults.py", *args.rest])


def command_fuzz(args: argparse.Namespace) -> int:
    setup.set_up()
    return _in_odoo_environment([str(VENV_PYTHON), "tests/fuzz/fuzzing.py", *args.rest])


def command_chaos(args: argparse.Namespace) -> int:
    setup.set_up()
    return subprocess.run(
        [str(VENV_PYTHON), "tests/chaos/chaos.py", *args.rest], cwd=ROOT, check=False
    ).returncode


def command_run(args: argparse.Namespace) -> int:
    return _in_odoo_environment(args.rest)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, action, text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        one.set_defaults(action_function=action)
        return one

    add("setup", command_setup, "build everything under .dev, or what is missing of it")
    add(
        "env",
        command_env,
        "print the variables by which a shell reaches PostgreSQL, the tools and the browser",
    )
    one = add("pg", command_pg, "start the embedded PostgreSQL so that it stays, stop it, or tell its state")
    one.add_argument("action", choices=["start", "stop", "status"])
    one = add(
        "db", command_db, "make a private database from the template, install or update addons in it, drop it"
    )
    one.add_argument("action", choices=["create", "install", "update", "drop"])
    one.add_argument("name")
    one.add_argument(
        "--modules", help="comma-separated; default: the addons of this working tree; '' for none"
    )
    one = add("serve", command_serve, "run an Odoo server on a database and port; further options go to Odoo")
    one.add_argument("--db", required=True)
    one.add_argument("--port", required=True)
    one = add("shell", command_shell, "run an Odoo shell on a database; a script comes on standard input")
    one.add_argument("--db", required=True)
    one = add(
        "test-odoo", command_test_odoo, "run pytest with Odoo on a database; further options go to pytest"
    )
    one.add_argument("--db", required=True)
    one = add("demo", command_demo, "run Odoo with demo data and the simulators until Ctrl-C")
    one.add_argument("--reset", action="store_true", help="throw the demo's data away instead")
    one = add("test", command_test, "run the tests, all levels or those named")
    one.add_argument("level", nargs="*", choices=[[], *levels.NAMES])
    add("lint", command_lint, "run every check of the code")
    add("bench", command_bench, "measure, one figure a line; further options go to the bench")
    add("cents", command_cents, "prove that totals agree to the cent; options: --seed, --invoices")
    add(
        "faults",
        command_faults,
        "try every remote operation and exchange against every fault; options: --only, --part",
    )
    add(
        "fuzz",
        command_fuzz,
        "damaged answers, odd names, garbage at the routes; options: --seed, --cases, --only",
    )
    add(
        "chaos",
        command_chaos,
        "kill workers and restart PostgreSQL while records travel; options: --seed, --invoices, --records and more",
    )
    add("run", command_run, "run any program in the environment of Odoo and PostgreSQL, after --")
    return parser


def main() -> int:
    arguments, rest = sys.argv[1:], []
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, rest = arguments[:cut], arguments[cut + 1 :]
    args = _parser().parse_args(arguments)
    args.rest = rest
    os.chdir(ROOT)
    try:
        return args.action_function(args)
    except SetupError as error:
        return fail(error)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
