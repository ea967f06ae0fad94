"""What is the same, what is new, and what a person decides."""

from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools.translate import code_translations

from .. import blocking, match_engine, matching
from ..models import fieldpromax_run
from ..providers import dto
from .common import ConnectedOnce
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
class TestMatch(ConnectedOnce, PullCommon):
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
        """One import with every case side by side; each stands for itself by names that are not even similar."""
        contact = lambda name, email='', **values: {'Name': name, 'EmailAddress': email, **values}  # noqa: E731
        local = lambda name, email=False, **values: {'name': name, 'email': email, **values}  # noqa: E731
        connection, _created = self.pull(
            contact('Equal Ltd', 'office@equal.example'),
            contact('MULLER & SOHNE', 'Info@Mueller.example'),
            contact('New Ltd', 'new@new.example'),
            contact('New without mail'),
            contact('Ombersley', 'one@mail.example'),
            contact('Kestrel'),
            contact('Marlow', 'x@here.example'),
            contact('Quince'),
            contact('Another name', 'same@mail.example'),
            contact('Dunlin', 'twice@here.example'),
            contact('Ferris', 'twice@there.example'),
            contact('Ferris Annex', 'twice@there.example'),
            contact('Harker', 'a@names.example'),
            contact('Ivory', 'archived@here.example'),
            contact('Person Inside', 'person@inside.example'),
            contact('Of the other company', 'other@company.example'),
            contact('Twin', 'twin@one.example'),
            contact('Twín', 'twin@two.example'),
            contact('Jasper', 'mail@twin.example'),
            contact('Kolbe', 'mail@twin.example'),
            locals_=[
                local('Equal Ltd', 'office@equal.example'),
                local('Müller  &  Söhne', '"Info" <info@mueller.example>'),
                local('Ombersley', 'two@mail.example'),
                local('Kestrel', 'y@there.example'),
                local('Marlow'),
                local('Quince'),
                local('A name', 'same@mail.example'),
                local('Dunlin', 'twice@here.example'),
                local('DUNLIN', 'twice@here.example'),
                local('Ferris', 'twice@there.example'),
                local('Harker', 'a@names.example'),
                local('Harker', 'b@names.example'),
                local('Ivory', 'archived@here.example', active=False),
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
        self.assertReview(connection, 'Ombersley', 'other e-mail of the same domain')
        self.assertReview(connection, 'Kestrel', 'books have no e-mail')
        self.assertReview(connection, 'Marlow', 'Odoo has no e-mail')
        self.assertReview(connection, 'Quince', 'neither side')
        self.assertReview(connection, 'Another name', 'Same e-mail; ')
        self.assertReview(connection, 'Dunlin', '2 records of Odoo', candidates=2)
        self.assertReview(connection, 'Ferris', 'another record of the books, "Ferris Annex"')
        self.assertReview(connection, 'Ferris Annex', 'only the books have "Annex"')
        self.assertReview(connection, 'Harker', '2 records of Odoo', candidates=2)
        self.assertReview(connection, 'Ivory', 'archived in Odoo')
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
        self.assertEqual(len(self.partners('Jasper', 'Kolbe')), 1)
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
        self.assertIn('Same code; ', reasons['H1'])
        self.assertIn('code differs', reasons['P1'])
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
        self.assertIn('linked to "Twice" of the books already', rival.reason)

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
            {'Name': 'Ember', 'EmailAddress': 'same@example.com'},
            {'Name': 'Talbot', 'EmailAddress': 'same@example.com'},
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

    # === SIMILAR === #

    def review_of(self, connection, name):
        (row,) = self.matches(connection, external_name=name, decision='pending')
        return row

    def test_similar_name(self):
        """A typing error: not made a second time, and the row says how the two differ."""
        connection, partner = self.pull(
            {'Name': 'Pemberly Dairy', 'EmailAddress': 'farm@pemberly.example'},
            locals_=[{'name': 'Pemberley Dairy', 'email': 'farm@pemberly.example'}],
        )
        row = self.review_of(connection, 'Pemberly Dairy')
        self.assertEqual(row.partner_id, partner)
        self.assertEqual(row.why, 'Same e-mail; name differs by one letter.')
        self.assertEqual(row.why, row.reason)
        self.assertGreater(row.score, 80)
        self.assertFalse(self.partners('Pemberly Dairy'))

    def test_similar_without_a_common_key(self):
        """Neither name nor e-mail is equal, so that no look-up finds them: the engine does."""
        contact = lambda name, email='', phone='': {  # noqa: E731
            'Name': name,
            'EmailAddress': email,
            'Phones': [{'PhoneType': 'DEFAULT', 'PhoneNumber': phone}],
        }
        connection, created = self.pull(
            contact('Trevelyan Roofing', 'offce@trevelyan.example'),
            contact('Zebulon Vintners', phone='(02) 5550 7712'),
            contact('Ottoline Carpets', 'hello@ottoline.example'),
            locals_=[
                {'name': 'Trevelyan Roofing Ltd', 'email': 'office@trevelyan.example'},
                {'name': 'Zebulon Vintner', 'phone': '02 5550 7712'},
                {'name': 'Hargreave Upholstery', 'email': 'hello@hargreave.example'},
            ],
        )
        roofing = self.review_of(connection, 'Trevelyan Roofing')
        self.assertEqual(roofing.partner_id, created[0])
        self.assertIn('the legal form is on one side only', roofing.why.lower())
        self.assertIn('other e-mail of the same domain', roofing.why)
        vintners = self.review_of(connection, 'Zebulon Vintners')
        self.assertEqual(vintners.partner_id, created[1])
        self.assertEqual(vintners.why, 'Same phone; name differs by one letter.')
        self.assertEqual(self.links(connection).partner_id.name, 'Ottoline Carpets')
        line = self.line(connection)
        self.assertEqual((line.linked, line.created, line.review), (0, 1, 2))

    def test_three_similar_to_one(self):
        """All three are a question; once one of them is linked, the others are not that one, and "Create new" holds."""
        connection, partner = self.pull(
            'Wolverley Kennels',
            'Wolverleys Kennel',
            'Wolverlay Kennels',
            locals_=[{'name': 'Wolverleys Kennels'}],
        )
        rows = self.matches(connection, decision='pending')
        self.assertEqual(rows.partner_id, partner)
        self.assertEqual(len(set(rows.mapped('external_id'))), 3)
        self.assertFalse(self.links(connection))
        rows[0].with_env(self.as_person(self.user_bookkeeper)).action_link()
        rows = self.matches(connection, decision='pending')
        self.assertEqual(len(rows), 2)
        self.assertFalse(rows.partner_id, 'it is taken now')
        rows[0].with_env(self.as_person(self.user_bookkeeper)).action_create()
        names = self.links(connection).mapped('external_name')
        self.assertEqual(len(names), 2)
        self.run_pull(connection)
        self.assertLessEqual(set(names), set(self.links(connection).mapped('external_name')))
        self.assertEqual(len(self.partners(rows[0].external_name)), 1, 'not made a second time')
        self.assertFalse(self.matches(connection, decision='pending').partner_id, 'not asked a second time')

    def test_decided_stays_decided(self):
        """What is similar and was decided about is not asked again, in whatever way it was decided."""
        connection, _created = self.pull(
            'Castellane Bistro',
            'Durrington Motors',
            'Eastcote Florist',
            locals_=[
                {'name': 'Castelane Bistro'},
                {'name': 'Durington Motors'},
                {'name': 'Eastcot Florist'},
            ],
        )
        bookkeeper = self.as_person(self.user_bookkeeper)
        self.review_of(connection, 'Castellane Bistro').with_env(bookkeeper).action_create()
        self.review_of(connection, 'Durrington Motors').with_env(bookkeeper).action_ignore()
        self.review_of(connection, 'Eastcote Florist').with_env(bookkeeper).action_never()
        self.env['fieldpromax.checkpoint'].sudo().search([('kind', '=', 'contact')]).full_at = '2020-01-01'
        self.compared_long_ago(self.matches(connection))
        self.run_pull(connection)
        self.assertEqual(len(self.partners('Castellane Bistro', 'Castelane Bistro')), 2)
        self.assertFalse(self.partners('Durrington Motors', 'Eastcote Florist'))
        rest = self.matches(connection, decision='pending')
        self.assertEqual((rest.external_name, rest.partner_id.id), ('Eastcote Florist', False))
        self.assertIn('choose Create new', rest.why)

    def test_similar_does_not_keep_equal_ones_apart(self):
        """The equal pair is linked; the similar one of the books is another one then, and is made."""
        connection, partner = self.pull(
            {'Name': 'Fenwick Joinery Derby', 'EmailAddress': 'derby@fenwick.example'},
            {'Name': 'Fenwick Joinery', 'EmailAddress': 'office@fenwick.example'},
            locals_=[{'name': 'Fenwick Joinery', 'email': 'office@fenwick.example'}],
        )
        links = {link.external_name: link.partner_id for link in self.links(connection)}
        self.assertEqual(links['Fenwick Joinery'], partner)
        self.assertEqual(links['Fenwick Joinery Derby'].email, 'derby@fenwick.example')
        self.assertFalse(self.matches(connection, decision='pending'))
        line = self.line(connection)
        self.assertEqual((line.linked, line.created, line.review), (1, 1, 0))

    def test_legal_form_is_no_difference_to_linking_unasked(self):
        """Unique by the engine's rule, which sees through the ways to write a name."""
        connection, _created = self.pull(
            {'Name': 'Grantham Tiles Limited', 'EmailAddress': 'a@grantham.example'},
            locals_=[
                {'name': 'Grantham Tiles Limited', 'email': 'a@grantham.example'},
                {'name': 'Grantham Tiles Ltd.'},
            ],
        )
        rows = self.matches(connection, decision='pending')
        self.assertEqual(len(rows), 2)
        self.assertIn('2 records of Odoo have its name', rows[0].why)
        self.assertFalse(self.links(connection))

    def test_rival_that_is_linked_under_another_name(self):
        """Its record was renamed in Odoo; in the books the two still have one name."""
        connection, _created = self.pull({'Name': 'Hawkshead', 'EmailAddress': 'one@hawkshead.example'})
        self.links(connection).partner_id.write({'name': 'Renamed', 'email': 'renamed@example.com'})
        self.env['res.partner'].create({'name': 'HAWKSHEAD', 'email': 'two@hawkshead.example'})
        self.simulator.control('POST', '/_sim/clock', {'advance_seconds': 5})
        self.put_contacts({'Name': 'Hawkshéad', 'EmailAddress': 'two@hawkshead.example'})
        self.run_pull(connection)
        row = self.review_of(connection, 'Hawkshéad')
        self.assertIn('another record of the books, "Hawkshead"', row.why)

    def test_slices_find_the_same(self):
        """With more records than one engine may hold."""
        with patch.object(blocking, 'READ_AT_ONCE', 2):
            connection, created = self.pull(
                'Ilminster Bakery',
                'Jesmond Optics',
                'Kelmscot Press',
                locals_=[
                    {'name': 'Ilminstre Bakery'},
                    {'name': 'Jesmonde Optics'},
                    {'name': 'Lechlade Pumps'},
                ],
            )
        rows = self.matches(connection, decision='pending')
        self.assertEqual(rows.partner_id, created[:2])
        self.assertEqual(self.links(connection).external_name, 'Kelmscot Press')

    def test_words_are_cut_alike_here_and_in_the_database(self):
        names = [
            "O'Brien & Söhne", 'MÜLLER-Lüdenscheidt GmbH', 'Mueller  15mm/2', 'Œuvre ﬁne Straße', 'Ωmega Ñandú',
            'Жуков и сыновья', 'Łódź „Ogród”', 'Smith’s—Bakery', '東京 商事', 'aa', 'aae', 'Aaeoue x', '½ ²', '...',
            'Ąžuolas Đorđević', 'x' * 60, 'A.B. C', 'İstanbul', 'ΣΊΣΥΦΟΣ ψ', 'Ćevapi', 'Ｆｕｌｌ',
        ]  # fmt: skip
        self.env.cr.execute(
            matching.SQL(
                """SELECT n.name, (SELECT array_agg(DISTINCT w.word) FROM (%s) w)
                     FROM unnest(%s::text[]) AS n(name)""",
                blocking.block_words_sql(matching.SQL.identifier('n', 'name')),
                names,
            )
        )
        for name, words in self.env.cr.fetchall():
            self.assertEqual(set(words or ()), set(blocking.block_words(name)), name)

    def test_ways_to_be_found_without_an_equal_key(self):
        """Each by another block: what a page has in common with the ledger is found in the database."""
        pairs = {
            'Thornbury Glazers': {'name': 'Thornbury Glaziers'},
            'Jhon Winterbourne': {'name': 'John Winterbourne'},
            'Mueller Dachbau': {'name': 'Müller Dachbau GmbH'},
            'Bob Fotheringay': {'name': 'Robert Fotheringay'},
            'Kirkby Bros Marquees': {'name': 'Kirkby Brothers Marquees'},
            'Volkov Elektrik': {'name': 'Волков Электрик'},
            'Alrashid Carpets': {'name': 'Al Rashid Carpets'},
            'Ledbury Farm Shop': {'name': 'Farm Shop Ledbury'},
            'Nothing alike': {'name': 'Whatever', 'vat': 'XX 123 456 789 12'},
            'Plus sign': {'name': 'Plus Signs Ltd', 'email': 'first.last+shop@gmail.com'},
        }
        connection, _created = self.pull(locals_=list(pairs.values()))
        more = {
            'Nothing alike': {'tax_number': '12345678912'},
            'Plus sign': {'email': 'firstlast@googlemail.com'},
        }
        remotes = [dto.Contact(name=name, external_id=name, **more.get(name, {})) for name in pairs]
        driver = connection._as_driver()
        match = self.env['fieldpromax.match'].with_env(driver.env)
        ways = [matching.engine_records('contact', remote)[0][0] for remote in remotes]
        found = match._similar_unlinked(driver, 'contact', ways)
        partners = {
            partner.name: partner.id for partner in self.partners(*(one['name'] for one in pairs.values()))
        }
        missed = [
            way.name
            for way, candidates in zip(ways, found, strict=True)
            if partners[pairs[way.name]['name']] not in [one.id for one in candidates]
        ]
        self.assertEqual(missed, [])
        self.assertLessEqual(max(map(len, found)), 2, 'and little else')

    def test_found_by_phone(self):
        """Whoever answers the phone is worth a comparison, whatever the names."""
        connection, partner = self.pull(
            locals_=[{'name': 'Nothing alike', 'phone': '01632 960776 / +44 (0)1632 960777 ext 4'}]
        )
        page = blocking.Page([match_engine.Record('customer', 'r', 'Another', phone='(01632) 96 07 77')])
        keys = self.env['fieldpromax.match']._unlinked_keys(connection, 'contact', page.other_keys())
        self.env.cr.execute(keys)
        self.assertIn(('phone', '2960777', partner.id, partner.id), self.env.cr.fetchall())

    def test_frequent_words_find_by_pairs(self):
        """Words that many have are no blocks of their own: two of them are."""
        with patch.object(blocking, 'RARE_WORD', 2):
            connection, created = self.pull(
                'Acacia Barnes',
                'Acacia Dyer',
                locals_=[
                    *({'name': f'Acacia {word}'} for word in ('Barns', 'Cooper', 'Mason')),
                    *({'name': f'{word} Barns'} for word in ('Willow', 'Maple', 'Juniper')),
                ],
            )
        self.assertEqual(self.matches(connection, decision='pending').partner_id, created[0])
        self.assertEqual(self.links(connection).external_name, 'Acacia Dyer')

    def test_similar_product(self):
        self.env['product.product'].create({'name': 'Brass tap 15mm', 'default_code': 'BT-150'})
        connection, _created = self.pull(
            items=[
                {'Code': 'BT-15O', 'Name': 'Brass tap 15 mm', 'IsSold': True},
                {'Code': 'ZZ-9', 'Name': 'Chimney cowl', 'IsSold': True},
            ]
        )
        row = self.review_of(connection, 'Brass tap 15 mm')
        self.assertIn('odes look alike: "BT-15O" and "BT-150"', row.why)
        self.assertEqual(self.links(connection, 'item').external_number, 'ZZ-9')

    def test_sentence_in_the_readers_language(self):
        """What is stored are codes; the sentence is made for whoever reads it."""
        connection, _partner = self.pull('Nantwich Saddlery', locals_=[{'name': 'Nantwitch Saddlery'}])
        row = self.review_of(connection, 'Nantwich Saddlery')
        self.env['res.lang']._activate_lang('de_DE')
        german = {'name differs by one letter': 'im Namen ist ein Buchstabe anders'}
        with patch.object(type(code_translations), 'get_python_translations', lambda *_args: german):
            self.assertEqual(row.with_context(lang='de_DE').why, 'Im Namen ist ein Buchstabe anders.')

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

    def test_similar_one_waits_before_its_invoice_goes(self):
        """Entered in Odoo after the import, like one of the books that waits for review."""
        connection, _created = self.pull('Oundle Masonry', locals_=[{'name': 'Oundel Masonry'}])
        partner = self.env['res.partner'].create({'name': 'Oundle Masonary'})
        stranger = self.env['res.partner'].create({'name': 'Pickering Lifts'})
        verdicts = self.decide(connection, 'contact', partner | stranger)
        self.assertEqual(verdicts[stranger.id], ('create', ''))
        self.assertEqual(verdicts[partner.id][0], 'review')
        self.assertIn('has "Oundle Masonry". Name differs by one letter', verdicts[partner.id][1])
        row = self.matches(connection, partner_id=partner.id)
        self.assertEqual((row.external_name, row.is_proposed), ('Oundle Masonry', True))
        self.decide(connection, 'contact', partner)
        self.assertEqual(self.matches(connection, partner_id=partner.id), row, 'asked once')
        row.with_env(self.as_person(self.user_bookkeeper)).action_never()
        self.assertEqual(self.decide(connection, 'contact', partner)[partner.id], ('create', ''))

    def test_similar_to_one_that_is_linked_or_ignored(self):
        """Linked: the books keep the two apart. Ignored: it is there all the same."""
        connection, _created = self.pull(
            'Rushden Boats', 'Saltash Timber', locals_=[{'name': 'Saltash Timbers'}]
        )
        self.review_of(connection, 'Saltash Timber').with_env(
            self.as_person(self.user_bookkeeper)
        ).action_ignore()
        like_linked, like_ignored = self.env['res.partner'].create(
            [{'name': 'Rushdem Boats'}, {'name': 'Saltesh Timber'}]
        )
        verdicts = self.decide(connection, 'contact', like_linked | like_ignored)
        self.assertEqual(verdicts[like_linked.id], ('create', ''))
        self.assertEqual(verdicts[like_ignored.id][0], 'review')
        self.assertIn('ignored', verdicts[like_ignored.id][1])

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
