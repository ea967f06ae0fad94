"""Which few records of Odoo are worth comparing with a page of the books? Found set-based, in PostgreSQL.

What is equal is looked up by its key (see :mod:`.matching`). What is merely similar shares a rare word of the name, two
frequent ones, the phone, the tax number, the mailbox or the shape of the code. These are the blocks of
:mod:`.match_engine.index`, over all of the ledger, without reading it. Words are cut out in Python and in PostgreSQL by
the same rule; those that differ by one letter meet in what is left of them when a letter is missing.

What is kept in memory is what a page has in common with the ledger, never the ledger.
"""

import re
from collections import defaultdict
from functools import cache
from itertools import combinations

from odoo.tools import SQL
from rapidfuzz.distance import OSA

from .match_engine import Engine, normalise
from .match_engine import words as lists
from .match_engine.index import RARE_PAIR, RARE_WORD, SHORTEST_TYPED, WORDS_PAIRED, shortened
from .matching import DROPPED_RANGES, folded, folded_sql

#: records of Odoo, contact persons and addresses that are read for one engine; about 4 kB each
READ_AT_ONCE = 4_000
#: of one phone, tax number, mailbox or shape
_OF_ONE_KEY = 40

_APOSTROPHES = "'’‘`´ʼʹ＇"


def _ranges(ranges):
    return ''.join(f'\\u{low:04X}-\\u{high:04X}' for low, high in ranges)


# Read by Python and by PostgreSQL alike.
_MARK = f'[{_ranges(normalise.MARKS)}{_APOSTROPHES}]'
_WORD = f'[0-9]+|[^0-9{_ranges(DROPPED_RANGES)}]+'
_MARK_FOUND, _WORD_FOUND = re.compile(_MARK), re.compile(_WORD)
# Cyrillic and Greek letters in Latin ones.
_LATIN = {chr(code): letters for code, letters in normalise.SPELLED_OUT.items()}
_DIGRAPHS = normalise.DIGRAPHS


def _collapsed(word):
    if not word.isascii():
        word = word.translate(normalise.SPELLED_OUT)
    if len(word) > 3:
        for two, one in _DIGRAPHS:
            word = word.replace(two, one)
    return word


def block_words(text):
    """The words of a name that blocks are made of, each once, in their order."""
    words = _WORD_FOUND.findall(_MARK_FOUND.sub('', folded(text or '')))
    return tuple(dict.fromkeys(filter(None, map(_collapsed, words))))


def _collapsed_sql(word):
    single = {letter: one for letter, one in _LATIN.items() if len(one) == 1}
    latin = SQL('translate(%s, %s, %s)', word, ''.join(single), ''.join(single.values()))
    for letter, several in _LATIN.items():
        if letter not in single:
            latin = SQL('replace(%s, %s, %s)', latin, letter, several)
    latin = SQL("CASE WHEN %s ~ '[^\\u0001-\\u007F]' THEN %s ELSE %s END", word, latin, word)
    return latin


def block_words_sql(column):
    """:func:`block_words` as ``SELECT word`` over ``column`` (an SQL object); a word may come twice."""
    short = SQL.identifier('l', 'word')
    collapsed = short
    for two, one in _DIGRAPHS:
        collapsed = SQL('replace(%s, %s, %s)', collapsed, two, one)
    return SQL(
        """SELECT CASE WHEN length(l.word) > 3 THEN %(collapsed)s ELSE l.word END AS word
             FROM regexp_matches(regexp_replace(%(folded)s, %(mark)s, '', 'g'), %(pattern)s, 'g') AS f(found)
             CROSS JOIN LATERAL (SELECT %(latin)s AS word) l
            WHERE l.word <> ''""",
        collapsed=collapsed,
        folded=folded_sql(column),
        mark=_MARK,
        pattern=_WORD,
        latin=_collapsed_sql(SQL('f.found[1]')),
    )


@cache
def _spellings():
    """Word → all the ways to write it."""
    groups = defaultdict(set)
    for other, first in lists.SPELLINGS.items():
        groups[first] |= {first, other}
    return {way: frozenset(group) for group in groups.values() for way in group}


def _other_forms(word):
    """Words that stand for ``word`` without being like it: other spellings, short forms of a first name."""
    found = set(_spellings().get(word, ()))
    for way in {word, *found}:
        for line in lists.SHORT_FORMS.get(way, ()):
            found.update(lists.SHORT_FORM_LINES[line])
    return {word, *map(_collapsed, found)}


