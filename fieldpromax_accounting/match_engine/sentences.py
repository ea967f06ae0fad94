"""The reasons in words. The one place with texts: codes and values travel, sentences are made where they are read."""


def _(text):
    """Marks a text for those who collect what is to be translated."""
    return text


TEMPLATES = {
    # names
    'name_same': _('same name'),
    'name_written': _('same name, written differently'),
    'name_letter': _('name differs by one letter'),
    'name_letters': _('name differs by %(count)s letters'),
    'name_order': _('the words of the name are in another order'),
    'name_spaces': _('the words of the name are parted differently'),
    'name_spelling': _('other spelling: "%(books)s" and "%(odoo)s"'),
    'name_initial': _('initial: "%(books)s" and "%(odoo)s"'),
    'name_short_form': _('forms of one first name: "%(books)s" and "%(odoo)s"'),
    'name_abbreviation': _('abbreviation: "%(books)s" and "%(odoo)s"'),
    'name_more_books': _('only the books have "%(words)s" in the name'),
    'name_more_odoo': _('only Odoo has "%(words)s" in the name'),
    'name_words': _('the name has "%(books)s" in the books and "%(odoo)s" in Odoo'),
    'name_numbers': _('the number in the name is %(books)s in the books and %(odoo)s in Odoo'),
    'name_digits': _('the numbers in the name are parted differently'),
    'name_title': _('a title on one side only'),
    'name_titles': _('the title is "%(books)s" in the books and "%(odoo)s" in Odoo'),
    'name_form_missing': _('the legal form is on one side only'),
    'name_forms': _('another legal form: "%(books)s" in the books and "%(odoo)s" in Odoo'),
    'name_currency': _('the name has a currency on one side only (%(currency)s)'),
    'name_currencies': _('the name has %(books)s in the books and %(odoo)s in Odoo'),
    'name_note_books': _('marked as "%(note)s" in the books'),
    'name_note_odoo': _('marked as "%(note)s" in Odoo'),
    'name_other': _('name differs'),
    'name_missing': _('a name is missing'),
    # customers
    'email_same': _('same e-mail'),
    'email_mailbox': _('e-mail of the same mailbox, written differently'),
    'email_domain': _('other e-mail of the same domain'),
    'email_other': _('e-mail differs'),
    'email_missing_both': _('neither side has an e-mail'),
    'email_missing_books': _('the books have no e-mail'),
    'email_missing_odoo': _('Odoo has no e-mail'),
    'email_via': _('same e-mail as its contact "%(via)s"'),
    'phone_same': _('same phone'),
    'phone_other': _('phone differs'),
    'tax_same': _('same tax number'),
    'tax_other': _('tax number differs'),
    'place_same': _('same postal code or city'),
    'place_other': _('other city'),
    'currency_other': _('currency is %(books)s in the books and %(odoo)s in Odoo'),
    # products
    'code_same': _('same code'),
    'code_shape': _('codes look alike: "%(books)s" and "%(odoo)s"'),
    'code_other': _('code differs'),
    'code_missing_both': _('neither side has a code'),
    'code_missing_books': _('the books have no code'),
    'code_missing_odoo': _('Odoo has no internal reference'),
    'price_same': _('same price'),
    'price_other': _('price differs'),
    # what stands in the way of linking
    'found_via': _('found by its contact "%(via)s"'),
    'archived': _('archived in Odoo'),
    'linked': _('linked to "%(name)s" of the books already'),
    'several': _('%(count)s records of Odoo have its name, e-mail or code'),
    'rival_books': _('another record of the books, "%(name)s", has the same name, e-mail or code'),
    'nameless': _('it has nothing that could be compared'),
    'deleted': _('it was deleted in Odoo: create it again, or ignore it from now on'),
    'different': _('nothing in Odoo is the same: choose Create new, or Ignore'),
    'apart': _('it was linked with "%(name)s" of Odoo until somebody took the two apart'),
    'taken': _('Odoo has "%(name)s"'),
    'taken_next': _('create it if it is another one, or merge the two in the books'),
    # what is known in the books
    'linked_books': _('in the books it is linked to another record of Odoo'),
    'ignored_books': _('in the books it is ignored'),
    'archived_books': _('archived in the books'),
    'supplier_books': _('a supplier in the books'),
    'currency_books': _('in the books it is a customer in %(currency)s'),
}


def sentence(reasons, translate=None):
    """``reasons`` as one sentence: "Same e-mail; name differs by one letter.".

    :param translate: text of a template in English → in the reader's language
    """
    parts = []
    for reason in reasons:
        template = TEMPLATES[reason.code]
        parts.append((translate(template) if translate else template) % dict(reason.values))
    text = '; '.join(parts)
    return f'{text[:1].upper()}{text[1:]}.' if text else ''
