from odoo import api, fields, models
from odoo.fields import Domain

from ..providers import dto


class ResPartner(models.Model):
    _inherit = 'res.partner'

    fieldpromax_do_not_sync = fields.Boolean(
        'Keep out of the books',
        copy=False,
        help='This customer and its invoices are never sent to the connected accounting software.',
    )
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
    @api.depends('fieldpromax_do_not_sync')
    def _compute_fieldpromax_external_id(self):
        connection = self.env['fieldpromax.connection']._active_for(self.env.company)
        links = (
            self.env['fieldpromax.link']._of(connection, self.commercial_partner_id, role=None)
            if connection
            else {}
        )
        pending = self.browse()
        if connection:
            pending = (
                self.env['fieldpromax.match']
                .search(
                    [
                        ('connection_id', '=', connection.id),
                        ('partner_id', 'in', self.commercial_partner_id.ids),
                        ('decision', '=', 'pending'),
                    ]
                )
                .partner_id
            )
        for partner in self:
            link = links.get(partner.commercial_partner_id.id)
            partner.fieldpromax_external_id = link.external_id if link else False
            if not connection:
                partner.fieldpromax_state = False
            elif link:
                partner.fieldpromax_state = 'linked'
            elif partner.commercial_partner_id in pending:
                partner.fieldpromax_state = 'review'
            else:
                partner.fieldpromax_state = 'not_sent'

    def _search_fieldpromax_external_id(self, operator, value):
        connection = self.env['fieldpromax.connection']._active_for(self.env.company)
        links = (
            self.env['fieldpromax.link']
            .sudo()
            ._search(
                [
                    ('external_id', operator, value),
                    ('partner_id', '!=', False),
                    ('connection_id', '=', connection.id),
                ]
            )
        )
        return Domain('id', 'in', links.subselect('partner_id'))

    # === ACTIONS === #

    def action_fieldpromax_open(self):
        """Open the customer where the bookkeeper sees it."""
        self.ensure_one()
        self.check_access('read')
        return self.env['fieldpromax.link']._open_in_books(
            self.env['fieldpromax.connection']._active_for(self.env.company), self.commercial_partner_id
        )

    def action_fieldpromax_matches(self):
        """What this customer may be in the books, and what was decided about it."""
        self.check_access('read')
        return self.env['fieldpromax.match']._review_action(self.commercial_partner_id)

    def action_fieldpromax_take_apart(self):
        self.ensure_one()
        self.check_access('read')
        return self.env['fieldpromax.link']._take_apart_of(self.commercial_partner_id)

    # === WHAT GOES OVER === #

    def _fieldpromax_name(self):
        self.ensure_one()
        return self.name or self.display_name

    def _fieldpromax_name_in(self, currency):
        """The name that the books know this customer by; the one of a second currency names it, because names are
        unique there."""
        self.ensure_one()
        return f'{self.name} ({currency})' if currency else self.name or ''

    def _fieldpromax_ancestors(self):
        """The contact above, the one above that, and so on; the topmost comes last."""
        above = self.browse()
        parent = self.parent_id
        while parent and parent not in above:
            above |= parent
            parent = parent.parent_id
        return above

    def _fieldpromax_company(self, connection):
        """The company that an exchange or link of this contact carries: the connection's."""
        return connection.company_id

    def _fieldpromax_why_not(self, connection):
        """Why this contact is not to be sent, as a sentence; '' when it is."""
        self.ensure_one()
        if self.fieldpromax_do_not_sync:
            return self.env._('The customer "%s" is marked not to be synchronised.', self.name)
        if self.company_id and self.company_id not in connection._served_companies():
            return self.env._('The customer "%s" belongs to another company.', self.name)
        return ''

    def _fieldpromax_prepare(self, connection, _resolver, role=''):
        """This contact as the provider layer takes it.

        :param role: the currency that it is made in beside the first one, where a contact has one for good.
        """
        self.ensure_one()
        per_contact = connection._capabilities().currency_per_contact
        currency = role if per_contact else self._fieldpromax_currency()
        first_name, _space, last_name = (
            (self.name or '').rpartition(' ') if not self.is_company else ('', '', '')
        )
        return dto.Contact(
            name=self._fieldpromax_name_in(role),
            number=self._fieldpromax_number(connection),
            email=self.email_normalized or (self.email or '').strip(),
            phone=self.phone or '',
            first_name=first_name,
            last_name=last_name,
            website=self.website or '',
            tax_number=self.vat or '',
            currency=currency,
            address=dto.Address(
                street=self.street or '',
                street2=self.street2 or '',
                city=self.city or '',
                region=self.state_id.name or '',
                postal_code=self.zip or '',
                country=self.country_id.name or '',
            ),
            is_customer=True,
        )

    def _fieldpromax_currency(self):
        """What this customer is usually invoiced in; '' where Odoo does not say."""
        if 'property_product_pricelist' not in self._fields:
            return ''
        return self.property_product_pricelist.currency_id.name or ''

    def _fieldpromax_number(self, connection):
        """Our own key of this contact at the provider: database and partner, so that no other database's is met."""
        return f'{connection.database_uuid.replace("-", "")[:8]}-{self.id}'
