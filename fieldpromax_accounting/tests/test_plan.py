"""The plan of the first import: everything is read, nothing is done until a person runs it; what is run then is what
the plan says."""

from contextlib import contextmanager, suppress
from unittest.mock import patch

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from ..models import fieldpromax_run, fieldpromax_run_plan
from .common import ConnectedOnce
from .test_pull import Killed, PullCommon

LINE_LOGGER = 'odoo.addons.fieldpromax_accounting.models.fieldpromax_plan_line'


class PlanCommon(ConnectedOnce, PullCommon):
    def before_consent(self):
        self.company.fieldpromax_first_import = 'plan'

    def as_bookkeeper(self, record):
        return record.with_env(self.as_person(self.user_bookkeeper))

    def read_plan(self):
        """Connect and let the driver read. :return: the run."""
        self.connection = self.connect('US')
        self.run_pull(self.connection)
        run = self.connection.run_ids
        self.assertEqual((run.plan_state, run.state), ('ready', 'paused'), run.reason)
        self.assertFalse(any(run.line_ids.mapped('notes')), run.line_ids.mapped('notes'))
        return run

    def plan(self, run):
        """``{name in the books: line}``"""
        return {line.external_name: line for line in run.plan_line_ids}

    def actions(self, run):
        return {line.external_name: line.action for line in run.plan_line_ids}

    def carry_out(self, run):
        self.as_bookkeeper(run).action_run_plan()
        self.run_pull(self.connection)

    def contact(self, name, email='', **values):
        return {'Name': name, 'EmailAddress': email, **values}

    def local(self, name, email=False, **values):
        return self.env['res.partner'].create({'name': name, 'email': email, **values})


