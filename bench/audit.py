"""10,000 invoices that stand on both sides: what one look over all of them costs, and what it finds.

They are put straight into both sides; what changes in the books afterwards must be found, and nothing else.
"""

from bench import rig, steps

INVOICES = 10_000
LOT = 100
MAX_CALLS = 30


def measure(base, simulator, key):
    simulator.reset(seed="demo")
    with rig.database("bench_audit", source=base) as database, rig.Worker(database, key) as worker:
        worker.call(steps.prepare, simulator=simulator.url, provider=simulator.provider)
        connection = worker.call(steps.connect, provider=simulator.provider)
        worker.call(steps.pull, connection=connection)
        worker.call(steps.confirm_mappings, connection=connection)
        worker.call(steps.push, connection=connection)
        customers = worker.call(steps.make_customers, count=1)
        products = worker.call(steps.make_products, count=1)
        moves = worker.call(steps.draft_invoices, customers=customers, products=products, count=1)
        worker.call(steps.post, uid=rig.ADMIN, moves=moves)
        worker.call(steps.push, connection=connection)
        (first,) = worker.call(steps.invoice_states, moves=moves)
        assert first[1] == "sent", first
        documents = put_into_the_books(simulator, first[0])
        worker.call(steps.link_documents, connection=connection, move=moves[0], documents=documents)
        since = simulator.last_request()
        seconds, found = worker.call(steps.audit, connection=connection)
        calls = len(simulator.requests(since))
        assert not found, found
        # Two in the books are changed: the next look, over all of them again, names these and no other.
        voided, edited = documents[17][1], documents[4711][1]
        change(simulator, voided, action="void")
        change(
            simulator,
            edited,
            **{"xero": {"Reference": "X"}, "quickbooks": {"PrivateNote": "X"}}[simulator.provider],
        )
        _seconds, found = worker.call(steps.audit, connection=connection, everything=True)
        assert sorted(found) == sorted([voided, edited]), found
    rig.say(f"audit: {len(documents) + 1} invoices in {seconds:.1f} s with {calls} calls")
    assert 0 < calls <= MAX_CALLS, calls
    yield f"{simulator.provider}.audit.calls", calls
    yield f"{simulator.provider}.audit.seconds", f"{seconds:.1f}"


def change(simulator, number, **values):
    name = rig.NUMBERS[simulator.provider]
    tag = rig.ORGANISATIONS[simulator.provider]
    simulator.control("POST", f"/_sim/{tag}/US", {"invoices": [{name: number, **values}]})


def fields_of(line):
    """What of a line of Xero makes another one like it; a text has no account."""
    if not line.get("AccountCode"):
        return ["Description"]
    wanted = (
        "Description",
        "Quantity",
        "UnitAmount",
        "DiscountRate",
        "AccountCode",
        "TaxType",
        "TaxAmount",
        "ItemCode",
    )
    return [field for field in wanted if field in line]


def put_into_the_books(simulator, number):
    """As many more as the invoice of that number as are wanted; ``[(id, number)]``."""
    name = rig.NUMBERS[simulator.provider]
    (model,) = [one for one in simulator.entities("invoices") if one.get(name) == number]
    wanted = {
        "xero": ("Type", "Contact", "Date", "DueDate", "Status", "LineAmountTypes", "CurrencyCode"),
        "quickbooks": ("CustomerRef", "TxnDate", "DueDate", "Line", "TxnTaxDetail"),
    }[simulator.provider]
    values = {field: model[field] for field in wanted if field in model}
    if simulator.provider == "xero":
        values |= {
            "Contact": {"ContactID": model["Contact"]["ContactID"]},
            "Date": model["DateString"][:10],
            "DueDate": model["DueDateString"][:10],
            "LineItems": [{field: line[field] for field in fields_of(line)} for line in model["LineItems"]],
        }
    else:
        values["Line"] = [
            {field: value for field, value in line.items() if field not in ("Id", "LineNum")}
            for line in model["Line"]
            if line["DetailType"] != "SubTotalLineDetail"
        ]
    numbers = [f"AUDIT/{place:05d}" for place in range(1, INVOICES)]
    tag = rig.ORGANISATIONS[simulator.provider]
    made = []
    for start in range(0, len(numbers), LOT):
        body = {"invoices": [{**values, name: one} for one in numbers[start : start + LOT]]}
        made += simulator.control("POST", f"/_sim/{tag}/US", body)["invoices"]
    return list(zip(made, numbers, strict=True))
