"""The labelled pairs and what the engine makes of them: shared by the tests and by ``bench/match.py``."""

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from fieldpromax_accounting.match_engine import CREATE, LINK, Engine, Record

PATH = Path(__file__).with_name('labelled_pairs.jsonl')
LABELS = ('same', 'different', 'unsure')
# What a person who labels may see and the engine does not look at.
_NOT_COMPARED = ('is_company', 'description')


@dataclass(frozen=True)
class Pair:
    id: str
    kind: str
    label: str
    books: Record
    odoo: Record
    why: str


@dataclass(frozen=True)
class Outcome:
    pair: Pair
    #: the verdict is link, and for this pair
    is_linked: bool
    #: the record of Odoo is among the candidates
    is_suggested: bool
    #: nothing at all was found for the record of the books
    is_created: bool


def load():
    lines = PATH.read_text(encoding='utf-8').splitlines()
    return [_pair(json.loads(line)) for line in lines if line and not line.startswith('#')]


def _pair(data):
    books, odoo = (_record(data['kind'], f'{side}-{data["id"]}', data[side]) for side in ('books', 'odoo'))
    return Pair(data['id'], data['kind'], data['label'], books, odoo, data['why'])


def _record(kind, identity, values):
    values = {name: value for name, value in values.items() if name not in _NOT_COMPARED}
    if 'price' in values:
        values['price'] = Decimal(values['price'])
    return Record(kind, identity, **values)


def outcome(pair, result):
    candidates = [candidate.id for candidate in result.candidates]
    return Outcome(
        pair,
        is_linked=result.verdict == LINK and candidates[0] == pair.odoo.id,
        is_suggested=pair.odoo.id in candidates,
        is_created=result.verdict == CREATE,
    )


def each_alone(pairs):
    """Outcomes when the two records are all there is: nothing else makes them ambiguous."""
    return [outcome(pair, next(Engine([pair.odoo]).candidates([pair.books]))) for pair in pairs]


def all_at_once(pairs, local_records=(), remote_records=()):
    """Outcomes when all pairs of a kind, and others, are matched together."""
    found = []
    for kind in sorted({pair.kind for pair in pairs}):
        chosen = [pair for pair in pairs if pair.kind == kind]
        local = [record for record in local_records if record.kind == kind]
        remote = [record for record in remote_records if record.kind == kind]
        engine = Engine([*(pair.odoo for pair in chosen), *local])
        results = engine.candidates([*(pair.books for pair in chosen), *remote])
        found += [outcome(pair, result) for pair, result in zip(chosen, results, strict=False)]
    return found


def false_links(outcomes):
    return [one for one in outcomes if one.is_linked and one.pair.label != 'same']


def recall(outcomes):
    """Share of the pairs labelled the same that a person gets to see, or that are linked."""
    same = [one for one in outcomes if one.pair.label == 'same']
    return sum(one.is_suggested for one in same) / len(same)
