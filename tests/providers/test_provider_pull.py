"""Contacts and items page by page: nothing is skipped, whatever happens at Xero meanwhile."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from fieldpromax_accounting.providers import dto, errors
from fieldpromax_accounting.providers.transport import Answer

GUID = '11111111-2222-3333-4444-{:012d}'
START = datetime(2026, 3, 1, 10, 0, 0, tzinfo=timezone.utc)


def pull(provider, kind='contact', since='', page_size=1000, between=None):
    """All pages of a pass."""
    pages, cursor = [], ''
    while True:
        page = provider.pull_page(kind, cursor=cursor, since=since, page_size=page_size)
        pages.append(page)
        cursor = page.next_cursor
        if not cursor:
            return pages
        assert len(pages) < 50, 'the pass does not end'
        if between:
            between(len(pages))


def names(pages):
    return [record.name for page in pages for record in page.records]


# === full pass === #


def test_a_full_pass(sim, us):
    everything = sim.state('contacts')
    active = {c['Name'] for c in everything if c['ContactStatus'] == 'ACTIVE'}
    assert len(active) < len(everything), 'the seed has archived contacts'
    pages = pull(us, page_size=3)
    assert sorted(names(pages)) == sorted(active)
    assert all(len(page.records) <= 3 for page in pages)
    assert pages[-1].total == len(active)
    assert [page.checkpoint for page in pages[:-1]] == [''] * (len(pages) - 1), (
        'an unfinished pass moves nothing'
    )
    assert datetime.fromisoformat(pages[-1].checkpoint) <= datetime.now(timezone.utc)
    assert all(page.unreadable == () for page in pages)


def test_page_size_is_kept_within_bounds(us, sim):
    assert len(pull(us, page_size=5000)) == 1
    assert len(us.pull_page('contact', page_size=0).records) <= 1


def test_a_contact_archived_meanwhile_pushes_nobody_over_the_edge(sim, us):
    order = [c.name for c in pull(us)[0].records]
    ids = {c.name: c.external_id for c in pull(us)[0].records}

    def archive_the_first(done):
        if done == 1:
            us.send(
                us.prepare(
                    'contact.update', [('1', dto.Contact(order[0], external_id=ids[order[0]], active=False))]
                ),
                'archive',
            )

    assert sorted(names(pull(us, page_size=3, between=archive_the_first))) == sorted(order)


def test_what_changes_during_a_full_pass_is_after_its_checkpoint(sim, us):
    contact = pull(us)[0].records[0]

    def edit(done):
        if done == 1:
            changed = dto.Contact(contact.name, external_id=contact.external_id, first_name='Changed')
            us.send(us.prepare('contact.update', [('1', changed)]), 'edit')

    checkpoint = pull(us, page_size=3, between=edit)[-1].checkpoint
    assert contact.name in names(pull(us, since=checkpoint))


def test_the_checkpoint_is_of_xeros_clock(sim, us):
    sim.control('POST', '/_sim/clock', {'advance_seconds': 600})
    ahead = datetime.fromisoformat(pull(us)[-1].checkpoint) - datetime.now(timezone.utc)
    assert timedelta(seconds=500) < ahead < timedelta(seconds=601)


def test_what_changes_while_the_first_page_is_answered_is_after_the_checkpoint(pulls_from):
    """Xero stamps an answer when it is done with it; a change half-way may be missing from it."""
    body = b'{"DateTimeUTC": "/Date(1772360000000)/", "Contacts": [], "Items": []}'

    class Slow:
        def call(self, *args, **kwargs):
            return Answer(status=200, headers={}, body=body, elapsed=40.0)

    for kind in ('contact', 'item'):
        checkpoint = pulls_from(Slow()).pull_page(kind).checkpoint
        assert datetime.fromisoformat(checkpoint).timestamp() == 1772360000 - 40


def test_a_pass_resumes_in_another_process(us, sim, make_provider, tenants):
    first = us.pull_page('contact', page_size=4)
    json.loads(first.next_cursor)
    other = make_provider(sim.base_url).for_organization(tenants['US'], sim.issue()['access_token'])
    rest, cursor = [], first.next_cursor
    while cursor:
        page = other.pull_page('contact', cursor=cursor, page_size=4)
        rest += page.records
        cursor = page.next_cursor
    assert sorted(names([first]) + [r.name for r in rest]) == sorted(names(pull(us)))


@pytest.mark.parametrize('kind', ['contact', 'item'])
def test_an_empty_organisation(sim, us, kind):
    sim.control('POST', '/_sim/reset', {'seed': 'empty', 'keep_connections': True})
    (page,) = pull(us, kind)
    assert page.records == ()
    assert page.checkpoint
    assert page.total == 0
    (again,) = pull(us, kind, since=page.checkpoint)
    assert (again.records, again.next_cursor) == ((), '')
    assert again.checkpoint == page.checkpoint


# === incremental === #


class Book:
    """Contacts at known times behind Xero's paging rules, for orders that the simulator's clock does not give."""

    def __init__(self, seconds):
        self.contacts = [
            {'ContactID': GUID.format(i), 'Name': f'c{i}', 'at': START + timedelta(seconds=s)}
            for i, s in enumerate(seconds)
        ]
        self.calls = []

    def call(self, purpose, method, *, if_modified_since, page, page_size, order, include_archived):
        assert (method, order, include_archived) == ('get_contacts', 'UpdatedDateUTC ASC', True)
        self.calls.append((if_modified_since, page))
        # to the second and without its own second: the harsher reading of If-Modified-Since
        since = if_modified_since.replace(microsecond=0) + timedelta(seconds=1)
        found = sorted(
            (c for c in self.contacts if c['at'] >= since), key=lambda c: (c['at'], c['ContactID'])
        )
        shown = found[(page - 1) * page_size : page * page_size]
        body = {
            'DateTimeUTC': '/Date(1)/',
            'pagination': {'page': page, 'pageCount': -(-len(found) // page_size), 'itemCount': len(found)},
            'Contacts': [
                {
                    'ContactID': c['ContactID'],
                    'Name': c['Name'],
                    'UpdatedDateUTC': f'/Date({round(c["at"].timestamp() * 1000)}+0000)/',
                }
                for c in shown
            ],
        }
        return Answer(
            status=200, headers={'Content-Type': 'application/json'}, body=json.dumps(body).encode()
        )


@pytest.fixture
def pulls_from(make_provider):
    def make(book):
        provider = make_provider('http://127.0.0.1:1').for_organization('tenant', 'access')
        provider._calls = book
        return provider

    return make


@pytest.mark.parametrize('page_size', [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    'seconds',
    [
        [0, 1, 2, 3, 4, 5, 6, 7],
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 5, 5, 5, 5, 9],
        [0, 0.1, 0.2, 0.9, 1.0, 1.1, 1.9, 2],
        [5, 5, 5, 5.5, 5.9, 5.9, 5.99, 6],
        [3600, 0, 0, 7200, 7200, 1, 1, 1],
    ],
)
def test_nothing_is_skipped(pulls_from, page_size, seconds):
    pages = pull(pulls_from(Book(seconds)), since=START.isoformat(), page_size=page_size)
    assert set(names(pages)) == {f'c{i}' for i in range(8)}
    assert datetime.fromisoformat(pages[-1].checkpoint) == START + timedelta(seconds=max(seconds))
    checkpoints = [datetime.fromisoformat(page.checkpoint) for page in pages]
    assert checkpoints == sorted(checkpoints), 'a checkpoint never goes back'


def test_records_edited_meanwhile_push_nobody_over_the_edge(pulls_from):
    book = Book(range(0, 60, 5))

    def edit(done):
        # what was just read changes again and goes to the end
        book.contacts[done - 1]['at'] = START + timedelta(seconds=100 + done)

    pages = pull(pulls_from(book), since=START.isoformat(), page_size=3, between=edit)
    assert set(names(pages)) == {f'c{i}' for i in range(12)}


def test_pages_are_counted_only_while_the_time_stands_still(pulls_from):
    book = Book([0, 10, 20, 30])
    pull(pulls_from(book), since=START.isoformat(), page_size=2)
    assert {page for _since, page in book.calls} == {1}
    book = Book([0, 0, 0, 0, 0])
    pull(pulls_from(book), since=START.isoformat(), page_size=2)
    assert [page for _since, page in book.calls] == [1, 2, 3, 2, 1], 'and back: see the next test'


@pytest.mark.parametrize('page_size', [1, 2, 3, 5])
@pytest.mark.parametrize(
    'seconds', [[0] * 12, [0] * 9 + [5, 6, 7], [0, 1] + [2] * 8 + [3, 9], [0, 0.2, 0.4] * 4]
)
@pytest.mark.parametrize('edited', [0, 1, 4])
def test_edits_within_a_second_of_many_pages_skip_nobody(pulls_from, page_size, seconds, edited):
    """Whoever is edited leaves the second, and all behind move up, one of them over the edge of a page."""
    book = Book(seconds)

    def edit(done):
        if done < 12:
            # one that was read already, and, further on, one that was not
            for place in (done - 1, done + edited):
                book.contacts[place % 12]['at'] = START + timedelta(seconds=100 + done)
                book.contacts[place % 12]['Name'] = f'c{place % 12} edited'

    pages = pull(pulls_from(book), since=START.isoformat(), page_size=page_size, between=edit)
    pages += pull(pulls_from(book), since=pages[-1].checkpoint, page_size=page_size)
    assert {contact['Name'] for contact in book.contacts} <= set(names(pages))
    checkpoints = [datetime.fromisoformat(page.checkpoint) for page in pages]
    assert checkpoints == sorted(checkpoints)


def test_the_checkpoint_stays_until_the_way_back_is_gone(pulls_from):
    book = Book([0, 0, 0, 0, 0, 60])
    pages = pull(pulls_from(book), since=START.isoformat(), page_size=2)
    last = (START + timedelta(seconds=60)).isoformat()
    assert [page.checkpoint for page in pages] == [START.isoformat()] * 4 + [last]


def test_changes_with_archived_ones(sim, us):
    checkpoint = pull(us)[-1].checkpoint
    sim.control('POST', '/_sim/clock', {'advance_seconds': 60})
    (first, second, third) = us.pull_page('contact', page_size=1000).records[:3]
    us.send(
        us.prepare('contact.update', [('1', dto.Contact(first.name, first.external_id, active=False))]), 'k1'
    )
    sim.organisation('US', {'merge': [{'from': second.external_id, 'into': third.external_id}]})
    changed = {record.external_id: record for page in pull(us, since=checkpoint) for record in page.records}
    assert changed[first.external_id].active is False
    assert changed[second.external_id].active is False
    assert changed[second.external_id].merged_into == third.external_id
    assert len(changed) < 5


def test_items(sim, us):
    (page,) = pull(us, 'item', page_size=2)
    assert len(page.records) == len(sim.state('items')) == page.total
    sim.control('POST', '/_sim/clock', {'advance_seconds': 60})
    us.send(us.prepare('item.create', [('1', dto.Item('NEW-1', 'New'))]), 'k')
    (changes,) = pull(us, 'item', since=page.checkpoint)
    assert [record.code for record in changes.records] == ['NEW-1']
    assert changes.checkpoint > page.checkpoint
    (again,) = pull(us, 'item', since=changes.checkpoint)
    assert again.checkpoint == changes.checkpoint


# === bad input === #


@pytest.mark.parametrize('cursor', ['nonsense', '[]', '{"since": "yesterday", "page": 1}'])
def test_a_cursor_of_somebody_else(us, cursor):
    with pytest.raises(ValueError, match=r'cursor|Expecting'):
        us.pull_page('contact', cursor=cursor)


def test_projects_are_not_pulled(us):
    with pytest.raises(ValueError, match='project'):
        us.pull_page('project')


@pytest.mark.parametrize('kind', ['contact', 'item'])
@pytest.mark.parametrize(
    ('fault', 'expected'),
    [
        ('timeout_before', errors.OutcomeUnknown),
        ('reset', errors.OutcomeUnknown),
        ('truncated', errors.ProtocolError),
        ('html', errors.ProtocolError),
        ('empty', errors.ProtocolError),
        ('wrong_content_type', errors.ProtocolError),
        ('status:401', errors.AccessTokenExpired),
        ('status:403', errors.ConnectionRefused),
        ('status:404', errors.NotFound),
        ('status:500', errors.ProviderUnavailable),
        ('status:503', errors.ProviderUnavailable),
        ('429:minute', errors.RateLimited),
        ('429:day', errors.RateLimited),
    ],
)
def test_a_page_that_fails_can_be_asked_for_again(sim, us, when, kind, fault, expected):
    sim.fault(fault, '/Contacts|/Items')
    with pytest.raises(expected) as caught:
        when(fault).pull_page(kind)
    assert type(caught.value) is expected
    assert us.pull_page(kind).records


@pytest.mark.parametrize(
    'body', [b'[]', b'"x"', b'{}', b'{"Contacts": null}', b'{"Contacts": {"a": 1}}', b'null']
)
def test_an_envelope_without_contacts(make_provider, raw_server, http, body):
    provider = make_provider(raw_server(http(body=body)).base_url).for_organization('t', 'a')
    with pytest.raises(errors.ProtocolError):
        provider.pull_page('contact')


def test_an_answer_without_paging_and_clock(make_provider, raw_server, http):
    body = json.dumps(
        {'Contacts': [{'ContactID': GUID.format(i), 'Name': str(i)} for i in range(3)]}
    ).encode()
    provider = make_provider(raw_server(http(body=body)).base_url).for_organization('t', 'a')
    page = provider.pull_page('contact', page_size=3)
    assert page.next_cursor, 'a full page: there may be more'
    assert page.total is None
    last = provider.pull_page('contact', page_size=4)
    assert (last.next_cursor, last.checkpoint) == ('', '')
