"""What is the same, what is new, and what a person decides."""

from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .. import matching
from ..models import fieldpromax_run
from .test_pull import PullCommon


@tagged('post_install', '-at_install')
class TestKeys(PullCommon):
    def test_same_in_python_and_sql(self):
        names = [
            'Müller  & Söhne',
            'MULLER & SOHNE',
            'Ørsted ÆØÅ',
            'Straße',
            'STRASSE',
            'Ελλάδα ΑΕ',
            'ελλαδα αε',
            'ΣΊΣΥΦΟΣ',
            'ПРИВЕТ Ёж',
            'İstanbul ıI',
            'O’Brien "X"',
            "O'Brien X",
            '株式会社 テスト',
            'ﬁn ＡＢＣ',
            'a\u200bb\u00a0c',
            '…',
            '',
        ]
        self.env.cr.execute(
            matching.SQL(
                'SELECT array_agg(%s ORDER BY n) FROM unnest(%s::text[]) WITH ORDINALITY AS u(v, n)',
                matching.text_key_sql(matching.SQL('v')),
                names,
            )
        )
        self.assertEqual(self.env.cr.fetchone()[0], [matching.text_key(name) for name in names])

    def test_what_counts_as_the_same(self):
        for one, other in (
            ('Müller  & Söhne', 'MULLER & SOHNE'),
            ('Straße', 'STRASSE'),
            ('Ελλάδα', 'ΕΛΛΑΔΑ'),
            ('A.B. Cleaning', 'AB Cleaning'),
            ('Jørgen', 'jorgen'),
        ):
            self.assertEqual(matching.text_key(one), matching.text_key(other))
        self.assertNotEqual(matching.text_key('Smith 1'), matching.text_key('Smith 2'))
        self.assertEqual(matching.email_key(' "Ann" <Ann@Example.com>; b@example.com'), 'ann@example.com')
        self.assertEqual(matching.email_key('no address'), '')


