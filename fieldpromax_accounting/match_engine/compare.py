"""How much are two names alike, and in what do they differ?

Words are set side by side, and every difference costs something: a typing error little, another word much. So a score
is always explained by its differences, and it depends on the two names alone, never on who else is there.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from rapidfuzz.distance import OSA

from . import words as lists
from .normalise import equal, is_number
from .records import Reason

# What a difference costs of 100.
_SPELLING, _SPACES, _ORDER, _MINOR_WORD, _TITLE, _FORM_MISSING = 2, 3, 3, 2, 2, 4
_INITIAL, _SHORT_FORM, _ABBREVIATION, _NOTE = 12, 10, 12, 10
_FORMS, _TITLES, _CURRENCY = 30, 35, 15
_NUMBER_MORE = 12
#: names with different numbers or currencies are not alike, whatever else of them agrees
_DIFFERENT_NUMBERS = 40
#: names that share nothing but words that anybody uses
_GENERIC_ONLY = 50
#: names that share a single word, be it rare: "Acme Homes" is neither "Acme Corporation" nor "Acme". Low enough that
#: the same town does not make them similar; what tells a customer (e-mail, phone, tax number, code) does.
_ONE_WORD = 65


def _typing_errors(a, b):
    """``(how many letters, what they cost)``; None when these are two words."""
    length = min(len(a), len(b))
    if length < 4 or abs(len(a) - len(b)) > 2:
        return None
    count = OSA.distance(a, b, score_cutoff=2)
    if count == 1:
        return 1, 14 if length == 4 else 9 if length < 8 else 7
    if count == 2 and length >= 8:
        return 2, 14
    return None


def _is_abbreviation(short, long):
    if len(short) < 3 or short[0] != long[0]:
        return False
    if long.startswith(short):
        return True
    if len(long) < 6 or sum(letter in 'aeiou' for letter in short) > 1:
        return False
    letters = iter(long)
    return all(letter in letters for letter in short)


def liken(a, b):
    """``(reason, cost, letters)`` when two different words may mean the same, else None."""
    if a[0] != b[0] and abs(len(a) - len(b)) > 2 and not (a in lists.SHORT_FORMS and b in lists.SHORT_FORMS):
        return None
    return _liken(a, b) if a < b else _liken(b, a)


@lru_cache(maxsize=1 << 16)
def _liken(a, b):
    if is_number(a) or is_number(b):
        return None
    short, long = (a, b) if len(a) <= len(b) else (b, a)
    if len(short) == 1:
        is_initial = len(long) > 2 and long[0] == short and long not in lists.ROMAN and short.isalpha()
        return ('name_initial', _INITIAL, 0) if is_initial else None
    if lists.SHORT_FORMS.get(a, frozenset()) & lists.SHORT_FORMS.get(b, frozenset()):
        return 'name_short_form', _SHORT_FORM, 0
    if errors := _typing_errors(a, b):
        return 'name_letter', errors[1], errors[0]
    if _is_abbreviation(short, long):
        return 'name_abbreviation', _ABBREVIATION, 0
    return None


def may_be_alike(books, odoo):
    """False when each name has a word that nothing in the other is like: then :class:`Likeness` finds too little for
    the name alone to tell. Much cheaper than that, and never False where it matters."""
    left = [word for word in books.words if word not in odoo.words and word not in lists.MINOR_WORDS]
    right = [word for word in odoo.words if word not in books.words and word not in lists.MINOR_WORDS]
    if not left or not right:
        return True
    short, long = (left, right) if len(left) <= len(right) else (right, left)
    for word in short:
        for other in long:
            # A word that is a part of another may be joined there with its neighbour.
            if word in other or other in word or liken(word, other):
                break
        else:
            return False
    return True


class Likeness:
    """Two names side by side.

    ``score`` is 0 to 100; ``reasons`` tell the differences; ``is_equal``: the same but for how they are written;
    ``is_safe``: and nothing in them says otherwise.
    """

    __slots__ = ('_cost', '_letters', '_limit', 'is_equal', 'is_safe', 'reasons', 'score')

    def __init__(self, books, odoo):
        self.reasons = []
        self._cost, self._limit, self._letters = 0, 100, 0
        self.is_equal = equal(books, odoo)
        self.is_safe = self.is_equal and books.numbers == odoo.numbers
        if self.is_equal:
            self.score = 100
            self.reasons.append(Reason('name_same' if books.text == odoo.text else 'name_written'))
            if not self.is_safe:
                self.reasons.append(Reason('name_digits'))
        elif not books.compact or not odoo.compact:
            self.score = 0
            self.reasons.append(Reason('name_missing'))
        else:
            self._compare_words(books, odoo)
            if self._limit:
                self._compare_rest(books, odoo)
            self.score = max(0, min(self._limit, 100 - self._cost))

    def _note(self, cost, code, **values):
        self._cost += cost
        self.reasons.append(Reason.of(code, **values))

    def _compare_words(self, books, odoo):
        if ''.join(books.words) == ''.join(odoo.words) and books.words != odoo.words:
            self._note(_SPACES, 'name_spaces')
            return
        pairs, left, right = _pair(books.words, odoo.words)
        for i, j, kind, cost, letters in pairs:
            if kind == 'name_letter':
                self._cost += cost
                self._letters += letters
            elif kind == 'name_spaces':
                self._note(cost, kind)
            elif kind:
                self._note(cost, kind, books=books.written([i]), odoo=odoo.written([j]))
            elif books.raw[i] != odoo.raw[j]:
                self._note(_SPELLING, 'name_spelling', books=books.written([i]), odoo=odoo.written([j]))
        if self._letters:
            first = (
                Reason('name_letter')
                if self._letters == 1
                else Reason.of('name_letters', count=self._letters)
            )
            self.reasons.insert(0, first)
        order = [j for _, j, *_ in sorted(pairs)]
        if order != sorted(order):
            self._note(_ORDER, 'name_order')
        self._compare_left_over(books, odoo, pairs, left, right)

    def _compare_left_over(self, books, odoo, pairs, left, right):
        shared = [(books.words[i], odoo.words[j]) for i, j, *_ in pairs]
        sides = {}
        for side, name, places in (('books', books, left), ('odoo', odoo, right)):
            sides[side] = [place for place in places if name.words[place] not in lists.MINOR_WORDS]
            self._cost += _MINOR_WORD * (len(places) - len(sides[side]))
        if not any(sides.values()) and (left or right):
            # Nothing but "of", "la" and the like.
            side, name, places = ('books', books, left) if left else ('odoo', odoo, right)
            self._note(0, f'name_more_{side}', words=name.written(places))
            return
        if not shared:
            self._limit = 0
            self.reasons = [Reason('name_other')]
            return
        if all(lists.GENERIC_WORDS.issuperset(words) for words in shared) and any(sides.values()):
            self._limit = min(self._limit, _GENERIC_ONLY)
        if len(shared) == 1 and any(sides.values()):
            self._limit = min(self._limit, _ONE_WORD)
        weight = sum(max(map(len, words)) for words in shared)
        if sides['books'] and sides['odoo']:
            self._replaced(books, odoo, sides, weight)
        elif any(sides.values()):
            side, name = ('books', books) if sides['books'] else ('odoo', odoo)
            self._added(name, sides[side], side, weight)

    def _replaced(self, books, odoo, sides, weight):
        """Both have words that the other lacks: seldom the same, unless something else says so."""
        ours, theirs = sides['books'], sides['odoo']
        numbers = [
            [name.raw[place] for place in places if is_number(name.raw[place])]
            for name, places in ((books, ours), (odoo, theirs))
        ]
        if all(numbers):
            self._limit = min(self._limit, _DIFFERENT_NUMBERS)
            self._note(0, 'name_numbers', books=' '.join(numbers[0]), odoo=' '.join(numbers[1]))
        else:
            self._note(0, 'name_words', books=books.written(ours), odoo=odoo.written(theirs))
        longer = max(sum(len(books.words[i]) for i in ours), sum(len(odoo.words[j]) for j in theirs))
        self._limit = min(self._limit, round(15 + 45 * weight / (weight + longer)))

    def _added(self, name, places, side, weight):
        """One has words that the other lacks: a branch, a job, a middle name, or only a longer way to write it."""
        words = [name.words[place] for place in places]
        length = sum(map(len, words))
        share = length / (weight + length)
        is_generic = all(word in lists.GENERIC_WORDS for word in words)
        cost = round(8 + 25 * share if is_generic else 10 + 40 * share)
        cost += _NUMBER_MORE * any(map(is_number, words))
        self._note(cost, f'name_more_{side}', words=name.written(places))

    def _compare_rest(self, books, odoo):
        if books.form != odoo.form:
            if books.form and odoo.form:
                self._note(_FORMS, 'name_forms', books=books.written_form, odoo=odoo.written_form)
            else:
                self._note(_FORM_MISSING, 'name_form_missing')
        if books.titles != odoo.titles:
            if (
                _gender(books.titles)
                and _gender(odoo.titles)
                and _gender(books.titles) != _gender(odoo.titles)
            ):
                titles = {'books': ' '.join(books.titles), 'odoo': ' '.join(odoo.titles)}
                self._note(_TITLES, 'name_titles', **titles)
            elif not books.titles or not odoo.titles:
                self._note(_TITLE, 'name_title')
        if books.currency != odoo.currency:
            if books.currency and odoo.currency:
                self._limit = min(self._limit, _DIFFERENT_NUMBERS)
                self._note(0, 'name_currencies', books=books.currency, odoo=odoo.currency)
            else:
                self._note(_CURRENCY, 'name_currency', currency=books.currency or odoo.currency)
        if books.notes != odoo.notes:
            for side, note in (('books', books.notes), ('odoo', odoo.notes)):
                if note:
                    self._note(_NOTE, f'name_note_{side}', note=note)


def _pair(ours, theirs):
    """Words of both names that are the same or may be: ``([(i, j, reason, cost, letters)], i left over, j left
    over)``; the reason is '' for equal ones."""
    if ours <= theirs:
        return _pair_in_order(ours, theirs)
    # From whichever side one looks, the same words are paired.
    pairs, right, left = _pair_in_order(theirs, ours)
    return [(i, j, *rest) for j, i, *rest in pairs], left, right


def _pair_in_order(ours, theirs):
    pairs = []
    right = list(range(len(theirs)))
    left = []
    for i, word in enumerate(ours):
        for j in right:
            if theirs[j] == word:
                pairs.append((i, j, '', 0, 0))
                right.remove(j)
                break
        else:
            left.append(i)
    if left and right:
        _pair_joined(ours, theirs, left, right, pairs, False)
        _pair_joined(theirs, ours, right, left, pairs, True)
        likely = sorted(
            (found[1], abs(i - j), i, j, found)
            for i in left
            for j in right
            if (found := liken(ours[i], theirs[j]))
        )
        for _, _, i, j, found in likely:
            if i in left and j in right:
                pairs.append((i, j, *found))
                left.remove(i)
                right.remove(j)
    return pairs, left, right


def _pair_joined(ours, theirs, left, right, pairs, is_turned):
    """Two words of one name that are one word of the other: "Al Rashid" and "Alrashid"."""
    for i, following in pairwise(left[:]):
        if following != i + 1 or i not in left or following not in left:
            continue
        for j in right:
            if ours[i] + ours[following] == theirs[j]:
                pairs.append((*((j, i) if is_turned else (i, j)), 'name_spaces', _SPACES, 0))
                left.remove(i)
                left.remove(following)
                right.remove(j)
                break


def _gender(titles):
    female, male = lists.FEMALE_TITLES.isdisjoint(titles), lists.MALE_TITLES.isdisjoint(titles)
    return '' if female == male else 'm' if female else 'f'
