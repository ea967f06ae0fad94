"""Finds the few local records that are worth comparing with a remote one, without looking at all of them.

Records stand in blocks: by equal keys (name, e-mail, phone, tax number, code), by rare words, and by pairs of words
where the single words are too frequent ("John", "Smith", "Services"). Words that differ by a typing error or are short
forms of one another lead to each other's blocks. Blocks that are too large to tell anything are passed over, so that
the work for one record stays the same however many there are.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from . import normalise
from . import words as lists
from .compare import may_be_alike

# Records that a word, or a pair of words, may stand for and still tell something.
RARE_WORD, RARE_PAIR = 30, 40
# Words of a name that pairs are made of: the rarest.
WORDS_PAIRED = 6
# Records that are compared: where hundreds share a name or an address, those that share most. Where so many are equal
# that a person has enough to read, what is merely similar is not looked for.
_EQUAL_COMPARED, _EQUAL_ENOUGH = 12, 6
# Of the similar ones the first that pass, of so many that are most alike.
_SIMILAR_COMPARED, _SIMILAR_LOOKED_AT = 4, 8
_LEAST_RATIO = 30
SHORTEST_TYPED = 4  # letters that a word needs for a typing error to be told from another word


def shortened(word):
    """``word`` and all that is left when one letter is missing: two words of one typing error share one of them."""
    yield word
    if len(word) >= SHORTEST_TYPED:
        for place in range(len(word)):
            yield word[:place] + word[place + 1 :]


class Index:
    """Blocks over local records (:class:`.scoring.Prepared`), which are told by their place in the list."""

    def __init__(self, prepared):
        self.prepared = prepared
        self.names, self.seconds = defaultdict(list), defaultdict(list)
        self._equal = defaultdict(list)
        self._by_word, self._by_pair = defaultdict(list), defaultdict(list)
        for place, one in enumerate(prepared):
            for key in one.name_keys:
                self.names[key].append(place)
            for key in one.second_keys:
                self.seconds[key].append(place)
            for key in _other_keys(one):
                self._equal[key].append(place)
            for word in sorted(set(one.name.words)):
                self._by_word[word].append(place)
        self._frequency = {word: len(places) for word, places in self._by_word.items()}
        for place, one in enumerate(prepared):
            rarest = sorted(set(one.name.words), key=lambda word: (self._frequency[word], word))[
                :WORDS_PAIRED
            ]
            # A pair with a rare word is found by that word.
            frequent = [word for word in rarest if self._frequency[word] > RARE_WORD]
            for pair in combinations(sorted(frequent), 2):
                self._by_pair[pair].append(place)
        # What is too frequent is not looked up, so it need not be kept.
        self._by_word = {word: p for word, p in self._by_word.items() if len(p) <= RARE_WORD}
        self._by_pair = {pair: p for pair, p in self._by_pair.items() if len(p) <= RARE_PAIR}
        self._typed = defaultdict(list)
        for word in sorted(self._frequency):
            if len(word) >= SHORTEST_TYPED and not normalise.is_number(word):
                for key in shortened(word):
                    self._typed[key].append(word)
        self._sorted_names = [' '.join(sorted(one.name.words)) for one in prepared]
        self._variants_of = {}

    def _variants(self, word):
        """Words of local names that ``word`` may stand for."""
        if word not in self._variants_of:
            found = {word}
            if not normalise.is_number(word):
                if len(word) >= SHORTEST_TYPED:
                    found.update(
                        other
                        for key in shortened(word)
                        for other in self._typed.get(key, ())
                        if OSA.distance(word, other, score_cutoff=1) <= 1
                    )
                for line in lists.SHORT_FORMS.get(word, ()):
                    found.update(map(normalise.spelled, lists.SHORT_FORM_LINES[line]))
            self._variants_of[word] = sorted(other for other in found if other in self._frequency)
        return self._variants_of[word]

    def find(self, remote):
        """Places of the local records to compare with ``remote``, in ascending order."""
        votes = defaultdict(int)
        for keys, blocks, weight in (
            (remote.second_keys, self.seconds, 4),
            (_other_keys(remote), self._equal, 2),
            (remote.name_keys, self.names, 1),
        ):
            for key in keys:
                for place in blocks.get(key, ()):
                    votes[place] += weight
        equal = sorted(votes)
        if len(equal) >= _EQUAL_ENOUGH:
            equal.sort(key=lambda place: -votes[place])
            return sorted(equal[:_EQUAL_COMPARED])
        similar = []
        for place in self._most_alike(remote, self._similar(remote).difference(votes)):
            if may_be_alike(remote.name, self.prepared[place].name):
                similar.append(place)
                if len(similar) == _SIMILAR_COMPARED:
                    break
        return sorted(equal + similar)

    def _similar(self, remote):
        found = set()
        frequent = []
        for word in dict.fromkeys(remote.name.words):
            variants = self._variants(word)
            for other in variants:
                found.update(self._by_word.get(other, ()))
            if variants := [other for other in variants if self._frequency[other] > RARE_WORD]:
                frequent.append(variants)
        frequent.sort(key=lambda variants: (self._frequency[variants[0]], variants))
        for ours, theirs in combinations(frequent[:WORDS_PAIRED], 2):
            for a in ours:
                for b in theirs:
                    found.update(self._by_pair.get((a, b) if a < b else (b, a), ()))
        return found

    def _most_alike(self, remote, places):
        """Those of ``places`` whose names are most like the one of ``remote``, the most alike first."""
        if not places:
            return ()
        places = sorted(places)
        best = process.extract(
            ' '.join(sorted(remote.name.words)),
            [self._sorted_names[place] for place in places],
            scorer=fuzz.ratio,
            processor=None,
            limit=_SIMILAR_LOOKED_AT,
            score_cutoff=_LEAST_RATIO,
        )
        return [places[number] for _, _, number in best]


def _other_keys(one):
    """What makes two records worth comparing besides name, e-mail and code."""
    yield from (('mailbox', normalise.mailbox(address)) for address in one.emails)
    yield from (('phone', normalise.phone_key(phone)) for phone in one.phones)
    if one.tax[1]:
        yield 'tax', one.tax[1]
    if one.shape:
        yield 'shape', one.shape
    if one.name.sorted_key:
        yield 'words', one.name.sorted_key
