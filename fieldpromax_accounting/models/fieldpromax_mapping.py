import re
from decimal import Decimal

from odoo import Command, api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from ..holds import Hold
from ..matching import text_key

# What a person may change; everything else follows from it.
EDITABLE_FIELDS = {'reference_id'}
DEFAULT_ACCOUNT_KEY = 'default'
DEFAULT_ITEM_KEY = 'item:default'
# Keys of revenue accounts that a person chose for a product or a category of products.
RULE_PREFIXES = ('product:', 'category:')
# Percentages are compared to this many decimals, as both sides keep them.
RATE_DIGITS = 4
# Words that tell rates of 0 % apart; a match is only proposed, a person confirms it.
ZERO_RATE_WORDS = (
    ('notax', ('notax', 'none', 'outofscope', 'basexcluded', 'notaxable', 'nontaxable')),
    ('exempt', ('exempt', 'gstfree')),
    ('zerorated', ('zerorated', 'zero')),
)
# Names, without case and spaces, that speak for the revenue account and for the product of lines without one.
REVENUE_NAMES = (
    'sales',
    'sale',
    'salesincome',
    'revenue',
    'income',
    'salesofproductincome',
    'servicesincome',
)
ITEM_NAMES = ('services', 'service', 'sales', 'sale')


def tax_key(tax_ids, use):
    """Key of a set of taxes: the same whatever the order."""
    return f'tax:{use}:{",".join(map(str, sorted(tax_ids)))}'


def account_key(account_id):
    return f'account:{account_id}'


def term_key(term_id):
    return f'term:{term_id}'


def payment_account_key(journal_id):
    return f'payment_account:{journal_id}'


def category_key(analytic_account_id):
    return f'category_of:{analytic_account_id}'


def rule_keys(product):
    """Keys of what may be chosen for a product alone, the nearest first: itself, its category, that one's parent …"""
    category = product.categ_id
    above = reversed((category.parent_path or '').strip('/').split('/')) if category else ()
    return [f'product:{product.product_tmpl_id.id}', *(f'category:{one}' for one in above if one)]


def number_and_name(reference):
    """The number and the name that people know an account of the books by. Where the provider refers to accounts by
    an id of its own, the number stands in front of the name ("4000 Sales")."""
    if reference.code and reference.code != reference.external_id:
        return reference.code, reference.name
    found = re.match(r'(\d[\w.\-]*)\s+(\S.*)', reference.name or '')
    return found.groups() if found else ('', reference.name)


def zero_rate_sort(*names):
    """Which sort of 0 % these names speak of; '' when they do not say."""
    keys = [text_key(name) for name in names]
    for sort, words in ZERO_RATE_WORDS:
        if any(word in key for key in keys for word in words):
            return sort
    return ''


