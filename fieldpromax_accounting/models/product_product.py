from odoo import api, fields, models
from odoo.fields import Domain

from ..providers import dto
from .account_move import decimal_of


class ProductProduct(models.Model):
    _inherit = 'product.product'

    fieldpromax_external_id = fields.Char(
        'ID in the books',
        compute='_compute_fieldpromax_external_id',
        search='_search_fieldpromax_external_id',
        compute_sudo=True,
    )
    fieldpromax_state = fields.Selection(
        [('linked', 'Linked'), ('review', 'Match review'), ('not_sent', 'Not sent')],
        'Accounting state',
        compute='_compute_fieldpromax_external_id',
        compute_sudo=True,
    )

    @api.depends_context('company')
    def _compute_fieldpromax_external_id(self):
        connection = self.env['fieldpromax.connection']._active_for(self.env.company)
        links = self.env['fieldpromax.link']._of(connection, self) if connection else {}
        pending = self.browse()
        if connection:
            pending = (
                self.env['fieldpromax.match']
                .search(
                    [
                        ('connection_id', '=', connection.id),
                        ('product_id', 'in', self.ids),
                        ('decision', '=', 'pending'),
                    ]
                )
                .product_id
            )
        for product in self:
            link = links.get(product.id)
            product.fieldpromax_external_id = link.external_id if link else False
            if not connection:
                product.fieldpromax_state = False
            elif link:
                product.fieldpromax_state = 'linked'
            else:
                product.fieldpromax_state = 'review' if product in pending else 'not_sent'

    def _search_fieldpromax_external_id(self, operator, value):
        connection = self.env['fieldpromax.connection']._active_for(self.env.company)
        links = (
            self.env['fieldpromax.link']
            .sudo()
            ._search(
                [
                    ('external_id', operator, value),
                    ('product_id', '!=', False),
                    ('connection_id', '=', connection.id),
                ]
            )
        )
        return Domain('id', 'in', links.subselect('product_id'))

    # === ACTIONS === #

    def action_fieldpromax_matches(self):
        """What this product may be in the books, and what was decided about it."""
        self.check_access('read')
        return self.env['fieldpromax.match']._review_action(self)

    def action_fieldpromax_take_apart(self):
        self.ensure_one()
        self.check_access('read')
        return self.env['fieldpromax.link']._take_apart_of(self)

    # === WHAT GOES OVER === #

    def _fieldpromax_name(self):
        self.ensure_one()
        return self.display_name

    def _fieldpromax_company(self, connection):
        """The company that an exchange or link of this product carries: the connection's."""
        return connection.company_id

    def _fieldpromax_why_not(self, connection):
        """Why this product is not to be sent, as a sentence; '' when it is."""
        self.ensure_one()
        if not self.default_code and not connection._capabilities().items_on_lines:
            return self.env._('"%s" has no internal reference, which the books need as its code.', self.name)
        if self.company_id and self.company_id not in connection._served_companies():
            return self.env._('"%s" belongs to another company.', self.display_name)
        return ''

    def _fieldpromax_prepare(self, connection, resolver):
        """This product as the provider layer takes it. Its price goes along only in the currency of the books.

        An account or tax without a confirmed counterpart is left out: the invoice line carries its own.
        """
        self.ensure_one()
        product = self.with_company(connection.company_id)
        account = product.product_tmpl_id.get_product_accounts()['income']
        account_reference = resolver.account(account, product) if account else None
        taxes = product.taxes_id.filtered_domain(
            self.env['account.tax']._check_company_domain(connection.company_id)
        )
        tax_reference = resolver.tax(taxes, 'sale')
        same_currency = product.currency_id == connection.currency_id
        return dto.Item(
            code=self.default_code or '',
            name=product.name,
            description=product.description_sale or product.name,
            sale_price=decimal_of(product.lst_price, 4) if same_currency else None,
            sale_account=account_reference.code if account_reference else '',
            sale_tax=tax_reference.external_id if tax_reference else '',
            is_sold=True,
            is_purchased=False,
            is_service=product.type == 'service',
        )
