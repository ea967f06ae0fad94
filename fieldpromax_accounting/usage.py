"""Which records of Odoo does something else use? Asked set-based, over whatever addons the database has."""

from collections import Counter, defaultdict

from odoo.tools import SQL

# What belongs to a record rather than uses it, or says nothing about its being used.
NOT_USES = ('fieldpromax.', 'ir.', 'bus.', 'mail.followers', 'mail.notification', 'mail.message.schedule')
# Who a record is invoiced as is worked out from it.
OWN_FIELDS = {('res.partner', 'commercial_partner_id')}
PEOPLE_WRITE = ('comment', 'email', 'email_outgoing')


def uses_of(records):
    """What refers to these records: documents, lines, other records, messages by people, files, activities.

    Followers, the program's own tables and what the record itself owns do not count, nor do archived children.

    :return: ``{record id: Counter({model name: number})}``; a record that nothing uses is missing.
    """
    uses = defaultdict(Counter)
    if not records:
        return uses
    env = records.env
    env.flush_all()
    owners = {records._name: {record.id: record.id for record in records}}
    for parent, name in records._inherits.items():
        # Who uses the template of a product uses the product.
        owners[parent] = {record[name].id: record.id for record in records}
    for model_name, own in owners.items():
        ids = list(own)
        references = defaultdict(list)
        for user, table, own_id, column, condition in _references(env, model_name, records._name):
            references[user].append(
                SQL(
                    'SELECT u.%(column)s AS used, u.%(own_id)s AS by_id FROM %(table)s u '
                    'WHERE u.%(column)s = ANY(%(ids)s) AND %(condition)s',
                    table=SQL.identifier(table),
                    own_id=SQL.identifier(own_id),
                    column=SQL.identifier(column),
                    ids=ids,
                    condition=condition,
                )
            )
        for user, queries in references.items():
            # An invoice names its customer in several fields, and is one invoice.
            env.cr.execute(
                SQL('SELECT used, count(*) FROM (%s) pairs GROUP BY used', SQL(' UNION ').join(queries))
            )
            for record_id, count in env.cr.fetchall():
                uses[own[record_id]][user] += count
        for user, condition in _attached(env, model_name):
            env.cr.execute(
                SQL(
                    'SELECT u.res_id, count(*) FROM %(table)s u WHERE u.res_id = ANY(%(ids)s) AND %(condition)s '
                    'GROUP BY u.res_id',
                    table=SQL.identifier(env[user]._table),
                    ids=ids,
                    condition=condition,
                )
            )
            for record_id, count in env.cr.fetchall():
                uses[own[record_id]][user] += count
    return uses


def _references(env, target, own_model):
    """``(model, table, column of its id, column, condition)`` of every stored reference to ``target``."""
    nothing = SQL('TRUE')
    own_relations = {
        field.relation for field in env[target]._fields.values() if field.type == 'many2many' and field.store
    }
    seen = set()
    for name, model in env.registry.items():
        if model._abstract or model._transient or not model._auto or name.startswith(NOT_USES):
            continue
        for field in model._fields.values():
            if not field.store or field.comodel_name != target or (name, field.name) in OWN_FIELDS:
                continue
            if name == own_model and env[own_model]._inherits.get(target) == field.name:
                continue  # the record's own part: a product's template, a project's alias
            if field.type == 'many2one' and not field.company_dependent:
                reference = (model._table, 'id', field.name)
                condition = SQL('u.%s <> u.id', SQL.identifier(field.name)) if name == target else nothing
                if name == target and 'active' in model._fields:
                    condition = SQL('%s AND u.active', condition)
            elif field.type == 'many2many' and field.relation not in own_relations and name != own_model:
                reference, condition = (field.relation, field.column1, field.column2), nothing
            else:
                continue
            if reference not in seen:
                seen.add(reference)
                yield name, *reference, condition


def _attached(env, target):
    """``(model, condition)`` of what hangs on a record of ``target`` without a foreign key."""
    yield (
        'mail.message',
        SQL('u.model = %s AND u.message_type = ANY(%s)', target, list(PEOPLE_WRITE)),
    )
    yield 'ir.attachment', SQL('u.res_model = %s AND u.res_field IS NULL', target)
    yield 'mail.activity', SQL('u.res_model = %s', target)