@tagged('post_install', '-at_install')
class TestPlan(PlanCommon):
    def fill(self):
        """One of each kind."""
        self.equal = self.local('Equal Ltd', 'office@equal.example')
        self.other_mail = self.local('Other mail', 'two@mail.example')
        self.put_contacts(
            self.contact('Equal Ltd', 'office@equal.example'),
            self.contact('Other mail', 'one@mail.example'),
            self.contact('Brand new', 'new@new.example'),
            self.contact('Supplier', 'supplier@supplier.example', IsSupplier=True, IsCustomer=False),
        )
        self.put(items=[{'Code': 'CALL', 'Name': 'Call-out', 'IsSold': True}])

    def test_nothing_is_done(self):
        self.fill()
        before = {
            name: self.env[name].with_context(active_test=False).search_count([])
            for name in ('res.partner', 'product.product')
        }
        run = self.read_plan()
        for name, count in before.items():
            self.assertEqual(self.env[name].with_context(active_test=False).search_count([]), count)
        self.assertFalse(self.links(self.connection) | self.links(self.connection, 'item'))
        self.assertFalse(self.matches(self.connection))
        self.assertEqual(
            self.actions(run),
            {
                'Equal Ltd': 'link',
                'Other mail': 'review',
                'Brand new': 'create',
                'Supplier': 'skip',
                'Call-out': 'create',
            },
        )
        plan = self.plan(run)
        self.assertEqual(plan['Equal Ltd'].partner_id, self.equal)
        self.assertEqual(plan['Other mail'].partner_id, self.other_mail)
        self.assertGreater(plan['Equal Ltd'].score, plan['Other mail'].score)
        self.assertIn('e-mail', plan['Other mail'].why)
        self.assertIn('Nothing in Odoo is like it', plan['Brand new'].why)
        self.assertIn('supplier only', plan['Supplier'].why)
        self.assertIn('one@mail.example', plan['Other mail'].comparison)
        self.assertEqual(plan['Brand new'].company_id, self.company)
        line = self.line(self.connection)
        self.assertEqual((line.plan_link, line.plan_create, line.plan_review, line.plan_skip), (1, 1, 1, 1))
        self.assertEqual(run.summary.count('to create'), 2)
        self.assertIn('waits for your decision', run.status_text)
        # The hourly cron changes nothing about that, nor is the provider asked.
        self.simulator.forget_requests()
        self.run_pull(self.connection)
        self.assertFalse(self.simulator.requests())
        self.assertEqual(run.plan_state, 'ready')

    def test_run_does_what_the_lines_say(self):
        self.fill()
        run = self.read_plan()
        self.carry_out(run)
        self.assertEqual((run.plan_state, run.state), ('done', 'done'), run.reason)
        self.assertEqual(self.links(self.connection).partner_id, self.equal | self.partners('Brand new'))
        self.assertEqual(self.links(self.connection, 'item').product_id.default_code, 'CALL')
        pending = self.matches(self.connection, decision='pending')
        self.assertEqual(pending.partner_id, self.other_mail)
        self.assertFalse(self.partners('Supplier'))
        self.assertEqual(set(run.plan_line_ids.mapped('state')), {'done'})
        line = self.line(self.connection)
        self.assertEqual((line.linked, line.created, line.review, line.skipped), (1, 1, 1, 1))
        self.assertEqual(self.links(self.connection).linked_by_run_id, run, 'it can be undone')
        self.assertEqual(run.planned_by_id, self.user_bookkeeper)
        # From now on changes are followed as ever.
        self.put_contacts('Later')
        self.run_pull(self.connection)
        self.assertIn(self.partners('Later'), self.links(self.connection).partner_id)

    def test_choices(self):
        self.local('Also mail', 'also@mail.example')
        self.fill()
        self.put_contacts(
            self.contact('Also mail', 'x@mail.example'),
            self.contact('Not wanted', 'not@wanted.example'),
            self.contact('Under another name', 'under@other.example'),
        )
        other = self.local('Completely different', 'cd@example.com')
        run = self.read_plan()
        self.assertEqual(run.plan_suggestion_count, 2)
        plan = {name: self.as_bookkeeper(line) for name, line in self.plan(run).items()}
        with self.assertRaisesRegex(UserError, 'Choose a record'):
            plan['Brand new'].action_link()
        plan['Not wanted'].action_skip()
        form = Form(plan['Under another name'])
        form.partner_id = other
        form.save()
        self.assertEqual(
            (plan['Under another name'].action, plan['Under another name'].record_name), ('link', other.name)
        )
        plan['Equal Ltd'].action_review()
        plan['Equal Ltd'].action_as_proposed()
        plan['Other mail'].action_create()
        self.assertEqual(run.plan_suggestion_count, 1)
        self.as_bookkeeper(run).action_accept_suggestions()
        self.assertEqual(plan['Also mail'].action, 'link')
        self.assertEqual(plan['Also mail'].decided_by_id, self.user_bookkeeper)
        self.carry_out(run)
        linked = {
            link.external_name: link.partner_id for link in self.links(self.connection) if link.partner_id
        }
        self.assertEqual(linked['Under another name'], other)
        self.assertEqual(linked['Also mail'].email, 'also@mail.example')
        self.assertEqual(linked['Equal Ltd'], self.equal)
        self.assertNotEqual(linked['Other mail'], self.other_mail)
        self.assertNotIn('Not wanted', linked)
        remembered = {match.external_name: match.decision for match in self.matches(self.connection)}
        self.assertEqual(
            remembered,
            {
                'Under another name': 'link',
                'Also mail': 'link',
                'Other mail': 'create',
                'Not wanted': 'ignore',
            },
        )
        self.env['fieldpromax.checkpoint'].sudo().search([]).write({'since': False})
        self.run_pull(self.connection)
        self.assertFalse(self.partners('Not wanted'), 'left out for good')

    def test_compared_over_all_pages(self):
        """As an import does it: twins of the books far apart, a rival for an equal pair."""
        claimed = self.local('Claimed', 'claimed@example.com')
        self.put_contacts(
            self.contact('Twin', 'one@twin.example'),
            self.contact('Claimed', 'claimed@example.com'),
            self.contact('Twín', 'two@twin.example'),
            self.contact('Same mail', 'same@mail.example'),
            self.contact('Cläimed', 'claimed@example.com'),
            self.contact('Mail of another', 'same@mail.example'),
        )
        with patch.object(fieldpromax_run, 'PAGE_SIZE', 1):
            run = self.read_plan()
        actions = self.actions(run)
        # Which of two that look the same comes first is up to the books.
        self.assertEqual({actions['Twin'], actions['Twín']}, {'create', 'review'})
        self.assertEqual({actions['Same mail'], actions['Mail of another']}, {'create', 'review'})
        self.assertEqual({actions['Claimed'], actions['Cläimed']}, {'review'})
        twin = self.plan(run)['Twin' if actions['Twin'] == 'review' else 'Twín']
        self.assertIn('Another record of the books', twin.why)
        # A person leaves the rival out: with that the pair is beyond doubt.
        self.as_bookkeeper(self.plan(run)['Cläimed']).action_skip()
        self.carry_out(run)
        self.assertEqual(len(self.partners('Twin', 'Twín', 'Same mail', 'Mail of another')), 2)
        self.assertIn(claimed, self.links(self.connection).partner_id)

    def test_invoices_wait_and_say_for_what(self):
        self.fill()
        run = self.read_plan()
        self.env['fieldpromax.exchange'].sudo()._enqueue(self.connection, 'contact', self.own_customer)
        move = self.env['account.move'].create(
            {
                'move_type': 'out_invoice',
                'partner_id': self.own_customer.id,
                'invoice_date': fields.Date.today(),
                'invoice_line_ids': [Command.create({'name': 'Call-out', 'price_unit': 10.0})],
            }
        )
        move.action_post()
        self.run_push(self.connection)
        exchange = self.env['fieldpromax.exchange'].search([('partner_id', '=', self.own_customer.id)])
        self.assertEqual(exchange.state, 'queued')
        self.assertIn('decision about the plan', exchange.reason)
        self.assertIn('decision about the plan', move.fieldpromax_plan_text)
        action = move.with_env(self.as_person(self.user_invoice)).action_fieldpromax_open_plan()
        self.assertEqual(action['res_id'], run.id)
        self.carry_out(run)
        self.run_push(self.connection)
        self.assertEqual(exchange.state, 'done', exchange.reason)
        self.assertFalse(move.fieldpromax_plan_text)

    def test_killed_and_resumed(self):
        self.put_many(5)
        run = self.read_plan()
        run_class = type(self.env['fieldpromax.run'])
        pick = run_class._pick

        def dies_after_two_lines(model, connection, run):
            if len(self.links(self.connection)) == 2:
                raise Killed
            return pick(model, connection, run)

        with patch.object(fieldpromax_run_plan, 'PLAN_SIZE', 1):
            # Not assertRaises: Odoo's takes back what was committed meanwhile.
            with patch.object(run_class, '_pick', dies_after_two_lines), suppress(Killed):
                self.carry_out(run)
            self.env.invalidate_all()
            self.assertEqual((run.plan_state, run.state), ('running', 'running'))
            self.assertEqual(len(self.links(self.connection)), 2)
            self.run_pull(self.connection)
        self.assertEqual((run.plan_state, run.state), ('done', 'done'))
        self.assertEqual(len(self.links(self.connection).partner_id), 5)
        self.assertEqual(self.env['res.partner'].search_count([('name', '=like', 'Customer 0%')]), 5)
        line = self.line(self.connection)
        self.assertEqual((line.done, line.created), (5, 5))

    @contextmanager
    def before_lines(self, number, action):
        """``action`` is done by a person when so many pages of lines are carried out."""
        run_class = type(self.env['fieldpromax.run'])
        carry_out, done = run_class._carry_out, []

        def watch(model, connection, kind, line):
            if kind == 'contact':
                if len(done) == number:
                    action()
                    self.env.flush_all()
                done.append(line)
            return carry_out(model, connection, kind, line)

        with patch.object(fieldpromax_run_plan, 'PLAN_SIZE', 1), patch.object(run_class, '_carry_out', watch):
            yield

    def test_disconnected_meanwhile(self):
        self.put_many(3)
        run = self.read_plan()
        manager = self.connection.with_env(self.as_person(self.user_manager))
        with self.before_lines(1, manager.action_disconnect):
            self.carry_out(run)
        self.assertEqual(len(self.links(self.connection)), 1)
        self.assertEqual(run.plan_state, 'running')
        self.assertIn('disconnected', run.status_text)
        self.assertEqual(len(run.plan_line_ids.filtered(lambda line: line.state == 'planned')), 2)
        self.assertEqual(self.connect('US'), self.connection)
        self.run_pull(self.connection)
        self.assertEqual((run.plan_state, run.state), ('done', 'done'))
        self.assertEqual(len(self.links(self.connection).partner_id), 3)

    def test_paused_meanwhile(self):
        self.put_many(3)
        run = self.read_plan()
        with self.before_lines(1, lambda: self.as_bookkeeper(run).action_pause()):
            self.carry_out(run)
        self.assertEqual((len(self.links(self.connection)), run.state), (1, 'paused'))
        self.as_bookkeeper(run).action_resume()
        self.run_pull(self.connection)
        self.assertEqual((run.state, len(self.links(self.connection))), ('done', 3))

    def test_two_press_run(self):
        self.put_many(2)
        run = self.read_plan()
        self.as_bookkeeper(run).action_run_plan()
        with self.assertRaisesRegex(UserError, 'carried out already'):
            run.with_env(self.as_person(self.user_manager)).action_run_plan()
        with self.assertRaisesRegex(UserError, 'until it is run'):
            self.as_bookkeeper(run.plan_line_ids).action_skip()
        self.run_pull(self.connection)
        with self.assertRaisesRegex(UserError, 'carried out already'):
            self.as_bookkeeper(run).action_run_plan()
        self.assertEqual(len(self.links(self.connection)), 2)

    def test_what_changed_meanwhile_is_left(self):
        names = ('Alpine Roofing', 'Borealis Dental', 'Cormorant Shipping', 'Dandelion Bakery')
        here = {name: self.local(name, f'{name[:5].lower()}@example.com') for name in names}
        ids = self.put_contacts(*(self.contact(name, partner.email) for name, partner in here.items()))
        self.put_contacts(
            self.contact('Eventide Motors', 'made@example.com'),
            self.contact('Foxglove Studio', 'w@example.com'),
        )
        run = self.read_plan()
        self.assertEqual(set(self.actions(run).values()), {'link', 'create'})
        self.as_bookkeeper(self.plan(run)['Cormorant Shipping']).action_link()
        here['Alpine Roofing'].unlink()
        here['Dandelion Bakery'].active = False
        self.env['fieldpromax.link'].sudo().create(
            {
                'connection_id': self.connection.id,
                'company_id': self.company.id,
                'kind': 'contact',
                'external_id': 'elsewhere',
                'external_name': 'Elsewhere',
                'partner_id': here['Borealis Dental'].id,
            }
        )
        self.put(contacts=[{'ContactID': ids[2], 'ContactStatus': 'ARCHIVED'}])
        self.local('Eventide Motors', 'made@example.com')
        # All of them come once more with what changed: that makes no new plan of them.
        self.env['fieldpromax.checkpoint'].sudo()._of(
            self.connection, 'contact'
        ).since = '2020-01-01T00:00:00+00:00'
        self.carry_out(run)
        self.assertEqual((run.plan_state, run.state), ('done', 'done'), run.reason)
        outcomes = {line.external_name: line.outcome for line in run.plan_line_ids if line.state == 'left'}
        self.assertEqual(set(outcomes), {*names, 'Eventide Motors'})
        self.assertIn('deleted', outcomes['Alpine Roofing'])
        self.assertIn('"Elsewhere"', outcomes['Borealis Dental'])
        self.assertIn('archived in the books', outcomes['Cormorant Shipping'])
        self.assertIn('archived since', outcomes['Dandelion Bakery'])
        self.assertIn('something like it', outcomes['Eventide Motors'])
        self.assertEqual(run.plan_left_count, 5)
        linked = self.links(self.connection).filtered('partner_id')
        self.assertNotIn(here['Dandelion Bakery'], linked.partner_id)
        self.assertEqual(len(self.partners('Eventide Motors')), 1, 'not made twice')
        waiting = set(self.matches(self.connection, decision='pending').mapped('external_name'))
        self.assertLessEqual({'Alpine Roofing', 'Dandelion Bakery'}, waiting)

    def test_changes_since_are_read_first(self):
        self.put_contacts(self.contact('Old name', 'old@example.com'))
        run = self.read_plan()
        (line,) = run.plan_line_ids
        self.put(contacts=[{'ContactID': line.external_id, 'Name': 'New name'}])
        self.put_contacts('Came later')
        self.carry_out(run)
        self.assertEqual(len(self.partners('New name', 'Came later')), 2)
        self.assertFalse(self.partners('Old name'))
        self.assertEqual(len(run.plan_line_ids), 2)

    def test_one_bad_line_never_fails_the_others(self):
        self.put_many(3)
        run = self.read_plan()
        partner_class = type(self.env['res.partner'])
        create = partner_class.create

        def refuse(model, values_list):
            if any(values.get('name') == 'Customer 001' for values in values_list):
                raise UserError(model.env._('This name brings bad luck.'))
            return create(model, values_list)

        with patch.object(partner_class, 'create', refuse), mute_logger(LINE_LOGGER):
            self.carry_out(run)
        self.assertEqual(run.state, 'done')
        self.assertEqual(len(self.links(self.connection).partner_id), 2)
        self.assertIn('bad luck', self.plan(run)['Customer 001'].outcome)
        self.assertIn('bad luck', self.line(self.connection).notes)