class FieldpromaxMapping(models.Model):
    """Which account or tax rate of the books stands for one of Odoo's.

    A tax mapping is keyed by the set of taxes of a line and its use; the empty set ("no tax") has one too. A
    proposal is used without asking only where it is beyond doubt; zero per cent and the default revenue
    account never are, because the same 0 % goes into different boxes of the tax return and any account would
    do. Nor is the product that stands for lines without one. A payment term is optional: the due date goes anyway.
    """

    _name = 'fieldpromax.mapping'
    _description = 'Mapping to the books'
    _rec_name = 'record_name'
    _order = 'connection_id, kind, sequence, id'
    _check_company_auto = True
    _check_company_domain = models.check_company_domain_parent_of

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one(related='connection_id.company_id', store=True, index=True)
    kind = fields.Selection(
        [('account', 'Account'), ('item', 'Product'), ('tax', 'Tax'), ('term', 'Payment term')],
        required=True,
        readonly=True,
    )
    key = fields.Char(required=True, readonly=True)
    sequence = fields.Integer(default=10, readonly=True)
    record_name = fields.Char(
        'In Odoo', required=True, readonly=True, help='Kept when the account or tax is deleted.'
    )
    account_id = fields.Many2one(
        'account.account', index='btree_not_null', ondelete='set null', readonly=True
    )
    tax_ids = fields.Many2many(
        'account.tax', 'fieldpromax_mapping_tax_rel', 'mapping_id', 'tax_id', 'Taxes', readonly=True
    )
    payment_term_id = fields.Many2one(
        'account.payment.term', index='btree_not_null', ondelete='set null', readonly=True
    )
    use = fields.Selection([('sale', 'Sales'), ('refund', 'Credit notes')], readonly=True)
    rate = fields.Float(
        'Rate (%)',
        digits=(16, 4),
        aggregator=None,
        readonly=True,
        help='What these taxes come to, on the price without tax.',
    )
    is_derivable = fields.Boolean(
        default=True, readonly=True, help='Not set for taxes that are no percentage of the price.'
    )
    only_revenue = fields.Boolean(readonly=True, help='Only revenue accounts can stand for this account.')

    reference_id = fields.Many2one(
        'fieldpromax.reference',
        'In the books',
        index='btree_not_null',
        ondelete='set null',
        domain="[('connection_id', '=', connection_id), ('kind', '=', kind), ('active', '=', True),"
        " '|', ('kind', 'in', ('item', 'term', 'payment_account', 'category')),"
        " '|', '&', ('kind', '=', 'tax'), ('for_sales', '=', True),"
        " '&', ('kind', '=', 'account'), '|', ('is_revenue', '=', True), ('is_revenue', '=', only_revenue)]",
    )
    state = fields.Selection(
        [
            ('missing', 'Missing'),
            ('suggested', 'Suggested'),
            ('confirmed', 'Confirmed'),
            ('default', 'Default account'),
        ],
        required=True,
        default='missing',
        readonly=True,
    )
    needs_confirmation = fields.Boolean(
        readonly=True, help='A person has to confirm it once before anything is sent with it.'
    )
    needs_attention = fields.Boolean(
        'To do',
        compute='_compute_needs_attention',
        store=True,
        help='Nothing is sent with it before it is confirmed.',
    )
    status = fields.Selection(
        [
            ('missing', 'Missing'),
            ('to_confirm', 'To confirm'),
            ('mapped', 'Mapped'),
            ('confirmed', 'Confirmed'),
            ('default', 'Default account'),
            ('due_date', 'Due date only'),
            ('left_out', 'Goes without'),
        ],
        compute='_compute_status',
        help='The state in one word: what is suggested is used at once, or waits to be confirmed.',
    )
    reason = fields.Char(readonly=True, help='Why it is missing, proposed, or to be confirmed.')
    confirmed_by_id = fields.Many2one('res.users', 'Confirmed by', readonly=True, ondelete='set null')
    confirmed_at = fields.Datetime('Confirmed on', readonly=True)

    _key_unique = models.Constraint(
        'unique(connection_id, key)', 'There is one mapping for each account or tax.'
    )

    # === COMPUTE METHODS === #

    @api.depends('kind', 'state', 'needs_confirmation')
    def _compute_needs_attention(self):
        for mapping in self:
            mapping.needs_attention = mapping.kind not in ('term', 'payment_account', 'category') and (
                mapping.state == 'missing' or (mapping.state == 'suggested' and mapping.needs_confirmation)
            )

    @api.depends('kind', 'state', 'needs_confirmation')
    def _compute_status(self):
        for mapping in self:
            if mapping.state == 'suggested':
                mapping.status = 'to_confirm' if mapping.needs_confirmation else 'mapped'
            elif mapping.kind == 'term' and mapping.state == 'missing':
                mapping.status = 'due_date'
            elif mapping.kind == 'category' and mapping.state == 'missing':
                mapping.status = 'left_out'
            else:
                mapping.status = mapping.state

    # === CONSTRAINT METHODS === #

    @api.constrains('reference_id', 'connection_id', 'kind')
    def _check_reference(self):
        for mapping in self:
            reference = mapping.reference_id
            if not reference:
                continue
            if reference.connection_id != mapping.connection_id or reference.kind != mapping.kind:
                raise ValidationError(
                    self.env._('"%s" does not belong to these books.', reference.display_name)
                )

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            raise AccessError(self.env._('Mappings are made by the sync itself, for what your invoices use.'))
        return super().create(vals_list)

    def write(self, vals):
        if self.env.su:
            return super().write(vals)
        if set(vals) - self._editable_fields():
            raise AccessError(self.env._('Only the counterpart in the books can be chosen here.'))
        self.check_access('write')
        if others := {name: value for name, value in vals.items() if name != 'reference_id'}:
            super(FieldpromaxMapping, self.sudo()).write(others)
            self.sudo().connection_id._trigger_push()
        if 'reference_id' in vals:
            self.sudo()._choose(self.env['fieldpromax.reference'].browse(vals['reference_id']), self.env.user)
        return True

    def _editable_fields(self):
        return EDITABLE_FIELDS

    @api.ondelete(at_uninstall=False)
    def _unlink_with_its_connection(self):
        if not self.env.su:
            raise AccessError(self.env._('A mapping stays; choose another counterpart, or none.'))

    # === ACTIONS === #

    def action_confirm(self):
        """The counterpart that stands there is right."""
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_bookkeeper'):
            raise AccessError(self.env._('Only a bookkeeper can confirm mappings.'))
        self.check_access('write')
        mappings = self.filtered('reference_id')
        if not mappings:
            raise UserError(self.env._('Choose a counterpart in the books first, then confirm it.'))
        for reference, chosen in mappings.grouped('reference_id').items():
            chosen.sudo()._choose(reference, self.env.user)
        return True

    def action_refresh(self):
        """Read accounts, tax rates and what is known of the organization again, in the background."""
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_bookkeeper'):
            raise AccessError(self.env._('Only a bookkeeper can do this.'))
        connection = self.env['fieldpromax.connection']._active_for(self.env.company)
        if not connection:
            raise UserError(self.env._('This company is not connected to any accounting software.'))
        if reason := connection._silence_reason():
            raise UserError(reason)
        self.env['fieldpromax.run'].sudo()._start(connection, 'incremental', with_references=True)
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'message': self.env._(
                    'Accounts, taxes and the lock date are being read again. This takes a few seconds.'
                ),
                'next': {'type': 'ir.actions.act_window_close'},
            },
        }

    def _choose(self, reference, user):
        """A person decided. An empty reference leaves it to the default account, or makes it missing."""
        for mapping in self:
            if reference and not mapping.is_derivable:
                raise UserError(mapping.reason or self.env._('These taxes cannot be mapped.'))
            if reference and not mapping._is_eligible(reference):
                raise UserError(
                    self.env._(
                        '"%(reference)s" cannot stand for "%(name)s": choose an active one of the right kind.',
                        reference=reference.display_name,
                        name=mapping.record_name,
                    )
                )
            if reference:
                mapping.write(
                    {
                        'reference_id': reference.id,
                        'state': 'confirmed',
                        'confirmed_by_id': user.id,
                        'confirmed_at': fields.Datetime.now(),
                        'reason': False,
                    }
                )
            else:
                mapping.write(
                    {
                        'reference_id': False,
                        'state': 'default' if mapping._falls_back() else 'missing',
                        'confirmed_by_id': user.id,
                        'confirmed_at': fields.Datetime.now(),
                        'reason': self.env._('Nothing is chosen.'),
                    }
                )
        self._suggest_for_refunds()
        for connection in self.filtered(lambda mapping: mapping.kind == 'tax').connection_id:
            if connection.organization_computes_tax:
                # There taxable or not is all there is to say: one answer is an answer for all.
                open_rows = [('kind', '=', 'tax'), ('confirmed_by_id', '=', False)]
                self.search([('connection_id', '=', connection.id), *open_rows])._suggest(connection)
        # Whatever waited for it goes on: the next pass notices the cure.
        self.connection_id._trigger_push()

    # === SUGGESTIONS === #

    def _falls_back(self):
        """Without a counterpart of its own, the default revenue account stands for it."""
        self.ensure_one()
        return self.kind == 'account' and self.key != DEFAULT_ACCOUNT_KEY and self.only_revenue

    def _is_eligible(self, reference):
        """May the books' ``reference`` stand for this?"""
        self.ensure_one()
        if (
            reference.connection_id != self.connection_id
            or reference.kind != self.kind
            or not reference.active
        ):
            return False
        if self.kind == 'tax':
            return reference.for_sales
        return (
            self.kind in ('item', 'term', 'payment_account', 'category')
            or reference.is_revenue
            or not self.only_revenue
        )

    @api.model
    def _prepare(self, connection, unsettled_only=False):
        """Make the mappings that the invoices of this connection need, and propose counterparts for all that
        no person decided on. Called whenever accounts and tax rates were read.

        :param unsettled_only: leave alone what is settled: nothing was read, somebody waits for the page.
        """
        connection = connection.sudo()
        self = self.sudo()  # mappings belong to the sync, whoever made it run
        if connection._capabilities().items_on_lines:
            self.env['fieldpromax.reference']._store_items(connection)
        usage = self._usage(connection)
        existing = set(self.search([('connection_id', '=', connection.id)]).mapped('key'))
        wanted = self._wanted_values(connection, usage.without(existing))
        values = [row for row in wanted if row['key'] not in existing]
        self.create(values)
        unsettled = [('needs_attention', '=', True)] if unsettled_only else []
        self.search([('connection_id', '=', connection.id), *unsettled])._suggest(connection)
        self._store_usage(connection, usage)

    @api.model
    def _look_for_items(self, connection):
        """Products are read after accounts and taxes: look whether one of them can stand for lines without product,
        until one is settled, and whether that one is still there."""
        if not connection._capabilities().items_on_lines:
            return
        row = self.search([('connection_id', '=', connection.id), ('key', '=', DEFAULT_ITEM_KEY)])
        link = self.env['fieldpromax.link'].search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', 'item'),
                ('external_id', '=', row.reference_id.external_id or ''),
            ]
        )
        if row and not (row._is_usable() and link.external_active):
            self.env['fieldpromax.reference']._store_items(connection)
            row._suggest(connection)

    @api.model
    def _wanted_values(self, connection, usage):
        """Values of the mappings of the default account, and of what invoices and credit notes of the last year
        use and that has none yet: ``usage``, a :class:`~.fieldpromax_mapping_usage.Usage`."""
        yield self._default_account_values(connection)
        if connection._capabilities().items_on_lines:
            yield self._default_item_values(connection)
        for account in self.env['account.account'].browse(sorted(usage.accounts)).exists():
            yield self._account_values(connection, account)
        tax_sets = {
            ('sale', tuple(company.account_sale_tax_id.ids)) for company in connection._served_companies()
        }
        for use, tax_ids in sorted(tax_sets.union(usage.taxes), key=lambda one: (one[0] != 'sale', one[1])):
            yield self._tax_values(connection, self.env['account.tax'].browse(tax_ids).exists(), use)
        if self._has_terms(connection):
            for term in self.env['account.payment.term'].browse(sorted(usage.terms)).exists():
                yield self._term_values(connection, term)

    @api.model
    def _has_terms(self, connection):
        return bool(
            self.env['fieldpromax.reference'].search_count(
                [('connection_id', '=', connection.id), ('kind', '=', 'term')], limit=1
            )
        )

    @api.model
    def _default_account_values(self, connection):
        return {
            'connection_id': connection.id,
            'kind': 'account',
            'key': DEFAULT_ACCOUNT_KEY,
            'sequence': 1,
            'record_name': self.env._('Revenue, unless an account below says otherwise'),
            'only_revenue': True,
            'needs_confirmation': True,
        }

    @api.model
    def _default_item_values(self, connection):
        return {
            'connection_id': connection.id,
            'kind': 'item',
            'key': DEFAULT_ITEM_KEY,
            'sequence': 1,
            'record_name': self.env._('Invoice lines without product'),
            'needs_confirmation': True,
        }

    @api.model
    def _term_values(self, connection, term):
        return {
            'connection_id': connection.id,
            'kind': 'term',
            'key': term_key(term.id),
            'payment_term_id': term.id,
            'record_name': term.name,
        }

    @api.model
    def _account_values(self, connection, account):
        account = account.with_company(connection.company_id)
        return {
            'connection_id': connection.id,
            'kind': 'account',
            'key': account_key(account.id),
            'account_id': account.id,
            'record_name': account.display_name,
            'only_revenue': account.internal_group == 'income',
        }

    @api.model
    def _tax_values(self, connection, taxes, use):
        rate, reason = self._rate_of(taxes)
        name = ' + '.join(taxes.mapped('name')) or self.env._('No tax')
        return {
            'connection_id': connection.id,
            'kind': 'tax',
            'key': tax_key(taxes.ids, use),
            'tax_ids': [Command.set(taxes.ids)],
            'use': use,
            'record_name': self.env._('%s (credit notes)', name) if use == 'refund' else name,
            'rate': float(rate or 0),
            'is_derivable': not reason,
            'needs_confirmation': not reason and rate == 0,
            'reason': reason,
        }

    @api.model
    def _rate_of(self, taxes):
        """``(percent, '')`` of the price without tax, worked out by Odoo itself, so that groups and taxes
        upon taxes are counted as on an invoice; ``(None, sentence)`` for taxes that no percentage says."""
        leaves = taxes.flatten_taxes_hierarchy()
        odd = leaves.filtered(lambda tax: tax.amount_type not in ('percent', 'division'))
        if odd:
            return None, self.env._(
                '"%s" is not a percentage of the price. Use a tax with a percentage, or invoice the amount as a line.',
                odd[0].name,
            )
        if any(line.factor_percent < 0 for line in leaves.invoice_repartition_line_ids):
            return None, self.env._(
                '"%s" both adds and takes away tax, which a tax rate of the books cannot say.', leaves[0].name
            )
        base = 1_000_000.0
        result = taxes.with_context(round=False).compute_all(base, handle_price_include=False)
        percent = (
            Decimal(repr(result['total_included'] - result['total_excluded'])) * 100 / Decimal(repr(base))
        )
        return round(percent, RATE_DIGITS), ''

    def _suggest(self, connection):
        """Propose counterparts where no person decided; withdraw what the books no longer have."""
        references = self.env['fieldpromax.reference'].search([('connection_id', '=', connection.id)])
        provider = connection._provider_label()
        # What a person confirmed first, so that it speaks for what is alike; credit notes after the invoices that they
        # follow.
        for mapping in self.sorted(lambda mapping: (not mapping.confirmed_by_id, mapping.use == 'refund')):
            if mapping.confirmed_by_id:
                # A person's decision stands, as long as the books still have what was chosen.
                if mapping.state == 'confirmed' and not mapping._is_eligible(mapping.reference_id):
                    name = mapping.reference_id.display_name
                    mapping._set(
                        state='default' if mapping._falls_back() and not mapping.reference_id else 'missing',
                        reason=self.env._(
                            '"%(name)s" is no longer active in %(provider)s. Choose another one.',
                            name=name or mapping.record_name,
                            provider=provider,
                        ),
                    )
                elif (
                    mapping.state == 'missing'
                    and mapping.reference_id
                    and mapping._is_eligible(mapping.reference_id)
                ):
                    mapping._set(state='confirmed', reason=False)
                continue
            eligible = references.filtered(mapping._is_eligible)
            if mapping.kind == 'tax':
                mapping._suggest_tax(eligible, provider)
            elif mapping.kind == 'item':
                mapping._suggest_item(eligible, provider)
            elif mapping.kind == 'term':
                mapping._suggest_term(eligible, provider)
            elif mapping.kind == 'payment_account':
                mapping._suggest_payment_account(eligible, provider)
            elif mapping.kind == 'category':
                mapping._suggest_category(eligible, provider)
            elif mapping.key == DEFAULT_ACCOUNT_KEY:
                mapping._suggest_default_account(eligible, provider)
            else:
                mapping._suggest_account(eligible, provider)

    def _set(self, **values):
        """Write only what differs: a daily look must not touch every row."""
        self.ensure_one()
        changed = {
            name: value
            for name, value in values.items()
            if (self[name].id if self._fields[name].type == 'many2one' else self[name]) != (value or False)
        }
        if changed:
            self.write(changed)

    def _suggest_tax(self, eligible, provider):
        self.ensure_one()
        rate, reason = self._rate_of(self.tax_ids)
        if sold := self._sold_with(eligible):
            self._set(
                state='suggested',
                reference_id=sold.id,
                rate=float(rate or 0),
                is_derivable=True,
                needs_confirmation=False,
                reason=self.env._('As on invoices.'),
            )
            return
        computed = eligible.filtered('is_computed')
        eligible -= computed
        if computed and (reason or rate):
            self._suggest_computed(computed, provider, rate)
            return
        if computed and len(zero := eligible.filtered(lambda reference: not reference.rate)) == 1:
            self._set(rate=0.0, is_derivable=True)
            self._propose_once(
                zero, self.env._('Confirm once what %s is told of lines without tax.', provider)
            )
            return
        if reason:
            self._set(
                state='missing',
                reference_id=False,
                is_derivable=False,
                needs_confirmation=False,
                reason=reason,
            )
            return
        self._set(rate=float(rate), is_derivable=True)
        fitting = eligible.filtered(
            lambda reference: round(Decimal(repr(reference.rate)), RATE_DIGITS) == rate
        )
        if not fitting:
            self._set(
                state='missing',
                reference_id=False,
                needs_confirmation=rate == 0,
                reason=self.env._(
                    '%(provider)s has no active tax rate of %(rate)s %% for sales. Add it there and read the rates '
                    'again, or choose another one.',
                    provider=provider,
                    rate=f'{rate:f}'.rstrip('0').rstrip('.'),
                ),
            )
        elif rate == 0:
            self._suggest_zero_rate(fitting, provider)
        elif len(fitting) == 1:
            self._set(
                state='suggested',
                reference_id=fitting.id,
                needs_confirmation=False,
                reason=self.env._('The only active tax rate for sales with this percentage.'),
            )
        else:
            names = {text_key(name) for name in [*self.tax_ids.mapped('name'), self.record_name]}
            same_name = fitting.filtered(lambda reference: text_key(reference.name) in names)
            self._set(
                state='suggested' if len(same_name) == 1 else 'missing',
                reference_id=same_name.id if len(same_name) == 1 else False,
                needs_confirmation=True,
                reason=self.env._(
                    '%(provider)s has %(count)s tax rates with this percentage. Choose the right one.',
                    provider=provider,
                    count=len(fitting),
                ),
            )

    def _suggest_computed(self, computed, provider, rate):
        """The books work out the tax themselves: a line is taxable or it is not, whatever Odoo's rate."""
        self.ensure_one()
        self._set(rate=float(rate or 0), is_derivable=True)
        alike = computed
        if len(computed) > 1:
            alike = computed.filtered(lambda reference: text_key(reference.name) in ('tax', 'taxable'))
        reason = self.env._(
            '%s works out the tax itself: confirm once what it is told of lines with tax. Both sums are compared after '
            'each invoice.',
            provider,
        )
        self._propose_once(alike if len(alike) == 1 else alike.browse(), reason)

    def _propose_once(self, reference, reason):
        """There is one counterpart only: whoever confirmed it for one set of taxes has confirmed it for all."""
        self.ensure_one()
        told = bool(
            reference
            and self.search_count(
                [
                    ('connection_id', '=', self.connection_id.id),
                    ('kind', '=', 'tax'),
                    ('reference_id', '=', reference.id),
                    ('state', '=', 'confirmed'),
                ],
                limit=1,
            )
        )
        self._set(
            state='suggested' if reference else 'missing',
            reference_id=reference.id,
            needs_confirmation=not told,
            reason=reason,
        )

    def _suggest_item(self, eligible, provider):
        self.ensure_one()
        proposed = eligible.browse()
        for name in ITEM_NAMES:
            proposed = (
                proposed
                or eligible.filtered(lambda reference, name=name: text_key(reference.name) == name)[:1]
            )
        if not eligible:
            reason = self.env._(
                '%s has no product or service yet. Add one there, "Services" for instance, and use "Sync now".',
                provider,
            )
        else:
            reason = self.env._(
                'Every invoice line of %s needs a product. Confirm once which one lines without product go as; it also '
                'says where they are booked.',
                provider,
            )
        self._set(
            state='suggested' if proposed else 'missing',
            reference_id=proposed.id,
            needs_confirmation=True,
            reason=reason,
        )

    def _suggest_term(self, eligible, provider):
        self.ensure_one()
        term = self.payment_term_id
        line = term.line_ids
        days = (
            line.nb_days
            if len(line) == 1 and line.value == 'percent' and line.delay_type == 'days_after'
            else None
        )
        by_name = eligible.filtered(lambda reference: text_key(reference.name) == text_key(term.name))
        by_days = eligible.filtered(lambda reference: days is not None and reference.days == days)
        proposed = by_name & by_days or (by_name if days is None else by_days)
        if len(proposed) == 1:
            self._set(
                state='suggested',
                reference_id=proposed.id,
                needs_confirmation=False,
                reason=self.env._('Same name.')
                if proposed in by_name
                else self.env._('Same number of days.'),
            )
        else:
            self._set(
                state='missing',
                reference_id=False,
                needs_confirmation=False,
                reason=self.env._(
                    'No payment term of %s is like it; the due date goes over all the same.', provider
                ),
            )

    def _suggest_zero_rate(self, fitting, provider):
        """The same 0 % stands in different boxes of the tax return: proposed by name at most."""
        self.ensure_one()
        names = self.tax_ids.mapped('name') + [tax.description or '' for tax in self.tax_ids]
        sort = zero_rate_sort(*names) if self.tax_ids else 'notax'
        proposed = fitting if len(fitting) == 1 else fitting.browse()
        if sort and not proposed:
            alike = fitting.filtered(lambda reference: zero_rate_sort(reference.name) == sort)
            proposed = alike if len(alike) == 1 else proposed
        self._set(
            state='suggested' if proposed else 'missing',
            reference_id=proposed.id,
            needs_confirmation=True,
            reason=self.env._(
                'Zero-rated, exempt and out of scope are all 0 %% but different in the tax return: confirm which '
                'one it is in %s.',
                provider,
            ),
        )

    def _suggest_default_account(self, eligible, provider):
        self.ensure_one()
        company = self.connection_id.company_id
        account = company.income_account_id.with_company(company)
        proposed = eligible if len(eligible) == 1 else eligible.browse()
        for test in (
            lambda reference: account.code and number_and_name(reference)[0] == account.code,
            lambda reference: (
                account.name and text_key(number_and_name(reference)[1]) == text_key(account.name)
            ),
            lambda reference: text_key(number_and_name(reference)[1]) in REVENUE_NAMES,
        ):
            proposed = proposed or eligible.filtered(test)[:1]
        self._set(
            state='suggested' if proposed else 'missing',
            reference_id=proposed.id,
            needs_confirmation=True,
            reason=self.env._('Confirm once on which account of %s revenue is booked.', provider)
            if self.connection_id._capabilities().accounts_on_lines
            else self.env._(
                'Confirm once on which account of %s the sales of new products are booked.', provider
            ),
        )

    def _suggest_account(self, eligible, provider):
        self.ensure_one()
        account = self.account_id.with_company(self.connection_id.company_id)
        by_code = eligible.filtered(
            lambda reference: account.code and number_and_name(reference)[0] == account.code
        )
        by_name = eligible.filtered(
            lambda reference: (
                account.name and text_key(number_and_name(reference)[1]) == text_key(account.name)
            )
        )
        both = by_code & by_name
        if len(both) == 1:
            self._set(
                state='suggested',
                reference_id=both.id,
                needs_confirmation=False,
                reason=self.env._('Same code and same name.'),
            )
        elif self._falls_back():
            # The same code or name alone may be chance: two charts of accounts number differently.
            self._set(
                state='default',
                reference_id=False,
                needs_confirmation=False,
                reason=self.env._('Booked on the default revenue account, unless you choose another one.'),
            )
        else:
            proposed = (by_code | by_name) if len(by_code | by_name) == 1 else eligible.browse()
            self._set(
                state='suggested' if proposed else 'missing',
                reference_id=proposed.id,
                needs_confirmation=True,
                reason=self.env._('This is no revenue account: choose where %s books it.', provider),
            )

    def _is_usable(self):
        """May something be sent with it?"""
        self.ensure_one()
        return bool(
            self.reference_id
            and self.is_derivable
            and self._is_eligible(self.reference_id)
            and (self.state == 'confirmed' or (self.state == 'suggested' and not self.needs_confirmation))
        )

    # === WHAT THE PUSH ASKS === #

    @api.model
    def _resolver(self, connection):
        """Everything that the lines of many documents need, read in two queries."""
        return MappingResolver(self.sudo(), connection.sudo())


