"""Webhooks are doorbells: who may ring, what a ring does, and what the next pull makes of it."""

import base64
import hashlib
import hmac
import json
import logging
import os
from datetime import timedelta
from unittest.mock import patch

from cryptography.fernet import Fernet
from odoo import fields
from odoo.tests import Form, HttpCase, tagged
from odoo.tools import mute_logger

from .. import encryption
from ..controllers import webhook
from .common import CLIENT_ID, ConnectingCommon, ConnectingHttpCommon
from .test_pull import PullCommon

KEY = 'key+of/the app=='
HEADERS = {'xero': 'x-xero-signature', 'quickbooks': 'intuit-signature'}
CATEGORIES = {'contact': 'CONTACT', 'invoice': 'INVOICE'}


def sign(body, key=KEY):
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def xero_body(*rings, **values):
    """``rings``: (organization's id, kind)."""
    events = [
        {
            'resourceUrl': 'https://api.xero.com/api.xro/2.0/Contacts/1',
            'resourceId': '717f2bfc-c6d4-41fd-b238-3f2f0c0cf777',
            'eventDateUtc': '2026-06-21T01:15:39.902',
            'eventType': 'UPDATE',
            'eventCategory': CATEGORIES.get(kind, kind),
            'tenantId': organization,
            'tenantType': 'ORGANISATION',
        }
        for organization, kind in rings
    ]
    value = {'events': events, 'firstEventSequence': 1, 'lastEventSequence': 1, 'entropy': 'ABC', **values}
    return json.dumps(value).encode()


def quickbooks_body(*rings, cloud_events=False):
    """``rings``: (realm, name of the entity)."""
    if cloud_events:
        value = [
            {
                'specversion': '1.0',
                'type': f'qbo.{name.lower()}.updated.v1',
                'intuitentityid': '7',
                'intuitaccountid': realm,
                'data': {},
            }
            for realm, name in rings
        ]
    else:
        value = {
            'eventNotifications': [
                {
                    'realmId': realm,
                    'dataChangeEvent': {'entities': [{'name': name, 'id': '7', 'operation': 'Update'}]},
                }
                for realm, name in rings
            ]
        }
    return json.dumps(value).encode()


class WebhookCommon(ConnectingHttpCommon):
    def arrange_class(self):
        type(self).connection = self.connect('US')

    def setUp(self):
        super().setUp()
        self.tenant = self.connection.organization_external_id
        self.enter_key()
        self.silence()

    def enter_key(self, provider='xero', key=KEY):
        self.env['fieldpromax.app'].sudo()._set_credentials(provider, CLIENT_ID, webhook_key=key)

    def other_books(self, realm, company, provider='quickbooks'):
        """A connection to ``realm`` as a consent makes it, without asking anybody."""
        connections = self.env['fieldpromax.connection'].sudo()
        connection = connections.create(
            {
                'company_id': company.id,
                'provider': provider,
                'organization_external_id': realm,
                'organization_name': realm,
                **connections._database_identity(),
            }
        )
        connection._ensure_crons()
        return connection

    def silence(self):
        """Forget what rang and what was triggered so far."""
        self.env['fieldpromax.doorbell'].sudo().search([]).unlink()
        self.env['ir.cron.trigger'].sudo().search([]).unlink()

    def post(self, body, signature=None, provider='xero', **headers):
        headers = {'Content-Type': 'application/json', HEADERS.get(provider, 'x-none'): signature, **headers}
        self.env.flush_all()
        answer = self.url_open(
            f'/fieldpromax/webhook/{provider}',
            data=body,
            headers={name: value for name, value in headers.items() if value is not None},
            method='POST',
            allow_redirects=False,
        )
        self.env.invalidate_all()
        self.assertNotIn('Set-Cookie', answer.headers)
        return answer

    def ring(self, body, provider='xero', key=KEY):
        """Post it signed; the answer is an empty 200."""
        answer = self.post(body, sign(body, key), provider)
        self.assertEqual((answer.status_code, answer.content), (200, b''))

    def rung(self, connection=None):
        """What rang: {connection: kinds}, or the kinds of one."""
        found = {}
        for bell in self.env['fieldpromax.doorbell'].sudo().search([]):
            found.setdefault(bell.connection_id, set()).add(bell.kind)
        return found.get(connection, set()) if connection else found

    def triggers(self, connection=None):
        crons = (connection or self.connection).sudo().pull_cron_id
        return self.env['ir.cron.trigger'].sudo().search_count([('cron_id', 'in', crons.ids)])

    def assertNothingRang(self):
        self.assertFalse(self.rung())
        self.assertFalse(self.env['ir.cron.trigger'].sudo().search([]))

    def assertRefused(self, answer):
        self.assertEqual((answer.status_code, answer.content), (401, b''))
        self.assertNothingRang()


