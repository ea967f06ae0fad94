"""Years of work of 50 companies against as much of ten: 100,000 links, 20,000 exchanges in history, and what belongs to
them, against 20,000 and 4,000.

Both databases were connected, and have sent and been paid, for real; further rows are copies of those by SQL. What is
measured is what one company meets, which has as many records of its own in both: posting 100 invoices; a cycle of its
push, pull and sweep while nothing is to be done; its lists. What the shared crons do for all connections
together, looking at every link, counts per link.

Two processes take turns; figures are the medians of their processor time and that of their sessions in PostgreSQL, so
that whatever else the machine does meanwhile, and the simulators' time, are not in it.
"""

from statistics import median

from bench import load_inside, rig, steps

MANY = {"companies": 50, "links": 100_000, "exchanges": 20_000}
FEW = {"companies": 10, "links": 20_000, "exchanges": 4_000}
CYCLES, OPENINGS = 3, 5


def measure(base, simulator, key, rounds=5):
    """``(name, value)`` of each figure."""
    provider = simulator.provider
    with (
        # Books of its own for each side: what the one sent, the other would find there.
        rig.Simulator("bench-load", provider) as books_of_many,
        rig.database("bench_load_few", source=base) as few_name,
        rig.database("bench_load_many", source=base) as many_name,
        rig.Worker(few_name, key) as few,
        rig.Worker(many_name, key) as many,
    ):
        sides, drafts = {}, {}
        for worker, size, books in ((few, FEW, simulator), (many, MANY, books_of_many)):
            books.reset(seed="demo")
            books.limits_off()
            worker.call(steps.prepare, simulator=books.url, provider=provider)
            connection = worker.call(steps.connect, provider=provider)
            worker.call(steps.pull, connection=connection)
            worker.call(steps.confirm_mappings, connection=connection)
            worker.call(steps.push, connection=connection)
            seeded = worker.call(load_inside.seed, connection=connection)
            counted = worker.call(
                load_inside.fill, connection=connection, seeded=seeded, seconds=1800, **size
            )
            # As PostgreSQL does by itself, sooner or later.
            rig.postgres.query("VACUUM ANALYZE", few_name if worker is few else many_name)
            rig.say(", ".join(f"{count:,} {name}s" for name, count in counted.items()))
            assert counted["connection"] == size["companies"], counted
            assert counted["link"] >= size["links"], counted
            assert counted["exchange"] >= size["exchanges"], counted
            sides[worker], drafts[worker] = connection, seeded["drafts"]

        def asked(function, **values):
            """The median of each side, of rounds that each begins every other time; the first warms both up."""
            told = {few: [], many: []}
            for number in range(rounds + 1):
                for worker in (few, many) if number % 2 else (many, few):
                    own = {name: value[worker] for name, value in values.items() if isinstance(value, dict)}
                    same = {name: value for name, value in values.items() if not isinstance(value, dict)}
                    seconds = worker.call(function, uid=rig.ADMIN, **own, **same)
                    if number:
                        told[worker].append(seconds)
            return told[few], told[many]

        def ratio(name, of_few, of_many):
            rig.say(f"{name}: {median(of_few):.3f} s among few, {median(of_many):.3f} s among many")
            return median(of_many) / median(of_few)

        yield "load.post_ratio", f"{ratio('posting', *asked(load_inside.time_posting, moves=drafts)):.3f}"
        cycles = _cycles(asked, sides)
        yield "load.cycle_ratio", f"{ratio('cycle', *cycles):.3f}"
        shared = _as_superuser(few, many, rounds)
        each = [
            [1000 * seconds / size["links"] for seconds in told]
            for told, size in zip(shared, (FEW, MANY), strict=True)
        ]
        yield "load.shared_ratio", f"{ratio('sweep and trimming per 1,000 links', *each):.3f}"
        yield "load.list_ratio", f"{_lists(asked, sides, ratio):.3f}"


def _cycles(asked, sides):
    return asked(load_inside.time_cycle, connection=sides, times=CYCLES)


def _as_superuser(few, many, rounds):
    told = {few: [], many: []}
    for number in range(rounds + 1):
        for worker in (few, many):
            seconds = worker.call(load_inside.time_shared)
            if number:
                told[worker].append(seconds)
    return told[few], told[many]


def _lists(asked, sides, ratio):
    """All lists together; each by itself is told to whoever watches."""
    few, many = asked(load_inside.time_lists, connection=sides, times=OPENINGS)
    for name in few[0]:
        ratio(name, [told[name] for told in few], [told[name] for told in many])
    return ratio("lists", *([sum(told.values()) for told in side] for side in (few, many)))