class MappingResolver:
    """Counterparts in the books for accounts and taxes; remembers what it read. Lives for one pass."""

    def __init__(self, mapping_model, connection):
        self._model = mapping_model
        self.connection = self._connection = connection
        self.capabilities = connection._capabilities()
        self._has_terms = mapping_model._has_terms(connection)
        self.has_categories = mapping_model._has_categories(connection)
        rows = mapping_model.search([('connection_id', '=', connection.id)])
        rows.fetch(
            [
                'key',
                'reference_id',
                'state',
                'needs_confirmation',
                'is_derivable',
                'kind',
                'only_revenue',
                'owner',
            ]
        )
        rows.reference_id.fetch(
            [
                'code',
                'external_id',
                'kind',
                'active',
                'is_revenue',
                'for_sales',
                'category_group',
                'connection_id',
            ]
        )
        self._rows = {row.key: row for row in rows}
        self._usable = {}
        self._rule_keys = {key for key in self._rows if key.startswith(RULE_PREFIXES)}

    def account(self, account, product=None):
        """The account of the books that stands for ``account``, on a line with ``product``; None when a person has to
        confirm one first."""
        if rule := self._rule_for(account, product):
            return self._reference(rule)
        row = self._rows.get(account_key(account.id))
        found = self._reference(row)
        if found or not account:
            return found
        if row is None and account.internal_group != 'income':
            found = self._reference(self._account_row(account))
        if found or not self._falls_back(account):
            return found
        return self._reference(self._rows.get(DEFAULT_ACCOUNT_KEY))

    def tax(self, taxes, use='sale'):
        """The tax rate of the books that stands for this set of taxes (empty: no tax); None when it is not
        settled."""
        return self._reference(self._tax_row(taxes, use))

    def item(self):
        """The item of the books that lines without product go as; None when a person has to confirm one first."""
        return self._reference(self._default_item_row())

    def term(self, payment_term):
        """The payment term of the books that stands for this one; None when there is none, which holds nothing up."""
        if not payment_term or not self._has_terms:
            return None
        payment_term = payment_term.sudo()
        row = self._row(
            term_key(payment_term.id), lambda: self._model._term_values(self._connection, payment_term)
        )
        return self._reference(row)

    def category(self, analytic_account):
        """The category of the books that stands for this analytic account; None when there is none, which holds nothing
        up."""
        analytic_account = analytic_account.sudo()
        row = self._row(
            category_key(analytic_account.id),
            lambda: self._model._category_values(self._connection, analytic_account),
        )
        return self._reference(row)

    def payment_account(self, journal):
        """The account of the books that payments of this journal go to; None when a person has to confirm one first."""
        return self._reference(self._payment_account_row(journal)) if journal else None

    def missing_payment_account(self, journal, move):
        """Why :meth:`payment_account` found none, as a Hold."""
        env = self._model.env
        provider = self._connection._provider_label()
        if not journal:
            return Hold(
                'payment_journal_gone',
                f'payment_journal_gone:{move.id}',
                env._('The journal of a payment was deleted'),
                env._('It is not known any more which account of %s the money went to.', provider),
                env._(
                    'Enter the payment of %(invoice)s in %(provider)s.', invoice=move.name, provider=provider
                ),
                move_id=move.id,
            )
        row = self._payment_account_row(journal)
        return Hold(
            'mapping_missing',
            f'mapping:{row.key}',
            env._('The account for payments of "%s" is not confirmed', row.record_name),
            row.reason or env._('It is not known which account of %s this money goes to.', provider),
            env._('Open Mappings, choose the bank account of %s for this journal and confirm it.', provider),
            mapping_id=row.id,
        )

    def missing_item(self):
        """Why :meth:`item` found none, as a Hold."""
        row = self._default_item_row()
        env = self._model.env
        provider = self._connection._provider_label()
        return Hold(
            'mapping_missing',
            f'mapping:{row.key}',
            env._('The product for lines without product is not confirmed'),
            row.reason or env._('Every invoice line of %s needs a product.', provider),
            env._('Open Mappings, choose the product of %s that they go as, and confirm it.', provider),
            mapping_id=row.id,
        )

    def missing_account(self, account, product=None):
        """Why :meth:`account` found none, as a Hold; the mapping that a person completes is there."""
        rule = self._rule_for(account, product)
        falls_back = not rule and self._falls_back(account)
        row = rule or (self._default_row() if falls_back else self._account_row(account))
        env = self._model.env
        provider = self._connection._provider_label()
        if falls_back:
            title = env._('The revenue account is not confirmed')
            reason = env._('Nobody has confirmed yet on which account of %s revenue is booked.', provider)
        else:
            title = env._('The account "%s" has no counterpart', row.record_name)
            reason = row.reason or env._('It is not known on which account of %s this is booked.', provider)
        remedy = env._('Open Mappings, choose the account in %s and confirm it.', provider)
        return Hold('mapping_missing', f'mapping:{row.key}', title, reason, remedy, mapping_id=row.id)

    def missing_tax(self, taxes, use='sale'):
        """Why :meth:`tax` found none, as a Hold."""
        row = self._tax_row(taxes, use)
        env = self._model.env
        provider = self._connection._provider_label()
        title = env._('The tax "%s" has no counterpart', row.record_name)
        if row.state == 'suggested':
            title = env._('The tax "%s" is not confirmed', row.record_name)
        reason = row.reason or env._('It is not known which tax rate of %s stands for it.', provider)
        if row.is_derivable:
            remedy = env._('Open Mappings, choose the tax rate in %s and confirm it.', provider)
        else:
            remedy = env._('Reset the invoice to draft, choose a tax with a percentage, and post it again.')
        return Hold('mapping_missing', f'mapping:{row.key}', title, reason, remedy, mapping_id=row.id)

    def _rule_for(self, account, product):
        """What a person chose for this product, or the nearest of its categories; None without. Only revenue: a deposit
        stays a deposit, whatever the product."""
        if not self._rule_keys or not product or not account or account.internal_group != 'income':
            return None
        chosen = (self._rows[key] for key in rule_keys(product.sudo()) if key in self._rule_keys)
        return next((row for row in chosen if row.reference_id), None)

    def _falls_back(self, account):
        return not account or account.internal_group == 'income'

    def _reference(self, row):
        if not row:
            return None
        if row.id not in self._usable:
            self._usable[row.id] = row._is_usable()
        return row.reference_id if self._usable[row.id] else None

    def _default_row(self):
        return self._row(DEFAULT_ACCOUNT_KEY, lambda: self._model._default_account_values(self._connection))

    def _default_item_row(self):
        return self._row(DEFAULT_ITEM_KEY, lambda: self._model._default_item_values(self._connection))

    def _account_row(self, account):
        return self._row(
            account_key(account.id), lambda: self._model._account_values(self._connection, account.sudo())
        )

    def _payment_account_row(self, journal):
        return self._row(
            payment_account_key(journal.id),
            lambda: self._model._payment_account_values(self._connection, journal.sudo()),
        )

    def _tax_row(self, taxes, use):
        taxes = taxes.sudo()
        return self._row(
            tax_key(taxes.ids, use), lambda: self._model._tax_values(self._connection, taxes, use)
        )

    def _row(self, key, values):
        """The mapping of a key; one met for the first time is made, with a proposal, so that a person finds
        it."""
        if key not in self._rows:
            row = self._model.create([values()])
            row._suggest(self._connection)
            self._rows[key] = row
        return self._rows[key]
