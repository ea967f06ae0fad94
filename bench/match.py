"""10,000 customers of the books against 10,000 of Odoo, and twice as many; false links and recall on labelled pairs.

No Odoo here: the engine is plain Python. Each size runs in a process of its own, so that the peak of one is not that of
another; the clock runs while the engine works, records are made before. ``python -m bench.match`` prints the figures
alone.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SIZE = 10_000
ROUNDS = 3

FIRST_NAMES = """
    John Mary James Linda Robert Patricia Michael Jennifer David Barbara William Elizabeth Richard Susan Joseph Jessica
    Thomas Sarah Charles Karen Daniel Nancy Matthew Lisa Anthony Betty Mark Margaret Paul Sandra Steven Ashley Andrew
    Kim Joshua Emily Kevin Donna Brian Michelle George Carol Edward Amanda Ronald Melissa Timothy Deborah Jason Sofia
    Lars Ingrid Pierre Chloé Jürgen Sabine Giulia Marco Zoë Ahmed Fatima Wei Mei Hiroshi Priya Arjun Olga Ivan Anders
""".split()
COMMON_SURNAMES = """
    Smith Johnson Williams Brown Jones Garcia Miller Davis Martin Wilson Anderson Taylor Thomas Moore Jackson White
    Harris Clark Lewis Walker Hall Young Allen King Wright Scott Hill Green Adams Baker Nelson Carter Mitchell Müller
    Schmidt Weber Larsson Nguyen Singh Patel Kowalski Rossi Dubois Fernández
""".split()
TRADES = """
    Services Plumbing Electrical Construction Heating Cleaning Roofing Landscaping Properties Consulting Builders Motors
    Dental Security Restaurant Transport Painting Design Foods Medical Farms Fitness Logistics Bakery Flooring Solar
""".split()
SECOND_TRADES = (
    "Services",
    "Group",
    "Solutions",
    "Systems",
    "& Sons",
    "Management",
    "Supplies",
    "International",
)
FORMS = ("", "", "", "Ltd", "Limited", "LLC", "Inc", "Pty Ltd", "GmbH", "B.V.", "S.r.l.")
PLACES = (
    "North",
    "South",
    "Lake",
    "River",
    "Green",
    "Golden",
    "Blue",
    "City",
    "Valley",
    "Pacific",
    "Royal",
    "First",
)
CITIES = ("Sydney", "Leeds", "Denver", "Hamburg", "Lyon", "Boston", "Perth", "Malmö", "Turin", "Austin")
SYLLABLES = """
    ba be bor ca cor da del den el fan fer gar gil ha hol jor ka ken la len lo mar mil mon na nor os pe per ra
""".split()
ENDINGS = "son ton ley man berg ford wick field mann ski ova ini ez ham stad wood er well ington ard".split()


def engine_module():
    """The engine without the addon's ``__init__``, which would import Odoo."""
    sys.path.insert(0, str(ROOT / "tests"))
    import without_odoo

    without_odoo.register()
    from fieldpromax_accounting import match_engine

    return match_engine


