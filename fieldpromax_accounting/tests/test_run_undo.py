"""The first import taken back: what it made is archived where nothing uses it, what it overwrote is given back, what it
linked is taken apart; what cannot be undone is said."""

from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..models import fieldpromax_run_undo
from ..providers import dto
from .test_pull import PullCommon


@tagged('post_install', '-at_install')
class TestPrevious(PullCommon):
    def arrange_class(self):
        type(self).connection = self.connect('US')
        self.run_pull(self.connection)

    def setUp(self):
        super().setUp()
        self.run = self.connection.run_ids
        self.partner = self.own_customer

    def overwrite(self, run, values, record=None):
        record = record or self.partner
        before = {name: record[name] for name in values}
        record.write(values)
        run._note_previous(record, before)

    def test_first_value_before_and_last_value_written(self):
        country = self.env.ref('base.us')
        self.overwrite(self.run, {'phone': '1', 'country_id': country.id})
        self.overwrite(self.run, {'phone': '2'})
        change = self.env['fieldpromax.run.change'].search([('run_id', '=', self.run.id)])
        self.assertEqual(change.previous, {'phone': [False, '2'], 'country_id': [False, country.id]})
        self.assertEqual(change.company_id, self.company)

    def test_later_runs_keep_nothing(self):
        run = self.env['fieldpromax.run'].sudo()._start(self.connection, 'incremental')
        self.overwrite(run, {'phone': '1'})
        self.overwrite(run.browse(), {'phone': '2'})
        self.assertFalse(self.env['fieldpromax.run.change'].search([]))


