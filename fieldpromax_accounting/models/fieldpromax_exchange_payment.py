from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from odoo import api, fields, models
from odoo.tools import format_date

from ..comparison import VOID_STATUSES, amount_text, content_hash, expectation
from ..holds import Hold, NotToBeSent, WaitFor
from ..providers import dto, errors
from .account_move import decimal_of
from .fieldpromax_exchange import BACK_OFF, LIVE_STATES, LOOK_AT_DRAFTS_EVERY, OPEN_PREDICATE, Decision

# Invoices whose payments are read in one call before theirs are sent.
COMPARED_AT_ONCE = 50


class FieldpromaxExchange(models.Model):
    """Payments of invoices: what settles an invoice in Odoo marks it paid in the books."""

    # What becomes of payments is long enough for a file of its own.
    _inherit = 'fieldpromax.exchange'  # pylint: disable=consider-merging-classes-inherited

    kind = fields.Selection(selection_add=[('payment', 'Payment')], ondelete={'payment': 'cascade'})
    settlement_id = fields.Many2one(
        'fieldpromax.settlement', 'Payment', index='btree_not_null', ondelete='set null', readonly=True
    )

    _open_settlement_unique = models.UniqueIndex(
        f'(connection_id, settlement_id) WHERE settlement_id IS NOT NULL AND {OPEN_PREDICATE}'
    )

    @api.model
    def _record_columns(self):
        return {**super()._record_columns(), 'payment': 'settlement_id'}

    @api.model
    def _kind_order(self):
        """After the invoices that they pay."""
        return (*super()._kind_order(), 'payment')

    def _shown_record(self):
        """A payment is seen at the invoice that it pays."""
        return self.settlement_id.move_id if self.kind == 'payment' else super()._shown_record()

    # === THE DRIVER === #

    @api.model
    def _sweep_connected(self, connection):
        settled = self.env['fieldpromax.settlement']._sweep(connection)
        return super()._sweep_connected(connection) + settled

    @api.model
    def _between_calls(self, connection):
        self.env['fieldpromax.settlement']._evaluate_due(connection)
        return super()._between_calls(connection)

    def _drive_ready(self, connection):
        """Before payments are sent, the books are asked for what they know of their invoices: approved by now, or paid
        already? That is asked once for many, when nothing else is left to be sent."""
        drafts, compared = self._drive_step(self._payments_to_look_at, connection)
        if drafts:
            page = connection._talk(lambda provider: provider.get_records('invoice', drafts))
            links = self.env['fieldpromax.link']
            self._drive_step(links._note_documents, connection, 'invoice', page.records, page.gone)
        if compared:
            there = connection._talk(lambda provider: provider.payments_of(compared))
            self._drive_step(self._take_payments_there, connection, compared, there)
            if connection._was_slow():
                # What was compared is not compared again: the next run goes on from here.
                return True
        return super()._drive_ready(connection)

    @api.model
    def _payments_to_look_at(self, connection):
        """``(ids of invoices that are drafts in the books, ids of invoices whose payments are to be compared)``."""
        if self._kinds_ready(connection) & set(self._kind_order()) != {'payment'}:
            return [], []
        ready = self._ready(connection, 'payment', COMPARED_AT_ONCE)
        settlements = self.env['fieldpromax.settlement'].browse()
        for exchange in ready:
            settlements |= exchange.settlement_id._group()
        settlements = settlements.filtered(lambda one: one.amount and not one.external_id and one.move_id)
        links = self.env['fieldpromax.link']._of(connection, settlements.move_id)
        drafts, compared = set(), set()
        for settlement in settlements:
            link = links.get(settlement.move_id.id)
            if link and link.external_status == 'draft':
                drafts.add(link.external_id)
            elif link and not settlement.is_compared:
                compared.add(link.external_id)
        return sorted(drafts), sorted(compared)

    @api.model
    def _take_payments_there(self, connection, documents, there):
        """Payments that somebody entered in the books already are linked instead of sent once more: of the same
        invoices, amounts and currency, within some days."""
        settlement_model = self.env['fieldpromax.settlement']
        links = self.env['fieldpromax.link'].search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', 'invoice'),
                ('external_id', 'in', documents),
                ('move_id', '!=', False),
            ]
        )
        known = set(
            settlement_model.search(
                [
                    ('connection_id', '=', connection.id),
                    ('external_id', 'in', [remote.external_id for remote in there]),
                ]
            ).mapped('external_id')
        )
        fresh = [remote for remote in there if remote.external_id not in known]
        waiting = settlement_model.search(
            [
                ('connection_id', '=', connection.id),
                ('move_id', 'in', links.move_id.ids),
                ('external_id', '=', False),
                ('amount', '!=', 0),
                ('obstacle', '=', False),
            ]
        )
        for lead in waiting._leads():
            group = lead._group().filtered(lambda one: one.amount and not one.external_id and one.move_id)
            same = [remote for remote in fresh if lead._is_same(connection, group, remote)]
            if len(same) == 1:
                fresh.remove(same[0])
                group._adopt(connection, same[0])
        others = defaultdict(Decimal)
        for remote in fresh:
            for document, amount in remote.applications:
                others[document] += amount
        amounts = {link.move_id.id: float(others[link.external_id]) for link in links}
        for settlement in waiting:
            settlement.write({'is_compared': True, 'foreign_amount': amounts[settlement.move_id.id]})

    # === STEP 1: CLAIM === #

    def _decide(self, connection, context):
        if self.kind != 'payment':
            return super()._decide(connection, context)
        if not self.settlement_id:
            raise NotToBeSent(self.env._('"%s" was deleted in Odoo.', self.record_name or ''))
        return self._decide_payment(connection, context)

    def _decide_payment(self, connection, context):
        """What the books are told of a payment: made, undone, or undone to be made anew, because none can be changed
        everywhere.

        :raise NotToBeSent, WaitFor, Hold: why not.
        """
        group = self.settlement_id._group()
        sent = group.filtered('external_id')
        if not connection.push_payments:
            raise NotToBeSent(
                self.env._('Sending payments is switched off in the settings of the connection.')
            )
        data, reason = self._prepare_payment(connection, context, group)
        if data is None:
            if not sent:
                raise NotToBeSent(reason)
            return self._decide_undo(connection, context, sent)
        if sent:
            same = (
                self._is_same_in_books(sent, data)
                if any(one.is_kept for one in sent)
                else all(one.sent_hash == content_hash(data) for one in sent)
            )
            if same and not group.filtered('amount') - sent:
                return None
            return self._decide_undo(connection, context, sent)
        self._check_open(connection, data.date, group)
        self._check_overpaid(connection, group)
        self._check_payment_rules(connection, context, data, group)
        return Decision('payment.create', data)

    def _is_same_in_books(self, sent, data):
        """Does what was sent for a payment without journal entry, or entered there by somebody, still say what settles
        the invoices here?"""
        there = defaultdict(Decimal)
        for one in sent:
            there[one.document_external_id] += decimal_of(one.external_amount, one.currency_id.decimal_places)
        return dict(there) == dict(data.applications)

    def _decide_undo(self, connection, context, sent):
        first = sent[:1]
        data = dto.Payment(
            contact_external_id='',
            account='',
            date=first.date,
            amount=Decimal(0),
            currency=first.currency_id.name or '',
            applications=(),
            external_id=first.external_id,
            version=first.external_version or '',
        )
        if first.date:
            self._check_open(connection, first.date, sent)
        if first.origin == 'books':
            raise self._entered_there_hold(connection, sent)
        if context.capabilities.checks_versions and not data.version:
            # Somebody changed it there: what it is now is read first.
            return Decision('verify', data, first.external_id)
        return Decision('payment.delete', data, first.external_id)

    def _prepare_payment(self, connection, context, group):
        """``(dto.Payment, '')``, or ``(None, why there is none)``.

        :raise WaitFor, Hold: an invoice or the account is not there yet.
        """
        applied, reasons, contacts = defaultdict(Decimal), [], set()
        counted = group.filtered(lambda one: one.amount and one.move_id)
        links = self.env['fieldpromax.link']._of(connection, counted.move_id)
        first = None
        for settlement in counted:
            reason = self._why_no_payment(connection, settlement, links.get(settlement.move_id.id))
            if reason:
                reasons.append(reason)
                continue
            link = links[settlement.move_id.id]
            contact = self._contact_of(connection, settlement.move_id)
            if contacts and contact not in contacts:
                # Made out to another customer there, a project for instance: it travels by itself.
                settlement.group_key = f'{settlement.group_key}:{settlement.move_id.id}'
                self._enqueue(connection, 'payment', settlement)
                continue
            contacts.add(contact)
            first = first or settlement
            applied[link.external_id] += settlement._decimal_amount()
            settlement.document_external_id = link.external_id
        if not first:
            return None, reasons[0] if reasons else self.env._('It does not settle the invoice any more.')
        account = context.resolver.payment_account(first.journal_id)
        if not account:
            raise context.resolver.missing_payment_account(first.journal_id, first.move_id)
        rate = None
        if first.currency_id != connection.currency_id and first.rate:
            rate = decimal_of(first.rate, 6)
        return dto.Payment(
            contact_external_id=contacts.pop(),
            account=account.external_id,
            date=first.date,
            amount=sum(applied.values()),
            currency=first.currency_id.name,
            applications=tuple(sorted(applied.items())),
            currency_rate=rate,
            reference=(first.reference or first.move_id.name or '').strip(),
        ), ''

    def _why_no_payment(self, connection, settlement, link):
        """Why a settlement is never sent, as a sentence; '' when it is.

        :raise WaitFor, Hold: its invoice has to be approved in the books first.
        """
        move, provider = settlement.move_id, connection._provider_label()
        if settlement.obstacle == 'entry':
            return self.env._(
                '%(invoice)s is settled by a journal entry, which is no payment. Settle it in %(provider)s by hand.',
                invoice=move.name,
                provider=provider,
            )
        if settlement.obstacle == 'write_off':
            raise Hold(
                'payment_write_off',
                f'payment_write_off:{settlement.id}',
                self.env._('A part of the payment of %s was written off', move.name),
                self.env._(
                    'The payment settles %(amount)s of the invoice, and not all of that is money: the rest is a '
                    'discount for paying early, a fee or another write-off. In %(provider)s that is a credit note or a '
                    'fee, which is not made from here.',
                    amount=settlement.currency_id.format(settlement.amount),
                    provider=provider,
                ),
                self.env._(
                    'Enter the payment and what was written off in %s, and mark this as done there; or register the '
                    'payment here without the write-off.',
                    provider,
                ),
                move_id=move.id,
            )
        owner = self.env['fieldpromax.mapping']._owner_of(connection, settlement.journal_id)
        if owner == 'books':
            return self.env._(
                'Payments of the journal "%(journal)s" are entered in %(provider)s.',
                journal=settlement.journal_id.name,
                provider=provider,
            )
        if link and link.external_status in VOID_STATUSES:
            return self.env._('%(invoice)s is void in %(provider)s.', invoice=move.name, provider=provider)
        if link and link.external_status == 'draft':
            raise WaitFor(
                self.env._(
                    '%(invoice)s is a draft in %(provider)s: its payment goes over once it is approved there.',
                    invoice=move.name,
                    provider=provider,
                ),
                fields.Datetime.now() + LOOK_AT_DRAFTS_EVERY,
            )
        if link:
            return ''
        waiting = self.search(
            [
                ('connection_id', '=', connection.id),
                ('move_id', '=', move.id),
                ('state', 'in', LIVE_STATES),
            ],
            limit=1,
        )
        if not waiting and (why_not := move._fieldpromax_why_not(connection)):
            return why_not
        if waiting.state == 'blocked' and waiting.issue_id:
            raise waiting.issue_id._as_hold()
        raise WaitFor(
            self.env._('Waits for %s, which has to be in the books first.', move.name),
            waiting.next_attempt_at or fields.Datetime.now() + BACK_OFF[3],
        )

    def _contact_of(self, connection, move):
        """Whom the invoice is made out to in the books: its project there, or its customer."""
        role = connection._contact_role(move.currency_id)
        contact = self.env['fieldpromax.link']._of(connection, move.commercial_partner_id, role)
        link = contact.get(move.commercial_partner_id.id)
        return move._fieldpromax_project(connection) or (link.external_id if link else '')

    def _check_open(self, connection, day, settlements):
        """:raise Hold: the books take nothing of that day any more."""
        lock_date = connection.organization_lock_date
        if not lock_date or day > lock_date:
            return
        provider = connection._provider_label()
        shown = format_date(self.env, lock_date)
        raise Hold(
            'period_locked',
            f'payment_period_locked:{lock_date}',
            self.env._('The books are closed up to %s', shown),
            self.env._(
                '%(provider)s takes no payment dated %(day)s, and lets none of that time be undone.',
                provider=provider,
                day=format_date(self.env, day),
            ),
            self.env._(
                'Open the period in %(provider)s, then use "Read again" under Mappings; or date the payment %(next)s, '
                'the next open date, or later. The date is never changed by itself.',
                provider=provider,
                next=format_date(self.env, lock_date + timedelta(days=1)),
            ),
            move_id=settlements[:1].move_id.id,
        )

    def _check_overpaid(self, connection, group):
        """:raise Hold: somebody paid it in the books already: a person decides which of the two counts."""
        for move, settlements in group.filtered('amount').grouped('move_id').items():
            counted = self.env['fieldpromax.settlement'].search(
                [('connection_id', '=', connection.id), ('move_id', '=', move.id)]
            )
            there = sum(counted.mapped('external_amount')) + max(settlements.mapped('foreign_amount'))
            ours = sum(settlements.mapped('amount'))
            if move.currency_id.compare_amounts(there + ours, move.amount_total) <= 0:
                continue
            # Compared anew before the next try.
            settlements.write({'is_compared': False})
            provider = connection._provider_label()
            raise Hold(
                'payment_overpaid',
                f'payment_overpaid:{move.id}',
                self.env._(
                    '%(invoice)s is paid in %(provider)s already', invoice=move.name, provider=provider
                ),
                self.env._(
                    '%(there)s of its %(total)s is paid there; with the payment of %(ours)s from here it would be paid '
                    'twice.',
                    there=move.currency_id.format(there),
                    total=move.currency_id.format(move.amount_total),
                    ours=move.currency_id.format(ours),
                ),
                self.env._(
                    'Look at the invoice in %(provider)s: remove there what was entered twice, then try again; '
                    'or unreconcile the payment here if the one there is right.',
                    provider=provider,
                ),
                can_retry=True,
                move_id=move.id,
            )

    def _check_payment_rules(self, connection, context, data, group):
        problems = context.provider.check('payment', data)
        if problems:
            raise Hold(
                'rules',
                f'rules:payment:{group[:1].id}',
                self.env._('"%s" breaks a rule of the books', self.record_name),
                ' '.join(problems),
                self.env._('Correct it in Odoo; it is then sent by itself.'),
                move_id=group[:1].move_id.id,
            )

    def _entered_there_hold(self, connection, sent):
        provider = connection._provider_label()
        return Hold(
            'payment_there_only',
            f'payment_there_only:{sent[:1].id}',
            self.env._('A payment of %s is in the books alone', sent[:1].move_id.name or self.record_name),
            self.env._(
                'It was entered in %s and linked to a payment of Odoo, which does not settle the invoice any more.',
                provider,
            ),
            self.env._(
                'Delete it in %s if the money never came, or register the payment in Odoo again.', provider
            ),
            can_retry=True,
            move_id=sent[:1].move_id.id,
        )

    def _own_link(self, connection):
        """Payments keep what they know of the books themselves."""
        if self.kind == 'payment':
            return self.env['fieldpromax.link']
        return super()._own_link(connection)

    def _wanted(self, call):
        wanted = super()._wanted(call)
        if self.kind != 'payment':
            return wanted
        applied = (self.expected.get('applied') or '').split(', ')
        return replace(wanted, documents=tuple(one.partition(':')[0] for one in applied if one))

    # === STEP 3: RECORD === #

    def _record_success(self, connection, remote):
        if self.kind != 'payment':
            return super()._record_success(connection, remote)
        if self.operation == 'payment.delete':
            return self._record_payment_undone(connection)
        group = self.settlement_id._group()
        applied = dict(remote.applications)
        sent = group.filtered(
            lambda one: one.amount and not one.external_id and one.document_external_id in applied
        )
        if differences := self._payment_differences(connection, remote):
            sent._note_sent(remote, False)
            return self._block(self._difference_hold(connection, differences))
        sent._note_sent(remote, self.content_hash)
        return self._finish(self.env._('Paid in %s.', connection._provider_label()))

    def _record_payment_undone(self, connection):
        """It is gone from the books; what Odoo has otherwise by now is made anew."""
        group = self.settlement_id._group()
        group._note_undone()
        self._finish(self.env._('Removed in %s.', connection._provider_label()))
        if lead := group.filtered('amount')[:1]:
            self._enqueue(connection, 'payment', lead._leads())

    def _payment_differences(self, connection, remote):
        """Sentences that say what the books have otherwise of a payment; absent values count as different."""
        labels = {
            'contact': self.env._('Customer'),
            'account': self.env._('Account'),
            'date': self.env._('Date'),
            'total': self.env._('Amount'),
            'applied': self.env._('Invoices'),
        }
        theirs = expectation(remote)
        return [
            self.env._(
                '%(label)s: Odoo has %(ours)s, %(provider)s has %(theirs)s.',
                label=label,
                ours=self.expected.get(name) or self.env._('nothing'),
                theirs=theirs.get(name) or self.env._('nothing'),
                provider=connection._provider_label(),
            )
            for name, label in labels.items()
            if self.expected.get(name) != theirs.get(name)
        ]

    def _record_known(self, connection, remote):
        """Undoing one whose answer was lost: is it still there?"""
        if self.kind != 'payment':
            return super()._record_known(connection, remote)
        if remote is None or not remote.active:
            return self._record_payment_undone(connection)
        return self._reopen(
            'queued',
            {
                'next_attempt_at': fields.Datetime.now(),
                'reason': self.env._('It was looked up and did not take effect: it is sent again.'),
            },
        )

    def _record_verification(self, connection, remote):
        """A payment that was changed in the books after it was sent: undone only if it still says what was sent."""
        if self.kind != 'payment':
            return super()._record_verification(connection, remote)
        if remote is None or not remote.active:
            return self._record_payment_undone(connection)
        sent = self.settlement_id._group().filtered('external_id')
        there = dict(remote.applications)
        ours = defaultdict(Decimal)
        for one in sent:
            ours[one.document_external_id] += decimal_of(one.external_amount, one.currency_id.decimal_places)
        if there == dict(ours) and remote.amount == sum(ours.values()):
            sent.write({'external_version': remote.version})
            return self._reopen('queued', {'next_attempt_at': fields.Datetime.now()})
        provider = connection._provider_label()
        return self._block(
            Hold(
                'payment_changed_there',
                f'payment_changed_there:{self.settlement_id.id}',
                self.env._('A payment was changed in %s', provider),
                self.env._(
                    'Odoo sent a payment of %(ours)s, and %(provider)s has one of %(theirs)s now; Odoo does not count '
                    'it any more as it was.',
                    ours=amount_text(sum(ours.values())),
                    theirs=amount_text(remote.amount),
                    provider=provider,
                ),
                self.env._('Look at the payment in %s and make both agree there, then try again.', provider),
                can_retry=True,
                **self._record_values(),
            )
        )

    @api.model
    def _record_look_up(self, connection, found):
        """Payments that stand for others already are not what is looked for."""
        if self[:1].kind == 'payment':
            known = set(
                self.env['fieldpromax.settlement']
                .search(
                    [
                        ('connection_id', '=', connection.id),
                        ('external_id', 'in', [remote.external_id for remote in found]),
                    ]
                )
                .mapped('external_id')
            )
            found = [remote for remote in found if remote.external_id not in known]
        return super()._record_look_up(connection, found)

    def _record_refusal(self, connection, error):
        if self.kind != 'payment':
            return super()._record_refusal(connection, error)
        provider = connection._provider_label()
        quoted = self.env._(
            '%(provider)s: "%(words)s"', provider=provider, words=' '.join(error.details) or error.message
        )
        group = self.settlement_id._group()
        if self.operation == 'payment.delete' and isinstance(error, errors.NotFound):
            return self._record_payment_undone(connection)
        if error.code == 'stale':
            group.write({'external_version': False})
            return self._reopen('queued', {'next_attempt_at': fields.Datetime.now()})
        if error.code == 'period_locked':
            self.env['fieldpromax.run']._start(connection, 'incremental', with_references=True)
        remedies = {
            'overpaid': self.env._(
                'Somebody paid or credited it in %s already. Look at the invoice there and remove what is there twice, '
                'then try again.',
                provider,
            ),
            'invoice_not_approved': self.env._('Approve the invoice in %s, then try again.', provider),
            'payment_account_invalid': self.env._(
                'Open Mappings and choose another account of %s for the journal, then try again.', provider
            ),
            'period_locked': self.env._(
                'The lock date is being read from %(provider)s. Date the payment after it, or open the period there '
                'and try again; the date is never changed by itself.',
                provider=provider,
            ),
            'deposited': self.env._(
                'It is a part of a deposit in %s. Take it off the deposit there, then try again.', provider
            ),
        }
        # What is compared anew before the next try: it may be there by now.
        group.write({'is_compared': False})
        return self._block(
            Hold(
                'refused',
                f'refused:payment:{self.settlement_id.id}:{error.code}',
                self.env._(
                    '%(name)s was not accepted by %(provider)s', name=self.record_name, provider=provider
                ),
                quoted,
                remedies.get(error.code)
                or self.env._('Correct it here, or what it refers to in %s, then try again.', provider),
                can_retry=True,
                **self._record_values(),
            )
        )