class Page:
    """The words and keys of the records of a page (:class:`.match_engine.Record`)."""

    def __init__(self, ways):
        self.ways = ways
        self._words_of = [block_words(way.name) for way in ways]
        self._forms = {word: _other_forms(word) for words in self._words_of for word in words}
        self._by_key = defaultdict(set)
        for word, forms in self._forms.items():
            for key in forms:
                self._by_key[key].add(word)
            if not normalise.is_number(word):
                for key in shortened(word):
                    self._by_key[key].add(word)
        self.keys = sorted(self._by_key)
        self._wanted = [set() for _ in ways]

    def learn(self, frequencies):
        """Which blocks to read.

        :param frequencies: ``{word of Odoo: records that have it}`` of the words that share a key with the page.
        :return: ``(rare words, pairs of frequent ones)``
        """
        variants = defaultdict(list)
        for other in sorted(frequencies):
            typed = shortened(other) if not normalise.is_number(other) else (other,)
            for word in set().union(*(self._by_key.get(key, ()) for key in typed)):
                if other in self._forms[word] or (
                    not normalise.is_number(word) and OSA.distance(word, other, score_cutoff=1) <= 1
                ):
                    variants[word].append(other)
        rare, pairs = set(), set()
        for wanted, words in zip(self._wanted, self._words_of, strict=True):
            frequent = []
            for word in words:
                few = [other for other in variants[word] if frequencies[other] <= RARE_WORD]
                wanted.update(('word', other) for other in few)
                rare.update(few)
                if many := [other for other in variants[word] if frequencies[other] > RARE_WORD]:
                    frequent.append(many)
            frequent.sort(key=lambda many: (min(frequencies[other] for other in many), many))
            for ours, theirs in combinations(frequent[:WORDS_PAIRED], 2):
                both = {tuple(sorted((a, b))) for a in ours for b in theirs if a != b}
                wanted.update(('pair', ' '.join(pair)) for pair in both)
                pairs |= both
        return sorted(rare), sorted(pairs)

    def other_keys(self):
        """``{name of the block: its keys}`` besides words."""
        keys = defaultdict(set)
        for way, wanted in zip(self.ways, self._wanted, strict=True):
            mine = {
                'phone': {normalise.phone_key(phone) for phone in normalise.phones(way.phone)},
                'tax': {normalise.tax_number(way.tax_number)[1]} - {''},
                'mailbox': set(map(normalise.mailbox, normalise.emails(way.email))),
                'shape': {normalise.code_shape(way.code)} - {''},
            }
            for name, found in mine.items():
                keys[name] |= found
                wanted.update((name, key) for key in found)
        return {name: sorted(found) for name, found in keys.items()}

    def candidates(self, blocks, read):
        """What the engine finds in the blocks.

        :param blocks: ``[(name of the block, key, id of the row, id of its record)]``
        :param read: ``read(ids of rows)`` gives their :class:`.match_engine.Record`.
        :return: for each of the ways, in their order, its candidates.
        """
        members = defaultdict(set)
        for name, key, row, record in blocks:
            members[name, key].add((row, record))
        found, waiting, rows = [()] * len(self.ways), [], set()
        for place, wanted in enumerate(self._wanted):
            mine = set().union(*(members.get(key, ()) for key in wanted))
            if not mine:
                continue
            waiting.append((place, {record for _row, record in mine}))
            rows.update(row for row, _record in mine)
            if len(rows) >= READ_AT_ONCE:
                self._judge(waiting, rows, read, found)
                waiting, rows = [], set()
        self._judge(waiting, rows, read, found)
        return found

    def _judge(self, waiting, rows, read, found):
        if not waiting:
            return
        engine = Engine(read(sorted(rows)))
        results = engine.candidates([self.ways[place] for place, _records in waiting])
        for (place, records), result in zip(waiting, results, strict=True):
            # What others of the page have in common with Odoo makes no difference.
            found[place] = tuple(one for one in result.candidates if one.id in records)


def frequencies_sql(source, keys):
    """``SELECT word, records`` of the words of ``source`` (``row``, ``record``, ``word``) that share a key."""
    return SQL(
        """
        WITH words AS (SELECT word, count(DISTINCT record) AS records FROM (%(source)s) s GROUP BY word)
        SELECT DISTINCT w.word, w.records
          FROM words w
          CROSS JOIN LATERAL (
              SELECT w.word AS key
               UNION ALL
              SELECT left(w.word, place - 1) || substr(w.word, place + 1)
                FROM generate_series(1, CASE WHEN w.word ~ '^[0-9]' OR length(w.word) < %(shortest)s THEN 0
                                             ELSE length(w.word) END) place) k
          JOIN unnest(%(keys)s::text[]) AS page(key) ON page.key = k.key
        """,
        source=source,
        shortest=SHORTEST_TYPED,
        keys=keys,
    )