class Crowd:
    """Customers as they are: few names that many have, many that few have, the same words in every second company."""

    def __init__(self, size, seed=1):
        self._random = random.Random(seed)  # noqa: S311 the same crowd each time
        self._record = engine_module().Record
        self.local = [self._customer(number) for number in range(size)]
        remote = [self._again(one) for one in self.local[: size * 6 // 10]]
        remote += [self._customer(size + number, "remote") for number in range(size - len(remote))]
        self._random.shuffle(remote)
        self.remote = remote

    def _surname(self):
        chance = self._random
        if chance.random() < 0.45:
            return COMMON_SURNAMES[min(int(chance.expovariate(0.12)), len(COMMON_SURNAMES) - 1)]
        made = chance.choice(SYLLABLES) + (chance.choice(SYLLABLES) if chance.random() < 0.7 else "")
        return (made + chance.choice(ENDINGS)).capitalize()

    def _person(self):
        chance = self._random
        first = FIRST_NAMES[min(int(chance.expovariate(0.06)), len(FIRST_NAMES) - 1)]
        return f"{first} {self._surname()}"

    def _company(self):
        chance = self._random
        name = chance.choices(
            (
                self._surname(),
                self._person(),
                f"{chance.choice(PLACES)} {self._surname()}",
                f"The {self._surname()}",
            ),
            (6, 2, 3, 1),
        )[0]
        name = f"{name} {chance.choice(TRADES)}"
        if chance.random() < 0.3:
            name += f" {chance.choice(SECOND_TRADES)}"
        if chance.random() < 0.05:
            name += f" {chance.choice(CITIES)}"
        if chance.random() < 0.03:
            name += f" {chance.randint(1, 40)}"
        return f"{name} {chance.choice(FORMS)}".strip()

    def _customer(self, number, side="local"):
        chance = self._random
        name = self._person() if chance.random() < 0.45 else self._company()
        kind = chance.random()
        email = ""
        if kind < 0.03:
            email = f"accounts@agency{chance.randint(1, 60)}.example"
        elif kind < 0.8:
            email = (
                f"{''.join(filter(str.isascii, name.lower().split()[0]))}.{number}@mail{number % 997}.example"
            )
        phone = (
            f"+1 {chance.randint(200, 999)} 555 {chance.randint(0, 9999):04}" if chance.random() < 0.6 else ""
        )
        city = chance.choice(CITIES) if chance.random() < 0.7 else ""
        return self._record("customer", f"{side}-{number}", name, email=email, phone=phone, city=city)

    def _again(self, local):
        """The same customer as the books have it."""
        chance = self._random
        name, email, phone = local.name, local.email, local.phone
        way = chance.random()
        if way < 0.1:
            name = name.upper()
        elif way < 0.2:
            place = chance.randrange(1, len(name))
            name = name[:place] + name[place + 1 :]
        elif way < 0.25 and name.count(" ") == 1:
            name = ", ".join(reversed(name.split()))
        elif way < 0.3:
            name = name.replace("Ltd", "Limited").replace("&", "and")
        if chance.random() < 0.2:
            email = ""
        elif chance.random() < 0.1:
            email = f"billing@{email.partition('@')[2] or 'other.example'}"
        if chance.random() < 0.3:
            phone = phone.replace("+1 ", "").replace(" ", "-")
        identity = local.id.replace("local", "remote")
        return self._record("customer", identity, name, email=email, phone=phone, city=local.city)


def run(size):
    """Match a crowd of ``size``, in this process."""
    engine = engine_module()
    crowd = Crowd(size)
    wall, processor = time.perf_counter(), time.process_time()
    counts = dict.fromkeys((engine.LINK, engine.REVIEW, engine.CREATE), 0)
    false_links = candidates = 0
    for result in engine.Engine(crowd.local).candidates(crowd.remote):
        counts[result.verdict] += 1
        candidates += len(result.candidates)
        if result.verdict == engine.LINK:
            false_links += result.id.partition("-")[2] != result.candidates[0].id.partition("-")[2]
    return {
        "seconds": time.perf_counter() - wall,
        "processor": time.process_time() - processor,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "false_links": false_links,
        "candidates": candidates / size,
        **counts,
    }


def judge():
    """False links and recall on the labelled pairs: each alone, and among a crowd of :data:`SIZE`."""
    engine_module()
    sys.path.insert(0, str(ROOT / "tests" / "matching"))
    import labelled

    pairs = labelled.load()
    crowd = Crowd(SIZE)
    outcomes = [labelled.each_alone(pairs), labelled.all_at_once(pairs, crowd.local, crowd.remote)]
    return {
        "false_links": sum(len(labelled.false_links(found)) for found in outcomes),
        "recall": min(labelled.recall(found) for found in outcomes),
    }


def _apart(*arguments):
    """What this file prints in a process of its own."""
    command = [sys.executable, "-m", "bench.match", *arguments]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def measure(base=None, simulator=None, key=None, rounds=ROUNDS):
    """The figures; what the other measurements stand on is not needed."""
    runs = {SIZE: [], 2 * SIZE: []}
    for _ in range(rounds):
        for size, found in runs.items():
            found.append(_apart("--run", str(size)))
    judged = _apart("--judge")
    once, twice = runs[SIZE], runs[2 * SIZE]
    first = once[0]
    told = ", ".join(f"{first[verdict]} {verdict}" for verdict in ("link", "review", "create"))
    print(
        f"  match: of {SIZE} {told}; {first['candidates']:.2f} candidates each", file=sys.stderr, flush=True
    )
    # The least disturbed round of each; the ratio by the processor's clock, which others on the machine move less.
    ratio = min(one["processor"] for one in twice) / min(one["processor"] for one in once)
    yield "match.10k_s", f"{min(one['seconds'] for one in once):.1f}"
    yield "match.doubling", f"{ratio:.2f}"
    yield "match.peak_mb", f"{max(one['peak_mb'] for one in once):.0f}"
    yield "match.false_links", str(judged["false_links"] + first["false_links"] + twice[0]["false_links"])
    yield "match.recall", f"{judged['recall']:.3f}"


def main():
    parser = argparse.ArgumentParser(prog="bench.match", description=__doc__)
    parser.add_argument(
        "--run", type=int, metavar="SIZE", help="match one crowd and print what it took as JSON"
    )
    parser.add_argument(
        "--judge", action="store_true", help="print what becomes of the labelled pairs as JSON"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    if arguments.run or arguments.judge:
        print(json.dumps(run(arguments.run) if arguments.run else judge()))
    else:
        for name, value in measure(rounds=arguments.rounds):
            print(f"{name}: {value}")


if __name__ == "__main__":
    main()