@tagged('post_install', '-at_install')
class TestUndo(PullCommon):
    def arrange_class(self):
        type(self).known = self.env['res.partner'].create({'name': 'Known Ltd', 'email': 'known@example.com'})
        self.put_contacts(
            {'Name': 'Known Ltd', 'EmailAddress': 'known@example.com'},
            *(
                {'Name': name, 'EmailAddress': f'{name.lower()}@example.com'}
                for name in ('Unused', 'Invoiced', 'Noted')
            ),
        )
        self.put(items=[{'Code': 'FREE', 'Name': 'Free item', 'IsSold': True}])
        type(self).connection = self.connect('US')
        self.run_pull(self.connection)

    def setUp(self):
        super().setUp()
        self.run = self.connection.run_ids
        self.assertEqual((self.run.state, len(self.links(self.connection).partner_id)), ('done', 4))

    def as_bookkeeper(self, record):
        return record.with_env(self.as_person(self.user_bookkeeper))

    def undo(self):
        """As a person does it, and the driver after that."""
        wizard = self.as_bookkeeper(self.env['fieldpromax.run.undo']).create({'run_id': self.run.id})
        wizard.action_undo()
        self.run_pull(self.connection)
        return wizard

    def use(self):
        """One of the customers is invoiced, a person writes about another."""
        self.env['account.move'].create(
            {
                'move_type': 'out_invoice',
                'partner_id': self.partners('Invoiced').id,
                'company_id': self.company.id,
                'invoice_line_ids': [Command.create({'name': 'Work', 'price_unit': 10.0})],
            }
        )
        self.partners('Noted').message_post(body='Call them', message_type='comment')

    def test_undo(self):
        self.use()
        before = self.known.phone
        self.known.phone = '555 0100'
        self.run._note_previous(self.known, {'phone': before})
        wizard = self.as_bookkeeper(self.env['fieldpromax.run.undo']).create({'run_id': self.run.id})
        self.assertIn('2 records that the import made, and that nothing uses yet', wizard.changes_text)
        self.assertIn('3 links', wizard.changes_text)
        self.assertIn('1 record gets the values back', wizard.changes_text)
        self.assertIn('2 records that the import made are used', wizard.stays_text)
        self.assertIn('filled in there from Odoo when the two were linked stays there', wizard.stays_text)
        self.undo()
        self.assertEqual(self.run.undo_state, 'done')
        self.assertFalse(self.partners('Unused').active)
        self.assertFalse(self.env['product.product'].search([('default_code', '=', 'FREE')]))
        self.assertFalse(self.env['product.template'].search([('default_code', '=', 'FREE')]))
        self.assertTrue(self.known.active, 'it was there before')
        self.assertFalse(self.known.phone)
        linked = self.links(self.connection).partner_id
        self.assertEqual(linked, self.partners('Invoiced', 'Noted'), 'what is used stays, and stays linked')
        reasons = {change.record_name: change.reason for change in self.run.kept_change_ids}
        self.assertEqual(set(reasons), {'Invoiced', 'Noted'})
        self.assertIn(
            'Journal Entry (1)', reasons['Invoiced'], 'however many of its fields name the customer'
        )
        self.assertIn('Message', reasons['Noted'])
        text = self.run.undo_text
        for part in (
            f'{self.user_bookkeeper.name} undid',
            '2 records that it made are archived',
            '3 links are taken apart',
            '1 record has its former values',
            '2 records stay as they are',
            'Ignored',
        ):
            self.assertIn(part, text)

    def test_next_pull_leaves_it_alone(self):
        self.undo()
        partners = self.env['res.partner'].with_context(active_test=False)
        count = partners.search_count([])
        self.connection.run_ids.flush_recordset()
        self.env['fieldpromax.checkpoint'].sudo().search([('connection_id', '=', self.connection.id)]).write(
            {'since': False, 'full_at': False}
        )
        self.put_contacts('New since')
        self.run_pull(self.connection)
        self.assertEqual(partners.search_count([]), count + 1, 'only what is new in the books is made')
        self.assertEqual(self.links(self.connection).partner_id.name, 'New since')
        ignored = self.matches(self.connection, decision='ignore')
        self.assertEqual(len(ignored), 5)
        # Whoever wants it after all finds it there and decides again.
        match = ignored.filtered(lambda match: match.partner_id == self.known)
        self.as_bookkeeper(match).action_reopen()
        self.as_bookkeeper(match).action_link()
        self.assertIn(self.known, self.links(self.connection).partner_id)

    def test_what_was_changed_since_stays(self):
        self.known.write({'phone': '1', 'city': 'Austin'})
        self.run._note_previous(self.known, {'phone': '0', 'city': 'Dallas'})
        gone = self.env['res.partner'].create({'name': 'Gone'})
        self.run._note_previous(gone, {'phone': '7'})
        gone.unlink()
        self.known.phone = '2'
        self.undo()
        self.assertEqual((self.known.phone, self.known.city), ('2', 'Dallas'))
        reasons = {change.record_name: change.reason for change in self.run.kept_change_ids}
        self.assertIn('Phone', reasons['Known Ltd'])
        self.assertNotIn('City', reasons['Known Ltd'])
        self.assertIn('deleted', reasons['Gone'])

    def test_invoices_that_went_over_keep_the_link(self):
        move = self.env['account.move'].create(
            {
                'move_type': 'out_invoice',
                'partner_id': self.known.id,
                'company_id': self.company.id,
                'invoice_line_ids': [Command.create({'name': 'Work', 'price_unit': 10.0})],
            }
        )
        self.env['fieldpromax.link'].sudo().create(
            {
                'connection_id': self.connection.id,
                'company_id': self.company.id,
                'kind': 'invoice',
                'external_id': 'there',
                'move_id': move.id,
            }
        )
        self.known.phone = '555'
        self.run._note_previous(self.known, {'phone': '444'})
        wizard = self.undo()
        self.assertIn('1 record stands on invoices', wizard.stays_text)
        self.assertEqual(self.links(self.connection).partner_id, self.known)
        self.assertEqual(self.known.phone, '555', 'what stays in step keeps what was agreed on')
        self.assertEqual(len(self.run.kept_change_ids), 2)

    def test_killed_in_the_middle(self):
        """Each step is one transaction; the next cron run goes on, and nothing is counted twice."""
        with (
            patch.object(fieldpromax_run_undo, 'UNDO_SIZE', 1),
            patch.object(fieldpromax_run_undo, 'RUN_SECONDS', -1),
        ):
            self.undo()
            self.assertEqual((self.run.undo_state, self.run.undo_unlinked), ('running', 1))
            with self.assertRaisesRegex(UserError, 'already'):
                self.as_bookkeeper(self.run).action_undo()
        self.simulator.forget_requests()
        self.run_pull(self.connection)
        self.assertEqual(
            (self.run.undo_state, self.run.undo_unlinked, self.run.undo_archived), ('done', 5, 4)
        )
        self.assertFalse(self.links(self.connection).partner_id)

    def test_after_disconnecting(self):
        self.connection.with_env(self.as_person(self.user_manager)).action_disconnect()
        self.simulator.forget_requests()
        self.undo()
        self.assertEqual(self.run.undo_state, 'done')
        self.assertFalse(self.links(self.connection).partner_id)
        self.assertFalse(self.simulator.requests())

    def test_parents_after_what_is_below_them(self):
        parent, child = self.partners('Unused'), self.partners('Noted')
        child.write({'is_company': True, 'parent_id': parent.id})
        numbers = self.run._undo_numbers()
        self.assertEqual((numbers['archived'], numbers['used']), (4, 0))
        self.undo()
        self.assertEqual((parent | child).filtered('active'), self.env['res.partner'])

    def test_parent_of_one_that_is_used_stays(self):
        parent, child = self.partners('Unused'), self.partners('Noted')
        child.write({'is_company': True, 'parent_id': parent.id})
        self.use()
        self.assertEqual(self.run._undo_numbers()['used'], 3)
        self.undo()
        self.assertEqual((parent | child).filtered('active'), parent | child)

    def test_what_another_company_has_in_its_books_stays(self):
        shared = self.partners('Unused')
        shared.company_id = False
        second = self.connect('AU', user=self.user_manager_2)
        self.env['fieldpromax.link'].sudo()._link_many(
            second, 'contact', [(shared, dto.Contact(name='Unused', external_id='elsewhere'))]
        )
        self.assertEqual(self.run._undo_numbers()['used'], 1)
        self.undo()
        self.assertTrue(shared.active)
        self.assertIn('Another company', self.run.kept_change_ids.reason)

    def test_what_odoo_does_not_let_go(self):
        partner_class = type(self.env['res.partner'])
        archive = partner_class.action_archive

        def refuse(partners):
            if 'Noted' in partners.mapped('name'):
                raise UserError(partners.env._('Somebody needs it.'))
            return archive(partners)

        with patch.object(partner_class, 'action_archive', refuse):
            self.undo()
        self.assertEqual(self.partners('Noted', 'Unused').filtered('active').name, 'Noted')
        self.assertIn('Somebody needs it', self.run.kept_change_ids.reason)

    def test_who_may(self):
        with self.assertRaises(AccessError):
            self.run.with_env(self.as_person(self.user_invoice)).action_undo()
        with self.assertRaises(AccessError):
            self.run.with_env(self.as_person(self.user_bookkeeper_2)).action_undo()
        with self.assertRaises(AccessError):
            self.env['fieldpromax.run.undo'].with_env(self.as_person(self.user_bookkeeper_2)).create(
                {'run_id': self.run.id}
            ).action_undo()
        self.run._note_previous(self.known, {'phone': '1'})
        changes = self.run.env['fieldpromax.run.change'].search([])
        with self.assertRaises(AccessError):
            changes.with_env(self.as_person(self.user_bookkeeper_2)).read(['previous'])

    def test_only_what_has_ended(self):
        run = self.env['fieldpromax.run'].sudo()._start(self.connection, 'full')
        with self.assertRaisesRegex(UserError, 'first import'):
            self.as_bookkeeper(run).action_undo()
        run.state = 'done'
        self.run.state = 'paused'
        self.assertFalse(self.run.can_undo)
        with self.assertRaisesRegex(UserError, 'under way'):
            self.as_bookkeeper(self.run).action_undo()
        self.run.state = 'done'
        self.undo()
        with self.assertRaisesRegex(UserError, 'already'):
            self.as_bookkeeper(self.run).action_undo()
