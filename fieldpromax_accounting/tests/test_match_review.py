"""Match review: the list that a bookkeeper works through, deciding about many, and the way back."""

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .common import ConnectedOnce
from .test_pull import PullCommon
from .test_quickbooks_pull import QuickBooksPullCommon


class ReviewCommon(PullCommon):
    def as_bookkeeper(self, records):
        return records.with_env(self.as_person(self.user_bookkeeper)).browse(records.ids)

    def stored(self, records):
        """All that is kept of records."""
        return records.read([name for name, field in records._fields.items() if field.store])

    def pass_anew(self, connection):
        """A full pass over books and rows, as if all had been compared long ago."""
        self.env['fieldpromax.checkpoint'].sudo().search([]).write({'full_at': '2020-01-01', 'since': False})
        self.matches(connection).sudo().looked_at = '2020-01-01 00:00:00'
        self.run_pull(connection)

    def best(self, connection, **values):
        domain = [('connection_id', '=', connection.id), ('is_best', '=', True), ('is_deferred', '=', False)]
        domain += [(name, '=', value) for name, value in values.items()]
        return self.as_person(self.user_bookkeeper)['fieldpromax.match'].search(domain)

    def decide(self, matches, decision):
        """Through the page that tells what will happen. :return: what it told."""
        action = matches.with_context(fieldpromax_decision=decision).action_decide_many()
        wizard = matches.env[action['res_model']].browse(action['res_id'])
        text, count = wizard.text, wizard.count
        Form(wizard)
        wizard.action_decide()
        return text, count


