from dataclasses import dataclass, field
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from .fieldpromax_mapping import (
    DEFAULT_ACCOUNT_KEY,
    DEFAULT_ITEM_KEY,
    account_key,
    tax_key,
    term_key,
)

# How far back invoices are looked at for what they use.
LOOK_BACK = timedelta(days=366)


@dataclass
class Usage:
    """How many invoices and credit notes use each account, set of taxes, payment term and currency; posted and draft
    ones of the last year. ``taxes`` by ``(use, ids in their order)``, everything else by id."""

    accounts: dict = field(default_factory=dict)
    taxes: dict = field(default_factory=dict)
    terms: dict = field(default_factory=dict)
    currencies: dict = field(default_factory=dict)
    #: with a line on a revenue account that has no counterpart of its own
    default_account: int = 0
    #: with a line without product
    without_product: int = 0

    def by_key(self):
        """``{key of the mapping: count}``"""
        return {
            DEFAULT_ACCOUNT_KEY: self.default_account,
            DEFAULT_ITEM_KEY: self.without_product,
            **{account_key(one): count for one, count in self.accounts.items()},
            **{tax_key(ids, use): count for (use, ids), count in self.taxes.items()},
            **{term_key(one): count for one, count in self.terms.items()},
            **{currency_key(one): count for one, count in self.currencies.items()},
        }

    def without(self, keys):
        """The same, less what these keys stand for."""
        return Usage(
            accounts={one: count for one, count in self.accounts.items() if account_key(one) not in keys},
            taxes={one: count for one, count in self.taxes.items() if tax_key(one[1], one[0]) not in keys},
            terms={one: count for one, count in self.terms.items() if term_key(one) not in keys},
            currencies={
                one: count for one, count in self.currencies.items() if currency_key(one) not in keys
            },
        )


def currency_key(currency_id):
    return f'currency:{currency_id}'


