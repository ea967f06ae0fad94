"""The Projects API (GraphQL, provider_facts B13): projects of a customer; each is also a customer with IsProject."""

from . import names
from .errors import business
from .wire import parse_day, ref

STATUSES = ("OPEN", "IN_PROGRESS", "BLOCKED", "CANCELED", "COMPLETE", "OTHER")
TEXTS = {"name": 100, "description": 4000, "type": 100}


def all_projects(books):
    return [c for c in books.customers.values() if c.get("IsProject")]


def find(books, key):
    project = books.customers.get(str(key))
    return project if project is not None and project.get("IsProject") else None


def create(books, values):
    """A new project: ``{"name", "customer": {"id"}, "description", "status", "startDate", "dueDate", …}``.

    :raise Refused: the first rule that is broken
    """
    name = (values.get("name") or "").strip()
    if not name:
        raise business("A project needs a name.")
    customer = books.customers.get(str((values.get("customer") or {}).get("id", "")))
    if customer is None:
        raise business("The project's customer does not exist.")
    if not customer.get("Active", True):
        raise business("The project's customer is inactive.")
    kept = _details(values)
    kept.setdefault("status", "OPEN")
    saved = names.save(
        books, "Customer", {"DisplayName": name, "Job": True, "ParentRef": ref(customer["Id"])}, project=True
    )
    project = {**saved, "_status": kept.pop("status"), "_project": kept}
    books.replace("Customer", project)
    return project


def _details(values):
    result = {}
    for field, most in TEXTS.items():
        text = values.get(field)
        if text is not None and len(text) > most:
            raise business(f"The {field} of a project has up to {most} characters.")
        if text is not None and field != "name":
            result[field] = text
    if values.get("status") is not None:
        if values["status"] not in STATUSES:
            raise business(f"The status of a project is one of {', '.join(STATUSES)}.")
        result["status"] = values["status"]
    for field in ("startDate", "dueDate", "completedDate"):
        if values.get(field) is not None:
            if parse_day(values[field]) is None:
                raise business(f"The {field} is no date.")
            result[field] = values[field]
    if values.get("priority") is not None:
        if not 0 <= values["priority"] <= 9:
            raise business("The priority of a project is 0 to 9.")
        result["priority"] = values["priority"]
    for field in ("completionRate", "pinned"):
        if values.get(field) is not None:
            result[field] = values[field]
    return result


def update(books, project, values):
    """Change what is sent; the customer of a project stays."""
    kept = _details(values)
    customer = (values.get("customer") or {}).get("id")
    if customer is not None and str(customer) != project["ParentRef"]["value"]:
        raise business("The customer of a project can't be changed.")
    sent = {"Id": project["Id"], "sparse": True}
    if values.get("name") is not None:
        sent["DisplayName"] = values["name"]
    saved = names.save(books, "Customer", sent, project)
    status = kept.pop("status", project.get("_status", "OPEN"))
    project = {**saved, "_status": status, "_project": {**project.get("_project", {}), **kept}}
    books.replace("Customer", project)
    return project


def delete(books, project):
    """A project without documents goes; one with documents can only be completed or canceled."""
    if books.documents_of.ids(project["Id"]) or any(
        ref(project["Id"]) == document.get("ProjectRef")
        for document in (*books.invoices.values(), *books.credit_memos.values())
    ):
        raise business("A project with transactions can't be deleted.")
    books.remove("Customer", project)


def set_project(books, values):
    """Add a project, or change the one with that id or name, as a person does. Returns its id."""
    values = dict(values)
    new_name = values.pop("rename", None)
    project = find(books, values.get("id", "")) or next(
        (p for p in all_projects(books) if p["DisplayName"] == values.get("name")), None
    )
    if project is None:
        customer = names.find(books, values.get("customer", ""))
        return create(books, {**values, "customer": {"id": customer["Id"] if customer else ""}})["Id"]
    if values.pop("delete", False):
        delete(books, project)
        return project["Id"]
    changes = {name: value for name, value in values.items() if name not in ("id", "name", "customer")}
    if new_name:
        changes["name"] = new_name
    return update(books, project, changes)["Id"]
