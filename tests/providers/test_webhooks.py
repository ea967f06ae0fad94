"""Webhooks without a server: whose signature counts, and what bodies say. The unhappy ways first."""

import base64
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldpromax_accounting.providers import base, dto, registry, webhooks

KEY = 'k3y+/from the page of the app=='
TENANT = 'c2cc9b6e-9458-4c7d-93cc-f02b81b0594f'
XERO, QUICKBOOKS = registry.get('xero'), registry.get('quickbooks')
HEADERS = {'xero': 'x-xero-signature', 'quickbooks': 'intuit-signature'}
PROVIDERS = pytest.mark.parametrize('provider', [XERO, QUICKBOOKS], ids=lambda provider: provider.name)


def sign(body, key=KEY):
    """Written here anew, so that the same mistake is not made twice."""
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def verify(provider, body, signature, key=KEY):
    return provider.verify_webhook(body, {HEADERS[provider.name]: signature}, key)


def dumped(value):
    return json.dumps(value).encode()


def xero_body(*events, **values):
    return dumped(
        {'events': list(events), 'firstEventSequence': 1, 'lastEventSequence': 1, 'entropy': 'ABC', **values}
    )


def xero_event(**values):
    return {
        'resourceUrl': 'https://api.xero.com/api.xro/2.0/Contacts/717f2bfc-c6d4-41fd-b238-3f2f0c0cf777',
        'resourceId': '717f2bfc-c6d4-41fd-b238-3f2f0c0cf777',
        'eventDateUtc': '2026-06-21T01:15:39.902',
        'eventType': 'UPDATE',
        'eventCategory': 'CONTACT',
        'tenantId': TENANT,
        'tenantType': 'ORGANISATION',
        **values,
    }


def classic(realm, *entities):
    return {'realmId': realm, 'dataChangeEvent': {'entities': list(entities)}}


def entity(name='Customer', operation='Update', **values):
    return {
        'name': name,
        'id': '1',
        'operation': operation,
        'lastUpdated': '2026-10-05T14:42:19-0700',
        **values,
    }


def cloud_event(type_='qbo.customer.updated.v1', realm='310687', **values):
    return {
        'specversion': '1.0',
        'id': '88cd52aa-33b6-4351-9aa4-47572edbd068',
        'source': 'intuit.dsnBgbseACLLRZNxo2dfc4evmEJdxde58xeeYcZliOU=',
        'type': type_,
        'datacontenttype': 'application/json',
        'time': '2026-09-10T21:31:25.179Z',
        'intuitentityid': '1234',
        'intuitaccountid': realm,
        'data': {},
        **values,
    }


# === SIGNATURES === #


@PROVIDERS
@pytest.mark.parametrize(
    'signature',
    [
        '',
        ' ',
        'garbage',
        '====',
        'bm90IGEgc2lnbmF0dXJl',
        'ünïcödé',
        '\udcff\x00',
        'x' * 100_000,
        sign(b'{}', 'another key'),
        sign(b'{ }'),
        sign(b'{}').rstrip('='),
        sign(b'{}').lower(),
        sign(b'{}') + ',' + sign(b'{}'),
        hmac.new(KEY.encode(), b'{}', hashlib.sha256).hexdigest(),
        base64.b64encode(hmac.new(KEY.encode(), b'{}', hashlib.sha1).digest()).decode(),
    ],
)
def test_wrong_signatures(provider, signature):
    assert verify(provider, b'{}', signature) is False


@PROVIDERS
def test_without_signature(provider):
    assert not provider.verify_webhook(b'{}', {}, KEY)
    other = {'xero': 'intuit-signature', 'quickbooks': 'x-xero-signature'}[provider.name]
    assert not provider.verify_webhook(b'{}', {other: sign(b'{}')}, KEY)


@PROVIDERS
def test_without_key(provider):
    """Whoever signs with an empty key is not let in because none is entered."""
    assert not verify(provider, b'{}', sign(b'{}', ''), '')
    assert not verify(provider, b'{}', '', '')