class FieldpromaxMapping(models.Model):
    """What the invoices of the last year use, how many of them, and what follows from that: currencies that the books
    lack; revenue accounts that a person chooses for a product or a category."""

    _inherit = 'fieldpromax.mapping'

    kind = fields.Selection(selection_add=[('currency', 'Currency')], ondelete={'currency': 'cascade'})
    invoice_count = fields.Integer(
        'Invoices',
        readonly=True,
        aggregator=None,
        help='Posted and draft invoices and credit notes of the last 12 months that use it.',
    )
    currency_id = fields.Many2one('res.currency', index='btree_not_null', ondelete='set null', readonly=True)
    product_tmpl_id = fields.Many2one(
        'product.template', 'Product', index='btree_not_null', ondelete='set null', readonly=True
    )
    category_id = fields.Many2one(
        'product.category', 'Product category', index='btree_not_null', ondelete='set null', readonly=True
    )

    # === WHAT IS USED === #

    @api.model
    def _usage(self, connection):
        """What the invoices of this connection use: one statement, however many there are.

        :return: a :class:`Usage`
        """
        for model in ('account.move', 'account.move.line'):
            self.env[model].flush_model()
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                WITH document AS (
                    SELECT m.id, m.currency_id, m.invoice_payment_term_id AS term_id,
                           CASE WHEN m.move_type = 'out_refund' THEN 'refund' ELSE 'sale' END AS use
                      FROM account_move m
                     WHERE m.move_type IN ('out_invoice', 'out_refund') AND m.state IN ('draft', 'posted')
                       AND m.company_id = ANY(%(companies)s) AND COALESCE(m.invoice_date, m.date) >= %(since)s
                       AND NOT COALESCE(m.fieldpromax_do_not_sync, FALSE)
                       AND (%(all_journals)s OR m.journal_id = ANY(%(journals)s))
                ), line AS (
                    SELECT l.id, l.move_id, l.account_id, l.product_id, d.use,
                           COALESCE(array_agg(r.account_tax_id ORDER BY r.account_tax_id)
                                    FILTER (WHERE r.account_tax_id IS NOT NULL), '{}') AS tax_ids
                      FROM account_move_line l
                      JOIN document d ON d.id = l.move_id
                      LEFT JOIN account_move_line_account_tax_rel r ON r.account_move_line_id = l.id
                     WHERE l.display_type IN ('product', 'rounding')
                     GROUP BY l.id, d.use
                )
                SELECT 'account', use, array[account_id], count(DISTINCT move_id)
                  FROM line WHERE account_id IS NOT NULL GROUP BY account_id, use
                UNION ALL
                SELECT 'tax', use, tax_ids, count(DISTINCT move_id) FROM line GROUP BY tax_ids, use
                UNION ALL
                SELECT 'term', use, array[term_id], count(*)
                  FROM document WHERE term_id IS NOT NULL GROUP BY term_id, use
                UNION ALL
                SELECT 'currency', use, array[currency_id], count(*) FROM document GROUP BY currency_id, use
                UNION ALL
                SELECT 'item', use, '{}', count(DISTINCT move_id) FROM line WHERE product_id IS NULL GROUP BY use
                UNION ALL
                SELECT 'default', use, '{}', count(DISTINCT move_id)
                  FROM line JOIN account_account a ON a.id = line.account_id
                 WHERE a.account_type LIKE 'income%%' AND NOT EXISTS (
                       SELECT FROM fieldpromax_mapping p
                        WHERE p.connection_id = %(connection)s AND p.account_id = a.id
                          AND p.reference_id IS NOT NULL)
                 GROUP BY use
                """,
                companies=connection._served_companies().ids,
                since=fields.Date.today() - LOOK_BACK,
                all_journals=not connection.push_journal_ids,
                journals=connection.push_journal_ids.ids,
                connection=connection.id,
            )
        )
        usage = Usage()
        for what, use, ids, count in self.env.cr.fetchall():
            # An invoice is counted once, and so is a credit note: no document is both.
            if what == 'tax':
                usage.taxes[use, tuple(ids)] = count
            elif what == 'item':
                usage.without_product += count
            elif what == 'default':
                usage.default_account += count
            else:
                counts = {
                    'account': usage.accounts,
                    'term': usage.terms,
                    'currency': usage.currencies,
                }[what]
                counts[ids[0]] = counts.get(ids[0], 0) + count
        return usage

    @api.model
    def _store_usage(self, connection, usage):
        """Keep the counts with the mappings, in one statement; what nothing uses any more has 0."""
        counts = self._usage_counts(connection, usage)
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                UPDATE fieldpromax_mapping m SET invoice_count = x.count
                  FROM (SELECT o.id, COALESCE(u.count, 0) AS count
                          FROM fieldpromax_mapping o
                          LEFT JOIN unnest(%(keys)s::varchar[], %(counts)s::int[]) AS u(key, count) ON u.key = o.key
                         WHERE o.connection_id = %(connection)s) AS x
                 WHERE m.id = x.id AND m.invoice_count IS DISTINCT FROM x.count
                """,
                keys=list(counts),
                counts=list(counts.values()),
                connection=connection.id,
            )
        )
        self.invalidate_model(['invoice_count'])

    @api.model
    def _usage_counts(self, connection, usage):
        """``{key: how many documents use it}``. Another kind of mapping adds its own."""
        return usage.by_key()

    @api.model
    def _wanted_values(self, connection, usage):
        yield from super()._wanted_values(connection, usage)
        for currency in self.env['res.currency'].browse(sorted(usage.currencies)).exists():
            yield {
                'connection_id': connection.id,
                'kind': 'currency',
                'key': currency_key(currency.id),
                'currency_id': currency.id,
                'record_name': f'{currency.name} ({currency.full_name})'
                if currency.full_name
                else currency.name,
                'is_derivable': False,
            }

    # === SUGGESTIONS === #

    def _suggest(self, connection):
        currencies = self.filtered(lambda mapping: mapping.kind == 'currency')
        currencies._suggest_currency(connection)
        return super(FieldpromaxMapping, self - currencies)._suggest(connection)

    def _suggest_currency(self, connection):
        """There is nothing to choose: the books use the currency or they do not."""
        known = (connection.organization_currencies or '').split(',')
        provider = connection._provider_label()
        for mapping in self:
            code = mapping.currency_id.name
            if code in known or code == connection.currency_id.name:
                mapping._set(state='suggested', reason=self.env._('%s uses it as well.', provider))
            elif not connection.organization_currencies:
                mapping._set(
                    state='suggested',
                    reason=self.env._('%s does not say which currencies it uses.', provider),
                )
            else:
                mapping._set(
                    state='missing',
                    reason=self.env._(
                        '%(organization)s does not use %(currency)s. Add it in %(provider)s, then use "Read again".',
                        organization=connection.organization_name,
                        currency=code,
                        provider=provider,
                    ),
                )

    def _sold_with(self, eligible):
        """What stands for the same taxes on invoices, for credit notes, once it is settled there: a credit note takes
        back what the invoice gave, in the same box of the tax return. Empty when there is nothing to follow."""
        self.ensure_one()
        if self.use != 'refund':
            return eligible.browse()
        sold = self.search(
            [
                ('connection_id', '=', self.connection_id.id),
                ('key', '=', tax_key(self.tax_ids.ids, 'sale')),
            ]
        )
        return sold.reference_id & eligible if sold and sold._is_usable() else eligible.browse()

    def _suggest_for_refunds(self):
        """Have the credit notes follow what a person decided for the taxes of invoices."""
        for connection, mappings in (
            self.filtered(lambda row: row.use == 'sale').grouped('connection_id').items()
        ):
            keys = [tax_key(mapping.tax_ids.ids, 'refund') for mapping in mappings]
            self.search(
                [
                    ('connection_id', '=', connection.id),
                    ('key', 'in', keys),
                    ('confirmed_by_id', '=', False),
                ]
            )._suggest(connection)

    # === WHAT PEOPLE DO === #

    def _check_bookkeeper(self):
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_bookkeeper'):
            raise AccessError(self.env._('Only a bookkeeper can decide about mappings.'))

    def _to_accept(self):
        """Those whose suggestion only waits for a person to say that it is right."""
        return self.filtered(lambda mapping: mapping.status == 'to_confirm' and mapping.reference_id)

    def _holding_up(self):
        """Those that are not settled while an open issue says that something waits for them."""
        unsettled = self.filtered(lambda mapping: mapping.status in ('missing', 'to_confirm'))
        issues = self.env['fieldpromax.issue'].search(
            [('mapping_id', 'in', unsettled.ids), ('state', '=', 'open')]
        )
        return issues.mapping_id

    @api.model
    def _choose_account_for(self, connection, reference, product=None, category=None):
        """From now on the revenue of a product (a template), or of a category and those below it, is booked on
        ``reference``, whatever account it has in Odoo. With the rights of the person who decides.

        :raise UserError: the account cannot stand for revenue.
        """
        self._check_bookkeeper()
        connection.check_access('read')
        record = product or category
        key = f'product:{product.id}' if product else f'category:{category.id}'
        rows = self.sudo()
        row = rows.search([('connection_id', '=', connection.id), ('key', '=', key)])
        if not row:
            row = rows.create(
                [
                    {
                        'connection_id': connection.id,
                        'kind': 'account',
                        'key': key,
                        'sequence': 5,
                        'record_name': self.env._('Product: %s', record.display_name)
                        if product
                        else self.env._('Category: %s', record.display_name),
                        'product_tmpl_id': product.id if product else False,
                        'category_id': category.id if category else False,
                        'only_revenue': True,
                        'state': 'default',
                    }
                ]
            )
        if not reference:
            raise UserError(self.env._('Choose the account in the books.'))
        row._choose(reference, self.env.user)
        return row.with_env(self.env)
