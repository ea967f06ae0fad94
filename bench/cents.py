"""``python -m bench.cents``: generated invoices against the arithmetic of both simulators, to the cent.

Odoo's own engine works out the amounts, the addon prepares what goes over, the providers' own code sends it, and what
the books answer is compared. ``silent`` counts totals that differ although nothing refused them; each is told with what
was generated.
"""

import argparse
import signal
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from bench import cents_inside, rig

PROVIDERS = ("xero", "quickbooks")
INVOICES = 10_000  # half for each provider
LEAST_EQUAL = 0.95
SECONDS = 3600


def prove(base, key, provider, seed, count):
    with (
        rig.Simulator("cents", provider) as simulator,
        rig.database(f"cents_{provider}", source=base) as database,
        rig.Worker(database, key) as worker,
    ):
        simulator.reset(seed="demo")
        simulator.limits_off()
        # By tag, as a bookkeeper adds them in the books.
        place = "organisations" if provider == "xero" else "companies"
        simulator.control(
            "POST",
            f"/_sim/{place}/GB",
            {"currencies": [name for name, _weight in cents_inside.CURRENCIES]},
        )
        connection = worker.call(cents_inside.arrange, simulator=simulator.url, provider=provider)
        started = time.monotonic()
        told = worker.call(cents_inside.prove, connection=connection, seed=seed, count=count, seconds=SECONDS)
        rig.say(f"{provider}: {count} invoices in {time.monotonic() - started:.0f} s")
        return told


def main():
    parser = argparse.ArgumentParser(prog="bench.cents", description=__doc__)
    parser.add_argument(
        "--seed", type=int, help="the same seed, the same invoices; one of the clock by default"
    )
    parser.add_argument("--invoices", type=int, default=INVOICES, help="in all; half for each provider")
    arguments = parser.parse_args()
    seed = time.time_ns() % 10**6 if arguments.seed is None else arguments.seed
    print(f"cents.seed: {seed}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with rig.postgres.lease(), rig.database("cents_base") as base, ThreadPoolExecutor(len(PROVIDERS)) as pool:
        key = rig.new_key()
        # A database is copied by one at a time.
        running = {}
        share = -(-arguments.invoices // len(PROVIDERS))
        for index, provider in enumerate(PROVIDERS):
            # Seeds of their own, so that no two invoices are the same.
            own = seed * len(PROVIDERS) + index
            running[provider] = pool.submit(prove, base, key, provider, own, share)
            time.sleep(5)
        found = {provider: future.result() for provider, future in running.items()}
    return report(found)


def report(found):
    """Print the figures; 0 when nothing differed silently and enough was equal."""
    counts, reasons = Counter(), Counter()
    for provider, told in found.items():
        counts.update(told["counts"])
        reasons.update(told["reasons"])
        for name in ("equal", "refused", "silent"):
            print(f"{provider}.cents.{name}: {told['counts'].get(name, 0)}")
        print(f"{provider}.cents.posted_sample: {told['sample']}")
        for example in told["examples"]:
            print(f"{provider}: {example}", file=sys.stderr)
    for reason, count in sorted(reasons.items()):
        print(f"cents.refused.{reason}: {count}")
    for name in ("equal", "refused", "silent"):
        print(f"cents.{name}: {counts[name]}")
    if counts["unforeseen"]:
        print(f"cents.unforeseen: {counts['unforeseen']}")
    enough = counts["equal"] >= LEAST_EQUAL * counts.total()
    return 0 if enough and not counts["silent"] and not counts["unforeseen"] else 1


if __name__ == "__main__":
    sys.exit(main())
