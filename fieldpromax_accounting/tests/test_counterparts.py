"""Customers and products that are archived, deleted or merged, there or here."""

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..models.fieldpromax_link_counterpart import DELETED
from .counterpart_common import QuickBooksCounterparts, XeroCounterparts


class Counterparts:
    def sent(self, partner=None, **values):
        """An invoice that stands in the books."""
        move = self.invoice(partner=partner, **values)
        self.run_push(self.connection)
        self.assertSent(move)
        return move

    def issue(self, cause):
        return self.env['fieldpromax.issue'].search(
            [('connection_id', '=', self.connection.id), ('cause', '=', cause), ('state', '=', 'open')]
        )

    def as_bookkeeper(self, record):
        return record.with_env(self.as_person(self.user_bookkeeper))

    def twin(self, name='Quayside Bistro', **values):
        return self.env['res.partner'].create(
            {'name': name, 'email': 'hello@quayside.example', 'is_company': True, **values}
        )

    def merge_here(self, partners, survivor):
        self.env['base.partner.merge.automatic.wizard']._merge(partners.ids, survivor)
        self.env.invalidate_all()

    # === ARCHIVED THERE === #

    def test_archived_customer_is_restored_by_hand(self):
        self.sent()
        link = self.link_of(self.customer).sudo()
        self.archive_there(link)
        self.run_pull(self.connection)
        move, second = self.invoice(), self.invoice()
        self.run_push(self.connection)
        self.assertAttention(move, 'is archived in', self.provider_label)
        issue = self.issue('counterpart_archived')
        self.assertEqual(issue.held_count, 2, 'one cause, whatever it holds up')
        self.assertEqual(self.in_books(move), [], 'nothing was tried')
        self.assertEqual(issue.can_restore, self.restores)
        if not self.restores:
            with self.assertRaises(UserError):
                self.as_bookkeeper(issue).action_restore()
        self.archive_there(link, archived=False)
        self.run_pull(self.connection)
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertSent(second)
        self.assertEqual(issue.state, 'solved')

    def test_archived_unnoticed_is_looked_at_when_an_invoice_is_refused(self):
        self.sent()
        link = self.link_of(self.customer).sudo()
        self.archive_there(link)
        move = self.invoice()
        self.run_push(self.connection)
        self.assertFalse(link.external_active, 'the refusal made it be looked at')
        self.assertAttention(move, 'is archived in')
        self.archive_there(link, archived=False)
        self.run_pull(self.connection)
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertFalse(self.issue('counterpart_archived'))

    def test_created_anew(self):
        self.sent()
        old = self.link_of(self.customer)
        self.archive_there(old)
        self.run_pull(self.connection)
        move = self.invoice()
        self.run_push(self.connection)
        issue = self.issue('counterpart_archived')
        with self.assertRaises(AccessError):
            issue.with_env(self.as_person(self.user_invoice)).action_create_anew()
        with self.assertRaises(AccessError):
            issue.with_env(self.as_person(self.user_bookkeeper_2)).action_create_anew()
        self.as_bookkeeper(issue).action_create_anew()
        self.run_push(self.connection)
        self.assertSent(move)
        new = self.link_of(self.customer)
        self.assertNotEqual(new.external_id, old.external_id)
        self.assertEqual(self.customer_of(move), new.external_id)
        self.assertFalse(self.is_active_there(old.external_id), 'the old one stays as it is')
        self.assertEqual((old.partner_id.id, old.decision), (False, 'ignore'))
        self.assertEqual(issue.state, 'solved')

    def test_linked_to_another(self):
        self.sent()
        other_id = self.add_contact_there('Harbour Café (new owner)')
        link = self.link_of(self.customer).sudo()
        self.archive_there(link)
        move = self.invoice()
        self.run_push(self.connection)
        issue = self.as_bookkeeper(self.issue('counterpart_archived'))
        with self.assertRaises(AccessError):
            self.env['fieldpromax.relink'].with_env(self.as_person(self.user_bookkeeper_2)).create(
                {'issue_id': issue.id}
            )
        relink = issue.env['fieldpromax.relink'].browse(issue.action_re_link()['res_id'])
        with self.assertRaises(UserError):
            relink.action_link()
        relink.name = 'Nobody has this name'
        with self.assertRaises(UserError):
            relink.action_look()
        relink.name = 'harbour café (NEW owner)'
        relink.action_look()
        self.assertEqual(relink.candidate_id.external_id, other_id)
        relink.action_link()
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(self.customer_of(move), other_id)
        self.assertEqual(self.link_of(self.customer).external_id, other_id)
        self.run_pull(self.connection)
        self.assertEqual(
            self.env['res.partner'].search_count([('name', 'ilike', 'new owner')]), 0, 'nobody is made twice'
        )

    # === MERGED THERE === #

    def test_merged_into_one_that_is_free(self):
        first = self.sent()
        loser = self.link_of(self.customer)
        loser_id = loser.external_id
        survivor_id = self.add_contact_there('Harbour Moorings')
        self.merge_there(loser_id, survivor_id)
        before = self.env['res.partner'].search_count([])
        move = self.invoice()
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(self.customer_of(move), survivor_id)
        self.assertEqual(self.link_of(self.customer).external_id, survivor_id)
        self.run_pull(self.connection)
        self.assertEqual(self.env['res.partner'].search_count([]), before, 'nobody is made twice')
        self.assertTrue(self.link_of(self.customer).external_active)
        self.assertFalse(
            self.env['fieldpromax.match'].search(
                [('external_id', '=', survivor_id), ('decision', '=', 'pending')]
            )
        )
        self.assertEqual(self.customer_of(first), survivor_id)

    def test_merged_into_one_that_is_another_record_here(self):
        twin = self.twin()
        self.sent()
        self.sent(partner=twin)
        loser, survivor = self.link_of(self.customer), self.link_of(twin)
        self.merge_there(loser.external_id, survivor.external_id)
        move = self.invoice()
        self.run_push(self.connection)
        self.assertAttention(move, 'are one in', 'Quayside Bistro')
        issue = self.issue('merged_there')
        self.assertEqual(issue.held_count, 1)
        self.assertTrue(issue.can_merge)
        action = issue.with_env(self.as_person(self.user_manager)).action_merge_partners()
        self.assertEqual(set(action['context']['active_ids']), {self.customer.id, twin.id})
        self.assertEqual(action['context']['default_dst_partner_id'], twin.id)
        wizard = self.env['base.partner.merge.automatic.wizard'].with_context(**action['context']).create({})
        self.assertEqual(wizard.dst_partner_id, twin, 'the survivor of the books is proposed')
        self.assertEqual(wizard.partner_ids, self.customer | twin)
        self.run_push(self.connection)
        self.assertEqual(issue.state, 'open', 'it stands until it is settled')
        # The one whose counterpart is gone survives here: it takes over the link that works.
        self.merge_here(self.customer | twin, self.customer)
        self.assertEqual(self.link_of(self.customer), survivor)
        self.assertFalse(self.issue('merged_here'), 'the books have made them one already')
        self.run_push(self.connection)
        self.assertEqual(issue.state, 'solved')
        self.assertSent(move)
        self.assertEqual(self.customer_of(move), survivor.external_id)

    def test_merged_there_and_kept_apart(self):
        twin = self.twin()
        self.sent()
        self.sent(partner=twin)
        loser, survivor = self.link_of(self.customer), self.link_of(twin)
        self.merge_there(loser.external_id, survivor.external_id)
        move = self.invoice()
        self.run_push(self.connection)
        issue = self.issue('merged_there')
        with self.assertRaises(AccessError):
            issue.with_env(self.as_person(self.user_invoice)).action_keep_apart()
        self.as_bookkeeper(issue).action_keep_apart()
        self.run_push(self.connection)
        self.assertSent(move)
        new = self.link_of(self.customer)
        self.assertNotIn(new.external_id, (loser.external_id, survivor.external_id))
        self.assertEqual(self.link_of(twin), survivor)
        self.assertEqual(issue.state, 'solved')
        never = self.env['fieldpromax.match'].search(
            [('external_id', '=', survivor.external_id), ('partner_id', '=', self.customer.id)]
        )
        self.assertEqual(never.decision, 'never')

    # === MERGED HERE === #

    def test_merged_here_is_reported_until_it_is_merged_there(self):
        twin = self.twin()
        self.sent()
        self.sent(partner=twin)
        kept, lost = self.link_of(self.customer), self.link_of(twin)
        self.merge_here(self.customer | twin, self.customer)
        self.assertEqual(self.link_of(self.customer), kept)
        self.assertEqual((lost.partner_id.id, lost.decision), (False, 'ignore'))
        issue = self.issue('merged_here')
        self.assertIn('Quayside Bistro', issue.title)
        self.assertEqual((issue.partner_id, issue.link_id), (self.customer, lost))
        self.assertTrue(issue.link_url)
        self.run_push(self.connection)
        self.run_pull(self.connection)
        self.run_push(self.connection)
        self.assertEqual(issue.state, 'open')
        # Whichever of the two the bookkeeper keeps there, the customer here follows.
        self.merge_there(kept.external_id, lost.external_id)
        move = self.invoice()
        self.run_push(self.connection)
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(self.customer_of(move), lost.external_id)
        self.assertEqual(self.link_of(self.customer), lost)
        self.assertEqual(issue.state, 'solved')

    def test_merged_here_while_the_other_is_under_way(self):
        """The answer was lost, and the customer was merged meanwhile into one that stands there already."""
        self.sent()
        kept = self.link_of(self.customer)
        twin = self.twin()
        self.env['fieldpromax.exchange'].sudo()._enqueue(self.connection, 'contact', twin)
        self.lose_answer_of_contact()
        self.run_push(self.connection)
        self.assertEqual(self.exchange_of(twin).state, 'uncertain')
        self.merge_here(self.customer | twin, self.customer)
        self.make_due()
        self.run_push(self.connection)
        self.assertEqual(self.link_of(self.customer), kept)
        issue = self.issue('merged_here')
        self.assertIn('Quayside Bistro', issue.title)
        self.assertFalse(
            self.env['fieldpromax.exchange'].search(
                [('connection_id', '=', self.connection.id), ('state', 'in', ('sending', 'uncertain'))]
            )
        )


