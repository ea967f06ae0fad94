"""``python -m bench [pull] [idle] [push] [bulk] [delay] [audit] [post] [changes] [load] [match]`` prints
``name: value``.

One figure a line. What is under way goes to standard error; standard output ends with the figures.
"""

import argparse
import signal
import sys
import time

from bench import audit, bulk, changes, delay, idle, load, match, post, pull, push, rig

PROVIDERS = ("xero", "quickbooks")
# What is measured with the books of each provider, and what does not depend on them.
OF_BOOKS = {"pull": pull, "idle": idle, "push": push, "bulk": bulk, "delay": delay, "audit": audit}
# What is measured with the books of the first of them alone.
OF_ONE = {"post": post, "changes": changes, "load": load}
ROUNDS = ("pull", "post", "changes", "load")


def main():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("what", nargs="*", choices=[[], *OF_BOOKS, *OF_ONE, "match"], help="all by default")
    parser.add_argument("--provider", choices=PROVIDERS, action="append", help="both by default")
    parser.add_argument("--rounds", type=int, help="how often pull, post, changes and load repeat each side")
    arguments = parser.parse_args()
    providers = arguments.provider or PROVIDERS
    wanted = arguments.what or [*OF_BOOKS, *OF_ONE, "match"]
    figures = []

    def measured(name, measurement, *places):
        options = {"rounds": arguments.rounds} if arguments.rounds and name in ROUNDS else {}
        started = time.monotonic()
        rig.say(f"{name} …")
        figures.extend(measurement.measure(*places, **options))
        rig.say(f"{name}: measured in {time.monotonic() - started:.0f} s")

    # Being terminated is no reason to leave databases behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with rig.postgres.lease(), rig.database("bench_base") as base:
        key = rig.new_key()
        for provider in providers:
            with rig.Simulator("bench", provider) as simulator:
                for name, measurement in OF_BOOKS.items():
                    if name in wanted:
                        measured(name, measurement, base, simulator, key)
                for name, measurement in OF_ONE.items() if provider == providers[0] else ():
                    if name in wanted:
                        measured(name, measurement, base, simulator, key)
    if "match" in wanted:
        measured("match", match)
    for name, value in figures:
        print(f"{name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
