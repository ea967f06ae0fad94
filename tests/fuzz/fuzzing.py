"""``make fuzz``: damaged answers and odd names at both providers, and garbage at the routes of a running Odoo.

Prints the seed, ``fuzz.cases`` and ``fuzz.wrong``; wrong ones are told with what hypothesis shrank them to.
"""

import argparse
import logging
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in (HERE, HERE.parent, HERE.parent / 'faults', HERE.parent / 'contract'):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

import without_odoo  # noqa: E402

without_odoo.register()

import fuzz_answers  # noqa: E402
import fuzz_names  # noqa: E402
from books import PROVIDERS  # noqa: E402
from fault_matrix import Matrix, operations_of  # noqa: E402
from hypothesis import HealthCheck, seed, settings  # noqa: E402

CASES = 28_000  # in all
ROUTES = 4_000  # of them requests to the addon's own routes
NAMES = 4_000  # of them names


class Count:
    cases = 0

    def __call__(self):
        self.cases += 1


def how_many(cases, number=None):
    """The decorator that hypothesis runs a number of cases by; with a seed, others each time."""

    def decorate(function):
        function = settings(
            max_examples=cases,
            deadline=None,
            database=None,
            derandomize=number is None,
            suppress_health_check=list(HealthCheck),
        )(function)
        return function if number is None else seed(number)(function)

    return decorate


def tries(matrix, args, number, count):
    """(what was tried, the exception) of each try that went wrong, at one provider."""
    share = args.cases * (CASES - ROUTES) // CASES // len(PROVIDERS)
    names = 0 if args.only else share * NAMES // (CASES - ROUTES)
    operations = [one for one in operations_of(matrix.ledger.unbound) if args.only in one.name]
    each = max(1, (share - names) // max(1, len(operations)))
    # Names first: one of the operations ends the connection.
    if names:
        try:
            fuzz_names.try_names(matrix, how_many(names, number), count)
        except Exception as error:  # noqa: BLE001
            yield 'names', error
    for operation in operations:
        try:
            fuzz_answers.try_answers(matrix, operation, how_many(each, number), count)
        except Exception as error:  # noqa: BLE001
            yield operation.name, error


def tell(label, group):
    """Say what went wrong; how many things."""
    problems = getattr(group, 'exceptions', [group])
    for problem in problems:
        notes = '\n    '.join(getattr(problem, '__notes__', ()))
        sys.stdout.write(f'{label}: {type(problem).__name__}: {problem}\n    {notes}\n')
    return len(problems)


def at_the_routes(cases, number, count):
    """Garbage at a running Odoo; how many things went wrong."""
    # Here: without a database, as in the plain tests, nothing of it is needed.
    sys.path[:0] = [str(ROOT)]
    import fuzz_routes

    with fuzz_routes.world() as there:
        found = fuzz_routes.try_routes(there, lambda some: how_many(some, number), cases, count)
    return sum(tell('routes', group) for group in found)


def main():
    parser = argparse.ArgumentParser(description='Damaged answers, odd names, and garbage at the routes')
    parser.add_argument('--seed', type=int, help='the same seed, the same cases; one of the clock by default')
    parser.add_argument('--cases', type=int, default=CASES, help='in all, about')
    parser.add_argument(
        '--only',
        default='',
        help='a part of the name of the operations whose answers are damaged, or "routes"',
    )
    args = parser.parse_args()
    number = time.time_ns() % 10**6 if args.seed is None else args.seed
    say = sys.stdout.write
    say(f'fuzz.seed: {number}\n')
    logging.disable(logging.CRITICAL)
    count, wrong = Count(), 0
    for name in PROVIDERS:
        matrix = Matrix(name)
        try:
            for label, group in tries(matrix, args, number, count):
                wrong += tell(f'{name} {label}', group)
                sys.stdout.flush()
        finally:
            matrix.stop()
    if not args.only or args.only == 'routes':
        wrong += at_the_routes(args.cases * ROUTES // CASES, number, count)
    say(f'fuzz.cases: {count.cases}\nfuzz.wrong: {wrong}\n')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
