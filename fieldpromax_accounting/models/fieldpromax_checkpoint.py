from odoo import api, fields, models


class FieldpromaxCheckpoint(models.Model):
    """Where the pull of one kind resumes, in the provider's own clock; written with the page that it covers
    (invariant 10)."""

    _name = 'fieldpromax.checkpoint'
    _description = 'Checkpoint of the pull'
    _rec_name = 'kind'
    _order = 'connection_id, id'

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one(related='connection_id.company_id', store=True, index=True)
    kind = fields.Selection(
        [
            ('reference', 'Accounts and taxes'),
            ('contact', 'Customers'),
            ('item', 'Products'),
            ('invoice', 'Invoices'),
            ('credit_note', 'Credit notes'),
            ('payment', 'Payments'),
        ],
        required=True,
        readonly=True,
    )
    phase = fields.Selection(
        [
            ('idle', 'Nothing under way'),
            ('reading', 'Reading'),
            ('checking', 'Asking for what did not come'),
            ('settling', 'Linking what is unique'),
        ],
        required=True,
        default='idle',
        readonly=True,
    )
    cursor = fields.Char(readonly=True, help='Position of the pass under way, as the provider gave it.')
    pass_since = fields.Char(readonly=True, help='What the pass under way began with; empty: everything.')
    since = fields.Char(readonly=True, help='Where the next pass begins.')
    full_at = fields.Datetime('Everything read on', readonly=True)
    pulled_at = fields.Datetime('Last read', readonly=True, help='When the last completed pass began.')
    pass_started_at = fields.Datetime(readonly=True)

    _kind_unique = models.Constraint('unique(connection_id, kind)', 'There is one checkpoint for each kind.')

    @api.model
    def _of(self, connection, kind):
        """The checkpoint of a kind, made when there is none yet."""
        checkpoint = self.search([('connection_id', '=', connection.id), ('kind', '=', kind)])
        return checkpoint or self.create({'connection_id': connection.id, 'kind': kind})

    def _begin(self, full=False):
        """Begin a pass, unless one is under way: that one is completed first."""
        self.ensure_one()
        if self.phase == 'idle':
            self.write(
                {
                    'phase': 'reading',
                    'cursor': False,
                    'pass_since': False if full else self.since,
                    'pass_started_at': fields.Datetime.now(),
                }
            )

    def _advance(self, page):
        """The page is stored: resume after it. A full pass goes on with what is linked here and did not come: only its
        absence tells that it was deleted."""
        self.ensure_one()
        following = 'settling' if self.pass_since else 'checking'
        self.write(
            {
                'cursor': page.next_cursor,
                'since': page.checkpoint or self.since,
                'phase': 'reading' if page.next_cursor else following,
            }
        )

    def _end(self):
        """The pass is complete."""
        self.ensure_one()
        values = {'phase': 'idle', 'cursor': False, 'pulled_at': self.pass_started_at}
        if not self.pass_since:
            values['full_at'] = fields.Datetime.now()
        self.write(values)
