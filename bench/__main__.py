"""``python -m bench [pull] [push] [post] [delay]``: measure, and print ``name: value``, one figure a line.

What is under way goes to standard error; standard output ends with the figures.
"""

import argparse
import signal
import sys
import time

from bench import delay, post, pull, push, rig

MEASUREMENTS = {"pull": pull, "push": push, "post": post, "delay": delay}


def main():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("what", nargs="*", choices=[[], *MEASUREMENTS], help="all by default")
    parser.add_argument("--rounds", type=int, help="how often pull and post repeat each side")
    arguments = parser.parse_args()
    wanted = arguments.what or list(MEASUREMENTS)
    figures = []
    # Being terminated is no reason to leave databases behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with rig.postgres.lease(), rig.Simulator("bench") as simulator, rig.database("bench_base") as base:
        key = rig.new_key()
        for name in wanted:
            options = {"rounds": arguments.rounds} if arguments.rounds and name in ("pull", "post") else {}
            started = time.monotonic()
            rig.say(f"{name} …")
            figures += MEASUREMENTS[name].measure(base, simulator, key, **options)
            rig.say(f"{name}: measured in {time.monotonic() - started:.0f} s")
    for name, value in figures:
        print(f"{name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
