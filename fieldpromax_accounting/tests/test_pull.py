"""Reading customers and products from the books: page by page, resumable, nothing made twice."""

from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models import fieldpromax_run
from ..providers import base, dto
from .common import ConnectedOnce, FieldpromaxCommon

RUN_LOGGER = 'odoo.addons.fieldpromax_accounting.models.fieldpromax_run'
MATCH_LOGGER = 'odoo.addons.fieldpromax_accounting.models.fieldpromax_match'


class Killed(BaseException):
    """The process ends here: nothing of ours catches it."""


class PullCommon(FieldpromaxCommon):
    """Books with nothing but what a test puts there."""

    seed = 'empty'

    def put(self, organization='US', **body):
        """Change the books as a person does in the provider's own pages."""
        return self.simulator.control('POST', f'/_sim/organisations/{organization}', body)

    def put_contacts(self, *contacts, organization='US'):
        """``contacts``: names, or dicts of the provider's fields. :return: their ids."""
        rows = [{'Name': row} if isinstance(row, str) else row for row in contacts]
        return self.put(organization, contacts=rows)['contacts']

    def put_many(self, count, organization='US', prefix='Customer'):
        self.put_contacts(
            *(
                {'Name': f'{prefix} {n:03}', 'EmailAddress': f'{prefix.lower()}{n}@example.com'}
                for n in range(count)
            ),
            organization=organization,
        )

    def line(self, connection, kind='contact'):
        return connection.run_ids[:1].line_ids.filtered(lambda line: line.kind == kind)

    def partners(self, *names):
        return self.env['res.partner'].with_context(active_test=False).search([('name', 'in', names)])

    def matches(self, connection, **values):
        domain = [
            ('connection_id', '=', connection.id),
            *((name, '=', value) for name, value in values.items()),
        ]
        return self.env['fieldpromax.match'].search(domain)

    def links(self, connection, kind='contact'):
        return self.env['fieldpromax.link'].search(
            [('connection_id', '=', connection.id), ('kind', '=', kind)]
        )

    @contextmanager
    def driver(self, connection):
        """The connection as its drivers see it, on a cursor of its own, which may commit."""
        self.env.flush_all()
        with self.registry.cursor() as cr:
            yield connection.with_env(self.env(cr=cr, su=True))._as_driver()
        self.env.invalidate_all()

    def wake(self, connection):
        """The time that a waiting run waits for has come."""
        connection.run_ids.filtered('next_attempt_at').next_attempt_at = fields.Datetime.now() - timedelta(
            seconds=1
        )

    def asked(self, purpose):
        return [row for row in self.simulator.requests() if row['purpose'] == purpose]

    def pull_and_die(self, connection, steps):
        """The process that pulls ends after so many steps."""
        run_class, calls = type(self.env['fieldpromax.run']), []
        pick = run_class._pick

        def die(*arguments):
            calls.append(1)
            if len(calls) > steps:
                raise Killed
            return pick(*arguments)

        # Not assertRaises: Odoo's takes back what was committed meanwhile.
        with patch.object(run_class, '_pick', die), suppress(Killed):
            self.run_pull(connection)
        self.assertEqual(len(calls), steps + 1)
        self.env.invalidate_all()

    def check_waits(self, connection, words):
        """The run met a fault: it says why it waits and that it goes on; the connection stays."""
        run = connection.run_ids
        self.assertEqual(run.state, 'waiting', run.reason)
        self.assertIn(words, run.reason)
        self.assertIn('It goes on', run.status_text)
        self.assertGreater(run.next_attempt_at, fields.Datetime.now())
        self.assertEqual(connection.state, 'connected')

    def check_done(self, connection, customers):
        """The one run ended well, and each of the numbered customers is there once, linked."""
        self.assertEqual(connection.run_ids.mapped('state'), ['done'], connection.run_ids.reason)
        self.assertFalse(connection.run_ids.reason)
        self.assertEqual(len(self.links(connection).partner_id), customers)
        self.assertEqual(self.env['res.partner'].search_count([('name', '=like', 'Customer 0%')]), customers)


