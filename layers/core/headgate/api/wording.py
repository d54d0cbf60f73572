"""Words for people: of what is wrong with a request, and out of what a request brings."""

from pydantic import BaseModel, ValidationError

from headgate.errors import InputError

LONGEST_KEY = 200


def in_words(fault: InputError | ValidationError, model: type[BaseModel] | None = None) -> str:
    """The first thing that is wrong; never the value, which may be long or secret."""
    if isinstance(fault, InputError):
        return str(fault)
    first = fault.errors(include_input=False, include_url=False)[0]
    place = printable(".".join(str(part) for part in first["loc"]))[:50]
    if first["type"] == "extra_forbidden" and model is not None and len(first["loc"]) == 1:
        known = ", ".join(model.model_fields)
        return f"{place!r} is not known here: {f'only {known}' if known else 'nothing'} is"
    message = first["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


def printable(text: str) -> str:
    """In one line, without what a terminal would act upon."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def by_the_api(reason: str) -> str:
    """Who did it and why: `by the API (wrong branch)`."""
    said = printable(reason)
    return "by the API" + (f" ({said})" if said else "")


def checked_key(key: str) -> str:
    """An Idempotency-Key. Raises InputError."""
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise InputError(f"an Idempotency-Key has at most {LONGEST_KEY} characters, all of them printable")
    return key