@tagged('post_install', '-at_install')
class TestMatchReview(ConnectedOnce, ReviewCommon):
    def pull(self, *contacts, locals_=()):
        created = self.env['res.partner'].create(list(locals_))
        self.put_contacts(*contacts)
        connection = self.connect('US')
        self.run_pull(connection)
        return connection, created

    def test_the_list(self):
        """One row for each record of the books, the most alike; the others stand below it."""
        connection, (_first, second, _third) = self.pull(
            {'Name': 'Aldwych Bakery', 'EmailAddress': 'a@aldwych.example'},
            'Brixham Trawlers',
            {'Name': 'Cromer Piers', 'EmailAddress': 'c@cromer.example'},
            locals_=[
                {'name': 'Aldwych Bakery', 'email': 'other@elsewhere.example'},
                {'name': 'Aldwich Bakery', 'email': 'a@aldwych.example'},
                {'name': 'Brixham Trawler'},
            ],
        )
        rows = self.best(connection)
        self.assertEqual(set(rows.mapped('external_name')), {'Aldwych Bakery', 'Brixham Trawlers'})
        bakery = rows.filtered(lambda row: row.external_name == 'Aldwych Bakery')
        self.assertEqual((bakery.partner_id, bakery.confidence), (second, '1_sure'))
        self.assertEqual(bakery.candidate_text, '1 more candidate')
        (other,) = bakery.candidate_ids
        self.assertEqual(
            (other.record_name, other.confidence, other.is_best), ('Aldwych Bakery', '3_possible', False)
        )
        trawlers = rows - bakery
        self.assertEqual((trawlers.candidate_text, trawlers.confidence), ('', '3_possible'))
        self.assertIn(other, self.matches(connection).search([('is_best', 'not in', [True])]))
        bakery.action_never()
        self.assertEqual(self.best(connection, decision='pending', external_name='Aldwych Bakery'), other)

    def test_many_at_once_say_what_happens(self):
        names = ('Dartmoor Wool', 'Exmoor Wool', 'Fenland Reeds', 'Galloway Kilns')
        connection, created = self.pull(
            *({'Name': name, 'EmailAddress': f'{place}@books.example'} for place, name in enumerate(names)),
            locals_=[{'name': name, 'email': f'{place}@odoo.example'} for place, name in enumerate(names)],
        )
        rows = self.best(connection, decision='pending').sorted('external_name')
        self.assertEqual(len(rows), 4)
        self.assertEqual(
            self.decide(rows[:2], 'link'),
            (
                '2 pairs will be linked and kept in step: what one of a pair lacks is filled in from the other, and '
                'what differs stays as it is.',
                2,
            ),
        )
        self.assertEqual(self.links(connection).partner_id, created[:2])
        text, count = self.decide(rows[2], 'never')
        self.assertIn('remembered as not the same', text)
        self.assertEqual(count, 1)
        alone = self.best(connection, decision='pending', external_name='Fenland Reeds')
        self.assertEqual(alone.confidence, '4_none')
        text, count = self.decide(alone | rows[3], 'link')
        self.assertIn('1 row names no record of Odoo and stays as it is.', text)
        self.assertEqual(count, 1)
        self.assertEqual(self.links(connection).partner_id, created[0] | created[1] | created[3])
        text, _count = self.decide(alone, 'ignore')
        self.assertIn('Nothing is changed in the books', text)
        self.assertFalse(self.best(connection, decision='pending'))
        with self.assertRaisesRegex(UserError, 'Decide again'):
            self.decide(rows, 'link')

    def test_a_link_that_was_decided_is_taken_back(self):
        """Also where the two became equal meanwhile: whoever took it back is asked, not passed over."""
        connection, partner = self.pull(
            {'Name': 'Holkham Beach Huts', 'EmailAddress': 'h@holkham.example'},
            locals_=[
                {'name': 'Holkham Beach Huts', 'email': 'x@holkham.example'},
                {'name': 'Holkham Beach Hut'},
            ],
        )
        row = self.best(connection, decision='pending')
        row.action_link()
        before = self.stored(partner)
        action = row.action_reopen()
        self.assertIn('Neither of the two', action['params']['message'])
        self.assertFalse(self.links(connection))
        self.assertEqual(self.stored(partner), before)
        rows = self.matches(connection)
        self.assertEqual(rows.mapped('decision'), ['pending', 'pending'], 'and what was settled with it')
        self.assertFalse(rows.decided_by_id)
        partner[1].unlink()
        partner[0].email = 'h@holkham.example'
        self.pass_anew(connection)
        self.assertFalse(self.links(connection))
        row = self.best(connection, decision='pending')
        self.assertEqual((row.partner_id, row.is_deferred), (partner[0], False))
        driver = connection._as_driver()
        verdict = driver.env['fieldpromax.match']._decide_local(
            driver, 'contact', partner[0].with_env(driver.env)
        )[partner[0].id]
        self.assertEqual(verdict[0], 'review')
        row.action_link()
        self.assertEqual(self.links(connection).partner_id, partner[0])

    def test_taking_back_leaves_a_later_link_alone(self):
        connection, partner = self.pull(
            {'Name': 'Holkham Beach Huts', 'EmailAddress': 'h@holkham.example'},
            locals_=[
                {'name': 'Holkham Beach Huts', 'email': 'x@holkham.example'},
                {'name': 'Holkham Beach Hut'},
            ],
        )
        row = self.best(connection, decision='pending')
        row.action_link()
        first, other = row.partner_id, partner - row.partner_id
        self.links(connection).sudo().partner_id = other
        row.action_reopen()
        self.assertEqual((row.decision, self.links(connection).partner_id), ('pending', other))
        self.links(connection).sudo().unlink()
        row.action_create()
        self.as_bookkeeper(self.links(connection)).action_take_apart()
        pair = self.matches(connection, partner_id=other.id)
        self.as_bookkeeper(pair).action_reopen()
        self.as_bookkeeper(pair).action_link()
        self.as_bookkeeper(row).action_reopen()
        self.assertEqual(self.links(connection).partner_id, other)
        self.assertNotEqual(first, other)

    def test_what_was_created_stays(self):
        connection, partner = self.pull(
            {'Name': 'Ingleborough Caves', 'EmailAddress': 'i@caves.example'},
            locals_=[{'name': 'Ingleborough Caves', 'email': 'other@caves.example'}],
        )
        row = self.best(connection, decision='pending')
        row.action_create()
        made = self.links(connection).partner_id
        self.assertNotEqual(made, partner)
        action = row.action_reopen()
        self.assertIn(
            '"Ingleborough Caves", which was created in Odoo, stays there', action['params']['message']
        )
        self.assertTrue(made.exists().active)
        self.assertFalse(self.links(connection))
        self.pass_anew(connection)
        self.assertFalse(self.links(connection), 'neither of the two unasked')
        self.assertEqual(len(self.partners('Ingleborough Caves')), 2, 'and none is made')
        rows = self.matches(connection, decision='pending')
        self.assertEqual(rows.partner_id, partner | made)
        self.as_bookkeeper(rows.filtered(lambda one: one.partner_id == partner)).action_link()
        self.assertEqual(self.links(connection).partner_id, partner)

    def test_a_link_is_taken_apart(self):
        """From the customer's own page; nothing is changed, and nothing brings the two together again."""
        # All within one second: each decision is taken back by itself.
        now = fields.Datetime.now()
        self.patch(fields.Datetime, 'now', staticmethod(lambda *args: now))
        connection, partner = self.pull(
            {'Name': 'Jarrow Docks', 'EmailAddress': 'j@jarrow.example', 'AccountNumber': '7'},
            locals_=[{'name': 'Jarrow Docks', 'email': 'j@jarrow.example'}],
        )
        link = self.links(connection)
        self.assertEqual(link.partner_id, partner)
        before = self.stored(partner)
        mine = self.as_bookkeeper(partner).with_context(allowed_company_ids=self.company.ids)
        action = mine.action_fieldpromax_take_apart()
        self.assertIn('"Jarrow Docks" is taken apart', action['params']['message'])
        self.assertFalse(link.exists())
        self.assertEqual(self.stored(partner), before)
        self.assertEqual(mine.fieldpromax_state, 'not_sent')
        pair = self.matches(connection, partner_id=partner.id)
        self.assertEqual((pair.decision, pair.decided_by_id), ('never', self.user_bookkeeper))
        self.pass_anew(connection)
        self.assertFalse(self.links(connection))
        self.assertEqual(self.partners('Jarrow Docks'), partner, 'none is made')
        alone = self.best(connection, decision='pending')
        self.assertFalse(alone.partner_id)
        # What the link did not keep was read again meanwhile.
        alone.action_create()
        made = self.links(connection).partner_id
        self.assertEqual(made.name, 'Jarrow Docks')
        self.assertNotEqual(made, partner)
        # And back: the pair is a question again, not a link.
        self.as_bookkeeper(alone).action_reopen()
        self.as_bookkeeper(pair).action_reopen()
        self.assertEqual(self.matches(connection, decision='pending').partner_id, partner)
        self.as_bookkeeper(pair).action_link()
        self.assertEqual(self.links(connection).partner_id, partner)

    def test_product_is_taken_apart(self):
        product = self.env['product.product'].create({'name': 'Kelso lamp', 'default_code': 'KL-1'})
        self.put(items=[{'Code': 'KL-1', 'Name': 'Kelso lamp', 'IsSold': True}])
        connection = self.connect('US')
        self.run_pull(connection)
        self.assertEqual(self.links(connection, 'item').product_id, product)
        template = self.as_bookkeeper(product.product_tmpl_id).with_context(
            allowed_company_ids=self.company.ids
        )
        template.action_fieldpromax_take_apart()
        self.assertFalse(self.links(connection, 'item'))
        self.pass_anew(connection)
        self.assertFalse(self.links(connection, 'item'))
        self.assertEqual(self.best(connection, decision='pending').external_code, 'KL-1')
        action = template.action_fieldpromax_matches()
        rows = self.as_person(self.user_bookkeeper)[action['res_model']].search(action['domain'])
        self.assertEqual(rows.mapped('decision'), ['never'])

    def test_never_outlives_the_record(self):
        """The pair is gone with the record of Odoo; that of the books is not made unasked all the same."""
        connection, partner = self.pull(
            'Lydford Gorge Tours',
            'Malham Tarn Boats',
            locals_=[{'name': 'Lydford Gorge Tour'}, {'name': 'Malham Tarn Boat'}],
        )
        rows = self.best(connection, decision='pending')
        rows.filtered(lambda row: 'Lydford' in row.external_name).action_never()
        rows.filtered(lambda row: 'Malham' in row.external_name).action_ignore()
        partner.unlink()
        self.matches(connection, decision='pending').sudo().unlink()
        self.pass_anew(connection)
        self.assertFalse(self.partners('Lydford Gorge Tours', 'Malham Tarn Boats'))
        self.assertFalse(self.links(connection).partner_id)
        self.assertEqual(self.best(connection, decision='pending').external_name, 'Lydford Gorge Tours')

    def test_who_may(self):
        connection, partner = self.pull(
            {'Name': 'Norham Mills', 'EmailAddress': 'n@norham.example'},
            {'Name': 'Oakham Hosiery', 'EmailAddress': 'o@oakham.example'},
            locals_=[
                {'name': 'Norham Mills', 'email': 'n@norham.example'},
                {'name': 'Oakham Hosiery', 'email': 'x@oakham.example'},
            ],
        )
        link, row = self.links(connection), self.matches(connection, decision='pending')
        row.sudo().decision = 'never'
        for person in (self.user_invoice, self.user_bookkeeper_2):
            env = self.as_person(person)
            with self.assertRaises(AccessError):
                link.with_env(env).action_take_apart()
            with self.assertRaises(AccessError):
                row.with_env(env).action_reopen()
        with self.assertRaises(AccessError):
            partner[0].with_env(self.as_person(self.user_invoice)).action_fieldpromax_take_apart()
        self.assertTrue(link.exists())
        self.assertEqual(row.decision, 'never')
        # Whoever may only look finds the page nonetheless.
        action = partner[1].with_env(self.as_person(self.user_invoice)).action_fieldpromax_matches()
        self.assertEqual(self.as_person(self.user_invoice)['fieldpromax.match'].search(action['domain']), row)