@tagged('post_install', '-at_install')
class TestPlanSteering(PlanCommon):
    def test_thrown_away_and_read_anew(self):
        self.put_many(3)
        run = self.read_plan()
        self.as_bookkeeper(run).action_discard_plan()
        self.assertFalse(run.plan_line_ids)
        self.assertIn('thrown away', run.status_text)
        self.simulator.forget_requests()
        self.run_pull(self.connection)
        self.assertFalse(self.simulator.requests() or self.links(self.connection))
        with self.assertRaisesRegex(UserError, 'thrown away'):
            self.as_bookkeeper(self.connection).action_sync_now()
        with self.assertRaisesRegex(UserError, 'thrown away'):
            self.as_bookkeeper(run).action_run_plan()
        self.as_bookkeeper(run).action_read_plan_anew()
        self.run_pull(self.connection)
        self.assertEqual((run.plan_state, len(run.plan_line_ids)), ('ready', 3))
        self.assertFalse(self.links(self.connection))
        self.as_bookkeeper(run).action_discard_plan()
        self.as_bookkeeper(run).action_import_without_plan()
        self.run_pull(self.connection)
        self.assertEqual((run.plan_state, run.state), (False, 'done'))
        self.assertEqual(len(self.links(self.connection).partner_id), 3)

    def test_thrown_away_while_a_page_is_on_its_way(self):
        self.put_many(4)
        self.connection = self.connect('US')
        run = self.connection.run_ids
        run_class = type(self.env['fieldpromax.run'])
        take_page = run_class._take_page

        def watch(model, connection, kind, line, page, position):
            if run.plan_state == 'reading':
                self.as_bookkeeper(run).action_discard_plan()
                self.env.flush_all()
            return take_page(model, connection, kind, line, page, position)

        with patch.object(fieldpromax_run, 'PAGE_SIZE', 2), patch.object(run_class, '_take_page', watch):
            self.run_pull(self.connection)
        self.assertEqual((run.plan_state, run.state), ('discarded', 'paused'))
        self.assertFalse(run.plan_line_ids)
        self.assertFalse(self.links(self.connection))
        self.assertFalse(self.env['res.partner'].search([('name', '=like', 'Customer 0%')]))

    def test_asked_for_before_it_begins(self):
        self.company.fieldpromax_first_import = 'safe'
        self.put_many(2)
        connection = self.connect('US')
        run = connection.run_ids
        self.assertTrue(connection.import_can_choose)
        self.as_bookkeeper(connection).action_plan_first()
        self.assertEqual(run.plan_state, 'reading')
        # The setting does the same, as long as nothing is read.
        self.company.fieldpromax_first_import = 'plan'
        self.company.fieldpromax_first_import = 'safe'
        self.assertFalse(run.plan_state)
        self.run_pull(connection)
        self.assertEqual(len(self.links(connection)), 2)
        with self.assertRaisesRegex(UserError, 'ended meanwhile'):
            self.as_bookkeeper(connection).action_plan_first()
        self.company.fieldpromax_first_import = 'plan'
        self.assertFalse(run.plan_state, 'what has ended stays as it is')

    def test_setting(self):
        self.company.fieldpromax_first_import = 'safe'
        settings = Form(self.as_person(self.user_manager)['res.config.settings'])
        self.assertTrue(settings.fieldpromax_import_is_ahead)
        self.assertEqual(settings.fieldpromax_first_import, 'safe')
        settings.fieldpromax_first_import = 'plan'
        settings.save().execute()
        self.assertEqual(self.company.fieldpromax_first_import, 'plan')
        self.assertEqual(self.company_2.fieldpromax_first_import, 'safe')
        connection = self.connect('US')
        self.assertEqual(connection.run_ids.plan_state, 'reading')

    def test_existing_pairs_wait_for_the_plan(self):
        """Of an organization that was connected before: they are compared once the plan is run."""
        partner = self.local('Equal Ltd', 'office@equal.example')
        phones = [{'PhoneType': 'DEFAULT', 'PhoneNumber': '555 0777'}]
        self.put_contacts(self.contact('Equal Ltd', 'office@equal.example', Phones=phones))
        self.company.fieldpromax_first_import = 'safe'
        self.connection = self.connect('US')
        self.run_pull(self.connection)
        self.assertEqual(partner.phone, '555 0777')
        partner.with_context(fieldpromax_no_push=True).phone = False
        self.links(self.connection).sudo().write({'baseline': False, 'is_unmerged': True})
        self.company.fieldpromax_first_import = 'plan'
        run = self.env['fieldpromax.run'].sudo()._new(self.connection, 'initial')
        run._forget_reading()
        self.run_pull(self.connection)
        self.run_push(self.connection)
        self.assertEqual((run.plan_state, partner.phone), ('ready', False))
        self.carry_out(run)
        self.assertEqual(partner.phone, '555 0777')

    def test_the_push_reads_nothing_past_the_plan(self):
        self.put_many(2)
        connection = self.connect('US')
        self.env['fieldpromax.exchange'].sudo()._enqueue(connection, 'contact', self.own_customer)
        self.run_push(connection)
        self.assertFalse(self.links(connection))
        self.assertFalse(self.matches(connection))
        self.assertFalse(connection.run_ids.started_at)

    def test_who_may(self):
        self.put_many(2)
        run = self.read_plan()
        for user in (self.user_invoice, self.user_bookkeeper_2):
            env = self.as_person(user)
            for name in (
                'action_run_plan',
                'action_accept_suggestions',
                'action_discard_plan',
                'action_read_plan_anew',
                'action_import_without_plan',
            ):
                with self.subTest(user=user.login, action=name), self.assertRaises(AccessError):
                    getattr(run.with_env(env), name)()
            for name in (
                'action_link',
                'action_create',
                'action_skip',
                'action_review',
                'action_as_proposed',
            ):
                with self.subTest(user=user.login, action=name), self.assertRaises(AccessError):
                    getattr(run.plan_line_ids.with_env(env), name)()
        with self.assertRaises(AccessError):
            run.plan_line_ids.with_env(self.as_person(self.user_bookkeeper_2)).read(['external_name'])
        self.assertFalse(
            self.env['fieldpromax.plan.line'].with_env(self.as_person(self.user_bookkeeper_2)).search([])
        )
        with self.assertRaises(AccessError):
            self.as_bookkeeper(run.plan_line_ids).write({'action': 'skip'})
        self.assertEqual(run.plan_state, 'ready')