def blocks_sql(source, rare, pairs, others):
    """``SELECT name of the block, key, row, record`` of these rare words, pairs of words and other keys.

    :param others: SQL that gives ``name, key, row, record`` of the other keys, or None.
    """
    wanted = sorted({*rare, *(word for pair in pairs for word in pair)})
    query = SQL(
        """
        WITH local AS MATERIALIZED (
            SELECT DISTINCT s.row, s.record, s.word FROM (%(source)s) s
              JOIN unnest(%(wanted)s::text[]) AS wanted(word) ON wanted.word = s.word)
        SELECT 'word', l.word, l.row, l.record FROM local l
          JOIN unnest(%(rare)s::text[]) AS rare(word) ON rare.word = l.word
         UNION ALL
        SELECT 'pair', b.key, b.row, b.record
          FROM (SELECT one.word || ' ' || other.word AS key, one.row, one.record,
                       count(*) OVER (PARTITION BY one.word, other.word) AS members
                  FROM local one
                  JOIN local other ON other.row = one.row AND other.word COLLATE "C" > one.word COLLATE "C"
                  JOIN unnest(%(first)s::text[], %(second)s::text[]) AS pair(first, second)
                    ON pair.first = one.word AND pair.second = other.word) b
         WHERE b.members <= %(members)s
        """,
        source=source,
        wanted=wanted,
        rare=list(rare),
        first=[pair[0] for pair in pairs],
        second=[pair[1] for pair in pairs],
        members=RARE_PAIR,
    )
    if not others:
        return query
    return SQL(
        """%s UNION ALL SELECT o.name, o.key, o.row, o.record
             FROM (SELECT k.*, row_number() OVER (PARTITION BY k.name, k.key ORDER BY k.row) AS place FROM (%s) k) o
            WHERE o.place <= %s""",
        query,
        others,
        _OF_ONE_KEY,
    )


def contact_keys_sql(source, keys):
    """Other keys of customers: ``source`` gives ``row, record, phone, vat, email``; it is read once."""
    return SQL(
        r"""
        SELECT k.name, k.key, s.row, s.record
          FROM (%(source)s) s
          CROSS JOIN LATERAL (
              SELECT 'phone' AS name, right(f.digits, %(size)s) AS key
                FROM regexp_split_to_table(s.phone, '[,;/|]| or ') AS part
                CROSS JOIN LATERAL (
                    SELECT regexp_replace(regexp_replace(part, %(extension)s, '', 'i'), '[^0-9]', '', 'g') AS digits) f
               WHERE right(f.digits, %(size)s) = ANY(%(phones)s)
               UNION ALL
              SELECT 'tax', t.digits
                FROM (SELECT regexp_replace(s.vat, '[^0-9]', '', 'g') AS digits) t
               WHERE s.row = s.record AND t.digits = ANY(%(taxes)s)
               UNION ALL
              SELECT 'mailbox', m.address
                FROM (SELECT regexp_replace(s.email, '\+[^@]*@', '@') AS plain) p
                CROSS JOIN LATERAL (
                    SELECT CASE WHEN p.plain ~ '@(gmail|googlemail)\.com$'
                                THEN replace(split_part(p.plain, '@', 1), '.', '') || '@gmail.com'
                                ELSE p.plain END AS address) m
               WHERE m.address = ANY(%(mailboxes)s)) k
        """,
        source=source,
        size=normalise.KEY_DIGITS,
        extension=r'(ext\.?|extn\.?|x|#|durchwahl|poste)\s*\d{1,6}\s*$',
        phones=keys['phone'],
        taxes=keys['tax'],
        mailboxes=keys['mailbox'],
    )


def item_keys_sql(source, keys):
    """Other keys of products: ``source`` gives ``row, record, code``, the code by its key."""
    return SQL(
        r"""
        SELECT 'shape' AS name, f.shape AS key, s.row, s.record
          FROM (%(source)s) s
          CROSS JOIN LATERAL (SELECT regexp_replace(translate(s.code, 'oil', '011'), '(?<![0-9])0+(?=[0-9])', '', 'g')
                                AS shape) f
         WHERE f.shape = ANY(%(shapes)s)
        """,
        source=source,
        shapes=keys['shape'],
    )
