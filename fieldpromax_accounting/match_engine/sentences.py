"""The reasons in words. The one place with texts: codes and values travel, sentences are made where they are read."""


def _lt(text):
    """Marks a text for those who collect what is to be translated."""
    return text


TEMPLATES = {
    # names
    'name_same': _lt('same name'),
    'name_written': _lt('same name, written differently'),
    'name_letter': _lt('name differs by one letter'),
    'name_letters': _lt('name differs by %(count)s letters'),
    'name_order': _lt('the words of the name are in another order'),
    'name_spaces': _lt('the words of the name are parted differently'),
    'name_spelling': _lt('other spelling: "%(books)s" and "%(odoo)s"'),
    'name_initial': _lt('initial: "%(books)s" and "%(odoo)s"'),
    'name_short_form': _lt('forms of one first name: "%(books)s" and "%(odoo)s"'),
    'name_abbreviation': _lt('abbreviation: "%(books)s" and "%(odoo)s"'),
    'name_more_books': _lt('only the books have "%(words)s" in the name'),
    'name_more_odoo': _lt('only Odoo has "%(words)s" in the name'),
    'name_words': _lt('the name has "%(books)s" in the books and "%(odoo)s" in Odoo'),
    'name_numbers': _lt('the number in the name is %(books)s in the books and %(odoo)s in Odoo'),
    'name_digits': _lt('the numbers in the name are parted differently'),
    'name_title': _lt('a title on one side only'),
    'name_titles': _lt('the title is "%(books)s" in the books and "%(odoo)s" in Odoo'),
    'name_form_missing': _lt('the legal form is on one side only'),
    'name_forms': _lt('another legal form: "%(books)s" in the books and "%(odoo)s" in Odoo'),
    'name_currency': _lt('the name has a currency on one side only (%(currency)s)'),
    'name_currencies': _lt('the name has %(books)s in the books and %(odoo)s in Odoo'),
    'name_note_books': _lt('marked as "%(note)s" in the books'),
    'name_note_odoo': _lt('marked as "%(note)s" in Odoo'),
    'name_other': _lt('name differs'),
    'name_missing': _lt('a name is missing'),
    # customers
    'email_same': _lt('same e-mail'),
    'email_mailbox': _lt('e-mail of the same mailbox, written differently'),
    'email_domain': _lt('other e-mail of the same domain'),
    'email_other': _lt('e-mail differs'),
    'email_missing_both': _lt('neither side has an e-mail'),
    'email_missing_books': _lt('the books have no e-mail'),
    'email_missing_odoo': _lt('Odoo has no e-mail'),
    'email_via': _lt('same e-mail as its contact "%(via)s"'),
    'phone_same': _lt('same phone'),
    'phone_other': _lt('phone differs'),
    'tax_same': _lt('same tax number'),
    'tax_other': _lt('tax number differs'),
    'place_same': _lt('same postal code or city'),
    'place_other': _lt('other city'),
    'currency_other': _lt('currency is %(books)s in the books and %(odoo)s in Odoo'),
    # products
    'code_same': _lt('same code'),
    'code_shape': _lt('codes look alike: "%(books)s" and "%(odoo)s"'),
    'code_other': _lt('code differs'),
    'code_missing_both': _lt('neither side has a code'),
    'code_missing_books': _lt('the books have no code'),
    'code_missing_odoo': _lt('Odoo has no internal reference'),
    'price_same': _lt('same price'),
    'price_other': _lt('price differs'),
    # what stands in the way of linking
    'found_via': _lt('found by its contact "%(via)s"'),
    'archived': _lt('archived in Odoo'),
    'linked': _lt('linked to "%(name)s" of the books already'),
    'several': _lt('%(count)s records of Odoo have its name, e-mail or code'),
    'rival_books': _lt('another record of the books, "%(name)s", has the same name, e-mail or code'),
    'nameless': _lt('it has nothing that could be compared'),
    'deleted': _lt('it was deleted in Odoo: create it again, or ignore it from now on'),
    'different': _lt('nothing in Odoo is the same: choose Create new, or Ignore'),
    'apart': _lt('it was linked with "%(name)s" of Odoo until somebody took the two apart'),
    'taken': _lt('Odoo has "%(name)s"'),
    'taken_next': _lt('create it if it is another one, or merge the two in the books'),
    # what is known in the books
    'linked_books': _lt('in the books it is linked to another record of Odoo'),
    'ignored_books': _lt('in the books it is ignored'),
    'archived_books': _lt('archived in the books'),
    'supplier_books': _lt('a supplier in the books'),
    'currency_books': _lt('in the books it is a customer in %(currency)s'),
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
