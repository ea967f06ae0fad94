"""Settings, and records page by page: nothing is skipped, whatever happens meanwhile."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from ledger import names

from fieldpromax_accounting.providers import dto, errors

PULLED = ('contact', 'item', 'project')


def pulled_kinds(ledger):
    return [kind for kind in PULLED if kind != 'project' or ledger.capabilities.projects]


# === settings === #


def test_the_organization_is_told_in_full(ledger):
    organization = ledger.provider.get_organization()
    assert organization.external_id == ledger.organization.external_id
    assert organization.currency in organization.currencies or not organization.currencies
    assert organization.lock_date is None
    assert (organization.numbers_documents, organization.computes_tax, organization.has_projects) == (
        ledger.organization.numbers_documents,
        ledger.organization.computes_tax,
        ledger.organization.has_projects,
    )


def test_settings(ledger):
    accounts = ledger.provider.list_accounts()
    assert all(isinstance(account, dto.Account) and account.code and account.name for account in accounts)
    assert len({account.code for account in accounts}) == len(accounts)
    assert any(account.is_revenue for account in accounts)
    rates = ledger.provider.list_tax_rates()
    assert all(isinstance(rate, dto.TaxRate) and rate.external_id and rate.name for rate in rates)
    assert all(rate.rate is None or isinstance(rate.rate, Decimal) for rate in rates)
    assert any(rate.rate is None for rate in rates) <= ledger.organization.computes_tax
    terms = ledger.provider.list_terms()
    assert all(isinstance(term, dto.Term) and term.external_id and term.name for term in terms)


def test_a_locked_period_is_told(books, ledger):
    books.lock(ledger.tag, datetime(2026, 6, 30).date())  # noqa: DTZ001
    assert ledger.provider.get_organization().lock_date.isoformat() == '2026-06-30'


# === full passes === #


def test_a_full_pass_has_everything_once(ledger):
    for kind in pulled_kinds(ledger):
        whole = ledger.pull(kind)
        small = ledger.pull(kind, page_size=3)
        assert sorted(names(small)) == sorted(names(whole)), kind
        # not every kind is paged by every provider
        assert len(small) == 1 or all(len(page.records) <= 3 for page in small)
        assert all(record.active and record.external_id for page in whole for record in page.records)
        assert [page.unreadable for page in small] == [()] * len(small)
        assert [page.checkpoint for page in small[:-1]] == [''] * (len(small) - 1), (
            'an unfinished pass moves nothing'
        )
        assert datetime.fromisoformat(small[-1].checkpoint) <= datetime.now(timezone.utc) + timedelta(
            seconds=5
        )
        if whole[-1].total is not None:
            assert whole[-1].total == len(names(whole)), kind
            assert small[-1].total == len(names(whole)), kind


def test_what_is_archived_is_no_part_of_a_full_pass(books, ledger):
    gone = ledger.a_contact()
    books.change(ledger.tag, 'contact', gone.name, active=False)
    assert gone.external_id not in [r.external_id for p in ledger.pull() for r in p.records]
    assert ledger.provider.get_record('contact', gone.external_id).active is False


def test_sub_contacts_name_their_parent(ledger):
    contacts = {record.external_id: record for page in ledger.pull() for record in page.records}
    for record in contacts.values():
        assert not record.parent_external_id or record.parent_external_id in contacts


@pytest.mark.needs('projects')
def test_projects_are_of_their_customer_and_no_contacts(ledger):
    projects = [record for page in ledger.pull('project') for record in page.records]
    contacts = {record.external_id for page in ledger.pull() for record in page.records}
    assert bool(projects) == ledger.organization.has_projects
    for project in projects:
        assert isinstance(project, dto.Project)
        assert project.contact_external_id in contacts
        assert project.external_id not in contacts
        assert project.status in ('', 'open', 'in_progress', 'done', 'cancelled')
        assert ledger.provider.get_record('project', project.external_id) == project


def test_somebody_leaving_pushes_nobody_over_the_edge(books, ledger):
    order = names(ledger.pull())

    def archive_the_first(done):
        if done == 1:
            books.change(ledger.tag, 'contact', _without_children(ledger)[0], active=False)

    assert sorted(set(names(ledger.pull(page_size=3, between=archive_the_first)))) == sorted(order)


def _without_children(ledger):
    records = [record for page in ledger.pull() for record in page.records]
    if ledger.capabilities.projects:
        records += [record for page in ledger.pull('project') for record in page.records]
    parents = {getattr(r, 'parent_external_id', '') or getattr(r, 'contact_external_id', '') for r in records}
    contacts = [record for record in records if isinstance(record, dto.Contact)]
    return [contact.name for contact in contacts if contact.external_id not in parents]


def test_somebody_new_comes_at_once_or_after_the_checkpoint(ledger):
    made = []

    def create(done):
        if done == 1:
            made.append(ledger.a_contact())

    pages = ledger.pull(page_size=3, between=create)
    later = ledger.pull(since=pages[-1].checkpoint)
    assert made[0].external_id in [r.external_id for page in (*pages, *later) for r in page.records]


# === incremental passes === #


def test_nothing_has_changed(ledger):
    checkpoint = ledger.pull()[-1].checkpoint
    later = ledger.pull(since=checkpoint)
    assert len(later) == 1
    assert datetime.fromisoformat(later[0].checkpoint) >= datetime.fromisoformat(checkpoint)


def test_changes_come_archived_ones_too(books, ledger):
    stays, renamed, gone = (ledger.a_contact() for _ in range(3))
    checkpoint = ledger.pull()[-1].checkpoint
    books.control('POST', '/_sim/clock', {'advance_seconds': 60})
    books.change(ledger.tag, 'contact', renamed.name, rename='Another name')
    books.change(ledger.tag, 'contact', gone.name, active=False)
    checkpoint = _later(checkpoint, 30)
    pages = ledger.pull(since=checkpoint)
    found = {record.external_id: record for page in pages for record in page.records}
    assert found[renamed.external_id].name == 'Another name'
    assert found[renamed.external_id].version != renamed.version
    assert found[gone.external_id].active is False
    assert stays.external_id not in found
    assert datetime.fromisoformat(pages[-1].checkpoint) > datetime.fromisoformat(checkpoint)


def _later(checkpoint, seconds):
    return (datetime.fromisoformat(checkpoint) + timedelta(seconds=seconds)).isoformat()


def test_many_changes_page_by_page_while_more_come(books, ledger):
    made = [ledger.a_contact() for _ in range(7)]
    checkpoint = ledger.pull()[-1].checkpoint
    expected = set()
    for contact in made[:5]:
        books.control('POST', '/_sim/clock', {'advance_seconds': 60})
        books.change(ledger.tag, 'contact', contact.name, rename=f'{contact.name} changed')
        expected.add(f'{contact.name} changed')

    def change_more(done):
        if done == 1:
            books.control('POST', '/_sim/clock', {'advance_seconds': 60})
            # one that was there already, and one that is still to come: both are seen as they are in the end
            for contact in (made[0], made[6]):
                current = ledger.provider.get_record('contact', contact.external_id).name
                books.change(ledger.tag, 'contact', current, rename=f'{contact.name} in the end')
                expected.add(f'{contact.name} in the end')

    pages = ledger.pull(since=_later(checkpoint, 30), page_size=2, between=change_more)
    assert expected <= set(names(pages)) | {f'{made[0].name} changed'}
    times = [datetime.fromisoformat(page.checkpoint) for page in pages]
    assert times == sorted(times)


def test_many_of_the_same_second(ledger):
    """Made in one go, they share their second: positions count then."""
    checkpoint = ledger.pull()[-1].checkpoint
    limit = ledger.operations['contact.create'].max_members
    made = ledger.create('contact', *(ledger.contact() for _ in range(min(limit, 12))))
    wanted = {contact.external_id for contact in made}
    for since in ('', checkpoint):
        pages = ledger.pull(since=since, page_size=2)
        found = [record.external_id for page in pages for record in page.records]
        assert wanted <= set(found)


def test_a_position_survives_a_restart(ledger):
    order = names(ledger.pull())
    first = ledger.provider.pull_page('contact', page_size=3)
    elsewhere = ledger.bind(ledger.books.make_provider())
    rest, cursor = [], first.next_cursor
    while cursor:
        page = elsewhere.pull_page('contact', cursor=cursor, page_size=1000)
        rest.append(page)
        cursor = page.next_cursor
    assert sorted(names([first, *rest])) == sorted(order)


def test_edits_between_the_pages_are_neither_missed_nor_passed_over(books, ledger):
    """Somebody edits while the pages come: those read already, those still to come, and those at the edge. Read once
    more from the last checkpoint, everything is as the books have it."""
    made = ledger.create('contact', *(ledger.contact() for _ in range(9)))
    since = ledger.pull()[-1].checkpoint
    books.control('POST', '/_sim/clock', {'advance_seconds': 60})
    for contact in made:
        books.change(ledger.tag, 'contact', contact.name, rename=f'{contact.name} a')

    def edit(done):
        books.control('POST', '/_sim/clock', {'advance_seconds': done % 2})
        for contact in (made[done % 9], made[(done + 4) % 9]):
            current = ledger.provider.get_record('contact', contact.external_id).name
            if done < 6:
                books.change(ledger.tag, 'contact', current, rename=f'{contact.name} {done}')

    pages = ledger.pull(since=_later(since, 30), page_size=2, between=edit)
    pages += ledger.pull(since=pages[-1].checkpoint, page_size=2)
    last = {record.external_id: record for page in pages for record in page.records}
    for contact in made:
        now = ledger.provider.get_record('contact', contact.external_id)
        assert (last[contact.external_id].name, last[contact.external_id].version) == (now.name, now.version)


# === several kinds at once === #


def test_changes_of_all_kinds_agree_with_those_page_by_page(books, ledger):
    """Where one call tells of everything, it tells the same; otherwise it says so by leaving kinds out."""
    gone, stays = ledger.a_contact(), ledger.a_contact()
    kinds = pulled_kinds(ledger)
    since = {kind: ledger.pull(kind)[-1].checkpoint for kind in kinds}
    books.control('POST', '/_sim/clock', {'advance_seconds': 600})
    books.change(ledger.tag, 'contact', gone.name, active=False)
    new = ledger.an_item()
    since = {kind: _later(checkpoint, 500) for kind, checkpoint in since.items()}
    pages = ledger.provider.pull_changes(since)
    assert set(pages) <= set(kinds)
    for kind, page in pages.items():
        assert page.next_cursor == ''
        found = {record.external_id: record for record in page.records}
        for other in ledger.pull(kind, since=since[kind]):
            assert {record.external_id: record for record in other.records}.items() <= found.items()
        assert datetime.fromisoformat(page.checkpoint) >= datetime.fromisoformat(since[kind])
    if 'contact' in pages:
        found = {record.external_id: record for record in pages['contact'].records}
        assert found[gone.external_id].active is False
        assert stays.external_id not in found
        assert new.external_id in [record.external_id for record in pages['item'].records]
    assert ledger.provider.pull_changes({}) == {}


# === several records by their ids === #


def test_records_by_their_ids(books, ledger):
    limit = ledger.operations['contact.create'].max_members
    made = ledger.create('contact', *(ledger.contact() for _ in range(limit)))
    made += ledger.create('contact', *(ledger.contact() for _ in range(limit)))
    books.change(ledger.tag, 'contact', made[0].name, active=False)
    nobody = '00000000-0000-4000-8000-000000000000'
    page = ledger.provider.get_records('contact', [*(one.external_id for one in made), nobody])
    found = {record.external_id: record for record in page.records}
    assert set(found) == {one.external_id for one in made}
    assert found[made[0].external_id].active is False
    assert (page.gone, page.unreadable, page.next_cursor) == ((nobody,), (), '')
    for kind in pulled_kinds(ledger):
        records = [record for one in ledger.pull(kind) for record in one.records][:3]
        page = ledger.provider.get_records(kind, [record.external_id for record in records])
        assert {r.external_id: r for r in page.records} == {r.external_id: r for r in records}
        assert ledger.provider.get_records(kind, []) == dto.Page(())


def test_invoices_by_their_ids(ledger):
    invoice = ledger.create('invoice', ledger.invoice())[0]
    page = ledger.provider.get_records('invoice', [invoice.external_id])
    assert [record.external_id for record in page.records] == [invoice.external_id]
    assert page.gone == ()


@pytest.mark.parametrize(('cursor', 'since'), [('nonsense', ''), ('[]', ''), ('', 'yesterday')])
def test_what_is_no_position(ledger, cursor, since):
    with pytest.raises(ValueError):  # noqa: PT011
        ledger.provider.pull_page('contact', cursor=cursor, since=since)


# === one record === #


def test_there_is_no_such_record(ledger):
    for kind in ('contact', 'item', 'invoice'):
        for external_id in ('', '99999999', '00000000-0000-4000-8000-000000000000', '../x', 'a b?c'):
            with pytest.raises(errors.NotFound):
                ledger.provider.get_record(kind, external_id)


def test_kinds_that_are_not_pulled(ledger):
    with pytest.raises(ValueError, match='allocation'):
        ledger.provider.pull_page('allocation')


def test_finding(ledger):
    contact = ledger.create('contact', ledger.contact("O'Neill & Söhne \\ “Ltd”"))[0]
    item = ledger.create('item', ledger.item("5' hose"))[0]
    sent = ledger.invoice(contact)
    invoice = ledger.create('invoice', sent)[0]
    for kind, record in (('contact', contact), ('item', item), ('invoice', invoice)):
        key = ledger.provider.natural_key(kind, record)
        found = ledger.provider.find_records(kind, [key.upper(), 'nobody has this', '', ' ', 'a\nb'])
        assert [one.external_id for one in found] == [record.external_id], kind
        assert ledger.provider.find_records(kind, []) == ()
    assert ledger.provider.find_records('contact', ["O'Neill"]) == (), 'a part of a name is no match'


def test_finding_many(ledger):
    limit = ledger.operations['contact.create'].max_members
    made = ledger.create('contact', *(ledger.contact() for _ in range(limit)))
    keys = [ledger.provider.natural_key('contact', one) for one in made]
    keys += [f'{"ü" * 60} {place}' for place in range(100)]
    assert len(ledger.provider.find_records('contact', keys)) == limit


def test_pages_for_people(ledger):
    contact = ledger.a_contact()
    invoice = ledger.create('invoice', ledger.invoice(contact))[0]
    for kind, record in (('contact', contact), ('invoice', invoice)):
        url = ledger.provider.record_url(kind, record.external_id, ledger.organization)
        assert url.startswith(ledger.books.base_url)
        assert record.external_id in url
        assert ledger.provider.record_url(kind, '', ledger.organization) == ''


# === broken answers === #


@pytest.mark.parametrize(
    ('fault', 'expected'),
    [
        ('status:500', errors.ProviderUnavailable),
        ('status:503', errors.ProviderUnavailable),
        ('status:401', errors.AccessTokenExpired),
        ('status:403', errors.ConnectionRefused),
        ('429:minute', errors.RateLimited),
        ('html', errors.ProtocolError),
        ('empty', errors.ProtocolError),
        ('truncated', errors.ProtocolError),
        ('wrong_content_type', errors.ProtocolError),
        ('reset', errors.OutcomeUnknown),
    ],
)
def test_a_page_that_does_not_come(books, ledger, fault, expected):

    books.fault(fault, 'contact.list')
    with pytest.raises(expected) as caught:
        ledger.provider.pull_page('contact')
    assert type(caught.value) is expected
    assert ledger.provider.pull_page('contact').records, 'and it comes when it is asked for again'


@pytest.mark.parametrize('fault', ['unknown_enum', 'null_value'])
def test_odd_records_do_not_fail_their_page(books, ledger, fault):
    everyone = len(names(ledger.pull()))
    books.fault(fault, 'contact.list', times=None)
    page = ledger.provider.pull_page('contact')
    assert len(page.records) + len(page.unreadable) >= everyone - 1
    assert all(reason for _external_id, reason in page.unreadable)
