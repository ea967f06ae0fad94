"""The labelled pairs: nothing is linked that is not the same, and what is the same is seen."""

import sys
from collections import Counter

import labelled
import pytest

PAIRS = labelled.load()


@pytest.fixture(scope='module', params=['alone', 'together'])
def outcomes(request):
    """Each pair with nothing else there, and all pairs of a kind matched with one another."""
    return labelled.each_alone(PAIRS) if request.param == 'alone' else labelled.all_at_once(PAIRS)


def test_the_set_is_what_it_says():
    labels = Counter(pair.label for pair in PAIRS)
    assert set(labels) == set(labelled.LABELS)
    assert len(PAIRS) >= 330
    assert labels['same'] >= 110
    assert labels['different'] >= 110
    assert {pair.kind for pair in PAIRS} == {'customer', 'product'}
    assert len({pair.id for pair in PAIRS}) == len(PAIRS)
    assert all(pair.why for pair in PAIRS)


def test_no_false_link(outcomes, capsys):
    """Neither what is labelled different nor what a person has to be asked about."""
    false_links = labelled.false_links(outcomes)
    linked = sum(one.is_linked for one in outcomes)
    with capsys.disabled():
        sys.stdout.write(f'\nlabelled pairs: {len(false_links)} false links of {linked} links\n')
    assert not [one.pair for one in false_links]


def test_recall(outcomes, capsys):
    recall = labelled.recall(outcomes)
    with capsys.disabled():
        sys.stdout.write(f'\nlabelled pairs: recall {recall:.1%}\n')
    missed = [one.pair for one in outcomes if one.pair.label == 'same' and not one.is_suggested]
    assert recall >= 0.95, missed


def test_people_are_not_asked_about_everything():
    """An engine that suggests whatever it sees would pass the other tests."""
    outcomes = labelled.each_alone(PAIRS)
    different = [one for one in outcomes if one.pair.label == 'different']
    assert sum(one.is_created for one in different) >= 0.6 * len(different)
    same = [one for one in outcomes if one.pair.label == 'same']
    assert sum(one.is_linked for one in same) >= 0.4 * len(same)


def test_it_can_be_judged_wrong():
    """The measure itself: a link of a pair that is not the same counts, and so does what was not seen."""
    pair = next(pair for pair in PAIRS if pair.label == 'different')
    same = next(pair for pair in PAIRS if pair.label == 'same')
    wrong = labelled.Outcome(pair, is_linked=True, is_suggested=True, is_created=False)
    missed = labelled.Outcome(same, is_linked=False, is_suggested=False, is_created=True)
    assert labelled.false_links([wrong, missed]) == [wrong]
    assert labelled.recall([wrong, missed]) == 0