@tagged('post_install', '-at_install')
class TestWebhook(WebhookCommon):
    # === WHO MAY NOT RING === #

    def test_wrong_signatures(self):
        body = xero_body((self.tenant, 'contact'))
        for signature in (
            None,
            '',
            'garbage',
            '====',
            'b\xe4\xdf64',
            'x' * 5000,
            sign(body, 'another key'),
            sign(body + b' '),
            sign(body).rstrip('='),
        ):
            with self.subTest(signature=signature):
                self.assertRefused(self.post(body, signature and signature.encode('latin-1')))
        self.assertRefused(self.post(body, **{'intuit-signature': sign(body)}))

    def test_key_of_another_provider(self):
        """Each provider has a key of its own."""
        self.enter_key('quickbooks', 'another key')
        body = xero_body((self.tenant, 'contact'))
        self.assertRefused(self.post(body, sign(body, 'another key')))
        self.assertRefused(self.post(body, sign(body), 'quickbooks'))

    def test_without_key(self):
        body = xero_body((self.tenant, 'contact'))
        self.env['fieldpromax.app'].sudo()._of('xero').webhook_key_encrypted = False
        self.assertRefused(self.post(body, sign(body, '')))
        self.assertRefused(self.post(body, sign(body)))
        self.assertRefused(self.post(body))

    def test_without_app(self):
        self.env['fieldpromax.app'].sudo().search([]).unlink()
        body = xero_body((self.tenant, 'contact'))
        self.assertRefused(self.post(body, sign(body, '')))

    def test_encryption_key_missing(self):
        body = xero_body((self.tenant, 'contact'))
        with (
            patch.dict(os.environ, {encryption.ENVIRONMENT_VARIABLE: Fernet.generate_key().decode()}),
            patch.object(encryption, 'key_file', lambda: encryption.Path('/nonexistent/encryption.key')),
        ):
            self.assertRefused(self.post(body, sign(body)))

    def test_unknown_provider(self):
        for provider in ('nobody', 'testbooks', 'XERO', '%00', ' xero'):
            answer = self.post(b'{}', sign(b'{}', ''), provider)
            self.assertIn(answer.status_code, (401, 404), provider)
            self.assertNothingRang()

    @mute_logger('odoo.http')
    def test_only_posted(self):
        # Odoo hands the query on as keywords: this one ended in an error 500.
        self.assertEqual(self.url_open('/fieldpromax/webhook/xero?self=x', data=b'{}').status_code, 401)
        for method in ('GET', 'HEAD', 'PUT', 'DELETE'):
            answer = self.url_open('/fieldpromax/webhook/xero', method=method)
            self.assertEqual(answer.status_code, 405, method)
        self.assertNothingRang()

    @mute_logger('odoo.http')
    def test_huge_body(self):
        body = xero_body((self.tenant, 'contact'), entropy='x' * webhook.MAX_BODY)
        answer = self.post(body, sign(body))
        self.assertEqual(answer.status_code, 413)
        self.assertNothingRang()

    def test_form(self):
        """What Odoo reads as a form is no webhook, and no way around the signature."""
        body = b'csrf_token=x&events=1'
        content_type = {'Content-Type': 'application/x-www-form-urlencoded'}
        self.assertRefused(self.post(body, sign(body), **content_type))
        answer = self.post(body, sign(b''), **content_type)
        self.assertNothingRang()
        self.assertEqual(answer.content, b'')

    # === WHAT A RING DOES === #

    def test_empty_and_odd_bodies(self):
        """Signed, so the provider means well; there is nothing to do."""
        for body in (b'', b'null', b'[]', b'{', b'\xff\xfe', b'{"events": [null, {"tenantId": {}}]}'):
            with self.subTest(body=body):
                self.ring(body)
                self.assertNothingRang()

    def test_intent_to_receive(self):
        body = xero_body(firstEventSequence=0, lastEventSequence=0)
        self.ring(body)
        self.assertRefused(self.post(body, sign(body, 'another key')))
        self.assertRefused(self.post(body, sign(body)[::-1]))

    def test_ring(self):
        self.assertFalse(self.env['fieldpromax.app']._of('xero').webhook_heard_at)
        self.ring(xero_body((self.tenant, 'contact')))
        self.assertEqual(self.rung(), {self.connection: {'contact'}})
        self.assertEqual(self.triggers(), 1)
        self.assertTrue(self.env['fieldpromax.app']._of('xero').webhook_heard_at)

    def test_nothing_is_read_in_the_request(self):
        self.simulator.forget_requests()
        runs = self.connection.run_ids
        self.ring(xero_body((self.tenant, 'contact')))
        self.assertFalse(self.simulator.requests())
        self.assertEqual(self.connection.run_ids, runs)

    def test_the_connection_is_not_written(self):
        """A driver may hold its row for as long as a page takes."""
        self.env.flush_all()
        self.env.cr.execute('SELECT xmin FROM fieldpromax_connection WHERE id = %s', (self.connection.id,))
        before = self.env.cr.fetchone()
        writes = []
        with patch.object(
            type(self.connection), 'write', lambda *arguments, **values: writes.append(arguments)
        ):
            self.ring(xero_body((self.tenant, 'contact')))
        self.env.cr.execute('SELECT xmin FROM fieldpromax_connection WHERE id = %s', (self.connection.id,))
        self.assertEqual(self.env.cr.fetchone(), before)
        self.assertFalse(writes)

    def test_replays_and_duplicates(self):
        body = xero_body(*[(self.tenant, 'contact')] * 5)
        for _time in range(3):
            self.ring(body)
        self.ring(xero_body((self.tenant, 'contact'), (self.tenant, 'contact')))
        self.assertEqual(self.rung(), {self.connection: {'contact'}})
        self.assertEqual(self.env['fieldpromax.doorbell'].sudo().search_count([]), 1)
        self.assertEqual(self.triggers(), 1, 'one is on its way already')

    def test_kinds_that_nobody_reads(self):
        with patch.object(
            type(self.env['fieldpromax.run']), '_kinds', lambda model, connection: ('reference', 'item')
        ):
            self.ring(xero_body((self.tenant, 'contact'), (self.tenant, 'invoice'), (self.tenant, 'NEW')))
        self.assertNothingRang()

    def test_unknown_organization(self):
        """Whoever is connected elsewhere gets the same answer: there is no trace of who is known here."""
        for body in (
            xero_body(('00000000-0000-4000-8000-000000000001', 'contact')),
            xero_body(('', 'contact')),
            xero_body(("' OR 1=1 --", 'contact'), ('\x00', 'contact'), ('\ud800', 'contact')),
        ):
            self.ring(body)
            self.assertNothingRang()
        self.ring(xero_body(('00000000-0000-4000-8000-000000000001', 'contact'), (self.tenant, 'contact')))
        self.assertEqual(self.rung(), {self.connection: {'contact'}})

    def test_organization_of_another_provider(self):
        other = self.other_books('310687', self.company_2)
        self.silence()
        self.ring(xero_body(('310687', 'contact')))
        self.assertNothingRang()
        self.enter_key('quickbooks')
        self.ring(quickbooks_body((self.tenant, 'Customer')), 'quickbooks')
        self.assertNothingRang()
        self.assertEqual(other.state, 'connected')

    def test_silent_connections(self):
        body = xero_body((self.tenant, 'contact'))
        for values in (
            {'state': 'disconnected'},
            {'state': 'reauth_required'},
            {'state': 'suspended'},
            {'state': 'copy'},
            {'state': 'connected', 'paused': True},
        ):
            with self.subTest(**values):
                self.connection.write(values)
                self.ring(body)
                self.assertNothingRang()

    def test_copy_of_the_database(self):
        """Both may be reachable under the address; the copy stays silent."""
        body = xero_body((self.tenant, 'contact'))
        with self.other_database():
            self.ring(body)
            self.assertNothingRang()
        self.env['ir.config_parameter'].sudo().set_param('database.is_neutralized', True)
        self.ring(body)
        self.assertNothingRang()

    def test_two_companies(self):
        other = self.connect('AU', user=self.user_manager_2)
        self.silence()
        self.ring(xero_body((other.organization_external_id, 'contact')))
        self.assertEqual(self.rung(), {other: {'contact'}})
        self.assertEqual((self.triggers(), self.triggers(other)), (0, 1))
        self.ring(xero_body((self.tenant, 'contact'), (other.organization_external_id, 'contact')))
        self.assertEqual(self.rung(), {other: {'contact'}, self.connection: {'contact'}})
        self.assertEqual((self.triggers(), self.triggers(other)), (1, 1))

    def test_several_realms(self):
        self.connection._end('makes room')
        self.enter_key('quickbooks')
        first, second = self.other_books('310687', self.company), self.other_books('310688', self.company_2)
        for cloud_events in (False, True):
            self.silence()
            self.ring(
                quickbooks_body(
                    ('310687', 'Customer'),
                    ('310688', 'Item'),
                    ('310688', 'Customer'),
                    ('999', 'Customer'),
                    ('310687', 'Vendor'),
                    cloud_events=cloud_events,
                ),
                'quickbooks',
            )
            self.assertEqual(self.rung(second) & {'contact', 'item'}, {'contact', 'item'})
            self.assertEqual(self.rung(first) & {'contact', 'item'}, {'contact'})
            self.assertEqual((self.triggers(first), self.triggers(second)), (1, 1))

    def test_formerly_connected_elsewhere(self):
        """The organization moved to another company: that one alone is rung."""
        self.connection._end('makes room')
        other = self.other_books(self.tenant, self.company_2, 'xero')
        self.silence()
        self.ring(xero_body((self.tenant, 'contact')))
        self.assertEqual(self.rung(), {other: {'contact'}})

    def test_logs_say_nothing(self):
        body = xero_body((self.tenant, 'contact'), entropy='VERYSECRETENTROPY')
        root, lines = logging.getLogger(), []
        handler = logging.Handler()
        handler.emit = lambda record: lines.append(record.getMessage())
        loggers = [
            root,
            logging.getLogger('odoo'),
            logging.getLogger('odoo.http'),
            logging.getLogger('werkzeug'),
        ]
        levels = [logger.level for logger in loggers]
        root.addHandler(handler)
        try:
            for logger in loggers[2:]:
                logger.setLevel(logging.DEBUG)
            self.ring(body)
            self.post(body, 'wrong-signature-of-somebody')
        finally:
            root.removeHandler(handler)
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
        text = '\n'.join(lines)
        self.assertIn('/fieldpromax/webhook/xero', text, 'the access log was watched')
        for secret in (KEY, sign(body), 'wrong-signature-of-somebody', 'VERYSECRETENTROPY', self.tenant):
            self.assertNotIn(secret, text)