@PROVIDERS
def test_every_byte_counts(provider):
    body = b'{"events": [1, 2]}'
    signature = sign(body)
    for changed in (body + b'\n', body.replace(b' ', b''), body[:-1], b'', b'\xef\xbb\xbf' + body):
        assert not verify(provider, changed, signature)


@PROVIDERS
@pytest.mark.parametrize('body', [b'', b'{}', b'\xff\xfe\x00', 'Ä{"events":[]}'.encode()])
def test_right_signatures(provider, body):
    assert verify(provider, body, sign(body))
    assert verify(provider, body, f' {sign(body)} ')
    name = HEADERS[provider.name]
    assert provider.verify_webhook(body, {name.title(): sign(body)}, KEY)
    assert verify(provider, body, sign(body, 'schlüssel'), 'schlüssel')


@given(st.text(), st.binary(), st.text())
def test_never_raises(signature, body, key):
    assert isinstance(webhooks.is_signed(body, signature, key), bool)


def test_provider_without_webhooks():
    class Silent(base.AccountingProvider):
        name = label = 'silent'

    assert not Silent.webhook_key_label
    assert not Silent.verify_webhook(b'{}', {'': sign(b'{}')}, KEY)
    assert Silent.read_webhook(b'{}') == ()


# === BODIES === #

GARBAGE = [
    b'',
    b'null',
    b'true',
    b'17',
    b'"events"',
    b'[]',
    b'{}',
    b'{"events": ',
    b'\xff\xfe',
    b'[[[[[[' + b'[' * 100_000,
    b'[null, 1, "x", [], {}]',
    b'{"events": null}',
    b'{"events": {"tenantId": "1"}}',
    b'{"events": [null, 1, "x", [], {}]}',
    b'{"eventNotifications": [null, 1, {"realmId": "1"}]}',
    b'{"eventNotifications": [{"realmId": "1", "dataChangeEvent": []}]}',
    b'{"eventNotifications": [{"realmId": "1", "dataChangeEvent": {"entities": "x"}}]}',
    b'{"eventNotifications": [{"realmId": "1", "dataChangeEvent": {"entities": [null, 3, {"name": {}}]}}]}',
    b'[{"type": "qbo.customer.updated.v1"}]',
    b'[{"type": ["qbo.customer.updated.v1"], "intuitaccountid": "1"}]',
]


@PROVIDERS
@pytest.mark.parametrize('body', GARBAGE, ids=range(len(GARBAGE)))
def test_garbage(provider, body):
    assert provider.read_webhook(body) == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ['events', 'eventNotifications', 'dataChangeEvent', 'entities', 'realmId', 'tenantId', 'type']
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json(value):
    for provider in (XERO, QUICKBOOKS):
        assert isinstance(provider.read_webhook(dumped(value)), tuple)


@pytest.mark.parametrize('odd', [None, '', ' ', True, {}, [], 1.5, 'a\x00b', '\ud800', 'a\nb'])
def test_odd_organizations_ring_nowhere(odd):
    assert XERO.read_webhook(xero_body(xero_event(tenantId=odd))) == ()
    assert QUICKBOOKS.read_webhook(dumped({'eventNotifications': [classic(odd, entity())]})) == ()
    assert QUICKBOOKS.read_webhook(dumped([cloud_event(realm=odd)])) == ()


def test_one_odd_event_spoils_no_other():
    odd = xero_event(tenantId=7.5)
    (bell,) = XERO.read_webhook(xero_body(odd, None, xero_event()))
    assert bell.organization_external_id == TENANT
    bells = QUICKBOOKS.read_webhook(dumped([cloud_event(realm=None), 7, cloud_event('qbo.item.created.v1')]))
    assert [bell.kind for bell in bells] == ['item']


