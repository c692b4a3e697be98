"""Bodies of the small JSON routes."""

from typing import TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from vanilla.errors import Invalid

Body = TypeVar("Body", bound=BaseModel)


def content_type(request: Request) -> str:
    """The media type alone, in lower case; "" where there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def parsed(request: Request, model: type[Body]) -> Body:
    """The JSON body as `model`, for a route that takes more than JSON. Raises Invalid, RequestValidationError."""
    if content_type(request) != "application/json":
        raise Invalid("Send JSON with the header Content-Type: application/json, or a form.")
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
