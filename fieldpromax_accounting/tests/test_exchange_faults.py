"""A few cells of ``make faults``: what becomes of an exchange that meets a fault, with Xero."""

from dataclasses import replace

from odoo.tests import tagged

# Not the class itself: it would be collected here as well.
from . import exchange_faults


@tagged('post_install', '-at_install')
class TestExchangeFaults(exchange_faults.XeroExchangeFaults):
    only = ('reset_after', 'status:404', '429:minute')

    def test_some_cells_and_a_wrong_one(self):
        self.try_operation('payment.create')
        # The matrix itself can fail: with another expectation, its cells are wrong.
        make = self.maker_of('contact.create')
        request = self.write_of(make)
        (fault,) = [one for one in exchange_faults.FAULTS if one.name == '429:minute']
        wrong = list(self.cell('contact.create', make, request, replace(fault, states=('done',))))
        self.assertEqual(len(wrong), 1, wrong)
        self.assertIn('it is retry', wrong[0])
