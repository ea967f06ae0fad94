"""What lines are told apart by beside accounts: options of tracking categories, classes."""

from dataclasses import replace

from fieldpromax_accounting.comparison import (
    document_differences,
    document_of,
    with_categories,
    with_line_ids,
)
from fieldpromax_accounting.providers import dto, errors


def by_name(ledger):
    return {one.name: one for one in ledger.provider.list_categories()}


def test_categories_of_lines(books, ledger):
    assert 0 < ledger.capabilities.line_categories <= 2
    assert ledger.provider.list_categories() == (), 'not used yet'
    books.tell_apart(ledger.tag, ['North', 'South'])
    found = by_name(ledger)
    assert {one.active for one in found.values()} == {True}
    assert len({one.group for one in found.values()}) == 1, 'a line has one of them'
    north, south = found['North'].external_id, found['South'].external_id
    for kind in ('invoice', 'credit_note'):
        first, second, third = (
            replace(ledger.line('1', str(price)), description=str(price)) for price in (10, 20, 30)
        )
        sent = getattr(ledger, kind)(
            lines=[replace(first, categories=(north,)), dto.InvoiceLine('A note'), second, third]
        )
        record = ledger.create(kind, sent)[0]
        assert [line.categories for line in record.lines] == [(north,), None, None, None]
        kept = document_of(ledger.provider.as_kept(sent))
        but = ('number',) if ledger.organization.numbers_documents else ()
        assert document_differences(kept, document_of(record), but) == []
        other = replace(record, lines=(replace(record.lines[0], categories=(south,)), *record.lines[1:]))
        (difference,) = document_differences(kept, document_of(other), but)
        assert (difference.field, difference.ours, difference.theirs) == ('categories', north, south)
        # A change: what Odoo says goes over, what it says no more goes, and what a person said there stays.
        there = document_of(record)['lines']
        there[3]['categories'] = south
        changed = replace(
            sent,
            external_id=record.external_id,
            version=record.version,
            lines=(first, sent.lines[1], replace(second, categories=(north,)), third),
        )
        changed = replace(
            changed, lines=with_line_ids(changed.lines, there, ledger.provider.as_kept(changed).lines)
        )
        changed = replace(changed, lines=with_categories(changed.lines, there, kept['lines']))
        (result,) = ledger.send(f'{kind}.update', changed)
        assert result.error is None
        assert [line.categories for line in result.record.lines] == [None, None, (north,), (south,)]
    # One that ends is told, and refused on new lines.
    books.tell_apart(ledger.tag, ['North'])
    assert {name: one.active for name, one in by_name(ledger).items()} == {'North': True, 'South': False}
    (result,) = ledger.send(
        'invoice.create', ledger.invoice(lines=[replace(ledger.line(), categories=(south,))])
    )
    assert isinstance(result.error, errors.ProviderError)
