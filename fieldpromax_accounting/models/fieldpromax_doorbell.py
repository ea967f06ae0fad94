from odoo import api, fields, models


class FieldpromaxDoorbell(models.Model):
    """A webhook rang and no pull has looked yet: one row per connection and kind.

    Rows are only ever added here and taken away by the pull. A webhook never waits for a driver, nor a driver for a
    webhook, as they would over a column of the connection or of the checkpoint, which is written with every page.
    """

    _name = 'fieldpromax.doorbell'
    _description = 'Doorbell of the books'
    _rec_name = 'kind'

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one(related='connection_id.company_id', store=True, index=True)
    kind = fields.Char(required=True, readonly=True, help='A kind of records, as the provider calls them.')

    @api.model
    def _ring(self, provider, doorbells):
        """Note what rang and wake the pull of each connection that it concerns, in whatever company.

        Organizations that are not connected here are passed over, and connections that are silent: they read
        everything when they speak again. Kinds that ring already are on their way: the row that is there was put with a
        trigger of its own, and what happened before a pull begins is seen by it.

        :param doorbells: of :class:`~..providers.dto.Doorbell`, from whoever proved to be the provider.
        """
        kinds = {}
        for doorbell in doorbells:
            kinds.setdefault(doorbell.organization_external_id, set()).add(doorbell.kind)
        if not kinds:
            return
        connections = (
            self.env['fieldpromax.connection']
            .sudo()
            .search(
                [
                    ('provider', '=', provider),
                    ('organization_external_id', 'in', list(kinds)),
                    ('state', '=', 'connected'),
                ]
            )
        )
        for connection in connections:
            if not connection._silence_reason():
                self.sudo()._ring_one(connection, kinds[connection.organization_external_id])

    @api.model
    def _ring_one(self, connection, kinds):
        known = self._kinds(connection)
        # What is not read has nobody to open.
        fresh = kinds & set(self.env['fieldpromax.run']._pulled_kinds(connection)) - known
        self.create([{'connection_id': connection.id, 'kind': kind} for kind in sorted(fresh)])
        if fresh and not known:
            connection._trigger_pull()

    @api.model
    def _ring_all(self, connection):
        """As if everything had rung: somebody wants all of it read. The caller wakes the pull."""
        kinds = set(self.env['fieldpromax.run']._pulled_kinds(connection)) - self._kinds(connection)
        self.sudo().create([{'connection_id': connection.id, 'kind': kind} for kind in sorted(kinds)])

    @api.model
    def _kinds(self, connection):
        """The kinds that rang and were not looked at yet."""
        return set(self.sudo().search([('connection_id', '=', connection.id)]).mapped('kind'))

    @api.model
    def _answer(self, connection, kind):
        """A pull of the kind begins: what rings from now on is news again."""
        self.sudo().search([('connection_id', '=', connection.id), ('kind', '=', kind)]).unlink()
