"""Workers are killed by the hundred while invoices go to the books and records come from them.

Real prefork servers, a PostgreSQL of its own that is restarted twice, both simulators. At the end nobody helps: what is
there once, there twice, missing or stuck is counted. Run it with ``python3 scripts/dev.py chaos -- --seed 7``; the last
lines are figures, one a line, and the exit code is 1 when any but ``chaos.kills`` is not 0.
"""

import argparse
import random
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path[:0] = [
    str(Path(__file__).resolve().parents[2]),
    str(Path(__file__).resolve().parents[2] / "scripts"),
]

from chaos_kills import Killer, Missed  # noqa: E402
from chaos_verdict import Verdict, waiting  # noqa: E402
from chaos_world import World, private_database  # noqa: E402

from bench import rig  # noqa: E402

PROVIDERS = ("xero", "quickbooks")


@dataclass
class Sizes:
    """How much is done, per provider, and how often workers die."""

    invoices: int = 500
    records: int = 2000
    before_answer: int = 38
    before_commit: int = 38
    anywhere: int = 34
    #: more of both while the first import runs, and while changes are read later on
    reading: int = 8
    reading_changes: int = 8
    restarts: int = 2
    settle_minutes: int = 45


def first_import(world, killer, sizes):
    """Read everything that stands in the books, dying in between."""
    plan = [("answer" if number % 2 else "commit") for number in range(sizes.reading)]
    for number, how in enumerate(plan):
        books = world.books[number % len(world.books)]
        if not _is_reading(world, books):
            continue
        _attempt(killer, how, books, lambda books=books: _wake(books), reading=True)
    for books in world.books:
        end = time.monotonic() + 60 * sizes.settle_minutes
        while _is_reading(world, books):
            assert time.monotonic() < end, f"the first import of {books.provider} does not end"
            # After three kills in a row Odoo forgets what woke the cron: people do not wait for its turn.
            _wake(books)
            time.sleep(10)


def _is_reading(world, books):
    return world.database.value(
        "SELECT count(*) FROM fieldpromax_run WHERE connection_id = %s AND kind = 'initial' AND state != 'done'",
        (books.connection,),
    )


def _wake(books):
    books.person.sync_now(books.connection)


def _change(books, draw):
    """Somebody changes a customer in the books, and a person asks for what is new."""
    books.change_customer(draw.randrange(1_000_000))
    _wake(books)


def _attempt(killer, how, books, wake, reading=False):
    """One kill; a moment that did not come is told and counted, and the plan goes on."""
    try:
        killer.kill(how, books, wake, reading)
    except Missed as missed:
        killer.missed += 1
        rig.say(f"missed ({how}, {books.provider}): {missed}")
        return False
    return True


