import json
import logging
from collections import Counter, defaultdict
from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL
from odoo.tools.misc import formatLang
from odoo.tools.translate import get_translation

from ..blocking import Page, block_words_sql, blocks_sql, contact_keys_sql, frequencies_sql, item_keys_sql
from ..exceptions import DATABASE_TROUBLE
from ..match_engine import CUSTOMER, PRODUCT, Engine, Reason, Record, sentence
from ..matching import (
    Families,
    Local,
    Remote,
    email_key,
    engine_records,
    from_snapshot,
    likely,
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
from ..three_way import FIELDS
from .fieldpromax_link import record_fields

_logger = logging.getLogger(__name__)

# Candidates kept for one record of the books: more than these nobody reads.
CANDIDATES_KEPT = 10
# Records of the books that are compared at once with one that is about to be sent.
REMOTES_COMPARED = 2_000
# Percent: from here on the two are surely, or likely, the same.
SURE, LIKELY = 90, 70
MODULE = 'fieldpromax_accounting'
COUNTS = ('linked', 'created', 'review', 'updated', 'skipped')


def confidence_of(score):
    """How sure a likeness of ``score`` percent makes; a row without a record of Odoo has none."""
    if not score:
        return '4_none'
    return '1_sure' if score >= SURE else '2_likely' if score >= LIKELY else '3_possible'


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
    confidence = fields.Selection(
        [
            ('1_sure', 'Sure'),
            ('2_likely', 'Likely'),
            ('3_possible', 'Possible'),
            ('4_none', 'Nothing alike in Odoo'),
        ],
        compute='_compute_confidence',
        store=True,
        help='How sure it is that the two are the same. The values stand in the order in which they are read.',
    )
    reason = fields.Char(readonly=True, help='As it was found, in English.')
    reasons = fields.Json(readonly=True, help='What the sentence is made of.')
    why = fields.Char(compute='_compute_why')
    is_similar = fields.Boolean(
        readonly=True,
        help='Neither name, nor e-mail, nor code is equal: this does not keep an equal pair from being linked.',
    )
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
            ('never', 'Never the same'),
        ],
        required=True,
        default='pending',
        readonly=True,
    )
    is_effective = fields.Boolean(
        readonly=True,
        help='This decision made the link: taking it back takes that apart, and no other.',
    )
    asks_person = fields.Boolean(
        readonly=True,
        help='A person took a decision about it back: it is never linked unasked.',
    )
    decided_by_id = fields.Many2one('res.users', 'Decided by', readonly=True, ondelete='set null')
    decided_at = fields.Datetime('Decided on', readonly=True)
    settled_by_id = fields.Many2one(
        'fieldpromax.match',
        readonly=True,
        ondelete='set null',
        index='btree_not_null',
        help='The decision that settled this row along with its own; they are taken back together.',
    )

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

    @api.depends('score')
    def _compute_confidence(self):
        for match in self:
            match.confidence = confidence_of(match.score)

    @api.depends('external_name', 'external_email', 'external_code')
    def _compute_external_label(self):
        for match in self:
            detail = match.external_email or match.external_code
            match.external_label = (
                f'{match.external_name or ""} · {detail}' if detail else match.external_name
            )

    @api.depends('reason', 'reasons')
    @api.depends_context('lang')
    def _compute_why(self):
        for match in self:
            reasons = [Reason.of(**reason) for reason in match.reasons or ()]
            match.why = self._sentence(reasons) if reasons else match.reason

    @api.model
    def _sentence(self, reasons):
        """Reasons of the engine as a sentence, in the language of the environment."""
        return sentence(reasons, lambda text: get_translation(MODULE, self.env.lang or 'en_US', text, ()))

    @api.model
    def _explained(self, reasons):
        """Values of a row about ``reasons``."""
        return {
            'reason': sentence(reasons),
            'reasons': [reason.as_dict() for reason in reasons],
        }

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
                formatLang(self.env, float(remote.sale_price), digits=2)
                if remote.sale_price is not None
                else ''
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
                self.env._('Decide with the buttons Link, Create new, Ignore and Never the same.')
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
        matches.is_effective = True
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
            group.filtered(lambda match, made=remotes: match.external_id in made).is_effective = True
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
            match._row_values() | {'score': 0, **self._explained([Reason('different')])} for match in lonely
        ]
        pairs._decide('never', others=None)
        self.env['fieldpromax.match'].sudo().create(values)
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
        self._check_bookkeeper()
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
                        '"%(name)s" is linked to "%(other)s" of the books already. Choose Never the same for this row.',
                        name=link.record_name or match.record_name,
                        other=link.external_name,
                    )
                )

    def _decide(self, decision, others):
        """Write down who decided what, settle the other candidates of the same record of the books, and wake
        the push."""
        stamp = {'decided_by_id': self.env.user.id, 'decided_at': fields.Datetime.now(), 'is_deferred': False}
        rest = [(match, match._others() - self) for match in self] if others else []
        self.write({'decision': decision, 'settled_by_id': False, **stamp})
        for match, along in rest:
            along.write({'decision': others, 'settled_by_id': match.id, **stamp})
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
                ['external_id', 'external_version', 'external_active', 'decision', 'external_values', column],
            )
        }
        counts = Counter()
        renewed, open_records, closed = [], [], []
        for record in records:
            link = links.get(record.external_id)
            if link and link[column]:
                # What was seen before in this version, our own writes among it, is no news.
                if (
                    link.external_version != record.version
                    or link.external_active != record.active
                    # linked by an earlier version, which kept none
                    or (not link.external_values and kind in FIELDS)
                ):
                    counts['updated'] += 1
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

        Nothing in Odoo is like it → made there. Name and second (e-mail, code) equal, to one record and no other
        → linked at the end of the pass, when it is known that no other record of the books claims the same.
        Everything else, similar ones as well → review.

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
        different = self._decided_pairs(connection, kind, [record.external_id for record in records])
        answered = self._answered(connection, kind, [record.external_id for record in records])
        likely_ones, families = self._likely(connection, kind, records, roles, different)
        rivals = self._rivals_in_books(connection, kind, records, roles, likely_ones)
        claimed_names, claimed_seconds = {}, defaultdict(list)
        rows, to_make = [], []
        for record in records:
            external_id, role = record.external_id, roles[record.external_id]
            names, second = name_keys(record, role), second_key(kind, second_of(kind, record))
            head = families.head(external_id)
            twin = (
                next((claimed_names[name] for name in names if name in claimed_names), None)
                or next((name for name, other in claimed_seconds[second] if second and other != head), None)
                or rivals.get(external_id)
            )
            found = likely_ones[external_id]
            # Items of the books may do without a name; their code alone tells them.
            has_key = names or (kind == 'item' and second)
            known = found or twin or not has_key or external_id in deleted_here or external_id in answered
            if make and not known:
                to_make.append(record)
                claimed_names |= dict.fromkeys(names, record.name)
                claimed_seconds[second].append((record.name, head))
                continue
            new_rows = self._review_rows(kind, found, twin, external_id in deleted_here, has_key)
            rows += [(record, row) for row in new_rows]
            counts['review'] += 1
        created = self._create_records(connection, kind, to_make)
        self.env['fieldpromax.link']._link_many(connection, kind, created, made=True)
        counts['created'] += len(created)
        self._store_rows(connection, kind, records, rows, roles)
        return counts

    @api.model
    def _likely(self, connection, kind, records, roles, different):
        """What the engine finds in Odoo for records of the books.

        Those that share a key are looked up in the database, whatever their state; those that are merely similar are
        looked for among the unlinked ones, since the books keep apart what is linked to another one of theirs.

        :param different: ``(external id, record id)`` of pairs that a person said are two.
        :return: ``({external id: [Likely]}, Families)``, the best first
        """
        names_of = {record.external_id: name_keys(record, roles[record.external_id]) for record in records}
        by_name, by_second = self._find_locals(connection, kind, records, names_of)
        families = self._families(connection, kind, records, by_second)
        ways, fits, equals, links = [], [], [], {}
        for record in records:
            external_id = record.external_id
            names, second = names_of[external_id], second_key(kind, second_of(kind, record))
            inherited = bool(second) and families.inherits(external_id, second)
            head = families.head(external_id)
            # One that stands under several keys is one all the same.
            equal = {
                local
                for local in self._alike(names, second, inherited, head, families, by_name, by_second)
                if (external_id, local.id) not in different
            }
            links |= {local.id: local.links for local in equal}
            # An engine of its own: however many others share the e-mail, none of these is passed over.
            engine = Engine([local.record for local in equal]) if equal else None
            for way, fit in engine_records(kind, record, roles[external_id], inherited):
                ways.append(way)
                fits.append(fit)
                equals.append(next(engine.candidates([way])).candidates if engine else ())
        similar = self._similar_unlinked(connection, kind, ways)
        found = [[*both[0], *both[1]] for both in zip(equals, similar, strict=True)]
        best = {record.external_id: {} for record in records}
        for way, fit, candidates in zip(ways, fits, found, strict=True):
            mine = best[way.id]
            for one in candidates:
                if fit(one) and (way.id, one.id) not in different:
                    mine[one.id] = max(mine.get(one.id, one), one, key=lambda each: each.score)
        name_decides = {record.external_id: kind == 'item' and not record.code for record in records}
        return {
            external_id: sorted(
                (
                    likely(one, links.get(one.id, {}), roles[external_id], name_decides[external_id])
                    for one in candidates.values()
                ),
                key=lambda one: (-one.score, one.id),
            )
            for external_id, candidates in best.items()
        }, families

    @api.model
    def _similar_unlinked(self, connection, kind, ways):
        """Candidates among the active records of Odoo without a link in this connection, for each of ``ways``; their
        blocks are found in the database, see :mod:`..blocking`."""
        page = Page(ways)
        if not page.keys:
            return [()] * len(ways)
        finder = self._find_contacts if kind == 'contact' else self._find_items
        source = self._unlinked_words(connection, kind)
        self.env.cr.execute(frequencies_sql(source, page.keys))
        rare, pairs = page.learn(dict(self.env.cr.fetchall()))
        others = self._unlinked_keys(connection, kind, page.other_keys())
        if not rare and not pairs and not others:
            return [()] * len(ways)
        self.env.cr.execute(blocks_sql(source, rare, pairs, others))
        blocks = self.env.cr.fetchall()
        return page.candidates(blocks, lambda ids: [local.record for local in finder(connection, ids=ids)])

    @api.model
    def _unlinked(self, connection, kind, columns, joins=None):
        """``SELECT row, record, …`` of the active records of Odoo that have no link in this connection; a customer's
        contact persons and addresses are rows of that customer."""
        self.env['fieldpromax.link'].flush_model()
        joins = joins or SQL()
        if kind == 'contact':
            self.env['res.partner'].flush_model()
            origin = SQL(
                """p.id AS row, c.id AS record, %s
                   FROM res_partner p JOIN res_partner c ON c.id = p.commercial_partner_id %s""",
                columns,
                joins,
            )
            owner, column, is_active = (
                SQL('c.company_id'),
                SQL('partner_id = c.id'),
                SQL('c.active AND p.active'),
            )
        else:
            self.env['product.product'].flush_model()
            self.env['product.template'].flush_model()
            origin = SQL(
                """p.id AS row, p.id AS record, %s
                   FROM product_product p JOIN product_template t ON t.id = p.product_tmpl_id %s""",
                columns,
                joins,
            )
            owner, column, is_active = (
                SQL('t.company_id'),
                SQL('product_id = p.id'),
                SQL('t.active AND p.active'),
            )
        return SQL(
            """SELECT %(origin)s
                WHERE (%(owner)s IS NULL OR %(owner)s = ANY(%(companies)s)) AND %(is_active)s
                  AND NOT EXISTS (SELECT FROM fieldpromax_link l
                                   WHERE l.%(column)s AND l.connection_id = %(connection)s)""",
            origin=origin,
            owner=owner,
            companies=connection._served_companies().ids,
            is_active=is_active,
            column=column,
            connection=connection.id,
        )

    @api.model
    def _unlinked_words(self, connection, kind):
        """``SELECT row, record, word`` of their names; of a product's by all the names that translations give it."""
        if kind == 'contact':
            words = SQL('CROSS JOIN LATERAL (%s) w', block_words_sql(SQL.identifier('p', 'name')))
        else:
            words = SQL(
                'CROSS JOIN LATERAL jsonb_each_text(t.name) n CROSS JOIN LATERAL (%s) w',
                block_words_sql(SQL.identifier('n', 'value')),
            )
        return self._unlinked(connection, kind, SQL('w.word'), words)

    @api.model
    def _unlinked_keys(self, connection, kind, keys):
        """``SELECT name, key, row, record`` of what else they share with a page; None when it has nothing else."""
        if not any(keys.values()):
            return None
        if kind == 'contact':
            columns = SQL('p.phone, p.vat, p.email_normalized AS email')
            return contact_keys_sql(self._unlinked(connection, kind, columns), keys)
        columns = SQL('%s AS code', text_key_sql(SQL.identifier('p', 'default_code')))
        return item_keys_sql(self._unlinked(connection, kind, columns), keys)

    @api.model
    def _rivals_in_books(self, connection, kind, records, roles, likely_ones):
        """Another record of the books, linked already, that has the name, e-mail or code of one that is about to be
        linked unasked: ``{external id: its name}``. Those that are not linked show at the end of the pass."""
        exact = [record for record in records if any(one.is_exact for one in likely_ones[record.external_id])]
        if not exact:
            return {}
        keys = {
            record.external_id: (
                name_keys(record, roles[record.external_id]),
                second_key(kind, second_of(kind, record)),
            )
            for record in exact
        }
        by_name, by_second = self._find_remotes(connection, kind, keys.values())
        rivals = {}
        for record in exact:
            names, second = keys[record.external_id]
            own_parent = kind == 'contact' and record.parent_external_id
            others = [remote for name in names for remote in by_name.get(name, ())]
            # Parts of a customer share its e-mail; that says nothing about them.
            others += [
                remote
                for remote in by_second.get(second, ())
                if second and not own_parent and not remote.parent
            ]
            for remote in others:
                is_other = remote.external_id != record.external_id and remote.record_id
                if is_other and remote.role == roles[record.external_id]:
                    rivals[record.external_id] = remote.name
                    break
        return rivals

    @api.model
    def _alike(self, names, second, inherited, head, families, by_name, by_second):
        """Records of Odoo that one of the books may be. An e-mail that a sub-customer shares with its parent finds
        nobody: everyone of the family has it."""
        for name in names:
            yield from by_name.get(name, ())
        for local in by_second.get(second, ()) if not inherited else ():
            if local.name_key in names or not any(
                families.head(external_id) == head for external_id, *_rest in local.links.values()
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
            for external_id, parent, _name in local.links.values()
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
    def _review_rows(self, kind, found, twin, was_deleted, has_key):
        """Rows for a person, or one deferred row: ``[values]``, where ``record`` is the id of a record of Odoo."""
        equal = [one for one in found if one.is_equal]
        more = []
        if len(equal) > 1:
            more.append(Reason.of('several', count=len(equal)))
        if twin:
            more.append(Reason.of('rival_books', name=one_line(twin)))
        rows = [
            {
                'record': one.id,
                'score': one.score,
                'is_similar': not one.is_equal,
                'is_deferred': one.is_exact and not more,
                **self._explained([*one.reasons, *(more if one.is_equal else ())]),
            }
            for one in found
            if one.is_free
        ]
        taken = next((one for one in found if not one.is_free), None)
        if rows and not (taken and all(row['is_similar'] for row in rows)):
            return rows[:CANDIDATES_KEPT]
        if taken:
            # That others are similar must not hide that the very same one is linked already.
            name = self._model_of(kind).browse(taken.id)._fieldpromax_name()
            reasons = [Reason.of('taken', name=name), *taken.reasons, *more, Reason('taken_next')]
        elif twin:
            reasons = [*more, Reason('taken_next')]
        elif was_deleted:
            reasons = [Reason('deleted')]
        else:
            reasons = [Reason('different' if has_key else 'nameless')]
        alone = {'record': None, 'score': 0, 'is_similar': False, 'is_deferred': False}
        return [*rows[: CANDIDATES_KEPT - 1], {**alone, **self._explained(reasons)}]

    @api.model
    def _model_of(self, kind):
        """The model of Odoo that records of a kind are kept in."""
        return self.env[self._fields[record_fields(self.env)[kind]].comodel_name]

    @api.model
    def _store_rows(self, connection, kind, records, rows, roles):
        """Replace the pending rows of these records of the books; in one statement each, whatever their
        number."""
        column = record_fields(self.env)[kind]
        data = []
        contact = kind == 'contact'
        here = {
            row['record']: self._model_of(kind).browse(row['record'])
            for _record, row in rows
            if row['record']
        }
        self._model_of(kind).union(*here.values()).fetch(['name', 'email' if contact else 'default_code'])
        for record, row in rows:
            local = here.get(row['record'])
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
                    'confidence': confidence_of(row['score']),
                    'record_name': local.name if local else None,
                    'record_detail': (local.email if contact else local.default_code) or None
                    if local
                    else None,
                    **row,
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
                           record_detail, score, confidence, reason, reasons, is_similar, is_deferred, decision,
                           looked_at, create_uid, write_uid, create_date, write_date)
                    SELECT %(connection)s, %(company)s, %(kind)s, r.role, r.external_id, r.external_name,
                           r.external_email, r.external_phone, r.external_city, r.external_code,
                           r.external_price, r.external_label, r.external_data, r.record, r.record_name,
                           r.record_detail, r.score, r.confidence, r.reason, r.reasons, r.is_similar, r.is_deferred,
                           'pending', now() AT TIME ZONE 'UTC', %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC',
                           now() AT TIME ZONE 'UTC'
                      FROM json_to_recordset(%(data)s::json) AS r(external_id varchar, role varchar,
                           external_name varchar, external_email varchar, external_phone varchar, external_city varchar,
                           external_code varchar, external_price numeric, external_label varchar,
                           external_data jsonb, record int, record_name varchar, record_detail varchar, score
                           int, confidence varchar, reason varchar, reasons jsonb, is_similar bool, is_deferred bool)
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

    @api.model
    def _answered(self, connection, kind, external_ids):
        """External ids that a person decided about, whatever became of the record of Odoo: nothing is made of them
        unasked."""
        rows = self.search_fetch(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', kind),
                ('external_id', 'in', external_ids),
                ('decision', 'in', ('never', 'create', 'ignore')),
            ],
            ['external_id'],
        )
        return set(rows.mapped('external_id'))

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
    def _find_contacts(self, connection, names=(), email_keys=(), ids=None):
        """Customers of no company or of this connection's. A contact person or address stands for its
        customer; archived ones are found as well, because what somebody archived must not be made again.

        :param ids: of the rows to read, instead of looking for names and e-mails.
        """
        self.env['res.partner'].flush_model(
            [
                *('name', 'email', 'email_normalized', 'phone', 'vat', 'city', 'zip'),
                *('active', 'company_id', 'commercial_partner_id', 'parent_id'),
            ]
        )
        self.env['fieldpromax.link'].flush_model()
        wanted = (
            SQL('p.id = ANY(%s)', list(ids))
            if ids is not None
            else SQL(
                '(p.email_normalized = ANY(%s) OR %s = ANY(%s))',
                list(email_keys),
                text_key_sql(SQL.identifier('p', 'name')),
                list(names),
            )
        )
        self.env.cr.execute(
            SQL(
                """
                SELECT c.id, c.name, p.id, p.name, p.email, p.email_normalized, p.phone, p.vat, p.city, p.zip,
                       c.active AND p.active,
                  (SELECT json_object_agg(l.role, json_build_array(l.external_id, COALESCE(l.parent_external_id, ''),
                          COALESCE(l.external_name, '')))
                     FROM fieldpromax_link l WHERE l.partner_id = c.id AND l.connection_id = %(connection)s)
                  FROM res_partner p
                  JOIN res_partner c ON c.id = p.commercial_partner_id
                 WHERE (c.company_id IS NULL OR c.company_id = ANY(%(companies)s)) AND %(wanted)s
                 ORDER BY c.id, p.id <> c.id, p.id
                """,
                connection=connection.id,
                companies=connection._served_companies().ids,
                wanted=wanted,
            )
        )
        for row in self.env.cr.fetchall():
            customer_id, customer_name, partner_id, name, email, email_normalized, *more, active, links = row
            phone, vat, city, postal_code = (value or '' for value in more)
            record = Record(
                CUSTOMER,
                id=customer_id,
                name=name or '',
                email=email or '',
                phone=phone,
                tax_number=vat,
                city=city,
                postal_code=postal_code,
                active=active,
                via='' if partner_id == customer_id else name or customer_name or '',
            )
            yield Local(record, text_key(name), email_normalized or '', links or {})

    @api.model
    def _find_items(self, connection, names=(), code_keys=(), ids=None):
        """Products of no company or of this connection's, by any of the names that their translations give
        them.

        :param ids: of the products to read, instead of looking for names and codes.
        """
        self.env['product.product'].flush_model(
            ['default_code', 'active', 'product_tmpl_id', 'combination_indices']
        )
        self.env['product.template'].flush_model(['name', 'active', 'company_id', 'list_price'])
        self.env['fieldpromax.link'].flush_model()
        wanted = (
            SQL('p.id = ANY(%s)', list(ids))
            if ids is not None
            else SQL(
                '(%s = ANY(%s) OR %s = ANY(%s))',
                text_key_sql(SQL.identifier('p', 'default_code')),
                list(code_keys),
                text_key_sql(SQL.identifier('n', 'value')),
                list(names),
            )
        )
        # A variant has a price of its own, and another currency another number: then prices tell nothing.
        has_price = not connection.currency_id or connection.currency_id == connection.company_id.currency_id
        self.env.cr.execute(
            SQL(
                """
                SELECT p.id, n.value, p.default_code, p.active AND t.active,
                  CASE WHEN %(has_price)s AND COALESCE(p.combination_indices, '') = '' THEN t.list_price::text END,
                  (SELECT json_object_agg(l.role, json_build_array(l.external_id, '', COALESCE(l.external_name, '')))
                     FROM fieldpromax_link l WHERE l.product_id = p.id AND l.connection_id = %(connection)s)
                  FROM product_product p
                  JOIN product_template t ON t.id = p.product_tmpl_id
                  CROSS JOIN LATERAL jsonb_each_text(t.name) n
                 WHERE (t.company_id IS NULL OR t.company_id = ANY(%(companies)s)) AND %(wanted)s
                 ORDER BY p.id, n.key <> 'en_US', n.key
                """,
                connection=connection.id,
                companies=connection._served_companies().ids,
                has_price=has_price,
                wanted=wanted,
            )
        )
        for product_id, name, code, active, price, links in self.env.cr.fetchall():
            record = Record(
                PRODUCT,
                id=product_id,
                name=name or '',
                code=code or '',
                price=Decimal(price) if price else None,
                active=active,
            )
            yield Local(record, text_key(name), text_key(code), links or {})

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
        self._match_again(connection, kind, matches, make=False)

    @api.model
    def _match_again(self, connection, kind, matches, make):
        """:meth:`_match_batch` for the records of the books of these pending rows. :return: its counts."""
        matches = matches.filtered('external_data')
        if not matches:
            return Counter()
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
        return self._match_batch(connection, kind, list(remotes.values()), deleted_here, make=make)

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
        """Link deferred pairs that no other record of the books, nor another of Odoo, claims; make what waited only for
        being similar to one of those.

        :return: ``(counts, whether there is more to do)``: a Counter over ``linked`` and ``created``
        """
        column = SQL.identifier(record_fields(self.env)[kind])
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT m.id
                  FROM fieldpromax_match m
                 WHERE m.connection_id = %(connection)s AND m.kind = %(kind)s AND m.decision = 'pending'
                   AND m.is_deferred AND m.asks_person IS NOT TRUE AND m.%(column)s IS NOT NULL
                   AND NOT EXISTS (
                       SELECT FROM fieldpromax_match o
                        WHERE o.connection_id = m.connection_id AND o.kind = m.kind AND o.decision = 'pending'
                          AND o.id != m.id AND o.is_similar IS NOT TRUE AND (o.external_id = m.external_id
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
        counts, records = Counter(linked=len(matches)), matches[record_fields(self.env)[kind]]
        # The link says it all; rows are kept for what a person decided.
        (matches | self.search(self._pending_of(connection, kind, matches.mapped('external_id')))).unlink()
        counts.update(self._release_similar(connection, kind, records))
        if len(ids) > limit:
            return counts, True
        left = self.search(
            [('connection_id', '=', connection.id), ('kind', '=', kind), ('is_deferred', '=', True)]
        )
        left._note_rivals()
        return counts, False

    @api.model
    def _pending_of(self, connection, kind, external_ids):
        """Domain of the rows of these records of the books that the pull keeps."""
        return [
            ('connection_id', '=', connection.id),
            ('kind', '=', kind),
            ('external_id', 'in', external_ids),
            ('decision', '=', 'pending'),
            ('is_proposed', '=', False),
        ]

    @api.model
    def _release_similar(self, connection, kind, records):
        """These records of Odoo are linked now, unasked. What is merely similar to them in the books is something else:
        it is made, unless another one of Odoo is like it, or somebody has decided about it before.

        :return: counts
        """
        waiting = self.search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', kind),
                ('decision', '=', 'pending'),
                ('is_proposed', '=', False),
                ('is_similar', '=', True),
                (record_fields(self.env)[kind], 'in', records.ids),
            ]
        )
        external_ids = waiting.mapped('external_id')
        answered = self._answered(connection, kind, external_ids)
        waiting = waiting.filtered(lambda match: match.external_id not in answered)
        if not waiting:
            return Counter()
        made = self._match_again(connection, kind, waiting, make=True)['created']
        return Counter(created=made)

    def _note_rivals(self):
        """These pairs are equal, and yet not linked, because another record of the books is equal as well."""
        if not self:
            return
        column = record_fields(self.env)[self[0].kind]
        rivals = defaultdict(set)
        for match in self.search(
            [
                ('connection_id', '=', self[0].connection_id.id),
                ('kind', '=', self[0].kind),
                ('decision', '=', 'pending'),
                ('is_similar', '=', False),
                (column, 'in', self[column].ids),
            ],
            order='external_name, id',
        ):
            rivals[match[column], match.role].add((match.external_name or '', match.external_id))
        for match in self:
            others = sorted(
                name
                for name, external_id in rivals[match[column], match.role]
                if external_id != match.external_id
            )
            more = [Reason.of('rival_books', name=others[0])] if others else []
            reasons = [*(Reason.of(**reason) for reason in match.reasons or ()), *more]
            match.write({'is_deferred': False, **(self._explained(reasons) if more else {})})

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
        """The same rules seen from Odoo: may these records, which have no link, be made in the books? What is known of
        the books is looked up by equal keys; what waits there for a decision is compared by the engine as well.

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
        engines = {record.id: Engine(self._ways_of(kind, record)) for record in records}
        similar = self._similar_remotes(connection, kind, records, role)
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
            alike = dict(similar[record.id])
            alike |= {remote.external_id: remote for name in names for remote in by_name.get(name, ())}
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
            judged = {}
            for external_id, remote in alike.items():
                data = self._known_remote(kind, connection, remote)
                if candidate := self._candidate_of(engines[record.id], kind, data, remote.role):
                    judged[external_id] = remote, data, candidate
            own = proposals.filtered(lambda match: match[column] == record)  # noqa: B023 used at once
            # Whether one that is known here is alike is plain: a corrected record needs no decision any more.
            known = own and set(
                self.env['fieldpromax.link']
                .search(
                    [
                        ('connection_id', '=', connection.id),
                        ('kind', '=', kind),
                        ('external_id', 'in', own.mapped('external_id')),
                        ('external_active', '=', True),
                    ]
                )
                .mapped('external_id')
            )
            settled = self.union(
                *(
                    one
                    for one in own
                    if one.is_proposed and one.external_id in known and one.external_id not in judged
                )
            )
            proposals, own = proposals - settled, own - settled
            settled.unlink()
            # What was found by asking the books for the name stays until somebody decides.
            asked = own.filtered(
                lambda match: match.is_proposed and match.external_id and match.external_id not in judged  # noqa: B023
            )
            if record in looking_up:
                why = self.env._('The books have this name already; which record has it is being looked up.')
                verdicts[record.id] = ('review', why)
            elif not judged and not asked:
                verdicts[record.id] = ('create', '')
            elif not asked and self._link_if_unique(connection, kind, record, judged):
                verdicts[record.id] = ('linked', '')
            else:
                verdicts[record.id] = ('review', self._propose(connection, kind, record, judged, own))
        return verdicts

    @api.model
    def _ways_of(self, kind, record):
        """A record of Odoo as the engine compares it; a customer's contact persons and addresses stand for it."""
        if kind == 'item':
            name, code = record.name or '', record.default_code or ''
            return [Record(PRODUCT, id=record.id, name=name, code=code, active=record.active)]
        contacts = record.child_ids.filtered(lambda child: child.commercial_partner_id == record)
        return [
            Record(
                CUSTOMER,
                id=record.id,
                name=one.name or '',
                email=one.email or '',
                phone=one.phone or '',
                tax_number=one.vat or '',
                city=one.city or '',
                postal_code=one.zip or '',
                active=record.active,
                via='' if one == record else one.name or record.name or '',
            )
            for one in (record, *contacts)
        ]

    @api.model
    def _candidate_of(self, engine, kind, remote, role=''):
        """What the ``engine`` over one record of Odoo says to a record of the books (a DTO); None: it is not alike."""
        ways = [way for way, _fits in engine_records(kind, remote, role)]
        found = [one for result in engine.candidates(ways) for one in result.candidates]
        return max(found, key=lambda one: one.score, default=None)

    @api.model
    def _similar_remotes(self, connection, kind, records, role):
        """Records of the books that wait for a decision, or are ignored, and that the engine finds like ``records``.

        The engine stands over the few records that are to be sent, and those of the books pass by it in slices: memory
        does not grow with their number. What is linked is left out: the books keep it apart from what is like it.

        :return: ``{record id: {external id: Remote}}``
        """
        column = SQL.identifier(record_fields(self.env)[kind])
        engine = Engine([way for record in records for way in self._ways_of(kind, record)])
        similar = {record.id: {} for record in records}
        self.env['fieldpromax.link'].flush_model()
        self.flush_model()
        last = ''
        while True:
            self.env.cr.execute(
                SQL(
                    """
                    SELECT DISTINCT ON (r.external_id) r.*
                      FROM (SELECT m.external_id, m.external_name, COALESCE(m.external_email, ''),
                                   COALESCE(m.external_phone, ''), COALESCE(m.external_city, ''),
                                   COALESCE(m.external_code, ''), m.external_price::text,
                                   COALESCE(m.external_data->>'tax_number', ''),
                                   COALESCE(m.external_data->'address'->>'postal_code', ''),
                                   COALESCE(m.external_data->>'parent_external_id', ''), m.role, FALSE AS ignored,
                                   m.id AS match
                              FROM fieldpromax_match m
                             WHERE m.connection_id = %(connection)s AND m.kind = %(kind)s AND m.decision = 'pending'
                               AND m.external_data IS NOT NULL AND m.external_id > %(last)s
                               AND NOT EXISTS (SELECT FROM fieldpromax_link l
                                                WHERE l.connection_id = m.connection_id AND l.kind = m.kind
                                                  AND l.external_id = m.external_id AND l.%(column)s IS NOT NULL)
                             UNION ALL
                            SELECT l.external_id, l.external_name, COALESCE(l.external_email, ''), '', '',
                                   COALESCE(l.external_number, ''), NULL, '', '', COALESCE(l.parent_external_id, ''),
                                   l.role, TRUE, NULL::int
                              FROM fieldpromax_link l
                             WHERE l.connection_id = %(connection)s AND l.kind = %(kind)s AND l.external_active
                               AND l.decision = 'ignore' AND l.%(column)s IS NULL AND l.external_id > %(last)s) r
                     ORDER BY r.external_id, r.ignored, r.match
                     LIMIT %(limit)s
                    """,
                    column=column,
                    connection=connection.id,
                    kind=kind,
                    last=last,
                    limit=REMOTES_COMPARED,
                )
            )
            rows = self.env.cr.fetchall()
            remotes, ways = [], []
            for row in rows:
                (
                    external_id,
                    name,
                    email,
                    phone,
                    city,
                    code,
                    price,
                    vat,
                    postal_code,
                    parent,
                    its_role,
                    *rest,
                ) = row
                data = (
                    dto.Contact(
                        name=name or '',
                        external_id=external_id,
                        email=email,
                        phone=phone,
                        tax_number=vat,
                        address=dto.Address(city=city, postal_code=postal_code),
                    )
                    if kind == 'contact'
                    else dto.Item(
                        name=name or '',
                        external_id=external_id,
                        code=code,
                        sale_price=Decimal(price) if price else None,
                    )
                )
                ignored, match_id = rest
                second = email if kind == 'contact' else code
                remote = Remote(external_id, name or '', second, 0, ignored, match_id or 0, its_role, parent)
                for way, _fits in engine_records(kind, data, its_role):
                    remotes.append(remote)
                    ways.append(way)
            for remote, result in zip(remotes, engine.candidates(ways), strict=True):
                for one in result.candidates:
                    similar[one.id][remote.external_id] = remote
            if len(rows) < REMOTES_COMPARED:
                return similar
            last = rows[-1][0]

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
                       max(r.match), max(r.role), COALESCE(max(r.parent), '')
                  FROM (SELECT l.role, l.parent_external_id AS parent,
                               l.external_id, l.external_name AS name, l.%(second)s AS second,
                               l.%(column)s AS record, l.decision IS NOT DISTINCT FROM 'ignore' AS ignored,
                               NULL::int AS match
                          FROM fieldpromax_link l
                         WHERE l.connection_id = %(connection)s AND l.kind = %(kind)s AND l.external_active
                         UNION ALL
                        SELECT m.role, m.external_data->>'parent_external_id',
                               m.external_id, m.external_name, m.%(pending_second)s, NULL, FALSE, m.id
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
            remote = Remote(*row[:2], row[2] or '', row[3] or 0, row[4], row[5] or 0, *row[6:])
            by_name[text_key(remote.name)].append(remote)
            if key := second_key(kind, remote.second):
                by_second[key].append(remote)
        return by_name, by_second

    @api.model
    def _link_if_unique(self, connection, kind, record, judged):
        """Link the one record of the books that is equal, unless anything else on either side is equal to the two.

        :param judged: ``{external id: (Remote, its DTO, what the engine says)}``
        """
        equal = [one for one in judged.values() if one[2].same_name or one[2].same_second]
        if len(equal) != 1:
            return False
        ((remote, data, _candidate),) = equal
        if remote.record_id or remote.is_ignored or not remote.match_id:
            return False
        match = self.browse(remote.match_id)
        if any((match | match._others()).mapped('asks_person')):
            return False
        roles = {remote.external_id: remote.role}
        different = self._decided_pairs(connection, kind, [remote.external_id])
        likely_ones, _families = self._likely(connection, kind, [data], roles, different)
        claims = [one for one in likely_ones[remote.external_id] if one.is_equal]
        if len(claims) != 1 or claims[0].id != record.id or not claims[0].is_exact:
            return False
        if self._rivals_in_books(connection, kind, [data], roles, likely_ones):
            return False
        self.env['fieldpromax.link']._link_many(connection, kind, [(record, data)])
        (match | match._others()).unlink()
        return True

    @api.model
    def _propose(self, connection, kind, record, judged, own):
        """Rows for the bookkeeper about a record of Odoo that is like records of the books; says why in a
        sentence.

        :param judged: ``{external id: (Remote, its DTO, what the engine says)}``
        :param own: pending rows about ``record``
        """
        present = set(own.mapped('external_id'))
        said = [(match.external_name, match.reason) for match in own.filtered('is_proposed')]
        rows = []
        for remote, data, candidate in sorted(
            judged.values(), key=lambda one: (-one[2].score, one[0].external_id)
        ):
            more = (
                [Reason('linked_books')]
                if remote.record_id
                else [Reason('ignored_books')]
                if remote.is_ignored
                else []
            )
            values = self._proposal_values(connection, kind, record, data, candidate, more)
            said.append((remote.name, values['reason']))
            if remote.external_id not in present:
                rows.append(values)
        self.create(rows)
        name, why = said[0]
        return self.env._(
            '%(provider)s has "%(name)s". %(why)s', provider=connection._provider_label(), name=name, why=why
        )

    @api.model
    def _known_remote(self, kind, connection, remote):
        """A DTO of what is stored about a record of the books."""
        if remote.match_id:
            return self.browse(remote.match_id)._remote()
        return self._linked_remote(
            self.env['fieldpromax.link'].search(
                [
                    ('connection_id', '=', connection.id),
                    ('kind', '=', kind),
                    ('external_id', '=', remote.external_id),
                ]
            )
        )

    @api.model
    def _linked_remote(self, link):
        """A DTO of what a link keeps of the record of the books. Another addon extends it for a kind of its own."""
        stored = {
            'name': link.external_name or '',
            'external_id': link.external_id,
            'version': link.external_version or '',
            'active': link.external_active,
        }
        if link.kind == 'contact':
            return dto.Contact(
                number=link.external_number or '',
                email=link.external_email or '',
                currency=link.role or '',
                parent_external_id=link.parent_external_id or '',
                **stored,
            )
        return dto.Item(code=link.external_number or '', **stored)

    @api.model
    def _proposal_values(self, connection, kind, record, remote, candidate, more):
        """Values of a row about a record of Odoo that is about to be sent.

        :param remote: the DTO that it may be
        :param candidate: what the engine says to the two; None: nothing
        :param more: further reasons
        """
        role = self.env['fieldpromax.link']._role_of(connection, kind, remote)
        if role:
            more = [*more, Reason.of('currency_books', currency=role)]
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
            'score': min(candidate.score, 99) if candidate else 0,
            'is_similar': bool(candidate) and not (candidate.same_name or candidate.same_second),
            'is_proposed': True,
            **self._explained([*(candidate.reasons if candidate else ()), *more]),
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
        by_name = defaultdict(list)
        for remote in found:
            by_name[text_key(remote.name)].append(remote)
        for match in waiting.exists():
            partner = match.partner_id
            engine = Engine(self._ways_of('contact', partner)) if partner else None
            rows = []
            for remote in by_name.get(text_key(match.external_name), ()) if partner else ():
                if self._decided_pairs(connection, 'contact', [remote.external_id], partner):
                    continue
                candidate = self._candidate_of(engine, 'contact', remote, match.role)
                more = []
                if not remote.active:
                    more.append(Reason('archived_books'))
                elif remote.is_supplier and not remote.is_customer:
                    more.append(Reason('supplier_books'))
                rows.append(
                    self._proposal_values(connection, 'contact', partner, remote, candidate, more)
                    | {'role': match.role}
                )
            # Nothing found: the name is free again, and the next pass sends it.
            match.unlink()
            self.create(rows)