@tagged('post_install', '-at_install')
class TestPull(ConnectedOnce, PullCommon):
    def test_first_import(self):
        self.put_contacts(
            {
                'Name': 'Acme Gardens',
                'EmailAddress': 'office@acme.example',
                'FirstName': 'Ann',
                'LastName': 'Ace',
                'Phones': [{'PhoneType': 'DEFAULT', 'PhoneNumber': '555 0100', 'PhoneAreaCode': '02'}],
                'Addresses': [
                    {
                        'AddressType': 'POBOX',
                        'AddressLine1': '1 Main Street',
                        'City': 'Austin',
                        'Region': 'Texas',
                        'PostalCode': '78701',
                        'Country': 'USA',
                    }
                ],
            },
            'Ben Brown',
        )
        self.put(
            items=[
                {
                    'Code': 'CALL',
                    'Name': 'Call-out',
                    'Description': 'Call-out fee',
                    'IsSold': True,
                    'SalesDetails': {'UnitPrice': 85.5},
                }
            ]
        )
        connection = self.connect('US')
        self.run_pull(connection)
        run = connection.run_ids
        self.assertEqual((run.kind, run.state, run.progress), ('initial', 'done', 100), run.reason)
        self.assertEqual(run.line_ids.mapped('state'), ['done', 'done', 'done'])
        acme = self.partners('Acme Gardens')
        self.assertEqual(len(acme), 1)
        self.assertEqual(
            (
                acme.email,
                acme.phone,
                acme.street,
                acme.city,
                acme.zip,
                acme.state_id.code,
                acme.country_id.code,
            ),
            ('office@acme.example', '02 555 0100', '1 Main Street', 'Austin', '78701', 'TX', 'US'),
        )
        self.assertTrue(acme.is_company)
        self.assertEqual(acme.customer_rank, 1)
        self.assertEqual(acme.company_id, self.company, 'nobody else sees what company one pulled')
        self.assertFalse(acme.message_follower_ids)
        product = self.env['product.product'].search([('default_code', '=', 'CALL')])
        self.assertEqual(len(product), 1)
        self.assertEqual(
            (product.name, product.list_price, product.description_sale, product.type),
            ('Call-out', 85.5, 'Call-out fee', 'service'),
        )
        self.assertEqual(product.company_id, self.company)
        self.assertEqual(self.links(connection).partner_id, self.partners('Acme Gardens', 'Ben Brown'))
        self.assertEqual(self.links(connection, 'item').product_id, product)
        self.assertFalse(
            self.env['fieldpromax.exchange'].search([('connection_id', '=', connection.id)]),
            'nothing is sent back',
        )

    def test_second_run_makes_nothing(self):
        self.put_many(7)
        connection = self.connect('US')
        self.run_pull(connection)
        before = self.links(connection).mapped(lambda link: (link.external_id, link.partner_id.id))
        self.run_pull(connection)
        run = connection.run_ids[:1]
        self.assertEqual((run.kind, run.state), ('incremental', 'done'))
        self.assertEqual(self.line(connection).created, 0)
        self.assertEqual(
            self.links(connection).mapped(lambda link: (link.external_id, link.partner_id.id)), before
        )

    def test_killed_between_pages(self):
        """The pages that were stored are not read again, and nothing is made twice."""
        self.put_many(9)
        connection = self.connect('US')
        with patch.object(fieldpromax_run, 'PAGE_SIZE', 2):
            self.pull_and_die(connection, steps=3)
            checkpoint = self.env['fieldpromax.checkpoint'].sudo()._of(connection, 'contact')
            self.assertEqual(checkpoint.phase, 'reading')
            self.assertTrue(checkpoint.cursor)
            self.assertFalse(checkpoint.full_at)
            self.assertEqual(len(self.links(connection)), 4)
            self.simulator.forget_requests()
            self.run_pull(connection)
        self.assertEqual(len(self.asked('contacts.list')), 3, 'pages three to five')
        self.check_done(connection, 9)
        line = self.line(connection)
        self.assertEqual((line.done, line.created), (9, 9))

    def test_pages_are_bounded(self):
        """No more than a page is ever asked for, nor taken in."""
        self.put_many(5)
        connection = self.connect('US')
        match = type(self.env['fieldpromax.match'])
        take_in, sizes = match._take_in, []

        def watch(model, connection, kind, records):
            sizes.append((kind, len(records)))
            return take_in(model, connection, kind, records)

        with patch.object(fieldpromax_run, 'PAGE_SIZE', 2), patch.object(match, '_take_in', watch):
            self.run_pull(connection)
        self.assertEqual([size for kind, size in sizes if kind == 'contact'], [2, 2, 1])

    def test_few_calls(self):
        self.put_many(30)
        connection = self.connect('US')
        self.simulator.forget_requests()
        self.run_pull(connection)
        self.assertLessEqual(len(self.simulator.requests()), 6)

    def test_changed_while_reading(self):
        """What is edited during the first import comes with the next run; a record is linked once."""
        self.put_many(4)
        connection = self.connect('US')
        ids = []
        match = type(self.env['fieldpromax.match'])
        take_in = match._take_in

        def edits(model, connection, kind, records):
            if kind == 'contact' and not ids:
                first = records[0]
                ids.append(first.external_id)
                self.put(contacts=[{'ContactID': first.external_id, 'Name': 'Renamed meanwhile'}])
                self.put_contacts('New meanwhile')
            return take_in(model, connection, kind, records)

        with patch.object(fieldpromax_run, 'PAGE_SIZE', 2), patch.object(match, '_take_in', edits):
            self.run_pull(connection)
        self.run_pull(connection)
        link = self.links(connection).filtered(lambda link: link.external_id == ids[0])
        self.assertEqual(link.external_name, 'Renamed meanwhile')
        self.assertEqual(link.partner_id.name, 'Renamed meanwhile', 'what changed there is taken over')
        self.assertEqual(len(self.partners('New meanwhile')), 1)
        self.assertEqual(len(self.links(connection)), 5)

    def test_archived_and_merged_later(self):
        kept, merged, archived = self.put_contacts('Kept Ltd', 'Merged Ltd', 'Archived Ltd')
        connection = self.connect('US')
        self.run_pull(connection)
        self.simulator.control('POST', '/_sim/clock', {'advance_seconds': 5})
        self.put(
            merge=[{'from': merged, 'into': kept}],
            contacts=[{'ContactID': archived, 'Name': 'Archived Ltd', 'ContactStatus': 'ARCHIVED'}],
        )
        self.run_pull(connection)
        active = {link.external_id: link.external_active for link in self.links(connection)}
        self.assertEqual(active, {kept: True, merged: False, archived: False})
        self.assertTrue(all(self.partners('Kept Ltd', 'Merged Ltd', 'Archived Ltd').mapped('active')))

    def test_archived_never_made(self):
        self.put_contacts('Still there', {'Name': 'Long gone', 'ContactStatus': 'ARCHIVED'})
        connection = self.connect('US')
        self.run_pull(connection)
        self.assertTrue(self.partners('Still there'))
        self.assertFalse(self.partners('Long gone'))

    def test_suppliers_by_choice(self):
        self.put_contacts(
            {'Name': 'Only supplier', 'IsSupplier': True},
            {'Name': 'Both', 'IsSupplier': True, 'IsCustomer': True},
            'Neither',
        )
        connection = self.connect('US')
        self.run_pull(connection)
        self.assertFalse(self.partners('Only supplier'))
        self.assertEqual(len(self.partners('Both', 'Neither')), 2)
        self.assertEqual(self.line(connection).skipped, 1)
        connection.pull_suppliers = True
        self.env['fieldpromax.checkpoint'].sudo().search([('kind', '=', 'contact')]).full_at -= timedelta(
            days=30
        )
        self.run_pull(connection)
        self.assertEqual(connection.run_ids[:1].kind, 'full')
        supplier = self.partners('Only supplier')
        self.assertEqual((supplier.customer_rank, supplier.supplier_rank), (0, 1))

    def test_tax_number_that_odoo_refuses(self):
        self.put_contacts(
            {
                'Name': 'Odd number',
                'TaxNumber': 'nonsense',
                'Addresses': [{'AddressType': 'POBOX', 'Country': 'Belgium', 'City': 'Gent'}],
            }
        )
        connection = self.connect('US')
        partner_class = type(self.env['res.partner'])

        def refuse(_partner, country, vat, partner_name='', validation='error'):
            return (vat if vat != 'nonsense' else ''), country.code

        with patch.object(partner_class, '_run_vat_checks', refuse):
            self.run_pull(connection)
        partner = self.partners('Odd number')
        self.assertFalse(partner.vat)
        self.assertIn('nonsense', partner.comment)
        self.assertEqual(partner.country_id.code, 'BE')

    # === WHEN IT GOES WRONG === #

    def check_fault(self, fault, words):
        """It ends in a run that waits and says why, and that goes on without making anything twice."""
        self.put_many(5)
        connection = self.connect('US')
        with patch.object(fieldpromax_run, 'PAGE_SIZE', 2):
            self.simulator.control(
                'POST', '/_sim/faults', {'fault': fault, 'path': '/Contacts', 'times': 1, 'skip': 1}
            )
            self.run_pull(connection)
            self.check_waits(connection, words)
            self.assertEqual(len(self.links(connection)), 2, 'the first page is stored')
            self.simulator.forget_requests()
            self.run_pull(connection)
            self.assertFalse(self.simulator.requests(), 'nothing is asked before the time')
            self.wake(connection)
            self.run_pull(connection)
        self.check_done(connection, 5)

    def test_minute_limit(self):
        self.check_fault('429:minute', 'break')

    def test_day_limit(self):
        self.check_fault('429:day', 'limit')

    def test_503(self):
        self.check_fault('status:503', 'not available')

    def test_500(self):
        self.check_fault('status:500', 'not available')

    def test_answer_lost(self):
        with patch.object(base, 'ProviderConfig', partial(base.ProviderConfig, read_timeout=1.0)):
            self.check_fault('timeout_after', 'did not answer')

    def test_truncated(self):
        self.check_fault('truncated', 'could not be read')

    def test_html_instead_of_json(self):
        self.check_fault('html', 'could not be read')

    def test_empty_answer(self):
        self.check_fault('empty', 'could not be read')

    def test_connection_reset(self):
        self.check_fault('reset', 'Xero')

    def test_back_off_grows(self):
        self.put_many(1)
        connection = self.connect('US')
        self.simulator.control(
            'POST', '/_sim/faults', {'fault': 'status:503', 'path': '/Accounts', 'times': None}
        )
        pauses = []
        for _attempt in range(3):
            self.run_pull(connection)
            pauses.append(connection.run_ids.next_attempt_at - fields.Datetime.now())
            self.wake(connection)
        self.assertEqual(pauses, sorted(pauses))
        self.assertGreater(pauses[2], pauses[0])

    def test_consent_gone(self):
        self.put_many(3)
        connection = self.connect('US')
        self.simulator.revoke_tokens()
        self.simulator.expire_access_tokens()
        self.run_pull(connection)
        self.assertEqual(connection.state, 'reauth_required')
        run = connection.run_ids
        self.assertEqual(run.state, 'paused')
        self.assertTrue(run.reason)

    def test_pause_and_resume(self):
        self.put_many(3)
        connection = self.connect('US')
        connection.paused = True
        self.simulator.forget_requests()
        self.run_pull(connection)
        self.assertFalse(self.simulator.requests())
        self.assertEqual(connection.run_ids.state, 'paused')
        self.assertIn('paused', connection.run_ids.reason)
        connection.paused = False
        self.run_pull(connection)
        self.assertEqual(connection.run_ids.state, 'done')
        self.assertEqual(len(self.links(connection)), 3)

    def test_disconnected_while_a_page_is_on_its_way(self):
        """What arrives after that is dropped; after connecting again it goes on where it was."""
        self.put_many(5)
        connection = self.connect('US')
        run_class = type(self.env['fieldpromax.run'])
        take_page = run_class._take_page
        pages = []

        def disconnects(model, connection, kind, line, page, position):
            pages.append(page)
            if len(pages) == 2:
                connection.write({'state': 'disconnected'})
            return take_page(model, connection, kind, line, page, position)

        with (
            patch.object(fieldpromax_run, 'PAGE_SIZE', 2),
            patch.object(run_class, '_take_page', disconnects),
        ):
            self.run_pull(connection)
        self.assertEqual(len(self.links(connection)), 2)
        self.assertEqual(connection.run_ids.state, 'paused')
        connection.write({'state': 'connected'})
        with patch.object(fieldpromax_run, 'PAGE_SIZE', 2):
            self.run_pull(connection)
        self.assertEqual(connection.run_ids.state, 'done')
        self.assertEqual(len(self.links(connection)), 5)

    def test_copied_database(self):
        self.put_many(2)
        connection = self.connect('US')
        self.simulator.forget_requests()
        with self.other_database():
            self.run_pull(connection)
        self.assertFalse(self.simulator.requests())
        self.assertFalse(self.links(connection))

    def test_one_bad_record(self):
        """What another addon refuses is named; the rest of the page comes in."""
        self.put_many(4)
        connection = self.connect('US')
        partner_class = type(self.env['res.partner'])
        create = partner_class.create

        def refuses(partners, vals_list):
            if any(vals.get('name') == 'Customer 002' for vals in vals_list):
                raise UserError(self.env._('Customer 002 is not welcome here.'))
            return create(partners, vals_list)

        with patch.object(partner_class, 'create', refuses), mute_logger(MATCH_LOGGER):
            self.run_pull(connection)
        line = self.line(connection)
        self.assertEqual((line.created, line.skipped, line.state), (3, 1, 'done'))
        self.assertIn('not welcome', line.notes)
        self.assertEqual(len(self.links(connection).partner_id), 3)

    def test_unreadable_record(self):
        self.put_many(2)
        connection = self.connect('US')
        run = type(self.env['fieldpromax.run'])
        take_page = run._take_page

        def spoil(model, connection, kind, line, page, position):
            if kind == 'contact':
                page = dto.Page(
                    page.records,
                    page.next_cursor,
                    page.checkpoint,
                    page.total,
                    (('some-id', 'it has no name'),),
                )
            return take_page(model, connection, kind, line, page, position)

        with patch.object(run, '_take_page', spoil):
            self.run_pull(connection)
        line = self.line(connection)
        self.assertEqual((line.created, line.skipped), (2, 1))
        self.assertIn('it has no name', line.notes)

    def test_unreadable_position(self):
        """A cursor of another version: everything is read anew, nothing is made twice."""
        self.put_many(3)
        connection = self.connect('US')
        self.run_pull(connection)
        checkpoint = self.env['fieldpromax.checkpoint'].sudo()._of(connection, 'contact')
        checkpoint.write({'phase': 'reading', 'cursor': '"from another version"'})
        with mute_logger(RUN_LOGGER):
            self.run_pull(connection)
        self.assertEqual(connection.run_ids[:1].state, 'done')
        self.assertEqual(len(self.links(connection)), 3)
        self.assertEqual(self.env['res.partner'].search_count([('name', '=like', 'Customer 0%')]), 3)

    def test_bug_is_shown_and_tried_again(self):
        self.put_many(1)
        connection = self.connect('US')
        reference = type(self.env['fieldpromax.reference'])
        with patch.object(reference, '_store', side_effect=ZeroDivisionError), mute_logger(RUN_LOGGER):
            self.run_pull(connection)
        self.assertEqual(connection.run_ids.state, 'waiting')
        self.assertIn('server log', connection.run_ids.reason)
        self.wake(connection)
        self.run_pull(connection)
        self.assertEqual(connection.run_ids.state, 'done')

    # === TWO COMPANIES === #

    def test_two_companies_see_nothing_of_each_other(self):
        self.put_contacts(
            {'Name': 'Shared Customer', 'EmailAddress': 'shared@example.com'}, 'Only in US', organization='US'
        )
        self.put_contacts(
            {'Name': 'Shared Customer', 'EmailAddress': 'shared@example.com'},
            {'Name': 'Customer of One', 'EmailAddress': 'one@example.com'},
            'Only in AU',
            organization='AU',
        )
        one = self.connect('US')
        two = self.connect('AU', user=self.user_manager_2, company=self.company_2)
        self.run_pull(one)
        self.run_pull(two)
        shared = [
            self.links(connection).filtered(lambda link: link.partner_id == self.shared_customer)
            for connection in (one, two)
        ]
        self.assertEqual([len(links) for links in shared], [1, 1], 'each has a link of its own')
        self.assertNotEqual(shared[0].external_id, shared[1].external_id)
        self.assertEqual(self.partners('Only in US').company_id, self.company)
        self.assertEqual(self.partners('Only in AU').company_id, self.company_2)
        mine, theirs = self.partners('Customer of One').sorted(
            lambda partner: partner.company_id == self.company_2
        )
        self.assertEqual(
            (mine, theirs.company_id), (self.own_customer, self.company_2), 'company one is not looked at'
        )
        env = self.as_person(self.user_bookkeeper_2)
        for model in ('run', 'run.line', 'checkpoint', 'match', 'link', 'reference', 'mapping'):
            rows = env[f'fieldpromax.{model}'].search([])
            self.assertTrue(rows or model == 'match', model)
            self.assertEqual(rows.sudo().company_id or self.company_2, self.company_2, model)

    def test_broken_company_stops_no_other(self):
        self.put_many(2, organization='US')
        self.put_many(2, organization='AU')
        one = self.connect('US')
        two = self.connect(
            'AU', user=self.user_manager_2, company=self.company_2, person='bookkeeper@example.com'
        )
        self.simulator.control('POST', '/_sim/tokens', {'disconnect': 'US'})
        self.run_pull(one)
        self.run_pull(two)
        self.assertNotEqual(one.state, 'connected')
        self.assertEqual(two.state, 'connected')
        self.assertEqual(len(self.links(two)), 2)

    # === FOR THE PUSH === #

    def test_pull_changes(self):
        """The push driver brings customers up to date: the first import included, and no call when nothing
        waits."""
        self.put_many(3)
        connection = self.connect('US')
        with self.driver(connection) as driver, patch.object(fieldpromax_run, 'PAGE_SIZE', 2):
            run = driver.env['fieldpromax.run']
            self.assertFalse(run._is_known(driver, 'contact'))
            self.assertTrue(run._pull_changes(driver, 'contact'))
            self.assertTrue(run._is_known(driver, 'contact'))
        self.assertEqual(self.line(connection).created, 3, 'counted in the run under way')
        self.assertEqual(self.line(connection).state, 'done')
        self.simulator.forget_requests()
        with self.driver(connection) as driver:
            self.assertTrue(driver.env['fieldpromax.run']._pull_changes(driver, 'contact'))
        self.assertFalse(self.simulator.requests(), 'nothing waits that was queued since')
        exchange = self.env['fieldpromax.exchange'].sudo()
        exchange._enqueue(connection, 'contact', self.own_customer)
        # All of a test is one transaction, whose time stands still.
        exchange.search([('partner_id', '=', self.own_customer.id)]).next_attempt_at = fields.Datetime.now()
        with self.driver(connection) as driver:
            self.assertTrue(driver.env['fieldpromax.run']._pull_changes(driver, 'contact'))
        self.assertEqual(len(self.asked('contacts.list')), 1)

    def test_start_initial_once(self):
        connection = self.connect('US')
        run = self.env['fieldpromax.run']
        self.assertEqual(run._start_initial(connection), connection.run_ids)
        self.assertEqual(len(connection.run_ids), 1)
        self.run_pull(connection)
        self.assertFalse(run._start_initial(connection))
