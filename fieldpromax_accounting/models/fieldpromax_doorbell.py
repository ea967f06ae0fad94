from odoo import api, fields, models


class FieldpromaxDoorbell(models.Model):
    """A webhook rang and no pull has looked yet: one row per connection and kind, and one for each merge it told of.

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
    merged_external_id = fields.Char(
        readonly=True, help='The record that was merged away. Nothing but the webhook says into which.'
    )
    external_id = fields.Char(readonly=True, help='The record that it was merged into.')

    @api.model
    def _ring(self, provider, doorbells):
        """Note what rang and wake the pull of each connection that it concerns, in whatever company.

        Organizations that are not connected here are passed over, and connections that are silent: they read
        everything when they speak again. Kinds that ring already are on their way: the row that is there was put with a
        trigger of its own, and what happened before a pull begins is seen by it.

        :param doorbells: of :class:`~..providers.dto.Doorbell`, from whoever proved to be the provider.
        """
        rung = {}
        for doorbell in doorbells:
            rung.setdefault(doorbell.organization_external_id, []).append(doorbell)
        if not rung:
            return
        connections = (
            self.env['fieldpromax.connection']
            .sudo()
            .search(
                [
                    ('provider', '=', provider),
                    ('organization_external_id', 'in', list(rung)),
                    ('state', '=', 'connected'),
                ]
            )
        )
        for connection in connections:
            if not connection._silence_reason():
                own = rung[connection.organization_external_id]
                self.sudo()._note_merges(connection, own)
                self.sudo()._ring_one(connection, {doorbell.kind for doorbell in own})

    @api.model
    def _ring_one(self, connection, kinds):
        known = self._kinds(connection)
        # What is not read has nobody to open.
        fresh = kinds & set(self.env['fieldpromax.run']._pulled_kinds(connection)) - known
        self.create([{'connection_id': connection.id, 'kind': kind} for kind in sorted(fresh)])
        if fresh and not known:
            connection._trigger_pull()

    @api.model
    def _note_merges(self, connection, doorbells):
        """Keep which record went into which, of what is linked here: the API no longer tells afterwards. A merge rings
        as well: what is kept is looked into by the pull that the ring wakes."""
        merged = {
            (doorbell.kind, doorbell.merged_external_id): doorbell.external_id
            for doorbell in doorbells
            if doorbell.merged_external_id and doorbell.external_id
        }
        if not merged:
            return
        losers = [
            ('connection_id', '=', connection.id),
            ('kind', 'in', list({kind for kind, _loser in merged})),
        ]
        ids = list({loser for _kind, loser in merged})
        links = self.env['fieldpromax.link'].sudo().search([*losers, ('external_id', 'in', ids)])
        linked = {(link.kind, link.external_id) for link in links}
        waiting = self.search([*losers, ('merged_external_id', 'in', ids)])
        linked -= {(bell.kind, bell.merged_external_id) for bell in waiting}
        self.create(
            [
                {
                    'connection_id': connection.id,
                    'kind': kind,
                    'merged_external_id': loser,
                    'external_id': survivor,
                }
                for (kind, loser), survivor in merged.items()
                if (kind, loser) in linked
            ]
        )

    @api.model
    def _merges(self, connection, kind):
        """``{external id merged away: external id that it went into}``: what webhooks told, and no pull looked into."""
        bells = self.sudo().search(
            [('connection_id', '=', connection.id), ('kind', '=', kind), ('merged_external_id', '!=', False)]
        )
        return {bell.merged_external_id: bell.external_id for bell in bells}

    @api.model
    def _answer_merges(self, connection, kind, losers):
        self.sudo().search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', kind),
                ('merged_external_id', 'in', list(losers)),
            ]
        ).unlink()

    @api.model
    def _ring_all(self, connection):
        """As if everything had rung: somebody wants all of it read. The caller wakes the pull."""
        kinds = set(self.env['fieldpromax.run']._pulled_kinds(connection)) - self._kinds(connection)
        self.sudo().create([{'connection_id': connection.id, 'kind': kind} for kind in sorted(kinds)])

    @api.model
    def _kinds(self, connection):
        """The kinds that rang and were not looked at yet."""
        bells = self.sudo().search(
            [('connection_id', '=', connection.id), ('merged_external_id', '=', False)]
        )
        return set(bells.mapped('kind'))

    @api.model
    def _answer(self, connection, kind):
        """A pull of the kind begins: what rings from now on is news again. Merges stay until they were looked into."""
        self.sudo().search(
            [('connection_id', '=', connection.id), ('kind', '=', kind), ('merged_external_id', '=', False)]
        ).unlink()
