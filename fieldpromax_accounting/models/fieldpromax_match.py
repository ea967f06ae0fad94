import json
import logging
from collections import Counter, defaultdict

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL
from odoo.tools.misc import formatLang

from ..exceptions import DATABASE_TROUBLE
from ..matching import (
    SCORE_BOTH,
    SCORE_NAME,
    SCORE_SECOND,
    Candidate,
    Families,
    Local,
    Remote,
    email_key,
    from_snapshot,
    name_keys,
    one_line,
    second_key,
    second_of,
    snapshot,
    text_key,
    text_key_sql,
)
from ..new_records import NewContacts, NewItems
from ..providers import dto
from .fieldpromax_link import record_fields

_logger = logging.getLogger(__name__)

# Candidates kept for one record of the books: more than these nobody reads.
CANDIDATES_KEPT = 10
COUNTS = ('linked', 'created', 'review', 'updated', 'skipped')


class FieldpromaxMatch(models.Model):
    """A pair of a record of the books and one of Odoo that may be the same, and what was decided about it.

    Rows exist where a person has to decide, or has decided. A pair without a record of Odoo says that the
    record of the books may be new, but is not made unasked.
    """

    _name = 'fieldpromax.match'
    _description = 'Possible match'
    _rec_name = 'external_name'
    _order = 'connection_id, kind, external_name, external_id, score desc, id'
    _check_company_auto = True
    _check_company_domain = models.check_company_domain_parent_of

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one(related='connection_id.company_id', store=True, index=True)
    kind = fields.Selection(
        [('contact', 'Customer'), ('item', 'Product')], 'What', required=True, readonly=True
    )
    external_id = fields.Char('ID in the books', required=True, readonly=True, index=True)
    external_name = fields.Char('In the books', readonly=True)
    external_email = fields.Char('E-mail in the books', readonly=True)
    external_phone = fields.Char('Phone in the books', readonly=True)
    external_city = fields.Char('City in the books', readonly=True)
    external_code = fields.Char('Code in the books', readonly=True)
    external_price = fields.Float('Price in the books', digits='Product Price', readonly=True)
    external_data = fields.Json(readonly=True)
    role = fields.Char(
        'Second currency',
        readonly=True,
        required=True,
        default='',
        help='The currency in which the books keep this customer beside the first one.',
    )
    external_label = fields.Char('Record of the books', compute='_compute_external_label', store=True)
    comparison = fields.Html('Side by side', compute='_compute_comparison', sanitize=False)

    partner_id = fields.Many2one(
        'res.partner', 'Customer', index='btree_not_null', ondelete='set null', readonly=True
    )
    product_id = fields.Many2one(
        'product.product', index='btree_not_null', ondelete='set null', readonly=True
    )
    record_name = fields.Char('In Odoo', readonly=True, help='Kept when the record is deleted.')
    record_detail = fields.Char('E-mail or code in Odoo', readonly=True)

    score = fields.Integer('Likeness', readonly=True, aggregator=None, help='Percent.')
    reason = fields.Char('Why', readonly=True)
    is_deferred = fields.Boolean(
        readonly=True, help='Equal in both; linked at the end of the pass, if it proves unique on both sides.'
    )
    is_proposed = fields.Boolean(
        readonly=True,
        help='Found when the record of Odoo was about to be sent; the pull leaves the row alone.',
    )
    looked_at = fields.Datetime(readonly=True, help='When the two were last compared.')
    decision = fields.Selection(
        [
            ('pending', 'To decide'),
            ('link', 'Linked'),
            ('create', 'Created'),
            ('ignore', 'Ignored'),
            ('never', 'Not the same'),
        ],
        required=True,
        default='pending',
        readonly=True,
    )
    decided_by_id = fields.Many2one('res.users', 'Decided by', readonly=True, ondelete='set null')
    decided_at = fields.Datetime('Decided on', readonly=True)

    # Pairs only: where the record of Odoo was deleted, rows may look the same, and deleting must never fail
    # for that.
    _partner_unique = models.UniqueIndex(
        '(connection_id, external_id, partner_id) WHERE partner_id IS NOT NULL'
    )
    _product_unique = models.UniqueIndex(
        '(connection_id, external_id, product_id) WHERE product_id IS NOT NULL'
    )
    _pending_index = models.Index("(connection_id, kind, external_id) WHERE decision = 'pending'")

    # === COMPUTE METHODS === #

    @api.depends('external_name', 'external_email', 'external_code')
    def _compute_external_label(self):
        for match in self:
            detail = match.external_email or match.external_code
            match.external_label = (
                f'{match.external_name or ""} · {detail}' if detail else match.external_name
            )

    @api.depends('external_data', 'partner_id', 'product_id')
    @api.depends_context('lang')
    def _compute_comparison(self):
        """Both sides in one table: what neither has is left out, what differs is marked."""
        for match in self:
            rows = [
                (label, there, here, match._difference(there, here))
                for label, there, here in match._compared()
                if there or here
            ]
            match.comparison = self.env['ir.qweb']._render(
                'fieldpromax_accounting.fieldpromax_match_comparison',
                {
                    'rows': rows,
                    'has_record': bool(match._record_of()),
                    'provider': match.connection_id._provider_label(),
                },
            )

    def _compared(self):
        """``[(label, in the books, in Odoo)]``, as people read it; another addon extends it for a kind of its own."""
        self.ensure_one()
        if not self.external_data:
            return [(self.env._('Name'), self.external_name or '', self.record_name or '')]
        remote, record = self._remote(), self._record_of()
        if self.kind == 'item':
            currency = self.connection_id.currency_id
            price_there = (
                formatLang(self.env, remote.sale_price, digits=2) if remote.sale_price is not None else ''
            )
            price_here = formatLang(self.env, record.lst_price, digits=2) if record else ''
            if currency and record and record.currency_id != currency:
                price_here = f'{price_here} {record.currency_id.name}'
            return [
                (self.env._('Name'), one_line(remote.name), record.name or self.record_name or ''),
                (self.env._('Code'), remote.code, record.default_code or ''),
                (self.env._('Price'), price_there, price_here),
                (
                    self.env._('Description'),
                    one_line(remote.description),
                    one_line(record.description_sale or ''),
                ),
            ]
        address = remote.address
        return [
            (self.env._('Name'), one_line(remote.name), record.name or self.record_name or ''),
            (self.env._('E-mail'), remote.email, record.email or ''),
            (self.env._('Phone'), remote.phone, record.phone or ''),
            (self.env._('Tax number'), remote.tax_number, record.vat or ''),
            (
                self.env._('Street'),
                one_line(f'{address.street} {address.street2}'),
                one_line(f'{record.street or ""} {record.street2 or ""}'),
            ),
            (
                self.env._('City'),
                one_line(f'{address.postal_code} {address.city}'),
                one_line(f'{record.zip or ""} {record.city or ""}'),
            ),
            (self.env._('Currency'), self.role, ''),
        ]

    @api.model
    def _difference(self, there, here):
        """'' the same; otherwise in which way the two differ, in a word."""
        if one_line(there) == one_line(here):
            return ''
        if not here or not there:
            return self.env._('one side only')
        if text_key(there) == text_key(here):
            return self.env._('spelled differently')
        return self.env._('different')

    # === CRUD METHODS === #

    def write(self, vals):
        if not self.env.su:
            raise AccessError(
                self.env._('Decide with the buttons Link, Create new, Ignore and Not the same.')
            )
        return super().write(vals)

    # === ACTIONS === #

    def action_link(self):
        """The two are the same: link them."""
        matches = self._to_decide()
        if any(not match._record_of() for match in matches):
            raise UserError(
                self.env._('There is no record of Odoo to link in the row. Choose Create new, or Ignore.')
            )
        external = Counter((match.connection_id.id, match.kind, match.external_id) for match in matches)
        local = Counter((match.connection_id.id, match._record_of(), match.role) for match in matches)
        if twice := next(
            (m for m in matches if external[m.connection_id.id, m.kind, m.external_id] > 1), None
        ):
            raise UserError(
                self.env._(
                    '"%s" of the books can be linked to one record only. Select one of its rows.',
                    twice.external_name,
                )
            )
        if twice := next((m for m in matches if local[m.connection_id.id, m._record_of(), m.role] > 1), None):
            raise UserError(
                self.env._(
                    '"%s" can be linked to one record of the books only. Select one of its rows.',
                    twice._record_of().display_name,
                )
            )
        for (connection, kind), group in matches.grouped(lambda m: (m.connection_id, m.kind)).items():
            group._check_free()
            link = self.env['fieldpromax.link'].sudo()
            link._link_many(connection, kind, [(match._record_of(), match._remote()) for match in group])
        matches._decide('link', others='never')
        matches._look_anew_at_rivals()
        return True

    def action_create(self):
        """They are different: make the record of the books in Odoo. One that is linked already needs nothing
        made: then the record of Odoo is another one, and goes over as new."""
        matches = self._to_decide()
        for (connection, kind), group in matches.grouped(lambda m: (m.connection_id, m.kind)).items():
            links = self.env['fieldpromax.link'].sudo()
            known = {
                link.external_id
                for link in links.search(
                    [
                        ('connection_id', '=', connection.id),
                        ('kind', '=', kind),
                        ('external_id', 'in', group.mapped('external_id')),
                        (record_fields(self.env)[kind], '!=', False),
                    ]
                )
            }
            remotes = {
                match.external_id: match._remote() for match in group if match.external_id not in known
            }
            driver = connection._as_driver()
            created = group.with_env(driver.env)._create_records(driver, kind, list(remotes.values()))
            links._link_many(
                connection,
                kind,
                [(record.with_env(self.env), remote) for record, remote in created],
                made=True,
            )
        matches._decide('create', others='never')
        return True

    def action_ignore(self):
        """Leave the record of the books alone, for good."""
        matches = self._to_decide()
        for (connection, kind), group in matches.grouped(lambda m: (m.connection_id, m.kind)).items():
            remotes = {match.external_id: match._remote() for match in group}
            links = self.env['fieldpromax.link'].sudo()
            nothing = self.env[links._fields[record_fields(self.env)[kind]].comodel_name]
            links._link_many(connection, kind, [(nothing, remote) for remote in remotes.values()])
            links.search(
                [
                    ('connection_id', '=', connection.id),
                    ('kind', '=', kind),
                    ('external_id', 'in', list(remotes)),
                    (record_fields(self.env)[kind], '=', False),
                ]
            ).write({'decision': 'ignore'})
        matches._decide('ignore', others='ignore')
        return True

    def action_never(self):
        """These two are not the same; what becomes of the record of the books is decided by what else is like
        it."""
        matches = self._to_decide()
        pairs = matches.filtered(lambda match: match._record_of())
        if not pairs:
            raise UserError(
                self.env._('There is no record of Odoo in the row: choose Create new, or Ignore.')
            )
        lonely = self.env['fieldpromax.match']
        for match in pairs:
            rest = match._others().filtered(lambda other: other not in pairs)
            if not rest and (match.external_id, match.connection_id) not in [
                (one.external_id, one.connection_id) for one in lonely
            ]:
                lonely |= match
        values = [
            match._row_values()
            | {'score': 0, 'reason': self.env._('Nothing in Odoo is the same: choose Create new, or Ignore.')}
            for match in lonely
        ]
        pairs._decide('never', others=None)
        self.env['fieldpromax.match'].sudo().create(values)
        return True

    def action_reopen(self):
        """Take back Ignore or Not the same."""
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_bookkeeper'):
            raise AccessError(self.env._('Only a bookkeeper can decide about matches.'))
        self.check_access('write')
        matches = self.sudo().filtered(
            lambda match: match.decision in ('ignore', 'never') and match.external_data
        )
        if not matches:
            raise UserError(self.env._('Only what was ignored or set apart can be decided again.'))
        for match in matches.filtered(lambda match: match.decision == 'ignore'):
            column = record_fields(self.env)[match.kind]
            self.env['fieldpromax.link'].sudo().search(
                [
                    ('connection_id', '=', match.connection_id.id),
                    ('kind', '=', match.kind),
                    ('external_id', '=', match.external_id),
                    (column, '=', False),
                    ('decision', '=', 'ignore'),
                ]
            ).unlink()
            matches |= match._same_remote([('decision', '=', 'ignore')])
        matches.write({'decision': 'pending', 'decided_by_id': False, 'decided_at': False})
        return True

    def action_open_record(self):
        self.ensure_one()
        record = self._record_of()
        if not record:
            raise UserError(self.env._('There is no record of Odoo to open in the row.'))
        return {
            'type': 'ir.actions.act_window',
            'res_model': record._name,
            'res_id': record.id,
            'view_mode': 'form',
        }

    def _to_decide(self):
        """The pending rows of the selection, as superuser, once the person may decide."""
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_bookkeeper'):
            raise AccessError(self.env._('Only a bookkeeper can decide about matches.'))
        self.check_access('write')
        matches = self.sudo().filtered(lambda match: match.decision == 'pending' and match.external_data)
        if not matches:
            raise UserError(
                self.env._('This is decided already, or is still being looked up. Reload the list.')
            )
        return matches.with_context(fieldpromax_no_push=True)

    def _check_free(self):
        """:raise UserError: one of the two is linked to something else meanwhile."""
        connection = self.connection_id
        kind = self[0].kind
        links = self.env['fieldpromax.link'].sudo()
        column = record_fields(self.env)[kind]
        taken = {
            (link[column], link.role): link
            for link in links.search(
                [('connection_id', '=', connection.id), (column, 'in', self._records_of().ids)]
            )
        }
        there = {
            link.external_id: link
            for link in links.search(
                [
                    ('connection_id', '=', connection.id),
                    ('kind', '=', kind),
                    ('external_id', 'in', self.mapped('external_id')),
                    (record_fields(self.env)[kind], '!=', False),
                ]
            )
        }
        for match in self:
            link = there.get(match.external_id) or taken.get((match._record_of(), match.role))
            if link and (link.external_id, link[record_fields(self.env)[kind]]) != (
                match.external_id,
                match._record_of(),
            ):
                raise UserError(
                    self.env._(
                        '"%(name)s" is linked to "%(other)s" of the books already. Choose Not the same for this row.',
                        name=link.record_name or match.record_name,
                        other=link.external_name,
                    )
                )

    def _decide(self, decision, others):
        """Write down who decided what, settle the other candidates of the same record of the books, and wake
        the push."""
        stamp = {'decided_by_id': self.env.user.id, 'decided_at': fields.Datetime.now(), 'is_deferred': False}
        rest = self.env['fieldpromax.match'].sudo()
        if others:
            for match in self:
                rest |= match._others()
        self.write({'decision': decision, **stamp})
        (rest - self).write({'decision': others or decision, **stamp})
        self.connection_id._trigger_push()

    def _same_remote(self, domain):
        """Other rows of the same record of the books."""
        self.ensure_one()
        return self.sudo().search(
            [
                ('connection_id', '=', self.connection_id.id),
                ('kind', '=', self.kind),
                ('external_id', '=', self.external_id),
                ('id', '!=', self.id),
                *domain,
            ]
        )

    def _others(self):
        """Pending rows of the same record of the books."""
        return self._same_remote([('decision', '=', 'pending')])

    def _record_of(self):
        self.ensure_one()
        return self[record_fields(self.env)[self.kind]]

    def _records_of(self):
        return self[record_fields(self.env)[self[0].kind]]

    def _remote(self):
        """The record of the books as it was last read."""
        self.ensure_one()
        return from_snapshot(self.kind, self.external_data)

    def _row_values(self):
        """Values of a row about the same record of the books, without a record of Odoo."""
        self.ensure_one()
        names = (
            'kind',
            'role',
            'external_id',
            'external_name',
            'external_email',
            'external_phone',
            'external_city',
        )
        return {
            'connection_id': self.connection_id.id,
            **{name: self[name] for name in (*names, 'external_code', 'external_price', 'external_data')},
        }

    # === TAKING IN A PAGE === #

    @api.model
    def _take_in(self, connection, kind, records):
        """Link, make, or keep for review what came with a page; one bad record never fails the others.

        :return: ``(counts, notes)``: a Counter over :data:`COUNTS`, and sentences about what could not be
            taken over.
        """
        counts, notes = Counter(dict.fromkeys(COUNTS, 0)), []
        records = list({record.external_id: record for record in records}.values())
        if not records:
            return counts, notes
        try:
            with self.env.cr.savepoint():
                counts.update(self._take_in_batch(connection, kind, records))
                return counts, notes
        except DATABASE_TROUBLE:
            raise
        except Exception as error:  # noqa: BLE001 whatever any addon raises, one by one tells which record
            _logger.info(
                'A page of %s of accounting connection %s is taken in one by one: %s',
                kind,
                connection.id,
                type(error).__name__,
            )
        for record in records:
            try:
                with self.env.cr.savepoint():
                    counts.update(self._take_in_batch(connection, kind, [record]))
            except DATABASE_TROUBLE:
                raise
            except Exception as error:  # noqa: BLE001 one bad record never fails the page
                _logger.warning(
                    'Record %s (%s) of accounting connection %s cannot be taken over: %s',
                    record.external_id,
                    kind,
                    connection.id,
                    type(error).__name__,
                )
                counts['skipped'] += 1
                notes.append(
                    self.env._(
                        '"%(name)s" could not be taken over: %(reason)s',
                        name=one_line(record.name) or record.external_id,
                        reason=one_line(str(error))[:300],
                    )
                )
        return counts, notes

    @api.model
    def _take_in_batch(self, connection, kind, records):
        link_model = self.env['fieldpromax.link']
        column = record_fields(self.env)[kind]
        links = {
            link.external_id: link
            for link in link_model.search_fetch(
                [
                    ('connection_id', '=', connection.id),
                    ('kind', '=', kind),
                    ('external_id', 'in', [record.external_id for record in records]),
                ],
                ['external_id', 'external_version', 'external_active', 'decision', column],
            )
        }
        counts = Counter()
        renewed, open_records, closed = [], [], []
        for record in records:
            link = links.get(record.external_id)
            if link and link[column]:
                counts['updated'] += 1
                if link.external_version != record.version or link.external_active != record.active:
                    renewed.append((link[column], record))
            elif link and link.decision == 'ignore':
                counts['skipped'] += 1
                closed.append(record)
            elif not record.active or not self._is_in_scope(connection, kind, record):
                counts['skipped'] += 1
                closed.append(record)
            else:
                open_records.append(record)
        link_model._link_many(connection, kind, renewed)
        self._forget(connection, kind, closed)
        deleted_here = {external_id for external_id, link in links.items() if not link[column]}
        counts.update(self._match_batch(connection, kind, open_records, deleted_here))
        return counts

    @api.model
    def _is_in_scope(self, connection, kind, record):
        """Suppliers who are no customers are pulled by choice only."""
        return kind != 'contact' or record.is_customer or not record.is_supplier or connection.pull_suppliers

    @api.model
    def _forget(self, connection, kind, records):
        """Pending rows of records that are archived, ignored or out of scope by now go away."""
        if records:
            self.search(
                [
                    ('connection_id', '=', connection.id),
                    ('kind', '=', kind),
                    ('external_id', 'in', [record.external_id for record in records]),
                    ('decision', '=', 'pending'),
                    ('is_proposed', '=', False),
                ]
            ).unlink()

    @api.model
    def _match_batch(self, connection, kind, records, deleted_here=frozenset(), make=True):
        """Decide about records of the books that have no counterpart yet.

        Neither name nor second (e-mail, code) known → made in Odoo. Both equal, to one candidate and no other
        → linked at the end of the pass, when it is known that no other record of the books claims the same.
        Everything else → review.

        :param deleted_here: external ids that had a counterpart which somebody deleted in Odoo: never made
            again unasked.
        :param make: False while looking anew at what waits for review: then nothing is made.
        """
        roles = {
            record.external_id: self.env['fieldpromax.link']._role_of(connection, kind, record)
            for record in records
        }
        counts = Counter()
        # Second currencies are compared with what the first ones of the same page have just become.
        for group in (
            [record for record in records if not roles[record.external_id]],
            [record for record in records if roles[record.external_id]],
        ):
            if group:
                counts.update(self._match_group(connection, kind, group, roles, deleted_here, make))
        return counts

    @api.model
    def _match_group(self, connection, kind, records, roles, deleted_here, make):
        counts = Counter()
        names_of = {record.external_id: name_keys(record, roles[record.external_id]) for record in records}
        locals_by_name, locals_by_second = self._find_locals(connection, kind, records, names_of)
        different = self._decided_pairs(connection, kind, [record.external_id for record in records])
        families = self._families(connection, kind, records, locals_by_second)
        claimed_names, claimed_seconds = {}, defaultdict(list)
        rows, to_make = [], []
        for record in records:
            names, second = names_of[record.external_id], second_key(kind, second_of(kind, record))
            head = families.head(record.external_id)
            inherited = bool(second) and families.inherits(record.external_id, second)
            found = defaultdict(dict)
            for local in self._alike(
                names, second, inherited, head, families, locals_by_name, locals_by_second
            ):
                found[local.id][local.name, local.via] = local
            candidates = [
                # An item without a code is told by its name alone.
                Candidate(list(group.values()), names, second, name_decides=kind == 'item' and not second)
                for local_id, group in found.items()
                if (record.external_id, local_id) not in different
            ]
            twin = next((claimed_names[name] for name in names if name in claimed_names), None) or next(
                (name for name, other in claimed_seconds[second] if second and other != head), None
            )
            # Items of the books may do without a name; their code alone tells them.
            has_key = names or (kind == 'item' and second)
            known = found or twin or not has_key or record.external_id in deleted_here
            if make and not known:
                to_make.append(record)
                claimed_names |= dict.fromkeys(names, record.name)
                claimed_seconds[second].append((record.name, head))
                continue
            new_rows = self._review_rows(
                kind,
                record,
                candidates,
                twin,
                record.external_id in deleted_here,
                roles[record.external_id],
            )
            rows += [(record, row) for row in new_rows]
            counts['review'] += 1
        created = self._create_records(connection, kind, to_make)
        self.env['fieldpromax.link']._link_many(connection, kind, created, made=True)
        counts['created'] += len(created)
        self._store_rows(connection, kind, records, rows, roles)
        return counts

    @api.model
    def _alike(self, names, second, inherited, head, families, by_name, by_second):
        """Records of Odoo that one of the books may be. An e-mail that a sub-customer shares with its parent finds
        nobody: everyone of the family has it."""
        for name in names:
            yield from by_name.get(name, ())
        for local in by_second.get(second, ()) if not inherited else ():
            if local.name_key in names or not any(
                families.head(external_id) == head for external_id, _parent in local.links.values()
            ):
                yield local

    @api.model
    def _families(self, connection, kind, records, locals_by_second):
        """The parents of these customers, and of those that customers of Odoo with the same e-mail are linked to, up
        to the topmost; no query where there are no sub-customers."""
        if kind != 'contact':
            return Families({})
        members = {
            external_id: (parent, '')
            for group in locals_by_second.values()
            for local in group
            for external_id, parent in local.links.values()
        }
        members |= {
            record.external_id: (record.parent_external_id, email_key(record.email)) for record in records
        }
        while missing := {parent for parent, _email in members.values() if parent and parent not in members}:
            domain = [
                ('connection_id', '=', connection.id),
                ('kind', '=', kind),
                ('external_id', 'in', list(missing)),
            ]
            members |= dict.fromkeys(missing, ('', ''))
            for match in self.search([*domain, ('external_data', '!=', False)]):
                parent = match.external_data.get('parent_external_id') or ''
                members[match.external_id] = (parent, email_key(match.external_email))
            for link in self.env['fieldpromax.link'].search(domain):
                members[link.external_id] = (link.parent_external_id or '', email_key(link.external_email))
        return Families(members)

    @api.model
    def _review_rows(self, kind, record, candidates, twin, was_deleted, role):
        """Rows for a person, or one deferred row, as ``[(local, score, reason, is_deferred)]``."""
        free = [candidate for candidate in candidates if role not in candidate.local.links]
        rows = [
            (
                candidate.local,
                candidate.score,
                self._reason(kind, record, candidate, len(candidates), role),
                candidate.is_exact and len(candidates) == 1 and not twin,
            )
            for candidate in free
        ]
        rows.sort(key=lambda row: (-row[1], row[0].id))
        if rows:
            return rows[:CANDIDATES_KEPT]
        if candidates:
            candidate = candidates[0]
            values = {'name': candidate.local.name}
            if candidate.same_name:
                reason = self.env._(
                    'Same name as "%(name)s" in Odoo, which is linked to another one of the books. Merge the two '
                    'there, or create a second one.',
                    **values,
                )
            elif kind == 'contact':
                reason = self.env._(
                    'Same e-mail as "%(name)s" in Odoo, which is linked to another one of the books. Create it if '
                    'it is another customer.',
                    **values,
                )
            else:
                reason = self.env._(
                    'Same code as "%(name)s" in Odoo, which is linked to another one of the books. Create it if it is '
                    'another product.',
                    **values,
                )
        elif twin:
            reason = self.env._(
                'The books have another one that looks the same: "%s". Merge the two there, or create a second one.',
                twin,
            )
        elif was_deleted:
            reason = self.env._('It was deleted in Odoo. Create it again, or ignore it from now on.')
        elif not text_key(record.name):
            reason = self.env._('It has no name that could be compared. Create it, or ignore it.')
        else:
            reason = self.env._('Nothing in Odoo is the same: choose Create new, or Ignore.')
        return [(None, 0, reason, False)]

    @api.model
    def _reason(self, kind, record, candidate, count, role=''):
        """Why the two may be the same, and why it was not decided without a person."""
        reason = self._likeness(kind, record, candidate, count)
        if not role:
            return reason
        return self.env._(
            '%(reason)s In the books it is a customer in %(currency)s.', reason=reason, currency=role
        )

    @api.model
    def _likeness(self, kind, record, candidate, count):
        local = candidate.local
        here, there = local.second, second_of(kind, record)
        same_name, same_second = candidate.same_name, candidate.same_second
        contact = kind == 'contact'
        if same_name and same_second:
            if not local.active:
                return self.env._('Both are equal, but it is archived in Odoo.')
            if local.via:
                return self.env._('Both are equal to the contact "%s" of this customer.', local.via)
            if count > 1:
                return self.env._('Both are equal, but another record of Odoo is like it as well.')
            return self.env._('Both are equal, but another record of the books is like it as well.')
        if same_name and not contact and not there and (count > 1 or not local.active):
            if not local.active:
                return self.env._('Same name, and the books have no code, but it is archived in Odoo.')
            return self.env._(
                'Same name, and the books have no code, but another record of Odoo is like it as well.'
            )
        if same_name:
            if not there and not here:
                missing = self.env._('Same name; neither side has an e-mail.') if contact else ''
                return missing or self.env._('Same name; neither side has a code.')
            if not there:
                missing = self.env._('Same name; the books have no e-mail.') if contact else ''
                return missing or self.env._('Same name; the books have no code.')
            if not here:
                missing = self.env._('Same name; Odoo has no e-mail.') if contact else ''
                return missing or self.env._('Same name; Odoo has no internal reference.')
            if contact:
                return self.env._('Same name, different e-mail.')
            return self.env._('Same name, different code.')
        if contact:
            return self.env._('Same e-mail, different name.')
        return self.env._('Same code, different name.')

    @api.model
    def _store_rows(self, connection, kind, records, rows, roles):
        """Replace the pending rows of these records of the books; in one statement each, whatever their
        number."""
        column = record_fields(self.env)[kind]
        data = []
        for record, (local, score, reason, deferred) in rows:
            contact = kind == 'contact'
            detail = second_of(kind, record)
            name = one_line(record.name) or detail
            data.append(
                {
                    'external_id': record.external_id,
                    'role': roles[record.external_id],
                    'external_name': name,
                    'external_email': record.email if contact else None,
                    'external_phone': record.phone if contact else None,
                    'external_city': record.address.city if contact else None,
                    'external_code': None if contact else record.code,
                    'external_price': 0.0 if contact else float(record.sale_price or 0),
                    'external_label': f'{name} · {detail}' if detail else name,
                    'external_data': snapshot(record),
                    'record': local.id if local else None,
                    'record_name': local.name if local else None,
                    'record_detail': local.second if local else None,
                    'score': score,
                    'reason': reason,
                    'is_deferred': deferred,
                }
            )
        self.flush_model()
        external_ids = [record.external_id for record in records]
        kept = self._keep_rows(connection, kind, external_ids, data)
        data = [row for row in data if (row['external_id'], row['record']) not in kept]
        if data:
            self.env.cr.execute(
                SQL(
                    """
                    INSERT INTO fieldpromax_match (connection_id, company_id, kind, role, external_id,
                           external_name, external_email, external_phone, external_city, external_code,
                           external_price, external_label, external_data, %(column)s, record_name,
                           record_detail, score, reason, is_deferred, decision, looked_at, create_uid,
                           write_uid, create_date, write_date)
                    SELECT %(connection)s, %(company)s, %(kind)s, r.role, r.external_id, r.external_name,
                           r.external_email, r.external_phone, r.external_city, r.external_code,
                           r.external_price, r.external_label, r.external_data, r.record, r.record_name,
                           r.record_detail, r.score, r.reason, r.is_deferred, 'pending', now() AT TIME ZONE
                           'UTC', %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
                      FROM json_to_recordset(%(data)s::json) AS r(external_id varchar, role varchar,
                           external_name varchar, external_email varchar, external_phone varchar, external_city varchar,
                           external_code varchar, external_price numeric, external_label varchar,
                           external_data jsonb, record int, record_name varchar, record_detail varchar, score
                           int, reason varchar, is_deferred bool)
                    ON CONFLICT DO NOTHING
                    """,
                    column=SQL.identifier(column),
                    connection=connection.id,
                    company=connection.company_id.id,
                    kind=kind,
                    uid=self.env.uid,
                    data=json.dumps(data),
                )
            )
        self.invalidate_model()

    @api.model
    def _keep_rows(self, connection, kind, external_ids, data):
        """Renew the pending rows that stay, so that a list that is open on somebody's screen stays valid;
        drop the others.

        :return: ``{(external id, record id or None)}`` of what stays.
        """
        column = record_fields(self.env)[kind]
        wanted = {(row['external_id'], row['record']): row for row in data}
        kept = set()
        gone = self.browse()
        for match in self.search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', kind),
                ('external_id', 'in', external_ids),
                ('decision', '=', 'pending'),
                ('is_proposed', '=', False),
            ]
        ):
            pair = (match.external_id, match[column].id or None)
            if pair in wanted and pair not in kept:
                kept.add(pair)
                match.write(
                    {name: value for name, value in wanted[pair].items() if name != 'record'}
                    | {'looked_at': fields.Datetime.now()}
                )
            else:
                gone |= match
        gone.unlink()
        return kept

    @api.model
    def _decided_pairs(self, connection, kind, external_ids, record=None):
        """``{(external id, record id)}`` that a person said are not the same; of one record of Odoo or of
        all."""
        column = record_fields(self.env)[kind]
        rows = self.search_fetch(
            [
                *([(column, '=', record.id)] if record else []),
                ('connection_id', '=', connection.id),
                ('kind', '=', kind),
                ('external_id', 'in', external_ids),
                ('decision', 'in', ('never', 'create', 'ignore')),
                (column, '!=', False),
            ],
            ['external_id', column],
        )
        return {(row.external_id, row[column].id) for row in rows}

    # === THE LOCAL SIDE === #

    @api.model
    def _find_locals(self, connection, kind, records, names_of=None):
        """Records of Odoo that share the name or the second with any of these, in one set-based query.

        :param names_of: ``{external id: keys of its names}``, where they have more than the one.
        :return: ``({name key: [Local]}, {second key: [Local]})``
        """
        names_of = names_of or {record.external_id: name_keys(record) for record in records}
        names = list({name for keys in names_of.values() for name in keys})
        second_keys = list({second_key(kind, second_of(kind, record)) for record in records} - {''})
        finder = self._find_contacts if kind == 'contact' else self._find_items
        by_name, by_second = defaultdict(list), defaultdict(list)
        for local in finder(connection, names, second_keys):
            if local.name_key:
                by_name[local.name_key].append(local)
            if local.second_key:
                by_second[local.second_key].append(local)
        return by_name, by_second

    @api.model
    def _find_contacts(self, connection, names, email_keys):
        """Customers of no company or of this connection's. A contact person or address stands for its
        customer; archived ones are found as well, because what somebody archived must not be made again."""
        self.env['res.partner'].flush_model(
            [
                'name',
                'email',
                'email_normalized',
                'active',
                'company_id',
                'commercial_partner_id',
                'parent_id',
            ]
        )
        self.env['fieldpromax.link'].flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT c.id, c.name, c.email, p.id, p.name, p.email_normalized, c.active AND p.active,
                  (SELECT json_object_agg(l.role, json_build_array(l.external_id, COALESCE(l.parent_external_id, '')))
                     FROM fieldpromax_link l WHERE l.partner_id = c.id AND l.connection_id = %(connection)s)
                  FROM res_partner p
                  JOIN res_partner c ON c.id = p.commercial_partner_id
                 WHERE (c.company_id IS NULL OR c.company_id = ANY(%(companies)s))
                   AND (p.email_normalized = ANY(%(emails)s) OR %(name_key)s = ANY(%(names)s))
                 ORDER BY c.id, p.id <> c.id, p.id
                """,
                connection=connection.id,
                companies=connection._served_companies().ids,
                emails=email_keys,
                names=names,
                name_key=text_key_sql(SQL.identifier('p', 'name')),
            )
        )
        for row in self.env.cr.fetchall():
            customer_id, customer_name, customer_email, partner_id, name, email, active, links = row
            yield Local(
                id=customer_id,
                name=customer_name or '',
                second=customer_email or '',
                name_key=text_key(name),
                second_key=email or '',
                active=active,
                links=links or {},
                via='' if partner_id == customer_id else name or customer_name or '',
            )

    @api.model
    def _find_items(self, connection, names, code_keys):
        """Products of no company or of this connection's, by any of the names that their translations give
        them."""
        self.env['product.product'].flush_model(['default_code', 'active', 'product_tmpl_id'])
        self.env['product.template'].flush_model(['name', 'active', 'company_id'])
        self.env['fieldpromax.link'].flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT p.id, n.value, p.default_code, p.active AND t.active,
                  (SELECT json_object_agg(l.role, json_build_array(l.external_id, ''))
                     FROM fieldpromax_link l WHERE l.product_id = p.id AND l.connection_id = %(connection)s)
                  FROM product_product p
                  JOIN product_template t ON t.id = p.product_tmpl_id
                  CROSS JOIN LATERAL jsonb_each_text(t.name) n
                 WHERE (t.company_id IS NULL OR t.company_id = ANY(%(companies)s))
                   AND (%(code_key)s = ANY(%(codes)s) OR %(name_key)s = ANY(%(names)s))
                 ORDER BY p.id, n.key <> 'en_US', n.key
                """,
                connection=connection.id,
                companies=connection._served_companies().ids,
                codes=code_keys,
                names=names,
                code_key=text_key_sql(SQL.identifier('p', 'default_code')),
                name_key=text_key_sql(SQL.identifier('n', 'value')),
            )
        )
        for product_id, name, code, active, links in self.env.cr.fetchall():
            yield Local(
                id=product_id,
                name=name or '',
                second=code or '',
                name_key=text_key(name),
                second_key=text_key(code),
                active=active,
                links=links or {},
            )

    # === AT THE END OF A PASS === #

    @api.model
    def _look_anew(self, connection, kind, before, limit):
        """Compare again what waits for review and was not looked at since ``before``: a name or e-mail
        corrected in Odoo may have settled it. Nothing is made.

        :return: whether there is more to do.
        """
        waiting = self.search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', kind),
                ('decision', '=', 'pending'),
                ('is_proposed', '=', False),
                ('looked_at', '<', before),
            ],
            order='looked_at, id',
            limit=limit,
        )
        self._compare_again(connection, kind, waiting)
        return len(waiting) == limit

    @api.model
    def _compare_again(self, connection, kind, matches):
        """The records of the books of these pending rows once more, as they were last read."""
        matches = matches.filtered('external_data')
        if not matches:
            return
        links = self.env['fieldpromax.link'].search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', kind),
                ('external_id', 'in', matches.mapped('external_id')),
            ]
        )
        column = record_fields(self.env)[kind]
        linked = set(links.filtered(column).mapped('external_id'))
        (matches.filtered(lambda match: match.external_id in linked)).unlink()
        remotes = {
            match.external_id: match._remote()
            for match in matches.exists()
            if match.external_id not in linked
        }
        deleted_here = {link.external_id for link in links if not link[column]}
        self._match_batch(connection, kind, list(remotes.values()), deleted_here, make=False)

    def _look_anew_at_rivals(self):
        """These records of Odoo are linked now: other records of the books that waited for them are compared
        again."""
        for (connection, kind), group in self.grouped(
            lambda match: (match.connection_id, match.kind)
        ).items():
            driver = connection._as_driver()
            model = self.with_env(driver.env)
            rivals = model.search(
                [
                    ('connection_id', '=', connection.id),
                    ('kind', '=', kind),
                    ('decision', '=', 'pending'),
                    ('is_proposed', '=', False),
                    (record_fields(self.env)[kind], 'in', group._records_of().ids),
                ],
                limit=1000,
            )
            model._compare_again(driver, kind, rivals)

    @api.model
    def _settle(self, connection, kind, limit):
        """Link deferred pairs that no other record of the books, nor another of Odoo, claims.

        :return: ``(how many were linked, whether there is more to do)``
        """
        column = SQL.identifier(record_fields(self.env)[kind])
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT m.id
                  FROM fieldpromax_match m
                 WHERE m.connection_id = %(connection)s AND m.kind = %(kind)s AND m.decision = 'pending'
                   AND m.is_deferred AND m.%(column)s IS NOT NULL
                   AND NOT EXISTS (
                       SELECT FROM fieldpromax_match o
                        WHERE o.connection_id = m.connection_id AND o.kind = m.kind AND o.decision = 'pending'
                          AND o.id != m.id AND (o.external_id = m.external_id
                               OR (o.%(column)s = m.%(column)s AND o.role = m.role)))
                   AND NOT EXISTS (
                       SELECT FROM fieldpromax_link l
                        WHERE l.connection_id = m.connection_id AND l.%(column)s = m.%(column)s
                          AND l.role = m.role)
                 ORDER BY m.id
                 LIMIT %(limit)s
                """,
                connection=connection.id,
                kind=kind,
                column=column,
                limit=limit + 1,
            )
        )
        ids = [row[0] for row in self.env.cr.fetchall()]
        matches = self.browse(ids[:limit])
        self.env['fieldpromax.link']._link_many(
            connection, kind, [(match._record_of(), match._remote()) for match in matches]
        )
        # The link says it all; rows are kept for what a person decided.
        matches.unlink()
        if len(ids) > limit:
            return len(matches), True
        self.search(
            [('connection_id', '=', connection.id), ('kind', '=', kind), ('is_deferred', '=', True)]
        ).write({'is_deferred': False})
        return len(matches), False

    # === WHAT IS MADE IN ODOO === #

    @api.model
    def _create_records(self, connection, kind, remotes):
        """Make records of Odoo, all at once; no mail, no tracking, and nothing of it is sent back.

        :return: ``[(record, remote)]``
        """
        if not remotes:
            return []
        values = self._new_records(connection, kind)
        model = self.env[self.env['fieldpromax.link']._fields[record_fields(self.env)[kind]].comodel_name]
        model = model.with_company(connection.company_id).with_context(
            fieldpromax_no_push=True,
            tracking_disable=True,
            mail_create_nolog=True,
            mail_create_nosubscribe=True,
            mail_notrack=True,
            no_reset_password=True,
        )
        made = []
        for remotes_now in values.rounds(remotes):
            records = model.create([values.of(remote) for remote in remotes_now])
            pairs = list(zip(records, remotes_now, strict=True))
            values.learn(pairs)
            made += pairs
        return made

    @api.model
    def _new_records(self, connection, kind):
        """What prepares new records of a kind: an object whose ``of(remote)`` gives the values of one. Another addon
        overrides this for a kind of its own."""
        return {'contact': NewContacts, 'item': NewItems}[kind](connection)

    # === WHAT THE PUSH ASKS === #

    @api.model
    def _decide_local(self, connection, kind, records, role=''):
        """The same rules seen from Odoo: may these records, which have no link, be made in the books?

        :param role: a currency: may these customers be made a second time, in that currency?
        :return: ``{record id: (verdict, sentence)}``: ``('create', '')`` nothing in the books is like it;
            ``('linked', '')`` one is equal, unique both ways, and is linked now; ``('review', why)`` a person
            has to decide, the rows are there.
        """
        if not records:
            return {}
        column = record_fields(self.env)[kind]
        keys = {record.id: self._local_keys(kind, record, role) for record in records}
        by_name, by_second = self._find_remotes(connection, kind, keys.values())
        proposals = self.search(
            [
                ('connection_id', '=', connection.id),
                ('decision', '=', 'pending'),
                ('role', '=', role),
                (column, 'in', records.ids),
            ]
        )
        looking_up = proposals.filtered(lambda match: not match.external_id)[column]
        verdicts = {}
        for record in records:
            names, second = keys[record.id]
            alike = {remote.external_id: remote for name in names for remote in by_name.get(name, ())}
            relatives = self._relatives(kind, record)
            alike |= {
                remote.external_id: remote
                for remote in by_second.get(second, ())
                if second and remote.record_id not in relatives
            }
            alike = {
                external_id: remote
                for external_id, remote in alike.items()
                # It stands in the books already, in another currency.
                if remote.record_id != record.id and (not role or remote.role == role)
            }
            for external_id, _record in self._decided_pairs(connection, kind, list(alike), record):
                alike.pop(external_id)
            own = proposals.filtered(lambda match: match[column] == record)  # noqa: B023 used at once
            # What was found by asking the books for the name stays until somebody decides.
            asked = own.filtered(
                lambda match: match.is_proposed and match.external_id and match.external_id not in alike  # noqa: B023
            )
            if record in looking_up:
                sentence = self.env._(
                    'The books have this name already; which record has it is being looked up.'
                )
                verdicts[record.id] = ('review', sentence)
            elif not alike and not asked:
                verdicts[record.id] = ('create', '')
            elif not asked and self._link_if_unique(connection, kind, record, names, second, alike):
                verdicts[record.id] = ('linked', '')
            else:
                verdicts[record.id] = ('review', self._propose(connection, kind, record, names, alike, own))
        return verdicts

    @api.model
    def _local_keys(self, kind, record, role=''):
        """``(keys of the names, key of the second)``; in a second currency, its name may carry that as well."""
        if kind != 'contact':
            return tuple(filter(None, [text_key(record.name)])), text_key(record.default_code)
        names = [text_key(record.name), text_key(f'{record.name} {role}') if role else '']
        return tuple(filter(None, names)), record.email_normalized or ''

    @api.model
    def _relatives(self, kind, record):
        """Ids of the customers above, beside and below one: they often share an e-mail, which then says nothing."""
        if kind != 'contact' or not (record.parent_id or record.child_ids):
            return ()
        top = (record | record._fieldpromax_ancestors())[-1:]
        return set(record.with_context(active_test=False).search([('id', 'child_of', top.id)]).ids) - {
            record.id
        }

    @api.model
    def _find_remotes(self, connection, kind, keys):
        """Records of the books, as last read, that share the name or the second with any of these keys:
        linked or ignored ones, and those that wait for review."""
        second = 'external_email' if kind == 'contact' else 'external_number'
        pending_second = 'external_email' if kind == 'contact' else 'external_code'
        key_of = (lambda column: SQL('lower(btrim(%s))', column)) if kind == 'contact' else text_key_sql
        names = list({name for own_names, _second in keys for name in own_names})
        seconds = list({second for _names, second in keys} - {''})
        self.env['fieldpromax.link'].flush_model()
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT r.external_id, min(r.name), min(r.second), max(r.record), bool_or(r.ignored),
                       max(r.match), max(r.role)
                  FROM (SELECT l.role, l.external_id, l.external_name AS name, l.%(second)s AS second,
                               l.%(column)s AS record, l.decision IS NOT DISTINCT FROM 'ignore' AS ignored,
                               NULL::int AS match
                          FROM fieldpromax_link l
                         WHERE l.connection_id = %(connection)s AND l.kind = %(kind)s AND l.external_active
                         UNION ALL
                        SELECT m.role, m.external_id, m.external_name, m.%(pending_second)s, NULL, FALSE, m.id
                          FROM fieldpromax_match m
                         WHERE m.connection_id = %(connection)s AND m.kind = %(kind)s AND m.decision =
                           'pending' AND m.external_data IS NOT NULL) r
                 WHERE %(name_key)s = ANY(%(names)s) OR %(second_key)s = ANY(%(seconds)s)
                 GROUP BY r.external_id
                """,
                connection=connection.id,
                kind=kind,
                column=SQL.identifier(record_fields(self.env)[kind]),
                second=SQL.identifier(second),
                pending_second=SQL.identifier(pending_second),
                name_key=text_key_sql(SQL.identifier('r', 'name')),
                second_key=key_of(SQL.identifier('r', 'second')),
                names=names,
                seconds=seconds,
            )
        )
        by_name, by_second = defaultdict(list), defaultdict(list)
        for row in self.env.cr.fetchall():
            remote = Remote(*row[:2], row[2] or '', row[3] or 0, row[4], row[5] or 0, row[6])
            by_name[text_key(remote.name)].append(remote)
            if key := second_key(kind, remote.second):
                by_second[key].append(remote)
        return by_name, by_second

    @api.model
    def _link_if_unique(self, connection, kind, record, names, second, alike):
        """Link the one record of the books that is equal, unless anything else on either side is like the
        two."""
        if len(alike) != 1:
            return False
        (remote,) = alike.values()
        same_second = bool(second) and second_key(kind, remote.second) == second
        # An item without a code is told by its name alone.
        name_decides = kind == 'item' and not remote.second
        equal = text_key(remote.name) in names and (same_second or name_decides)
        if not equal or remote.record_id or remote.is_ignored or not remote.match_id:
            return False
        match = self.browse(remote.match_id)
        data = match._remote()
        by_name, by_second = self._find_locals(
            connection, kind, [data], {data.external_id: name_keys(data, remote.role)}
        )
        if {local.id for group in (*by_name.values(), *by_second.values()) for local in group} != {record.id}:
            return False
        self.env['fieldpromax.link']._link_many(connection, kind, [(record, data)])
        (match | match._others()).unlink()
        return True

    @api.model
    def _propose(self, connection, kind, record, names, alike, own):
        """Rows for the bookkeeper about a record of Odoo that is like records of the books; says why in a
        sentence."""
        provider = connection._provider_label()
        present = set(own.mapped('external_id'))
        sentences = own.filtered('is_proposed').mapped('reason')
        rows = []
        for remote in alike.values():
            same_name = text_key(remote.name) in names
            if remote.record_id:
                reason = self.env._(
                    '%(provider)s has "%(name)s", which is linked to another record of Odoo. Create new if this '
                    'is another one.',
                    provider=provider,
                    name=remote.name,
                )
            elif remote.is_ignored:
                reason = self.env._(
                    '%(provider)s has "%(name)s", which is ignored.', provider=provider, name=remote.name
                )
            elif same_name:
                reason = self.env._(
                    '%(provider)s has "%(name)s" already.', provider=provider, name=remote.name
                )
            elif kind == 'contact':
                reason = self.env._(
                    '%(provider)s has "%(name)s" with the same e-mail.', provider=provider, name=remote.name
                )
            else:
                reason = self.env._(
                    '%(provider)s has "%(name)s" with the same code.', provider=provider, name=remote.name
                )
            sentences.append(reason)
            if remote.external_id not in present:
                rows.append(
                    self._proposal_values(
                        connection, kind, record, self._known_remote(kind, connection, remote), reason
                    )
                )
        self.create(rows)
        return sentences[0]

    @api.model
    def _known_remote(self, kind, connection, remote):
        """A DTO of what is stored about a record of the books."""
        if remote.match_id:
            return self.browse(remote.match_id)._remote()
        link = self.env['fieldpromax.link'].search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', kind),
                ('external_id', '=', remote.external_id),
            ]
        )
        stored = {
            'name': link.external_name or '',
            'external_id': link.external_id,
            'version': link.external_version or '',
            'active': link.external_active,
        }
        if kind == 'contact':
            return dto.Contact(
                number=link.external_number or '',
                email=link.external_email or '',
                currency=link.role or '',
                parent_external_id=link.parent_external_id or '',
                **stored,
            )
        return dto.Item(code=link.external_number or '', **stored)

    @api.model
    def _proposal_values(self, connection, kind, record, remote, reason):
        role = self.env['fieldpromax.link']._role_of(connection, kind, remote)
        names, second = self._local_keys(kind, record, role)
        same_name = text_key(remote.name) in names
        same_second = bool(second) and second_key(kind, second_of(kind, remote)) == second
        contact = kind == 'contact'
        return {
            'connection_id': connection.id,
            'kind': kind,
            'role': role,
            'external_id': remote.external_id,
            'external_name': one_line(remote.name),
            'external_email': remote.email if contact else False,
            'external_phone': remote.phone if contact else False,
            'external_city': remote.address.city if contact else False,
            'external_code': False if contact else remote.code,
            'external_price': 0.0 if contact else float(remote.sale_price or 0),
            'external_data': snapshot(remote),
            record_fields(self.env)[kind]: record.id,
            'record_name': record.name if contact else record.display_name,
            'record_detail': (record.email if contact else record.default_code) or False,
            'score': SCORE_BOTH if same_name and same_second else SCORE_SECOND if same_second else SCORE_NAME,
            'reason': reason,
            'is_proposed': True,
            'looked_at': fields.Datetime.now(),
        }

    @api.model
    def _propose_by_name(self, connection, partner, role=''):
        """The books refused ``partner`` because the name is taken there, by a record that was not pulled (a
        supplier, an archived one). Noted here without asking the books; :meth:`_take_look_up` completes it at
        the next pass.

        :param role: the currency that it was to be made in, beside the first one.
        """
        if not partner:
            return
        name = partner._fieldpromax_name_in(role)
        pending = [
            ('connection_id', '=', connection.id),
            ('decision', '=', 'pending'),
            ('partner_id', '=', partner.id),
            ('role', '=', role),
        ]
        if self.search_count(pending, limit=1):
            return
        self.create(
            {
                'connection_id': connection.id,
                'kind': 'contact',
                'role': role,
                'external_id': '',
                'external_name': name,
                'partner_id': partner.id,
                'record_name': partner.name,
                'record_detail': partner.email or False,
                'reason': self.env._(
                    '%s has this name already; it is being looked up.', connection._provider_label()
                ),
                'is_proposed': True,
            }
        )

    @api.model
    def _to_look_up(self, connection, limit=50):
        return self.search(
            [('connection_id', '=', connection.id), ('decision', '=', 'pending'), ('external_id', '=', '')],
            limit=limit,
        )

    @api.model
    def _take_look_up(self, connection, waiting, found):
        """What the books have under these names."""
        provider = connection._provider_label()
        by_name = defaultdict(list)
        for remote in found:
            by_name[text_key(remote.name)].append(remote)
        for match in waiting.exists():
            partner = match.partner_id
            rows = []
            decided = set()
            for remote in by_name.get(text_key(match.external_name), ()) if partner else ():
                decided |= self._decided_pairs(connection, 'contact', [remote.external_id], partner)
                if (remote.external_id, partner.id) in decided:
                    continue
                if not remote.active:
                    reason = self.env._(
                        '%(provider)s has an archived "%(name)s".', provider=provider, name=remote.name
                    )
                elif remote.is_supplier and not remote.is_customer:
                    reason = self.env._(
                        '%(provider)s has a supplier "%(name)s".', provider=provider, name=remote.name
                    )
                else:
                    reason = self.env._(
                        '%(provider)s has "%(name)s" already.', provider=provider, name=remote.name
                    )
                rows.append(
                    self._proposal_values(connection, 'contact', partner, remote, reason)
                    | {'role': match.role}
                )
            # Nothing found: the name is free again, and the next pass sends it.
            match.unlink()
            self.create(rows)
