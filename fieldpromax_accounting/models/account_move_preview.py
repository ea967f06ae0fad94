from dataclasses import dataclass, field, replace

from odoo import fields, models
from odoo.exceptions import AccessError, UserError

from ..holds import Hold, NotToBeSent, WaitFor
from ..providers import dto
from .fieldpromax_exchange import Decision, DecisionContext
from .fieldpromax_link import DOCUMENT_KINDS, record_fields
from .fieldpromax_mapping import MappingResolver

#: stands for what is not in the books yet, or not settled: nothing with it is ever sent
UNSETTLED = '?'


@dataclass
class Preview:
    """What the books would show of an invoice. ``stops`` and ``notes`` are sentences; ``lines`` are pairs of a line
    (:class:`~..providers.dto.InvoiceLine`, as the provider shows it) and texts for people about it."""

    contact: str = ''
    stops: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    invoice: dto.Invoice | None = None
    predicted: dto.Totals | None = None
    lines: list = field(default_factory=list)

    def stop(self, sentence):
        if sentence and sentence not in self.stops:
            self.stops.append(sentence)

    def hold(self, hold):
        self.stop(f'{hold.title}. {hold.reason} {hold.remedy}')


@dataclass(frozen=True)
class Counterpart:
    """In place of a link, for a record that would be made with the invoice."""

    external_id: str = UNSETTLED
    external_number: str = ''


class PreviewResolver(MappingResolver):
    """Goes on where an account, a tax or an item is missing, so that all that is missing is told at once."""

    def __init__(self, mapping_model, connection):
        super().__init__(mapping_model, connection)
        self.holds = {}
        self._unsettled = mapping_model.env['fieldpromax.reference'].new(
            {'code': UNSETTLED, 'external_id': UNSETTLED, 'is_computed': True}
        )

    def _or_unsettled(self, found, missing):
        if found is not None:
            return found
        hold = missing()
        self.holds[hold.cause_key] = hold
        return self._unsettled

    def account(self, account, product=None):
        return self._or_unsettled(
            super().account(account, product), lambda: self.missing_account(account, product)
        )

    def tax(self, taxes, use='sale'):
        return self._or_unsettled(super().tax(taxes, use), lambda: self.missing_tax(taxes, use))

    def item(self):
        return self._or_unsettled(super().item(), self.missing_item)


