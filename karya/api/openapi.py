"""The OpenAPI 3.1 document, made from the same declarations as the routes."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from starlette.requests import Request
from starlette.responses import Response

from karya.api.endpoint import JSON, Endpoint
from karya.api.problems import MEDIA_TYPE

PATH = "/openapi.json"
_SCHEMAS = "#/components/schemas/"
_ALWAYS = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.MISDIRECTED_REQUEST,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457; `errors` names each field that is wrong.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def openapi_endpoint(endpoints: Iterable[Endpoint]) -> Endpoint:
    """The endpoint that serves the document about these endpoints and itself; made once."""
    text = b""

    async def show_openapi(_: Request) -> Response:
        return Response(text, media_type=JSON)

    endpoint = Endpoint("GET", PATH, "Show this document", show_openapi)
    text = orjson.dumps(document((*endpoints, endpoint)))
    return endpoint


def document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """The whole document."""
    described = tuple(endpoints)
    models = list(dict.fromkeys(model for endpoint in described for model in _models(endpoint)))
    refs, schema = models_json_schema(models, ref_template=f"{_SCHEMAS}{{model}}")
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in described:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, refs)
    whole = {
        "openapi": "3.1.0",
        "info": {"title": "Karya", "version": version("karya")},
        "paths": paths,
        "components": {"schemas": {**schema["$defs"], "Problem": _PROBLEM}},
    }
    return _with_short_names(whole)


def _models(endpoint: Endpoint) -> Iterable[tuple[type[BaseModel], JsonSchemaMode]]:
    if endpoint.body:
        yield endpoint.body, "validation"
    if endpoint.returns:
        yield endpoint.returns, "serialization"


def _operation(endpoint: Endpoint, refs: Any) -> dict[str, Any]:
    schema = refs[endpoint.returns, "serialization"] if endpoint.returns else {}
    success: dict[str, Any] = {
        "description": endpoint.summary,
        "content": {endpoint.media_type: {"schema": schema}},
    }
    responses = {str(status.value): _problem(status) for status in (*endpoint.problems, *_ALWAYS)}
    responses.update((str(status.value), success) for status in (endpoint.status, *endpoint.also))
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": [
            *_path_parameters(endpoint.path),
            *_query_parameters(endpoint.query),
            *_header_parameters(endpoint.headers),
        ],
        "responses": responses,
    }
    if endpoint.body:
        content = _content(endpoint, refs[endpoint.body, "validation"])
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _content(endpoint: Endpoint, schema: Any) -> dict[str, Any]:
    if endpoint.lines is None:
        return {JSON: {"schema": schema}}
    many = {"type": "array", "items": schema}
    return {JSON: {"schema": many}, endpoint.lines: {"schema": {"type": "string", "contentSchema": schema}}}


def _problem(status: HTTPStatus) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": f"{_SCHEMAS}Problem"}}}
    return {"description": status.phrase, "content": content}


def _path_parameters(path: str) -> Iterable[dict[str, Any]]:
    if "{id}" in path:
        yield {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(query: type[BaseModel] | None) -> Iterable[dict[str, Any]]:
    if query is None:
        return
    schema = query.model_json_schema(ref_template=f"{_SCHEMAS}{{model}}")
    for name, field in schema["properties"].items():
        yield {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": field}


def _header_parameters(headers: Mapping[str, str]) -> Iterable[dict[str, Any]]:
    for name, meaning in headers.items():
        yield {"name": name, "in": "header", "description": meaning, "schema": {"type": "string"}}


def _with_short_names(whole: dict[str, Any]) -> dict[str, Any]:
    """The same with JobSpec in place of pydantic's name for JobSpec[A | B | …]."""
    text = orjson.dumps(whole).decode()
    for name in whole["components"]["schemas"]:
        short = name.partition("_")[0]
        if short != name and short not in whole["components"]["schemas"]:
            text = text.replace(name, short)
    result: dict[str, Any] = orjson.loads(text)
    return result
