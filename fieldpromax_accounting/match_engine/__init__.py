"""Which record of the books and which of Odoo are the same customer or product? Plain Python, no Odoo.

``Engine(local records).candidates(remote records)`` tells for each record of the books which of Odoo may be the same,
how much they are alike (0 to 100), why, and what is to be done: link, review or create. See :mod:`.engine`.
"""

from .engine import CREATE, LINK, REVIEW, Engine
from .records import CUSTOMER, PRODUCT, Candidate, Reason, Record, Result, from_contact, from_item
from .sentences import TEMPLATES, sentence