class TestXero:
    def test_intent_to_receive(self):
        assert XERO.read_webhook(xero_body(firstEventSequence=0, lastEventSequence=0)) == ()

    @pytest.mark.parametrize(
        'category', ['CREDITNOTE', 'PREPAYMENT', 'OVERPAYMENT', 'SUBSCRIPTION', 'SOMETHINGNEW', '', None, 3]
    )
    def test_other_categories_are_passed_over(self, category):
        assert XERO.read_webhook(xero_body(xero_event(eventCategory=category))) == ()

    @pytest.mark.parametrize(
        ('type_', 'change'), [('CREATE', 'created'), ('UPDATE', 'updated'), ('ARCHIVE', 'updated')]
    )
    def test_changes(self, type_, change):
        (bell,) = XERO.read_webhook(xero_body(xero_event(eventType=type_)))
        assert bell == dto.Doorbell(TENANT, 'contact', '717f2bfc-c6d4-41fd-b238-3f2f0c0cf777', change)

    def test_duplicates_ring_once(self):
        invoice = xero_event(eventCategory='INVOICE', resourceId='i')
        bells = XERO.read_webhook(
            xero_body(xero_event(), invoice, xero_event(), xero_event(tenantId='other'))
        )
        assert [(bell.organization_external_id, bell.kind) for bell in bells] == [
            (TENANT, 'contact'),
            (TENANT, 'invoice'),
            ('other', 'contact'),
        ]


class TestQuickBooks:
    def both(self, name, operation, **values):
        """The same change in both forms; ``values``: of a merge."""
        past = f'{operation.lower().rstrip("e")}ed'
        old = entity(name, operation, id='1234', **values)
        new = cloud_event(
            f'qbo.{name.lower()}.{past}.v1', data={key.lower(): value for key, value in values.items()}
        )
        first = QUICKBOOKS.read_webhook(dumped({'eventNotifications': [classic('310687', old)]}))
        assert first == QUICKBOOKS.read_webhook(dumped([new]))
        return first

    @pytest.mark.parametrize('name', ['Vendor', 'CreditMemo', 'Payment', 'Account', 'SomethingNew'])
    def test_other_entities_are_passed_over(self, name):
        assert self.both(name, 'Update') == ()

    @pytest.mark.parametrize(
        'type_',
        ['qbo.customer.updated', 'qbo.customer', 'erp.customer.updated.v1', 'qbo.customer.updated.v1.x', ''],
    )
    def test_other_types_are_passed_over(self, type_):
        assert QUICKBOOKS.read_webhook(dumped([cloud_event(type_)])) == ()

    def test_later_versions_are_understood(self):
        assert QUICKBOOKS.read_webhook(dumped([cloud_event('qbo.item.updated.v2')]))

    @pytest.mark.parametrize(
        ('operation', 'change'),
        [
            ('Create', 'created'),
            ('Update', 'updated'),
            ('Delete', 'deleted'),
            ('Void', 'updated'),
            ('Email', 'updated'),
        ],
    )
    def test_changes(self, operation, change):
        assert self.both('Invoice', operation) == (dto.Doorbell('310687', 'invoice', '1234', change),)

    def test_a_customer_may_be_a_project(self):
        assert [bell.kind for bell in self.both('Customer', 'Update')] == ['contact', 'project']

    def test_merge(self):
        bell = self.both('Customer', 'Merge', deletedId='55')[0]
        assert bell == dto.Doorbell('310687', 'contact', '1234', 'merged', '55')
        # Without a merge, what else is said of another record counts for nothing.
        assert self.both('Customer', 'Update', deletedId='55')[0].merged_external_id == ''

    def test_several_companies(self):
        body = {'eventNotifications': [classic('1', entity(), entity('Item')), classic(2, entity('Item'))]}
        found = QUICKBOOKS.read_webhook(dumped(body))
        assert {(bell.organization_external_id, bell.kind) for bell in found} == {
            ('1', 'contact'),
            ('1', 'project'),
            ('1', 'item'),
            ('2', 'item'),
        }
        cloud = [cloud_event('qbo.item.updated.v1', realm) for realm in ('1', '2', '1')]
        assert [bell.organization_external_id for bell in QUICKBOOKS.read_webhook(dumped(cloud))] == [
            '1',
            '2',
        ]
