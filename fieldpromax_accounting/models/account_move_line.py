from collections import defaultdict
from decimal import Decimal

from odoo import models

from ..providers import dto
from .account_move import decimal_of


class AccountMoveLine(models.Model):
    _inherit = 'account.move.line'

    def _fieldpromax_prepare_line(self, resolver, details, items, tax_included, digits):
        """One line with a price. ``details``: Odoo's own tax details of it, rounded as the invoice rounds.

        :raise Hold: its account, its taxes, or a line without product have no counterpart yet.
        """
        self.ensure_one()
        use = 'refund' if self.move_id.move_type == 'out_refund' else 'sale'
        account_code = ''
        if resolver.capabilities.accounts_on_lines:
            account = resolver.account(self.account_id, self.product_id)
            if account is None:
                raise resolver.missing_account(self.account_id, self.product_id)
            account_code = account.code or account.external_id
        tax = resolver.tax(self.tax_ids, use)
        if tax is None:
            raise resolver.missing_tax(self.tax_ids, use)
        untaxed = details['total_excluded_currency'] + details['delta_total_excluded_currency']
        tax_amount = sum(data['tax_amount_currency'] for data in details['taxes_data'])
        amount = untaxed + tax_amount if tax_included else untaxed
        if self.display_type == 'rounding':
            quantity, price, discount = (Decimal(1), decimal_of(untaxed, digits), Decimal(0))
        else:
            quantity, discount = (Decimal(repr(self.quantity)), decimal_of(self.discount, 2))
            price = decimal_of(self.price_unit, 4)
            if not tax_included and any(tax.price_include for tax in self.tax_ids.flatten_taxes_hierarchy()):
                factor = self.quantity * (1 - self.discount / 100)
                price = decimal_of(untaxed / factor if factor else 0.0, 4)
        item_code, item_external_id = '', ''
        if item := items.get(self.product_id.id):
            item_code, item_external_id = item.external_number or '', item.external_id
        elif resolver.capabilities.items_on_lines:
            stand_in = resolver.item()
            if stand_in is None:
                raise resolver.missing_item()
            item_code, item_external_id = stand_in.code or '', stand_in.external_id
        return dto.InvoiceLine(
            description=self._fieldpromax_description(resolver, discount),
            quantity=quantity,
            unit_price=price,
            discount=discount,
            account=account_code,
            item_code=item_code,
            item_external_id=item_external_id,
            tax_code=tax.external_id,
            tax_amount=decimal_of(tax_amount, digits),
            amount=decimal_of(amount, digits),
            tax_rate=None if tax.is_computed else decimal_of(tax.rate, 4),
            categories=self._fieldpromax_categories(resolver)[0],
        )

    def _fieldpromax_categories(self, resolver):
        """What tells this line apart in the books, by its analytic accounts.

        A line goes whole or not at all: an analytic account counts where the whole line belongs to it, of its plan.

        :return: ``(ids of categories, None without any; names of the analytic accounts that stay out)``
        """
        self.ensure_one()
        if not resolver.has_categories or not self.analytic_distribution:
            return None, []
        shares = defaultdict(float)
        for ids, percent in self.analytic_distribution.items():
            for one in ids.split(','):
                if one.isdigit():
                    shares[int(one)] += percent
        accounts = self.env['account.analytic.account'].sudo().browse(sorted(shares)).exists()
        chosen, left_out = {}, []
        for plan_accounts in accounts.grouped('root_plan_id').values():
            if len(plan_accounts) > 1 or shares[plan_accounts.id] < 100:
                left_out += plan_accounts.mapped('name')
                continue
            reference = resolver.category(plan_accounts)
            if reference is None or reference.category_group in chosen:
                left_out.append(plan_accounts.name)
            else:
                chosen[reference.category_group] = reference.external_id
        most = resolver.capabilities.line_categories
        return tuple(sorted(chosen.values())[:most]) or None, left_out

    def _fieldpromax_description(self, resolver, discount):
        """What the line says there; with what has no place of its own in the books, where that is wanted.

        :param resolver: of the connection; the language is that of the environment.
        """
        connection = resolver.connection
        sentences = [self.name or self.product_id.display_name or self.move_id.name]
        capabilities = resolver.capabilities
        is_refund = self.move_id.move_type == 'out_refund'
        has_place = capabilities.credit_note_discounts if is_refund else capabilities.line_discounts
        if discount and connection.describes_discount and not has_place:
            sentences.append(self.env._('Discount: %s %%', f'{discount.normalize():f}'))
        unit = self.product_uom_id
        if unit and connection.describes_unit and unit != self.env.ref('uom.product_uom_unit'):
            sentences.append(self.env._('Unit: %s', unit.name))
        return '\n'.join(sentences)