@tagged('post_install', '-at_install')
class TestMatch(PullCommon):
    def pull(self, *contacts, locals_=(), items=()):
        """Books with these contacts, Odoo with these partners, and the first import. :return: the
        connection."""
        created = self.env['res.partner'].create(list(locals_))
        self.put_contacts(*contacts)
        if items:
            self.put(items=list(items))
        connection = self.connect('US')
        self.run_pull(connection)
        self.assertEqual(connection.run_ids.state, 'done', connection.run_ids.reason)
        return connection, created

    def compared_long_ago(self, matches):
        """A run looks anew at what was compared before it began; in a test both happen within a second."""
        matches.sudo().looked_at = '2020-01-01 00:00:00'

    def assertReview(self, connection, name, reason, candidates=1):
        """``name`` of the books waits for review with that many candidates; nothing was made for it."""
        rows = self.matches(connection, external_name=name, decision='pending')
        found = rows.filtered(lambda row: row.partner_id or row.product_id)
        self.assertEqual(len(found), candidates, name)
        self.assertTrue(rows, name)
        self.assertIn(reason, rows[0].reason, name)
        self.assertFalse(self.links(connection).filtered(lambda link: link.external_name == name), name)
        return rows

    def test_ambiguous_cases(self):
        """One import with every case side by side; each stands for itself by names of its own."""
        contact = lambda name, email='', **values: {'Name': name, 'EmailAddress': email, **values}  # noqa: E731
        local = lambda name, email=False, **values: {'name': name, 'email': email, **values}  # noqa: E731
        connection, _created = self.pull(
            contact('Equal Ltd', 'office@equal.example'),
            contact('MULLER & SOHNE', 'Info@Mueller.example'),
            contact('New Ltd', 'new@new.example'),
            contact('New without mail'),
            contact('Other mail', 'one@mail.example'),
            contact('No mail there'),
            contact('No mail here', 'x@here.example'),
            contact('No mail at all'),
            contact('Another name', 'same@mail.example'),
            contact('Twice here', 'twice@here.example'),
            contact('Twice there', 'twice@there.example'),
            contact('Twice there as well', 'twice@there.example'),
            contact('Only names are twice', 'a@names.example'),
            contact('Archived here', 'archived@here.example'),
            contact('Person Inside', 'person@inside.example'),
            contact('Of the other company', 'other@company.example'),
            contact('Twin', 'twin@one.example'),
            contact('Twín', 'twin@two.example'),
            contact('Mail twin one', 'mail@twin.example'),
            contact('Mail twin two', 'mail@twin.example'),
            locals_=[
                local('Equal Ltd', 'office@equal.example'),
                local('Müller  &  Söhne', '"Info" <info@mueller.example>'),
                local('Other mail', 'two@mail.example'),
                local('No mail there', 'y@there.example'),
                local('No mail here'),
                local('No mail at all'),
                local('A name', 'same@mail.example'),
                local('Twice here', 'twice@here.example'),
                local('Twice Here', 'twice@here.example'),
                local('Twice there', 'twice@there.example'),
                local('Only names are twice', 'a@names.example'),
                local('Only names are twice', 'b@names.example'),
                local('Archived here', 'archived@here.example', active=False),
                local(
                    'Company of Person',
                    is_company=True,
                    child_ids=[Command.create(local('Person Inside', 'person@inside.example'))],
                ),
                local('Of the other company', 'other@company.example', company_id=self.company_2.id),
            ],
        )
        linked = {link.external_name: link.partner_id for link in self.links(connection)}
        self.assertEqual(linked['Equal Ltd'].name, 'Equal Ltd')
        self.assertEqual(linked['MULLER & SOHNE'].name, 'Müller  &  Söhne')
        self.assertEqual(len(self.partners('Equal Ltd', 'MULLER & SOHNE')), 1, 'not made again')
        self.assertEqual(len(self.partners('New Ltd', 'New without mail')), 2)
        self.assertReview(connection, 'Other mail', 'different e-mail')
        self.assertReview(connection, 'No mail there', 'books have no e-mail')
        self.assertReview(connection, 'No mail here', 'Odoo has no e-mail')
        self.assertReview(connection, 'No mail at all', 'neither side')
        self.assertReview(connection, 'Another name', 'different name')
        self.assertReview(connection, 'Twice here', 'another record of Odoo', candidates=2)
        self.assertReview(connection, 'Twice there', 'another record of the books')
        self.assertReview(connection, 'Twice there as well', 'different name')
        self.assertReview(connection, 'Only names are twice', 'another record of Odoo', candidates=2)
        self.assertReview(connection, 'Archived here', 'archived in Odoo')
        rows = self.assertReview(connection, 'Person Inside', 'contact "Person Inside"')
        self.assertEqual(rows.partner_id.name, 'Company of Person')
        theirs = self.partners('Of the other company')
        self.assertEqual(
            theirs.company_id, self.company | self.company_2, 'unknown here, so made for this company'
        )
        # Two of the books alike, none in Odoo: one is made, a person says what the other one is.
        self.assertEqual(len(self.partners('Twin', 'Twín')), 1)
        self.assertEqual(
            len(
                self.matches(connection, decision='pending').filtered(
                    lambda m: m.external_name in ('Twin', 'Twín')
                )
            ),
            1,
        )
        self.assertEqual(len(self.partners('Mail twin one', 'Mail twin two')), 1)
        line = self.line(connection)
        self.assertEqual((line.linked, line.created, line.review), (2, 5, 13))
        self.assertFalse(self.matches(connection).filtered('is_deferred'))

    def test_unique_over_all_pages(self):
        """A twin on the last page keeps the first page's equal pair from being linked."""
        self.env['res.partner'].create({'name': 'Equal', 'email': 'equal@example.com'})
        self.put_contacts(
            {'Name': 'Equal', 'EmailAddress': 'equal@example.com'},
            *(f'Filler {n}' for n in range(6)),
            {'Name': 'Èqual', 'EmailAddress': 'equal@example.com'},
        )
        connection = self.connect('US')
        with patch.object(fieldpromax_run, 'PAGE_SIZE', 1):
            self.run_pull(connection)
        rows = self.matches(connection, decision='pending')
        self.assertEqual(set(rows.mapped('external_name')), {'Equal', 'Èqual'})
        self.assertFalse(
            self.links(connection).filtered(lambda link: link.external_name in ('Equal', 'Èqual'))
        )
        # Ignoring the one settles the other by itself.
        twin = rows.filtered(lambda row: row.external_name == 'Èqual')
        twin.with_env(self.as_person(self.user_bookkeeper)).action_ignore()
        self.compared_long_ago(rows)
        self.run_pull(connection)
        self.assertEqual(
            self.links(connection)
            .filtered('partner_id')
            .filtered(lambda link: link.external_name == 'Equal')
            .partner_id.name,
            'Equal',
        )
        self.assertFalse(self.matches(connection, decision='pending'))

    def test_items(self):
        item = lambda code, name, price=1: {  # noqa: E731
            'Code': code,
            'Name': name,
            'IsSold': True,
            'SalesDetails': {'UnitPrice': price},
        }
        self.env['product.product'].create(
            [
                {'name': 'Tap washer', 'default_code': 'WASH-1', 'list_price': 3},
                {'name': 'Hose', 'default_code': 'H1'},
                {'name': 'Pipe', 'default_code': 'P9'},
                {'name': 'Valve'},
                {'name': 'Valve new', 'default_code': 'D1'},
                {'name': 'Theirs', 'default_code': 'T1', 'company_id': self.company_2.id},
            ]
        )
        connection, _created = self.pull(
            items=[
                item('wash 1', 'TAP WASHER', 9),
                item('H1', 'Garden hose'),
                item('P1', 'Pipe'),
                item('V1', 'Valve'),
                item('D1', 'Dishwasher'),
                item('T1', 'Theirs'),
                {'Code': 'NAMELESS', 'Description': 'Something without a name', 'IsSold': True},
            ]
        )
        linked = {link.external_number: link.product_id for link in self.links(connection, 'item')}
        self.assertEqual(set(linked), {'wash 1', 'T1', 'NAMELESS'})
        self.assertEqual(linked['wash 1'].default_code, 'WASH-1')
        self.assertEqual(linked['wash 1'].list_price, 3, 'no field of Odoo is overwritten')
        self.assertEqual(linked['T1'].company_id, self.company)
        self.assertEqual(linked['NAMELESS'].name, 'Something without a name')
        reasons = {m.external_code: m.reason for m in self.matches(connection, decision='pending')}
        self.assertEqual(set(reasons), {'H1', 'P1', 'V1', 'D1'})
        self.assertIn('different name', reasons['H1'])
        self.assertIn('different code', reasons['P1'])
        self.assertIn('no internal reference', reasons['V1'])

    # === DECISIONS === #

    def one_review(self):
        connection, partner = self.pull(
            {'Name': 'Smith Plumbing', 'EmailAddress': 'a@smith.example'},
            locals_=[{'name': 'Smith Plumbing', 'email': 'b@smith.example'}],
        )
        return (
            connection,
            partner,
            self.matches(connection, decision='pending').with_env(self.as_person(self.user_bookkeeper)),
        )

    def test_link(self):
        connection, partner, match = self.one_review()
        match.action_link()
        self.assertEqual(self.links(connection).partner_id, partner)
        self.assertEqual((match.decision, match.decided_by_id), ('link', self.user_bookkeeper))
        self.assertTrue(match.decided_at)
        self.run_pull(connection)
        self.assertEqual(len(self.partners('Smith Plumbing')), 1)
        self.assertFalse(self.matches(connection, decision='pending'))

    def test_create(self):
        connection, partner, match = self.one_review()
        match.action_create()
        both = self.partners('Smith Plumbing')
        self.assertEqual(len(both), 2)
        self.assertEqual(self.links(connection).partner_id, both - partner)
        self.assertEqual((both - partner).email, 'a@smith.example')
        self.run_pull(connection)
        self.assertEqual(len(self.partners('Smith Plumbing')), 2)
        self.assertFalse(
            self.env['fieldpromax.exchange'].sudo().search([('connection_id', '=', connection.id)])
        )

    def test_ignore_is_remembered(self):
        """Also when the record is deleted, and when the books change it."""
        connection, partner, match = self.one_review()
        match.action_ignore()
        link = self.links(connection)
        self.assertEqual((link.decision, link.partner_id.id), ('ignore', False))
        partner.unlink()
        self.simulator.control('POST', '/_sim/clock', {'advance_seconds': 5})
        self.put(contacts=[{'ContactID': match.external_id, 'Name': 'Smith Plumbing', 'FirstName': 'Al'}])
        self.run_pull(connection)
        self.assertFalse(self.partners('Smith Plumbing'))
        self.assertFalse(self.matches(connection, decision='pending'))
        self.assertTrue(match.exists())

    def test_never_leaves_the_question_what_it_is(self):
        connection, partner, match = self.one_review()
        match.action_never()
        self.assertEqual(match.decision, 'never')
        rest = self.matches(connection, decision='pending')
        self.assertEqual((len(rest), rest.partner_id.id), (1, False))
        self.run_pull(connection)
        self.assertEqual(self.matches(connection, decision='pending'), rest, 'the pair is not proposed again')
        rest.with_env(self.as_person(self.user_bookkeeper)).action_create()
        self.assertEqual(len(self.partners('Smith Plumbing')), 2)
        self.assertFalse(self.links(connection).partner_id & partner)

    def test_decide_again(self):
        connection, partner, match = self.one_review()
        match.action_ignore()
        match.action_reopen()
        self.assertEqual(match.decision, 'pending')
        self.assertFalse(self.links(connection))
        match.action_link()
        self.assertEqual(self.links(connection).partner_id, partner)

    def test_deciding_settles_the_other_candidates(self):
        connection, _created = self.pull(
            {'Name': 'Twice', 'EmailAddress': 'twice@example.com'},
            {'Name': 'Rival', 'EmailAddress': 'twice@example.com'},
            locals_=[
                {'name': 'Twice', 'email': 'twice@example.com'},
                {'name': 'Twice', 'email': 'x@example.com'},
            ],
        )
        rows = self.matches(connection, external_name='Twice').with_env(self.as_person(self.user_bookkeeper))
        self.assertEqual(len(rows), 2)
        rows[0].action_link()
        self.assertEqual(rows.mapped('decision'), ['link', 'never'])
        rival = self.matches(connection, external_name='Rival', decision='pending')
        self.assertFalse(rival.partner_id, 'its only candidate is taken now')
        self.assertIn('linked to another', rival.reason)

    def test_many_at_once(self):
        names = [f'Same {n}' for n in range(5)]
        connection, _created = self.pull(
            *({'Name': name, 'EmailAddress': f'a{n}@example.com'} for n, name in enumerate(names)),
            locals_=[{'name': name, 'email': f'b{n}@example.com'} for n, name in enumerate(names)],
        )
        rows = self.matches(connection, decision='pending').with_env(self.as_person(self.user_bookkeeper))
        self.assertEqual(len(rows), 5)
        rows.action_link()
        self.assertEqual(len(self.links(connection).partner_id), 5)
        with self.assertRaises(UserError):
            rows.action_create()

    def test_one_record_cannot_be_linked_twice(self):
        connection, _created = self.pull(
            {'Name': 'One', 'EmailAddress': 'same@example.com'},
            {'Name': 'Two', 'EmailAddress': 'same@example.com'},
            locals_=[{'name': 'Local', 'email': 'same@example.com'}],
        )
        rows = self.matches(connection, decision='pending').with_env(self.as_person(self.user_bookkeeper))
        self.assertEqual(len(rows), 2)
        with self.assertRaises(UserError):
            rows.action_link()
        self.assertFalse(self.links(connection))

    def test_local_record_deleted(self):
        """Deleting is never stopped; a linked customer that was deleted is not made again unasked."""
        connection, partner = self.pull(
            {'Name': 'Gone', 'EmailAddress': 'gone@example.com'},
            {'Name': 'Pending', 'EmailAddress': 'a@example.com'},
            locals_=[
                {'name': 'Gone', 'email': 'gone@example.com'},
                {'name': 'Pending', 'email': 'b@example.com'},
                {'name': 'Pending', 'email': 'c@example.com'},
            ],
        )
        self.assertEqual(self.links(connection).partner_id, partner[0])
        partner.unlink()
        self.env['fieldpromax.checkpoint'].sudo().search([('kind', '=', 'contact')]).write(
            {'full_at': '2020-01-01'}
        )
        self.run_pull(connection)
        self.assertFalse(self.partners('Gone'))
        rows = self.matches(connection, external_name='Gone', decision='pending')
        self.assertIn('deleted in Odoo', rows.reason)
        rows.with_env(self.as_person(self.user_bookkeeper)).action_create()
        self.assertEqual(
            self.links(connection).filtered(lambda link: link.external_name == 'Gone').partner_id,
            self.partners('Gone'),
        )

    def test_cure_in_odoo_is_noticed(self):
        connection, partner, match = self.one_review()
        partner.email = 'a@smith.example'
        self.compared_long_ago(match)
        self.run_pull(connection)
        self.assertEqual(self.links(connection).partner_id, partner)
        self.assertFalse(match.exists())

    def test_rights(self):
        connection, _partner, match = self.one_review()
        for user in (self.user_portal, self.user_employee, self.user_invoice, self.user_bookkeeper_2):
            for action in ('action_link', 'action_create', 'action_ignore', 'action_never'):
                with self.assertRaises(AccessError, msg=f'{user.login} {action}'):
                    getattr(match.with_env(self.as_person(user)), action)()
        self.assertEqual(match.with_env(self.as_person(self.user_invoice)).external_name, 'Smith Plumbing')
        with self.assertRaises(AccessError):
            match.write({'decision': 'link'})
        with self.assertRaises(AccessError):
            match.create({'connection_id': connection.id, 'kind': 'contact', 'external_id': 'x'})
        with self.assertRaises(AccessError):
            match.unlink()
        self.assertEqual(match.decision, 'pending')

    # === SEEN FROM ODOO === #

    def decide(self, connection, kind, records):
        with self.driver(connection) as driver:
            return driver.env['fieldpromax.match']._decide_local(driver, kind, records.with_env(driver.env))

    def test_about_to_be_sent(self):
        connection, _created = self.pull(
            {'Name': 'In the books', 'EmailAddress': 'in@books.example'},
            {'Name': 'Held back', 'EmailAddress': 'held@books.example'},
            locals_=[{'name': 'Held back', 'email': 'other@books.example'}],
        )
        new, same_name, same_mail, nothing = self.env['res.partner'].create(
            [
                {'name': 'Quite new', 'email': 'quite@new.example'},
                {'name': 'IN THE BOOKS', 'email': 'new@new.example'},
                {'name': 'Somebody', 'email': 'in@books.example'},
                {'name': 'Nothing known'},
            ]
        )
        held = self.env['res.partner'].search([('name', '=', 'Held back')])
        verdicts = self.decide(connection, 'contact', new | same_name | same_mail | nothing | held)
        self.assertEqual(
            [verdicts[partner.id][0] for partner in (new, same_name, same_mail, nothing, held)],
            ['create', 'review', 'review', 'create', 'review'],
        )
        self.assertIn('In the books', verdicts[same_name.id][1])
        self.assertTrue(self.matches(connection, partner_id=same_mail.id))
        again = self.decide(connection, 'contact', same_mail)
        self.assertEqual(again[same_mail.id][0], 'review')
        self.assertEqual(len(self.matches(connection, partner_id=same_mail.id)), 1, 'asked once')
        # "Create new" on such a row: it is another one, and may go.
        self.matches(connection, partner_id=same_mail.id).with_env(
            self.as_person(self.user_bookkeeper)
        ).action_create()
        self.assertEqual(self.decide(connection, 'contact', same_mail)[same_mail.id], ('create', ''))
        self.assertEqual(len(self.partners('In the books')), 1)

    def test_equal_one_is_linked_at_once(self):
        """A record kept for review meanwhile corrected in Odoo: the push does not wait for the next pull."""
        connection, partner, _match = self.one_review()
        partner.email = 'a@smith.example'
        self.assertEqual(self.decide(connection, 'contact', partner)[partner.id], ('linked', ''))
        self.assertEqual(self.links(connection).partner_id, partner)
        self.assertFalse(self.matches(connection, decision='pending'))

    def test_name_refused_by_the_books(self):
        """A supplier that was not pulled has the name: looked up, then a person decides."""
        connection, _created = self.pull({'Name': 'Paper Supplier', 'IsSupplier': True})
        self.assertFalse(self.partners('Paper Supplier'))
        partner = self.env['res.partner'].create({'name': 'Paper Supplier'})
        self.assertEqual(self.decide(connection, 'contact', partner)[partner.id][0], 'create')
        self.env['fieldpromax.match'].sudo()._propose_by_name(connection, partner)
        self.assertEqual(self.decide(connection, 'contact', partner)[partner.id][0], 'review')
        self.run_pull(connection)
        match = self.matches(connection, partner_id=partner.id)
        self.assertIn('supplier', match.reason)
        self.assertEqual(self.decide(connection, 'contact', partner)[partner.id][0], 'review')
        match.with_env(self.as_person(self.user_bookkeeper)).action_link()
        self.assertEqual(self.links(connection).partner_id, partner)

    def test_name_that_is_free_again(self):
        connection, _created = self.pull('Somebody')
        partner = self.env['res.partner'].create({'name': 'Not there'})
        self.env['fieldpromax.match'].sudo()._propose_by_name(connection, partner)
        self.run_pull(connection)
        self.assertEqual(self.decide(connection, 'contact', partner)[partner.id], ('create', ''))