@tagged('post_install', '-at_install')
class TestQuickBooksMatchReview(QuickBooksPullCommon, ReviewCommon):
    def test_there_and_back(self):
        """The same for QuickBooks Online."""
        partner = self.env['res.partner'].create(
            [
                {'name': 'Padstow Nets', 'email': 'p@padstow.example'},
                {'name': 'Quainton Rail', 'email': 'other@elsewhere.example'},
            ]
        )
        self.put_customers(
            self.customer('Padstow Nets', 'p@padstow.example'),
            self.customer('Quainton Rail', 'q@quainton.example'),
            self.customer('Quainton Rails'),
        )
        connection = self.connect_quickbooks('US')
        self.run_pull(connection)
        rows = self.best(connection, decision='pending')
        self.assertEqual(rows.partner_id, partner[1])
        self.assertEqual(len(rows), 2)
        self.decide(rows.filtered(lambda row: row.external_name == 'Quainton Rail'), 'link')
        left = self.best(connection, decision='pending')
        self.decide(left, 'create')
        self.assertEqual(len(self.links(connection)), 3)
        left.action_reopen()
        self.as_bookkeeper(self.links(connection)).filtered(
            lambda link: link.partner_id == partner[0]
        ).action_take_apart()
        self.pass_anew(connection)
        self.assertEqual(self.links(connection).partner_id, partner[1])
        self.assertEqual(
            set(self.best(connection, decision='pending').mapped('external_name')),
            {'Quainton Rails', 'Padstow Nets'},
        )
