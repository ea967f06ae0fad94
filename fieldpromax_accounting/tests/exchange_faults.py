"""Every operation of the outbox × every fault, at both providers: what becomes of exchanges, issues and connections.

``make faults`` runs this file; ``test_exchange_faults.py`` runs a few of its cells. The operations are the providers'
own, so that a new one fails :meth:`EveryOperation.test_nothing_is_forgotten` until it can be made here. A cell is right
when

* the simulator's log says that the fault fired, once, at the write of this operation;
* the exchange and the connection ended in a state that the fault allows, with a reason, a time or an issue with remedy;
* the books hold the record at most once, and exactly once where the fault let it through;
* after the fault is gone and the time of the next attempt has come it is done by itself; where a person is needed, the
  issue offers to try again, and then it is done. Nothing else is left waiting.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..providers import registry
from . import common
from .credit_common import CreditCommon
from .payment_common import QuickBooksPayments, XeroPayments
from .push_common import FieldpromaxPushCommon
from .quickbooks_push_common import QuickBooksPushCommon

#: a lost answer is noticed after so many seconds
PATIENCE = 0.8
PDF = b'%PDF-1.7 made up \x00\xff\r\n%%EOF'
#: where the cells that were tried are counted, for whoever runs this file
REPORT = 'FIELDPROMAX_FAULTS_REPORT'
#: names of the faults that are tried, where not all are
ONLY = 'FIELDPROMAX_FAULTS_ONLY'
#: operations of kinds that another addon brings
OF_OTHERS = ('project.create', 'project.update')
LOGGERS = (
    'odoo.addons.fieldpromax_accounting.models.fieldpromax_exchange',
    'odoo.addons.fieldpromax_accounting.providers',
)


@dataclass(frozen=True)
class Fault:
    """
    :param name: as the simulators spell it.
    :param states: in which the exchange may be afterwards.
    :param connection: the states in which the connection may be afterwards.
    :param applied: the write took effect all the same.
    :param person: it may take a person to try again.
    """

    name: str
    states: tuple = ('uncertain',)
    connection: tuple = ('connected',)
    applied: bool = False
    after: bool = False
    person: bool = False
    provider: str = ''

    def __str__(self):
        return f'{self.name} afterwards' if self.after else self.name


DONE, REFUSED = ('done',), ('blocked', 'queued', 'retry', 'cancelled')
FAULTS = (
    Fault('timeout_before'),
    Fault('timeout_after', applied=True),
    Fault('reset'),
    Fault('reset_after', applied=True),
    Fault('truncated', applied=True),
    Fault('html'),
    Fault('html', applied=True, after=True),
    Fault('empty'),
    Fault('empty', applied=True, after=True),
    Fault('wrong_content_type', applied=True),
    # read where the value does not matter, looked up where it does, shown as a difference where it says otherwise
    Fault('unknown_enum', ('done', 'uncertain', 'blocked', 'retry'), applied=True, person=True),
    Fault('null_value', ('done', 'uncertain', 'blocked', 'retry'), applied=True, person=True),
    # renewed within the same run
    Fault('status:401', DONE),
    Fault('fault200:3200', DONE, provider='quickbooks'),
    Fault('status:403', ('queued', 'retry'), ('suspended', 'reauth_required')),
    Fault('fault200:120', ('queued', 'retry'), ('reauth_required',), provider='quickbooks'),
    # gone there: for what was to be taken away that is the end, other things wait for a person or are decided anew
    Fault('status:404', (*REFUSED, 'done'), person=True),
    Fault('status:412', (*REFUSED, 'done'), person=True, provider='xero'),
    Fault('fault200', (*REFUSED, 'done', 'uncertain'), person=True, provider='xero'),
    Fault('fault200:5010', (*REFUSED, 'done'), person=True, provider='quickbooks'),
    Fault('fault200:6000', (*REFUSED, 'done'), person=True, provider='quickbooks'),
    Fault('429:minute', ('retry',)),
    Fault('429:day', ('retry',)),
    Fault('status:500'),
    Fault('status:500', applied=True, after=True),
    Fault('status:503'),
    Fault('status:503', applied=True, after=True),
)


class ExchangeFaults:
    """Mix in before the push tests with payments and credit notes of one provider."""

    #: the names of the faults that are tried; () for all
    only = tuple(filter(None, os.environ.get(ONLY, '').split(',')))

    @classmethod
    def setUpClass(cls):
        with patch.object(common, 'READ_TIMEOUT', PATIENCE):
            super().setUpClass()

    def arrange_more(self):
        result = super().arrange_more()
        self.connection.write({'attach_files': True, 'contact_push': 'created', 'item_push': 'created'})
        self.connection.attach_since = fields.Datetime.subtract(fields.Datetime.now(), days=1)
        note = self.refund()
        self.settle_books()
        self.confirm_mappings(self.connection)
        self.make_due()
        self.settle_books()
        self.assertEqual(note.fieldpromax_state, 'sent', note.fieldpromax_reason)
        return result

    # === MAKERS === #
    # What leaves exactly this operation waiting; gives what tells whether it holds in the books.

    def make_contact_create(self):
        self.count = getattr(self, 'count', 0) + 1
        partner = self.env['res.partner'].create(
            {'name': f'Cooper {self.count} & Sons', 'is_company': True, 'customer_rank': 1}
        )
        return lambda: self.contacts_there(partner.name)

    def sent_contact(self):
        self.make_contact_create()
        partner = self.env['res.partner'].search([], order='id desc', limit=1)
        self.settle_books()
        return partner

    def make_contact_update(self):
        partner = self.sent_contact()
        partner.email = f'office{partner.id}@cooper.example'
        return lambda: [one for one in self.books('contacts') if partner.email in str(one)]

    def make_contact_restore(self):
        partner = self.sent_contact()
        self.restore(partner, 'contacts')
        return lambda: [one for one in self.contacts_there(partner.name) if one['Active']]

    def make_item_create(self):
        self.count = getattr(self, 'count', 0) + 1
        product = self.boiler_service(
            name=f'Boiler service {self.count}', default_code=f'BOIL-{self.count}', sale_ok=True
        )
        return lambda: self.items_there(product)

    def sent_item(self):
        self.make_item_create()
        product = self.env['product.product'].search([], order='id desc', limit=1)
        self.settle_books()
        return product

    def make_item_update(self):
        product = self.sent_item()
        product.product_tmpl_id.name = f'Boiler care {product.id}'
        return lambda: [one for one in self.books('items') if product.name in str(one)]

    def make_item_restore(self):
        product = self.sent_item()
        self.restore(product, 'items')
        return lambda: self.items_there(product)

    def restore(self, record, part):
        """Somebody asks that what was archived in the books be restored there."""
        link = self.link_of(record).sudo()
        self.change_books(self.books_of, **{part: [{'Id': link.external_id, 'Active': False}]})
        there = next(one for one in self.books(part) if one['Id'] == link.external_id)
        # As the next pull would.
        link.write({'external_active': False, 'external_version': there['SyncToken']})
        link._restore()

    def _sent(self, make):
        move = make()
        self.settle_books()
        self.assertEqual(move.fieldpromax_state, 'sent', move.fieldpromax_reason)
        return move

    def _changed(self, move):
        move.button_draft()
        move.invoice_line_ids[0].name = f'Labour of {move.name}'
        move.action_post()
        return lambda: [one for one in self.documents(move) if f'Labour of {move.name}' in str(one)]

    def _cancelled(self, move):
        move.button_draft()
        move.button_cancel()
        return lambda: [] if self.documents(move) else [True]

    def make_invoice_create(self):
        move = self.invoice()
        return lambda: self.documents(move)

    def make_invoice_update(self):
        return self._changed(self._sent(self.invoice))

    def make_invoice_void(self):
        return self._cancelled(self._sent(self.invoice))

    def make_invoice_mark_sent(self):
        move = self._sent(self.invoice)
        move.is_move_sent = True
        return lambda: [one for one in self.documents(move) if one.get('SentToContact')]

    def make_credit_note_create(self):
        note = self.refund()
        return lambda: self.documents(note)

    def make_credit_note_update(self):
        return self._changed(self._sent(self.refund))

    def make_credit_note_void(self):
        return self._cancelled(self._sent(self.refund))

    def make_credit_note_mark_sent(self):
        note = self._sent(self.refund)
        note.is_move_sent = True
        return lambda: [one for one in self.documents(note) if one.get('SentToContact')]

    def make_allocation_create(self):
        move, note = self._sent(self.invoice), self._sent(self.refund)
        CreditCommon.reconcile(self, move, note)
        self.allocated = (move, note)
        return lambda: [True] if self.open_there(move) == 0 else []

    def make_allocation_delete(self):
        self.make_allocation_create()
        self.settle_books()
        move, _note = self.allocated
        self.assertEqual(self.open_there(move), 0)
        CreditCommon.unreconcile(self, move)
        return lambda: [True] if self.open_there(move) == move.amount_total else []

    def make_payment_create(self):
        move = self._sent(self.invoice)
        self.pay(move)
        return lambda: self.paid_there(move)

    def make_payment_delete(self):
        move = self._sent(self.invoice)
        self.pay(move)
        self.settle_books()
        self.assertEqual(self.open_there(move), 0)
        CreditCommon.unreconcile(self, move)
        return lambda: [True] if self.open_there(move) == move.amount_total else []

    def make_attachment_create(self):
        move = self._sent(self.invoice)
        name = f'Plan {move.id}.pdf'
        self.env['ir.attachment'].create(
            {'name': name, 'raw': PDF, 'res_model': 'account.move', 'res_id': move.id}
        )
        # Files of the chatter are found by the hourly sweep.
        driver = self.connection._as_driver()
        driver.env['fieldpromax.exchange']._sweep(driver)
        return lambda: self.files_there(name)

    def maker_of(self, operation):
        return getattr(self, f'make_{operation.replace(".", "_")}', None)

    @property
    def operations(self):
        return registry.get(self.connection.provider).operations

    # === CELLS === #

    def try_operation(self, operation):
        """All its cells; the wrong ones, each as a line."""
        if operation not in self.operations:
            return
        make = self.maker_of(operation)
        with mute_logger(*LOGGERS):
            request = self.write_of(make)
            wrong, cells = [], 0
            for fault in FAULTS:
                if fault.provider not in ('', self.connection.provider):
                    continue
                if self.only and fault.name not in self.only:
                    continue
                cells += 1
                with self.env.cr.savepoint() as savepoint:
                    problems = list(self.cell(operation, make, request, fault))
                    # Whatever is left waiting is not the next one's trouble.
                    self.books_of_simulator.clear_faults()
                    if problems:
                        savepoint.rollback()
                if problems:
                    self.env.invalidate_all()
                    self.reset_books(bookmark='arranged')
                    wrong.append(f'{self.connection.provider} {operation} {fault}: {"; ".join(problems)}')
        self.assertGreater(cells, 0)
        if report := os.environ.get(REPORT):
            with Path(report).open('a') as file:
                file.write(f'{cells}\n' + ''.join(f'wrong {line}\n' for line in wrong))
        self.assertFalse(wrong, '\n'.join(wrong))

    def write_of(self, make):
        """Method and path (as an expression) of the request that this operation makes last to change the books."""
        holds = make()
        self.books_of_simulator.forget_requests()
        self.run_push(self.connection)
        last = self.env['fieldpromax.exchange'].sudo().search([], limit=3)
        told = [(one.kind, one.operation, one.state, one.reason) for one in last]
        self.assertEqual(len(holds()), 1, f'without a fault: {told}')
        writes = [
            row
            for row in self.books_of_simulator.requests()
            if row['method'] != 'GET'
            and not row['path'].endswith(('/query', '/tokens/bearer', '/connect/token'))
        ]
        self.assertEqual(len(writes), 1, writes)
        path = '/'.join(
            part if not re.search(r'\d', part) or part == 'api.xro' or part in ('2.0', 'v3') else '[^/]+'
            for part in writes[0]['path'].split('/')
        )
        return writes[0]['method'], f'{path}$'

    def cell(self, operation, make, request, fault):
        """What is wrong with a cell, each as a phrase."""
        exchanges = self.env['fieldpromax.exchange'].sudo()
        settled = exchanges.search([], order='id desc', limit=1).id
        holds = make()
        # The maker sends other things first: what counts begins with those that wait now.
        live = ('queued', 'retry', 'sending', 'uncertain', 'blocked')
        waiting = exchanges.search([('state', 'in', live), ('id', '>', settled)])
        first = min(waiting.ids, default=settled + 1)
        self.books_of_simulator.forget_requests()
        order = {'fault': fault.name, 'method': request[0], 'path': request[1], 'times': 1}
        if fault.after:
            order['after'] = True
        self.books_of_simulator.control('POST', '/_sim/faults', order)
        self.run_push(self.connection)
        fired = [row['path'] for row in self.books_of_simulator.requests() if row['fault']]
        self.books_of_simulator.clear_faults()
        if len(fired) != 1:
            yield f'the fault fired at {fired or "nothing"}'
            return
        mine = [('id', '>=', first), ('operation', '=', operation)]
        exchange = exchanges.search(mine, order='id desc', limit=1)
        if exchange.state not in fault.states:
            yield f'it is {exchange.state or "nothing"} ({exchange.reason}), not {" or ".join(fault.states)}'
        if self.connection.state not in fault.connection:
            yield f'the connection is {self.connection.state}'
        if self.connection.state != 'connected' and not self.connection.state_reason:
            yield 'the connection does not say why'
        yield from self.untold(exchange)
        held = len(holds())
        if held > 1 or (fault.applied and held != 1):
            yield f'{held} times in the books'
        yield from self.afterwards(operation, exchanges, mine, fault, holds, first)

    def untold(self, exchange):
        """A state that waits says why, and what comes next."""
        if exchange.state in ('retry', 'uncertain', 'blocked') and not exchange.reason:
            yield f'{exchange.state} without a reason'
        if exchange.state in ('queued', 'retry', 'uncertain') and not exchange.next_attempt_at:
            yield f'{exchange.state} without a time'
        if exchange.state == 'blocked' and not (
            exchange.issue_id.state == 'open' and exchange.issue_id.reason and exchange.issue_id.remedy
        ):
            yield 'blocked without an issue that says what to do'

    def afterwards(self, operation, exchanges, mine, fault, holds, first):
        """The fault is gone and time passes."""
        if self.connection.state == 'suspended':
            # What the daily look, or "Check again", does.
            self.run_refresh()
        elif self.connection.state == 'reauth_required':
            self.connect_books()
        if self.connection.state != 'connected':
            yield f'the connection stays {self.connection.state}'
            return
        live = [('state', 'not in', ('done', 'cancelled')), ('id', '>=', first)]
        for _time in range(5):
            self.pass_time(400)
            self.run_push(self.connection)
            left = exchanges.search(live)
            if not left:
                break
            if fault.person:
                for issue in left.issue_id.filtered(lambda one: one.state == 'open' and one.can_retry):
                    left.filtered(lambda one, issue=issue: one.issue_id == issue).with_user(
                        self.user_bookkeeper
                    ).action_retry()
        left = exchanges.search(live)
        if left:
            yield 'left: ' + ', '.join(
                f'{one.kind} {one.operation} {one.state} ({one.reason})' for one in left
            )
        if self.gives_up(operation, fault) and exchanges.search([*mine, ('reason', '!=', False)], limit=1):
            return
        # What stands there already is compared, which is another operation.
        kind = self.operations[operation].kind
        if not exchanges.search([('id', '>=', first), ('kind', '=', kind), ('state', '=', 'done')]):
            yield 'it was never done'
        held = len(holds())
        if held != 1:
            yield f'{held} times in the books in the end'

    @staticmethod
    def gives_up(operation, fault):
        """Is it the end, with a reason, although it did not take effect? Whoever is told that what is to be taken away
        is not there has nothing left to do (that it was a lie shows the nightly audit), and a mark that is refused is
        no trouble of its document."""
        if operation.endswith('.mark_sent'):
            return fault.person
        return fault.name == 'status:404' and operation.endswith(('.delete', '.void'))

    # === BOOKS === #

    def contacts_there(self, name):
        return [one for one in self.books('contacts') if name in (one.get('Name'), one.get('DisplayName'))]

    def files_there(self, name):
        return [one for one in self.books('attachments') if one['FileName'] == name]

    def items_there(self, product):
        return [
            one
            for one in self.books('items')
            if product.default_code in (one.get('Code'), one.get('Sku')) and one.get('Active', True)
        ]


class XeroExchangeFaults(ExchangeFaults, CreditCommon, XeroPayments, FieldpromaxPushCommon):
    @property
    def books_of_simulator(self):
        return self.simulator

    def pass_time(self, seconds):
        self.let_time_pass(seconds)

    def documents(self, move):
        key = 'CreditNoteNumber' if move.move_type == 'out_refund' else 'InvoiceNumber'
        found = self.books('credit_notes' if move.move_type == 'out_refund' else 'invoices') or []
        return [
            one for one in found if one.get(key) == move.name and one['Status'] not in ('DELETED', 'VOIDED')
        ]

    def open_there(self, move):
        (document,) = self.documents(move)
        return float(document['AmountDue'])


class QuickBooksExchangeFaults(ExchangeFaults, CreditCommon, QuickBooksPayments, QuickBooksPushCommon):
    @property
    def books_of_simulator(self):
        return self.quickbooks

    def pass_time(self, seconds):
        self.let_hours_pass(seconds / 3600)

    def documents(self, move):
        found = self.books('credit_memos' if move.move_type == 'out_refund' else 'invoices')
        return [
            one
            for one in found
            if one.get('DocNumber') == move.name and 'Voided' not in (one.get('PrivateNote') or '')
        ]

    def open_there(self, move):
        (document,) = self.documents(move)
        return float(document['Balance'])

    def files_there(self, name):
        return [one for one in self.books('attachables') if one['FileName'] == name]


class EveryOperation:
    """Mix in before one of the classes above: a test for each operation that any provider has."""

    def test_nothing_is_forgotten(self):
        kinds = dict(self.env['fieldpromax.exchange']._fields['kind'].selection)
        missing = [name for name in self.operations if not self.maker_of(name) and name not in OF_OTHERS]
        self.assertEqual(missing, [])
        made = {
            operation.kind
            for provider in ('xero', 'quickbooks')
            for operation in registry.get(provider).operations.values()
        }
        # The kind "organization" ends the tie and has no operation: test_disconnect.py. Another addon brings projects.
        self.assertEqual(set(kinds) - {'organization', 'project'}, made - {'project'})


def _tests(operation):
    def test(self):
        self.try_operation(operation)

    return test


for _operation in sorted(
    {name for provider in ('xero', 'quickbooks') for name in registry.get(provider).operations} - {*OF_OTHERS}
):
    setattr(EveryOperation, f'test_{_operation.replace(".", "_")}', _tests(_operation))


@tagged('-standard', 'post_install', '-at_install')
class XeroEveryOperation(EveryOperation, XeroExchangeFaults):
    pass


@tagged('-standard', 'post_install', '-at_install')
class QuickBooksEveryOperation(EveryOperation, QuickBooksExchangeFaults):
    pass