class AccountMove(models.Model):
    """What the books will show of an invoice, before anything is sent."""

    # Apart from what becomes of an invoice in the books.
    _inherit = 'account.move'  # pylint: disable=consider-merging-classes-inherited

    def action_fieldpromax_preview(self):
        """Show what the books will show of this invoice, and what would stop it. Nothing is sent or queued."""
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_user'):
            raise AccessError(
                self.env._('Only people who work with invoices can see what goes to the books.')
            )
        self.ensure_one()
        self.check_access('read')
        connection = self.env['fieldpromax.connection']._active_for(self.company_id)
        if not connection:
            raise UserError(
                self.env._(
                    'No accounting software is connected. An administrator connects it in the settings, under '
                    'FieldPromax Accounting.'
                )
            )
        if self.move_type not in DOCUMENT_KINDS:
            raise UserError(next(self.sudo()._fieldpromax_reasons_against(connection)))
        preview = self.env['fieldpromax.preview']._show(self.sudo(), connection)
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._('What %s will show', connection._provider_label()),
            'res_model': 'fieldpromax.preview',
            'res_id': preview.id,
            'view_mode': 'form',
            'target': 'new',
        }

    def _fieldpromax_preview(self, connection):
        """What the push would make of this invoice now, by its own means; a draft as if it were confirmed.

        Mappings are proposed on the way as the push does, and given up again: nothing stays written.

        :return: a :class:`Preview`
        """
        self.ensure_one()
        with self.env.cr.savepoint() as savepoint:
            preview = self._fieldpromax_make_preview(connection)
            savepoint.rollback()
        return preview

    def _fieldpromax_make_preview(self, connection):
        preview = Preview()
        provider = connection._provider_label()
        exchanges = self.env['fieldpromax.exchange']
        exchange = exchanges.new(
            {
                'connection_id': connection.id,
                'kind': DOCUMENT_KINDS[self.move_type],
                'move_id': self.id,
                'record_name': self._fieldpromax_name(),
            }
        )
        context = DecisionContext(exchange, connection, exchange.kind)
        resolver = PreviewResolver(self.env['fieldpromax.mapping'].sudo(), connection)
        link = context.links.get(self.id)
        live = self._fieldpromax_live_exchanges(connection).get(self.id, exchanges)
        if self.state == 'draft':
            preview.notes.append(self.env._('This is a draft: nothing is sent until it is confirmed.'))
        if link:
            preview.notes.append(
                self.env._(
                    'It is in %(provider)s already, as %(number)s with a total of %(total)s.',
                    provider=provider,
                    number=link.external_number or self.name,
                    total=self.currency_id.format(link.external_total),
                )
            )
        else:
            for sentence in self._fieldpromax_reasons_against(connection, forced=live.forced, as_posted=True):
                preview.stop(sentence)
        preview.stop(connection._silence_reason())
        if live.state == 'blocked' and (not live.issue_id or live.issue_id._came_with_an_answer()):
            # What we hold ourselves is decided anew below.
            preview.stop(live.reason)
        if not link and (hold := self._fieldpromax_period_hold(connection)):
            preview.hold(hold)
        contact, items = self._fieldpromax_preview_counterparts(connection, context, preview)
        self._fieldpromax_preview_content(connection, context, resolver, contact, items, exchange, preview)
        return preview

    def _fieldpromax_due_date_by_terms(self):
        """When a draft is due by its payment terms. A form may have stored another day, which Odoo gives up when it is
        confirmed."""
        if self.state != 'draft':
            return None
        return max((key['date_maturity'] for key in self.needed_terms or {} if key), default=None)

    def _fieldpromax_preview_counterparts(self, connection, context, preview):
        """The customer's link and those of the products, or what stands for them: ``(contact, {id: item})``."""
        provider = connection._provider_label()
        role = connection._contact_role(self.currency_id)
        customer = self.commercial_partner_id
        contact = Counterpart()
        if not customer:
            preview.stop(self.env._('It has no customer. Choose one.'))
        elif link := context.contact_links_of(role).get(customer.id):
            preview.contact = link.external_name or customer.name
            contact = link
            if not link._is_usable():
                preview.hold(link._counterpart_hold())
        else:
            data = self._fieldpromax_preview_new(connection, 'contact', customer, preview, role)
            preview.contact = data.name if data else customer.name
            if data:
                preview.notes.append(
                    self.env._(
                        'The customer "%(name)s" is not in %(provider)s yet and is made there first.',
                        name=data.name,
                        provider=provider,
                    )
                )
        items = {}
        for product in self.env['fieldpromax.exchange']._needed_products(connection, self):
            if link := context.item_links.get(product.id):
                items[product.id] = link
                if not link._is_usable():
                    preview.hold(link._counterpart_hold())
                continue
            data = self._fieldpromax_preview_new(connection, 'item', product, preview)
            items[product.id] = Counterpart(external_number=data.code if data else product.default_code or '')
            if data:
                preview.notes.append(
                    self.env._(
                        'The product "%(name)s" is not in %(provider)s yet and is made there first.',
                        name=data.name or data.code,
                        provider=provider,
                    )
                )
        return contact, items

    def _fieldpromax_preview_new(self, connection, kind, record, preview, role=''):
        """What would be made in the books for a record without link; None, and why, when it would not."""
        exchanges = self.env['fieldpromax.exchange']
        column = record_fields(self.env)[kind]
        waiting = exchanges.search(
            [('connection_id', '=', connection.id), (column, '=', record.id), ('role', '=', role)]
        ).filtered(lambda row: row.state == 'blocked')[:1]
        exchange = exchanges.new(
            {
                'connection_id': connection.id,
                'kind': kind,
                column: record.id,
                'record_name': record.display_name,
                'role': role,
            }
        )
        try:
            outcome = exchange._decide(connection, DecisionContext(exchange, connection, kind))
        except Hold as hold:
            preview.hold(hold)
        except (NotToBeSent, WaitFor) as reason:
            preview.stop(str(reason))
        else:
            if waiting and waiting.issue_id._came_with_an_answer():
                preview.stop(waiting.reason)
            elif isinstance(outcome, Decision):
                return outcome.data
        return None

    def _fieldpromax_preview_content(self, connection, context, resolver, contact, items, exchange, preview):
        """Number, dates, lines and totals; what the books' rules and arithmetic have against them."""
        try:
            invoice = self._fieldpromax_prepare(connection, resolver, contact, items)
        except Hold as hold:
            preview.hold(hold)
            return
        except WaitFor as reason:
            preview.stop(str(reason))
            return
        finally:
            for hold in resolver.holds.values():
                preview.hold(hold)
        day = invoice.date or fields.Date.context_today(self)
        preview.invoice = invoice = replace(
            invoice,
            number=invoice.number or '',
            date=day,
            due_date=None
            if self.move_type == 'out_refund'
            else self._fieldpromax_due_date_by_terms() or invoice.due_date or day,
        )
        if not context.links.get(self.id):
            for check in (
                lambda: exchange._check_rules(context, invoice, self),
                lambda: exchange._check_totals(connection, context.provider, invoice, self),
            ):
                try:
                    check()
                except Hold as hold:
                    preview.hold(hold)
        preview.predicted = (
            invoice.totals
            if connection.organization_computes_tax
            else context.provider.predict_totals(invoice)
        )
        if connection.organization_computes_tax:
            preview.notes.append(
                self.env._(
                    '%s works out the tax itself: the tax shown is that of Odoo, and both are compared afterwards.',
                    connection._provider_label(),
                )
            )
        references = self.env['fieldpromax.reference'].search(
            [('connection_id', '=', connection.id), ('kind', 'in', ('account', 'tax', 'item', 'category'))]
        )
        named = {(row.kind, key): row for row in references for key in (row.external_id, row.code) if key}
        if not resolver.capabilities.accounts_on_lines:
            preview.notes.append(
                self.env._(
                    'Each line is booked on the income account that its product has in %s.',
                    connection._provider_label(),
                )
            )
        self._fieldpromax_preview_categories(connection, resolver, preview)
        unsettled = self.env._('Not settled')
        own = self.env['fieldpromax.link'].search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', 'item'),
                ('external_id', 'in', [line.item_external_id for line in invoice.lines]),
            ]
        )
        item_names = {link.external_id: link.external_name or link.external_number for link in own}
        for line in context.provider.shown_lines(invoice):
            account, tax = named.get(('account', line.account)), named.get(('tax', line.tax_code))
            item = named.get(('item', line.item_external_id))
            preview.lines.append(
                (
                    line,
                    {
                        'item': line.item_code
                        or item_names.get(line.item_external_id)
                        or (item.name if item else ''),
                        'account': unsettled
                        if line.account == UNSETTLED
                        else account.display_name
                        if account
                        else line.account,
                        'tax': unsettled
                        if line.tax_code == UNSETTLED
                        else tax.display_name
                        if tax
                        else line.tax_code,
                        'category': ', '.join(
                            named['category', one].display_name for one in line.categories or ()
                        ),
                    },
                )
            )

    def _fieldpromax_preview_categories(self, connection, resolver, preview):
        """Which analytic accounts stay out of the books: told, and no reason to wait."""
        names = []
        for line in self.invoice_line_ids:
            names += [name for name in line._fieldpromax_categories(resolver)[1] if name not in names]
        if names:
            told = {'provider': connection._provider_label(), 'names': ', '.join(names)}
            preview.notes.append(
                self.env._(
                    'Not told to %(provider)s: the analytic account %(names)s. It has no confirmed counterpart under '
                    'Mappings, or shares a line with others of its plan.',
                    **told,
                )
                if len(names) == 1
                else self.env._(
                    'Not told to %(provider)s: the analytic accounts %(names)s. They have no confirmed counterpart '
                    'under Mappings, or share a line with others of their plan.',
                    **told,
                )
            )
