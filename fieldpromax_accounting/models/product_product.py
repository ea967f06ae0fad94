from decimal import Decimal

from odoo import api, fields, models
from odoo.fields import Domain

from ..matching import one_line
from ..providers import dto
from .account_move import decimal_of

# Which field of ours each field of a product belongs to; of the template's, see product_template.
SYNCED_FIELDS = {'default_code': 'code', 'active': 'active', 'lst_price': 'price'}


class ProductProduct(models.Model):
    _inherit = 'product.product'

    fieldpromax_external_id = fields.Char(
        'ID in the books',
        compute='_compute_fieldpromax_external_id',
        search='_search_fieldpromax_external_id',
        compute_sudo=True,
        groups='base.group_user',
    )
    fieldpromax_state = fields.Selection(
        [('linked', 'Linked'), ('review', 'Match review'), ('not_sent', 'Not sent')],
        'Accounting state',
        compute='_compute_fieldpromax_external_id',
        compute_sudo=True,
        groups='base.group_user',
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

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        products = super().create(vals_list)
        products._fieldpromax_queue_new()
        return products

    def write(self, vals):
        result = super().write(vals)
        if names := {SYNCED_FIELDS[name] for name in vals if name in SYNCED_FIELDS}:
            self.env['fieldpromax.link']._queue_changes_safely('item', self.ids, names)
        if vals.get('default_code'):
            # The books may not have taken it for want of a code.
            self._fieldpromax_queue_new()
        return result

    def _fieldpromax_queue_new(self):
        """New products go over at once where the connection says so; otherwise with their first invoice."""
        self.env['fieldpromax.exchange']._queue_safely(self, self._fieldpromax_enqueue_new)

    def _fieldpromax_enqueue_new(self):
        connection = self.env['fieldpromax.connection']._active_for(self.env.company)
        if connection.item_push != 'created':
            return
        products = self.sudo().filtered(
            lambda product: (
                product.sale_ok
                and product.type in ('consu', 'service')
                and product.product_tmpl_id.name
                and not product._fieldpromax_why_not(connection)
            )
        )
        known = self.env['fieldpromax.link'].sudo()._of(connection, products)
        if new := products.filtered(lambda product: product.id not in known):
            self.env['fieldpromax.exchange'].sudo()._enqueue(connection, 'item', new)
            connection._trigger_push()

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
        values = self._fieldpromax_values(connection)
        price = values['price'] if self._fieldpromax_compares('price', connection) else None
        return dto.Item(
            code=values['code'],
            name=values['name'],
            description=values['description'] or values['name'],
            sale_price=Decimal(price) if price else None,
            sale_account=account_reference.code if account_reference else '',
            sale_tax=tax_reference.external_id if tax_reference else '',
            is_sold=True,
            is_purchased=False,
            is_service=product.type == 'service',
        )

    # === KEPT IN STEP === #

    def _fieldpromax_is_kept_out(self):
        return False

    def _fieldpromax_as_in_books(self, connection):
        """This product in the language and for the company that the books are kept in."""
        return self.with_company(connection.company_id).with_context(
            lang=connection.company_id.partner_id.lang or 'en_US'
        )

    def _fieldpromax_values(self, connection, role=''):
        """``{field: value}`` over :data:`three_way.FIELDS`: what Odoo has of this product."""
        self.ensure_one()
        product = self._fieldpromax_as_in_books(connection)
        return {
            'name': product._fieldpromax_own_name(),
            'code': one_line(product.default_code or ''),
            'description': (product.description_sale or '').strip(),
            'price': f'{decimal_of(product.lst_price, 4).normalize():f}',
            'active': product.active,
        }

    def _fieldpromax_own_name(self):
        """The name that tells this variant from the others, which have the name of the template as well."""
        name = one_line(self.name)
        variant = one_line(self.product_template_attribute_value_ids._get_combination_name())
        return f'{name} ({variant})' if variant else name

    def _fieldpromax_untouched(self, values, _agreed):
        return values

    def _fieldpromax_takes(self, field):
        """May a value of the books be written into this field? What stands on the template, only where the product
        is its one variant; a price, only in the company's own currency."""
        self.ensure_one()
        if field in ('code', 'active'):
            return True
        return len(self.product_tmpl_id.with_context(active_test=False).product_variant_ids) == 1

    def _fieldpromax_compares(self, field, connection):
        """Is the value of this field the same thing on both sides? The books have prices before tax, in their own
        currency."""
        self.ensure_one()
        if field != 'price':
            return True
        product = self.with_company(connection.company_id)
        currency = connection.currency_id
        taxes = product.taxes_id.filtered(lambda tax: tax.company_id in connection._served_companies())
        return (
            product.currency_id == currency
            and connection.company_id.currency_id == currency
            and not any(tax.price_include for tax in taxes.flatten_taxes_hierarchy())
        )

    def _fieldpromax_taken_values(self, context, wanted):
        """What writing the values of the books means here; as of customers.

        :return: ``([(record, values)], {field: why it cannot be taken})``
        """
        self.ensure_one()
        product = self._fieldpromax_as_in_books(context.connection)
        values, of_template = {}, {}
        if 'code' in wanted:
            values['default_code'] = wanted['code'] or False
        if 'active' in wanted:
            single = len(product.product_tmpl_id.with_context(active_test=False).product_variant_ids) == 1
            (of_template if single else values)['active'] = wanted['active']
        if wanted.get('name'):
            of_template['name'] = wanted['name']
        if 'description' in wanted:
            of_template['description_sale'] = wanted['description'] or False
        problems = {}
        if 'price' in wanted and wanted['price'] in (None, ''):
            # Odoo has no products without a price; zero is not what the books say.
            problems['price'] = self.env._('The books have no sales price for it any more.')
        elif 'price' in wanted:
            # What the one variant costs more than its template is on top of that.
            price = Decimal(wanted['price']) - decimal_of(product.price_extra, 4)
            of_template['list_price'] = float(price)
        changes = [(product.product_tmpl_id, of_template), (product, values)]
        return [change for change in changes if change[1]], problems