def work(world, killer, server, sizes, draw):
    """People post and pay, workers die, PostgreSQL goes down twice."""
    counts = dict.fromkeys(killer.counts, 0)
    wanted = {
        "answer": sizes.before_answer,
        "commit": sizes.before_commit,
        "random": sizes.anywhere,
    }
    rounds = sum(wanted.values())
    read_at = {
        rounds * (number + 1) // (sizes.reading_changes + 1) for number in range(sizes.reading_changes)
    }
    # Enough for moments that are missed; what is left is posted at the end.
    each = max(1, sizes.invoices * len(world.books) * 3 // (rounds * 4))
    batches = {books.provider: _batches(books.moves, each) for books in world.books}
    restarts = [("fast", "immediate")[number % 2] for number in range(sizes.restarts)]
    restart_at = [rounds * (number + 1) // (sizes.restarts + 1) for number in range(sizes.restarts)]
    begun = killer.total()
    number = 0
    with ThreadPoolExecutor(len(world.books)) as people:
        at_work = {}

        def wake(books):
            """The person of these books does the next piece of work; what was begun before comes to its end first."""
            if books.provider in at_work:
                at_work.pop(books.provider).result()
            if batches[books.provider]:
                batch = batches[books.provider].pop(0)
                at_work[books.provider] = people.submit(books.person.post_and_pay, batch)
            else:
                at_work[books.provider] = people.submit(
                    _touch, world, books, draw.randrange(len(books.moves))
                )

        while any(counts[how] < count for how, count in wanted.items()):
            left = [how for how, count in wanted.items() for _time in range(count - counts[how])]
            books = world.books[number % len(world.books)]
            how = draw.choice(left)
            counts[how] += _attempt(killer, how, books, lambda books=books: wake(books))
            if number in read_at:
                how = draw.choice(["answer", "commit"])
                _attempt(killer, how, books, lambda books=books: _change(books, draw), reading=True)
            number += 1
            assert number < rounds * 3, "the moments to kill at do not come"
            if restart_at and killer.total() - begun >= restart_at[0]:
                restart_at.pop(0)
                mode = restarts.pop(0)
                wake(books)
                time.sleep(draw.uniform(0, 1.5))
                server.restart(mode)
                rig.say(f"PostgreSQL was restarted ({mode}) after {killer.total()} kills")
            if number % 10 == 0:
                rig.say(f"{killer.total()} kills, {_progress(world)}")
        # What nobody was there for any more is posted all the same.
        for books in world.books:
            rest = batches[books.provider]
            batches[books.provider] = [[move for batch in rest for move in batch]] if rest else []
            wake(books)
        for one in at_work.values():
            one.result()


def _batches(moves, size):
    return [moves[start : start + size] for start in range(0, len(moves), size)]


def _touch(world, books, number):
    """Change a customer that went over already, so that there is a call to die at."""
    partner = world.database.value(
        "SELECT partner_id FROM account_move WHERE id = %s", (books.moves[number],)
    )
    books.person.edit_customer(partner, {"city": f"Town {time.monotonic_ns()}"})


def _progress(world):
    told = world.database.rows(
        "SELECT kind || ' ' || state, count(*) FROM fieldpromax_exchange GROUP BY 1 ORDER BY 1"
    )
    return ", ".join(f"{count} {what}" for what, count in told) or "nothing sent"


def settle(world, sizes):
    """Until nothing is under way any more, with no hand; how many seconds that took."""
    started = time.monotonic()
    quiet, told = 0, 0.0
    while quiet < 5:
        left = waiting(world)
        quiet = 0 if left else quiet + 1
        now = time.monotonic() - started
        if now > 60 * sizes.settle_minutes:
            break
        if now - told > 60:
            told = now
            rig.say(f"{now:.0f} s after the last kill: {left}")
        time.sleep(1)
    return time.monotonic() - started


def run(sizes, seed):
    key = rig.new_key()
    draw = random.Random(seed)  # noqa: S311 the same run again for the same seed
    started = time.monotonic()
    with (
        rig.Simulator("chaos", "xero") as xero,
        rig.Simulator("chaos", "quickbooks") as quickbooks,
        private_database(key) as (server, database),
    ):
        world = World(database, key, {"xero": xero, "quickbooks": quickbooks}, sizes)
        try:
            rig.say(f"arranged in {time.monotonic() - started:.0f} s")
            killer = Killer(world, seed)
            first_import(world, killer, sizes)
            rig.say(f"{sizes.records} records of each provider are read, {killer.total()} kills")
            world.draft()
            work(world, killer, server, sizes, draw)
            rig.say(
                f"{killer.total()} kills after {time.monotonic() - started:.0f} s; from now on nobody helps"
            )
            seconds = settle(world, sizes)
            verdict = Verdict(world)
            rig.say(_progress(world))
            for what in ("lost", "doubled", "stuck"):
                for sentence in getattr(verdict, what)[:20]:
                    rig.say(f"{what}: {sentence}")
            repeated = sum(books.person.repeated for books in world.books)
            rig.say(f"{killer.missed} moments were missed; people had to repeat {repeated} requests")
        finally:
            world.close()
    print(f"chaos.seed: {seed}")
    print(f"chaos.kills_between_claim_and_answer: {killer.counts['answer']}")
    print(f"chaos.kills_between_answer_and_commit: {killer.counts['commit']}")
    print(f"chaos.kills_while_reading: {killer.counts['reading']}")
    print(f"chaos.kills_at_random: {killer.counts['random']}")
    print(f"chaos.database_restarts: {sizes.restarts}")
    print(f"chaos.settled_seconds: {seconds:.0f}")
    print(f"chaos.kills: {killer.total()}")
    print(f"chaos.lost: {len(verdict.lost)}")
    print(f"chaos.doubled: {len(verdict.doubled)}")
    print(f"chaos.stuck: {len(verdict.stuck)}")
    return 1 if verdict.lost or verdict.doubled or verdict.stuck else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, help="repeats a run; a new one by default")
    for name, value in vars(Sizes()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    arguments = vars(parser.parse_args())
    seed = arguments.pop("seed")
    # Being terminated is no reason to leave servers behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return run(Sizes(**arguments), random.SystemRandom().randrange(10_000) if seed is None else seed)


if __name__ == "__main__":
    sys.exit(main())