@tagged('post_install', '-at_install')
class TestXeroCounterparts(Counterparts, XeroCounterparts):
    def lose_answer_of_contact(self):
        self.simulator.fault('timeout_after', path='/Contacts', method='PUT')

    def test_archived_here_loses_nothing(self):
        move = self.invoice()
        self.run_push(self.connection)
        link = self.link_of(self.customer).sudo()
        self.customer.active = False
        self.run_pull(self.connection)
        self.assertEqual(self.link_of(self.customer), link)
        self.assertTrue(self.is_active_there(link.external_id), 'the books are left alone')
        self.customer.active = True
        later = self.sent()
        self.assertEqual(self.customer_of(later), self.customer_of(move))

    def test_merged_here_and_left_there(self):
        twin = self.twin()
        self.sent()
        self.sent(partner=twin)
        self.merge_here(self.customer | twin, self.customer)
        issue = self.issue('merged_here')
        self.as_bookkeeper(issue).action_keep_apart()
        self.assertEqual(issue.state, 'solved')
        self.run_pull(self.connection)
        self.run_push(self.connection)
        self.assertFalse(self.issue('merged_here'))
        self.assertEqual(self.env['res.partner'].search_count([('name', '=', 'Quayside Bistro')]), 0)

    def test_decided_pairs_outlive_a_merge_here(self):
        twin = self.twin()
        self.env['fieldpromax.match'].sudo().create(
            [
                {
                    'connection_id': self.connection.id,
                    'kind': 'contact',
                    'external_id': 'some-id',
                    'external_name': 'Some',
                    'partner_id': partner.id,
                    'decision': decision,
                }
                for partner, decision in ((self.customer, 'pending'), (twin, 'never'))
            ]
        )
        self.merge_here(self.customer | twin, self.customer)
        row = self.env['fieldpromax.match'].search([('external_id', '=', 'some-id')])
        self.assertEqual((row.partner_id, row.decision), (self.customer, 'never'))

    def test_chains_and_circles_of_merges(self):
        self.sent()
        link = self.link_of(self.customer).sudo()
        links = self.env['fieldpromax.link'].sudo()
        first = link.external_id
        links._note_merged(self.connection, 'contact', {'x': 'y', 'y': 'x'})
        links._note_merged(self.connection, 'contact', {first: 'second', 'second': 'third'})
        self.assertEqual(link.external_id, 'third')
        self.assertTrue(link.external_active)
        links._note_merged(self.connection, 'contact', {first: 'second'})
        self.assertEqual(link.external_id, 'third', 'told twice, done once')

    def test_gone_is_told_by_a_page(self):
        self.sent()
        link = self.link_of(self.customer).sudo()
        self.env['fieldpromax.link'].sudo()._note_signals(
            self.connection, 'contact', (), {link.external_id, 'unknown'}
        )
        self.assertEqual((link.external_active, link.external_status), (False, DELETED))
        self.assertEqual(link.partner_id, self.customer, 'nothing is unlinked')

    def test_issue_can_be_read_when_the_app_was_taken_away(self):
        self.sent()
        link = self.link_of(self.customer).sudo()
        link.external_active = False
        issue = self.env['fieldpromax.issue'].sudo()._raise_for(self.connection, link._counterpart_hold())
        self.assertTrue(issue.link_url)
        self.env['fieldpromax.app'].sudo().search([('provider', '=', 'xero')]).unlink()
        self.env.invalidate_all()
        self.assertFalse(issue.link_url)
        self.assertTrue(issue.can_re_link)

    def test_deleted_item_is_created_anew(self):
        product = self.boiler_service()
        lines = [{'product_id': product.id, 'name': 'Boiler', 'quantity': 1, 'price_unit': 80.0}]
        self.sent(lines=lines)
        old = self.link_of(product)
        self.change_there(items=[{'Code': 'BOILER', 'delete': True}])
        move = self.invoice(lines=lines)
        self.run_push(self.connection)
        self.assertAttention(move, 'was deleted in Xero')
        issue = self.issue('counterpart_gone')
        self.assertEqual(issue.product_id, product)
        self.assertFalse(issue.link_url)
        with self.assertRaises(UserError):
            self.as_bookkeeper(issue).action_open_in_books()
        self.as_bookkeeper(issue).action_create_anew()
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertNotEqual(self.link_of(product).external_id, old.external_id)