@tagged('post_install', '-at_install')
class TestWebhookKey(ConnectingCommon):
    """Settings → FieldPromax Accounting → Webhooks."""

    def form(self):
        return Form(self.as_person(self.user_manager)['res.config.settings'])

    @property
    def app(self):
        return self.env['fieldpromax.app'].sudo()._of('xero')

    def test_key_is_write_only(self):
        form = self.form()
        self.assertEqual(form.fieldpromax_webhook_key_label, 'Webhook signing key')
        self.assertTrue(form.fieldpromax_webhook_url.endswith('/fieldpromax/webhook/xero'))
        self.assertFalse(form.fieldpromax_webhook_key_set_at)
        self.assertIn('which Xero needs to ring', form.fieldpromax_webhook_text)
        form.fieldpromax_webhook_key = f' {KEY}\n'
        settings = form.save()
        self.assertEqual(self.env['fieldpromax.app']._webhook_key('xero'), KEY)
        self.assertFalse(settings.read(['fieldpromax_webhook_key'])[0]['fieldpromax_webhook_key'])
        column = settings._fields['fieldpromax_webhook_key']
        self.assertFalse(column.store)
        self.assertNotIn(KEY, self.app.webhook_key_encrypted)
        before = self.app.webhook_key_encrypted
        settings.execute()
        self.form().save().execute()
        self.assertEqual(self.app.webhook_key_encrypted, before)
        form = self.form()
        self.assertFalse(form.fieldpromax_webhook_key)
        self.assertTrue(form.fieldpromax_webhook_key_set_at)

    def test_public_address(self):
        self.env['ir.config_parameter'].sudo().set_param('web.base.url', 'https://books.example.com/')
        form = self.form()
        self.assertEqual(form.fieldpromax_webhook_url, 'https://books.example.com/fieldpromax/webhook/xero')
        self.assertTrue(form.fieldpromax_webhook_text.endswith('it is read several times an hour.'))

    def test_each_provider_has_its_own(self):
        form = self.form()
        form.fieldpromax_provider = 'quickbooks'
        self.assertEqual(form.fieldpromax_webhook_key_label, 'Verifier token')
        self.assertTrue(form.fieldpromax_webhook_url.endswith('/fieldpromax/webhook/quickbooks'))
        form.fieldpromax_webhook_key = 'theirs'
        form.save()
        self.assertEqual(self.env['fieldpromax.app']._webhook_key('quickbooks'), 'theirs')
        self.assertEqual(self.env['fieldpromax.app']._webhook_key('xero'), '')

    def test_another_app_forgets_the_key(self):
        self.env['fieldpromax.app'].sudo()._set_credentials('xero', webhook_key=KEY)
        form = self.form()
        form.fieldpromax_client_id = 'another app'
        form.save()
        self.assertEqual(self.env['fieldpromax.app']._webhook_key('xero'), '')
        form = self.form()
        form.fieldpromax_client_id = 'a third app'
        form.fieldpromax_webhook_key = 'with its key'
        form.fieldpromax_client_secret = 'and its secret'
        form.save()
        self.assertEqual(self.env['fieldpromax.app']._webhook_key('xero'), 'with its key')
        self.assertEqual(self.env['fieldpromax.app']._get_credentials('xero').client_secret, 'and its secret')

    def test_secret_alone_keeps_the_key(self):
        self.env['fieldpromax.app'].sudo()._set_credentials('xero', webhook_key=KEY)
        self.env['fieldpromax.app'].sudo()._set_credentials('xero', client_secret='new')
        self.assertEqual(self.env['fieldpromax.app']._webhook_key('xero'), KEY)

    def test_neutralized(self):
        self.env['fieldpromax.app'].sudo()._set_credentials('xero', webhook_key=KEY)
        self.env.flush_all()
        self.env.cr.execute('SELECT count(*) FROM fieldpromax_app WHERE webhook_key_encrypted IS NOT NULL')
        self.assertTrue(self.env.cr.fetchone()[0])
        with open(encryption.__file__.replace('encryption.py', 'data/neutralize.sql')) as script:
            self.env.cr.execute(script.read())
        self.env.invalidate_all()
        self.assertEqual(self.env['fieldpromax.app']._webhook_key('xero'), '')


