"""The matrix of faults cannot rot: nothing is forgotten, and a quick selection of its cells is tried every time.

``make faults`` tries them all.
"""

import logging

import fault_matrix
import pytest
from books import PROVIDERS

#: those that cost no waiting
QUICK = [
    fault
    for fault in fault_matrix.FAULTS
    if fault.name
    in (
        'reset_after',
        'truncated',
        'html',
        'empty',
        'null_value',
        'status:401',
        'status:404',
        'fault200',
        'fault200:5010',
    )
]


@pytest.fixture(scope='module')
def matrices():
    made = {name: fault_matrix.Matrix(name) for name in PROVIDERS}
    yield made
    for matrix in made.values():
        matrix.stop()


def test_nothing_is_forgotten():
    assert fault_matrix.forgotten() == []


@pytest.mark.parametrize(
    'operation',
    [
        'invoice.create',
        'payment.create',
        # the answer to a deletion was not read: a page of a proxy counted as done
        'allocation.delete',
        'payment.delete',
        'credit_note.void',
        'find_records:contact',
        'refresh_token',
        'remove_connection',
    ],
)
def test_a_selection(matrices, operation, caplog):
    caplog.set_level(logging.CRITICAL)
    for matrix in matrices.values():
        before = len(matrix.wrong), matrix.cells
        matrix.run(operation, QUICK)
        assert matrix.wrong[before[0] :] == []
        assert matrix.cells > before[1]


def test_a_project_without_its_name(matrices):
    """It could not be told apart, and that was taken for a right that the app lacks."""
    (spoiled,) = [fault for fault in fault_matrix.FAULTS if fault.name == 'null_value']
    for matrix in matrices.values():
        assert matrix.run('project.update', [spoiled]).wrong == []


def test_a_mark_that_is_refused(matrices):
    """A refusal within HTTP 200 counted as a mark that was set."""
    (refused,) = [fault for fault in fault_matrix.FAULTS if fault.name == 'fault200']
    matrix = matrices['xero']
    before = matrix.cells
    assert matrix.run('mark_sent', [refused]).wrong == []
    assert matrix.cells == before + 2


def test_a_wrong_cell_is_told(matrices, monkeypatch):
    """The matrix itself can fail: with another expectation of one fault, its cells are wrong."""
    monkeypatch.setitem(fault_matrix.API, 'reset', 'RateLimited')
    (reset,) = [fault for fault in fault_matrix.FAULTS if fault.name == 'reset']
    for matrix in matrices.values():
        before = list(matrix.wrong)
        matrix.run('list_accounts', [reset])
        told = matrix.wrong[len(before) :]
        matrix.wrong[:] = before
        assert told
        assert all('it ended in OutcomeUnknown, not in RateLimited' in line for line in told)