@tagged('post_install', '-at_install')
class TestQuickBooksCounterparts(Counterparts, QuickBooksCounterparts):
    def lose_answer_of_contact(self):
        self.quickbooks.fault('timeout_after', path='/customer$', method='POST')

    def test_inactive_customer_and_product_are_restored_from_here(self):
        product = self.boiler_service()
        lines = [self.taxed(product_id=product.id, name='Boiler', price_unit=80.0)]
        self.sent(lines=lines)
        links = self.link_of(self.customer) | self.link_of(product)
        for link in links:
            self.archive_there(link)
        move = self.invoice(lines=lines)
        self.run_push(self.connection)
        self.assertAttention(move, 'is archived in QuickBooks Online')
        for record in (self.customer, product):
            issue = self.issue('counterpart_archived')
            self.assertEqual(issue.partner_id or issue.product_id, record)
            with self.assertRaises(AccessError):
                issue.with_env(self.as_person(self.user_invoice)).action_restore()
            self.as_bookkeeper(issue).action_restore()
            self.assertFalse(self.link_of(record).external_active, 'nothing is written while a person waits')
            self.run_push(self.connection)
            self.assertTrue(self.link_of(record).external_active)
            self.run_push(self.connection)
            self.assertEqual(issue.state, 'solved')
        self.assertSent(move)
        there = self.contact_there(self.link_of(self.customer).external_id)
        self.assertEqual((there['DisplayName'], there['Active']), ('Harbour Café', True))

    def test_restoring_what_is_gone_meanwhile(self):
        self.sent()
        link = self.link_of(self.customer).sudo()
        self.archive_there(link)
        self.run_pull(self.connection)
        move = self.invoice()
        self.run_push(self.connection)
        issue = self.issue('counterpart_archived')
        self.as_bookkeeper(issue).action_restore()
        # Merged into a new one, which the push reads before it writes: both are customers here then.
        survivor_id = self.add_contact_there('Harbour Moorings')
        self.archive_there(link, archived=False)
        self.merge_there(link.external_id, survivor_id)
        self.run_push(self.connection)
        self.run_push(self.connection)
        self.assertEqual(issue.state, 'solved')
        self.assertAttention(move, 'are one in', 'Harbour Moorings')
        twin = self.env['res.partner'].search([('name', '=', 'Harbour Moorings')])
        self.merge_here(self.customer | twin, self.customer)
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(self.customer_of(move), survivor_id)

    def test_gone_without_a_trace(self):
        """Merged away, and no document of ours tells into whom."""
        partner = self.twin('Never invoiced')
        self.env['fieldpromax.exchange'].sudo()._enqueue(self.connection, 'contact', partner)
        self.run_push(self.connection)
        self.merge_there(self.link_of(partner).external_id, self.add_contact_there('Somebody else'))
        move = self.invoice(partner=partner)
        self.run_push(self.connection)
        self.assertAttention(move, 'was deleted in QuickBooks Online')
        issue = self.issue('counterpart_gone')
        self.assertTrue(issue.can_re_link)
        self.assertFalse(issue.can_restore)
        self.as_bookkeeper(issue).action_create_anew()
        self.run_push(self.connection)
        self.assertSent(move)