@tagged('post_install', '-at_install')
class TestRungPull(PullCommon):
    """What the pull makes of a ring."""

    def arrange_class(self):
        self.put_contacts({'Name': 'Acme', 'EmailAddress': 'office@acme.example'})
        type(self).connection = self.connect('US')
        self.run_pull(self.connection)

    def setUp(self):
        super().setUp()
        self.env['ir.cron.trigger'].sudo().search([]).unlink()
        self.simulator.forget_requests()

    def ring(self, *kinds):
        self.env['fieldpromax.doorbell'].sudo()._ring_one(self.connection, set(kinds))

    def lists(self):
        return {row['purpose'] for row in self.simulator.requests() if row['purpose'].endswith('.list')}

    def bells(self):
        return self.env['fieldpromax.doorbell']._kinds(self.connection)

    def triggers(self):
        return (
            self.env['ir.cron.trigger']
            .sudo()
            .search_count([('cron_id', '=', self.connection.pull_cron_id.id)])
        )

    def test_only_what_rang_is_read(self):
        self.ring('contact')
        self.assertEqual(self.triggers(), 1)
        self.run_pull(self.connection)
        run = self.connection.run_ids[0]
        self.assertEqual(
            (run.kind, run.state, run.line_ids.mapped('kind')), ('incremental', 'done', ['contact'])
        )
        self.assertEqual(self.lists(), {'contacts.list'})
        self.assertFalse(self.bells())
        self.ring('contact')
        self.assertEqual(
            (self.bells(), self.triggers()), ({'contact'}, 2), 'what rings afterwards rings anew'
        )

    def test_a_poll_reads_everything(self):
        self.run_pull(self.connection)
        self.assertEqual(self.lists(), {'contacts.list', 'items.list', 'payments.list'})

    def test_what_is_due_comes_along(self):
        checkpoint = self.env['fieldpromax.checkpoint'].sudo()._of(self.connection, 'item')
        checkpoint.pulled_at = fields.Datetime.now() - timedelta(minutes=14)
        self.ring('contact')
        self.run_pull(self.connection)
        self.assertEqual(self.lists(), {'contacts.list', 'items.list'})

    def test_sync_now_reads_everything(self):
        self.ring('contact')
        self.connection.with_env(self.as_person(self.user_bookkeeper)).action_sync_now()
        self.run_pull(self.connection)
        self.assertEqual(self.lists(), {'contacts.list', 'items.list', 'payments.list'})
        self.assertFalse(self.bells())

    def test_rings_while_it_is_read(self):
        """What rings after the pass has begun is read once more."""
        run_class = type(self.env['fieldpromax.run'])
        take_page = run_class._take_page

        def rings_meanwhile(model, connection, kind, line, page, position):
            if kind == 'contact':
                model.env['fieldpromax.doorbell'].sudo()._ring_one(connection, {'contact'})
            return take_page(model, connection, kind, line, page, position)

        self.ring('contact')
        self.env['ir.cron.trigger'].sudo().search([]).unlink()
        with patch.object(run_class, '_take_page', rings_meanwhile):
            self.run_pull(self.connection)
        self.assertEqual(self.bells(), {'contact'})
        self.assertTrue(self.triggers())
        self.simulator.forget_requests()
        self.run_pull(self.connection)
        self.assertEqual((self.lists(), self.bells()), ({'contacts.list'}, set()))

    def test_rings_while_a_run_waits(self):
        """The books asked for a pause: they are not woken before it is over, and nothing is forgotten."""
        self.simulator.fault('status:503', path='Items')
        self.run_pull(self.connection)
        run = self.connection.run_ids[0]
        self.assertEqual(run.state, 'waiting')
        self.env['ir.cron.trigger'].sudo().search([]).unlink()
        self.ring('contact')
        self.ring('contact', 'item')
        self.assertEqual(self.triggers(), 1)
        self.simulator.forget_requests()
        self.run_pull(self.connection)
        self.assertFalse(self.simulator.requests())
        self.wake(self.connection)
        self.env['ir.cron.trigger'].sudo().search([]).unlink()
        self.run_pull(self.connection)
        self.assertEqual(run.state, 'done')
        self.assertEqual(self.lists(), {'items.list', 'payments.list'})
        self.assertEqual(self.bells(), {'contact'}, 'it had been read before it rang')
        self.assertTrue(self.triggers())

    def test_ring_of_an_addon_that_is_gone(self):
        """Nobody opens, and nothing goes round in circles."""
        self.env['fieldpromax.doorbell'].sudo().create({'connection_id': self.connection.id, 'kind': 'gone'})
        self.run_pull(self.connection)
        self.assertEqual(self.connection.run_ids[0].state, 'done')
        self.assertEqual(self.lists(), {'contacts.list', 'items.list', 'payments.list'})
        self.assertFalse(self.triggers())

    def test_weekly_pass_is_not_cut_short(self):
        checkpoint = self.env['fieldpromax.checkpoint'].sudo()._of(self.connection, 'item')
        checkpoint.full_at = fields.Datetime.now() - timedelta(days=8)
        self.ring('contact')
        self.run_pull(self.connection)
        run = self.connection.run_ids[0]
        self.assertEqual(run.kind, 'full')
        self.assertIn('item', run.line_ids.mapped('kind'))

    def test_gone_with_the_connection(self):
        self.ring('contact')
        self.connection.sudo().unlink()
        self.assertFalse(self.env['fieldpromax.doorbell'].sudo().search([]))


