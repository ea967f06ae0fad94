"""Names in queries: whatever is in a name, the query finds the record of that name and no other.

The names are sent to the simulator's own parser over HTTP, among all the records of the names before.
"""

from hypothesis import given
from hypothesis import strategies as st

#: what means something in a query, an address, or in what keeps names
SIGNS = st.sampled_from(
    [
        *'\'"\\%_*()[]{},;:=<>!&|#?+/.~^`$@- ',
        *('  ', "''", "\\'", '\\\\', '""', ' OR ', ' AND ', '==', '%27', '%22'),
        *(
            '\u2019',
            '\u201c',
            '\u00e9',
            'e\u0301',
            '\u0130',
            '\u00df',
            '\u3000',
            '\u00a0',
            '\u200b',
            '\U0001f600',
            '株',
        ),
    ]
)
BROKEN = st.sampled_from(['\x00', '\n', '\r', '\t', '\x1f', '\x7f', '\u2028', '\x85'])
WORDS = st.sampled_from(['A', 'a', 'Smith', 'Name', 'null', 'true', 'SELECT', 'Id', 'guid("1")', '1', '0'])
ANY = st.characters(exclude_categories=['Cs'])
NAMES = st.lists(st.one_of(SIGNS, WORDS, SIGNS, WORDS, BROKEN, ANY), min_size=1, max_size=8).map(''.join)


def alike(text):
    """What may be taken for one name: spaces of all sorts count as one."""
    return ' '.join(text.split()).casefold()


def try_names(matrix, settings, on_case=lambda: None):
    """:raise AssertionError: a query found what it should not, or not what it should; hypothesis says of which name."""
    ledger = matrix.ledger
    provider = ledger.provider
    made = {}

    @settings
    @given(NAMES, st.sampled_from(['contact', 'item']))
    def case(name, kind):
        on_case()
        if kind == 'contact':
            record = ledger.contact(name, number='')
        else:
            record = (
                ledger.item(code=name, name=name)
                if provider.capabilities.items_need_code
                else ledger.item(name)
            )
        key = provider.natural_key(kind, record)
        if not provider.check(kind, record):
            (result,) = ledger.send(f'{kind}.create', record)
            if result.error is None:
                made[kind, key.casefold()] = result.record.external_id
        found = provider.find_records(kind, [key])
        for one in found:
            keys = {alike(one.name), alike(one.number if kind == 'contact' else one.code)}
            assert alike(key) in keys, f'{key!r} found {one.name!r}'
        if (kind, key.casefold()) in made:
            ids = [one.external_id for one in found]
            assert made[kind, key.casefold()] in ids, f'{key!r} is there and was not found'

    case()