@tagged('post_install', '-at_install')
class TestDoorbellOfTheBooks(PullCommon, HttpCase):
    """The whole way: somebody changes a customer in the books, the books ring, Odoo reads."""

    def webhooks(self):
        return self.simulator.control('GET', '/_sim/webhooks')

    def test_change_in_the_books(self):
        self.put_contacts({'Name': 'Zephyr Kites', 'EmailAddress': 'office@zephyr.example'})
        connection = self.connect('US')
        self.run_pull(connection)
        self.env['fieldpromax.app'].sudo()._set_credentials('xero', webhook_key=KEY)
        self.env['ir.cron.trigger'].sudo().search([]).unlink()
        self.env.flush_all()
        link = self.links(connection)
        with self.allow_requests(all_requests=True):
            outcome = self.simulator.control(
                'POST', '/_sim/webhooks', {'url': f'{self.base_url()}/fieldpromax/webhook/xero', 'key': KEY}
            )
            self.assertEqual(outcome['status'], 'ok', outcome)
            self.assertTrue(self.env['fieldpromax.app']._of('xero').webhook_heard_at)
            self.assertFalse(self.env['fieldpromax.doorbell'].sudo().search([]))
            self.put(
                contacts=[
                    {
                        'ContactID': link.external_id,
                        'Name': 'Zephyr Kites',
                        'EmailAddress': 'new@zephyr.example',
                    }
                ]
            )
            self.wait_until(lambda: any(row['ok'] and row['events'] for row in self.webhooks()['deliveries']))
        self.env.invalidate_all()
        self.assertEqual(self.env['fieldpromax.doorbell']._kinds(connection), {'contact'})
        triggers = self.env['ir.cron.trigger'].sudo().search([('cron_id', '=', connection.pull_cron_id.id)])
        self.assertEqual(len(triggers), 1)
        self.simulator.forget_requests()
        self.run_pull(connection)
        self.assertEqual(
            [row['purpose'] for row in self.simulator.requests() if 'list' in row['purpose']],
            ['contacts.list'],
        )
        self.assertIn('new@zephyr.example', str(link.read()))

    def test_wrong_key(self):
        self.connect('US')
        self.env['fieldpromax.app'].sudo()._set_credentials('xero', webhook_key='another key')
        self.env.flush_all()
        with self.allow_requests(all_requests=True):
            outcome = self.simulator.control(
                'POST', '/_sim/webhooks', {'url': f'{self.base_url()}/fieldpromax/webhook/xero', 'key': KEY}
            )
        self.assertEqual(outcome['status'], 'failed')
