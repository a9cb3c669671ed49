"""The page docs/reference/rest.md, made from the OpenAPI document that the gateway serves."""

import asyncio
from collections.abc import Iterator
from dataclasses import fields
from http import HTTPStatus
from typing import Any
from unittest.mock import MagicMock

import orjson

from karya.api.app import create_app
from karya.api.openapi import PATH
from karya.api.services import Services
from karya.connectors.registry import action_types, load_connectors
from karya.core.settings import GatewaySettings
from karya.core.spec import spec_model

Schema = dict[str, Any]

HEAD = """# REST reference

Every operation and every field, made by `docs/generate.py` from the document that a gateway serves at
`/openapi.json`. What they mean, with examples, is in the [HTTP API](http-api.md). The actions are those of
the connectors that come with Karya.

Any operation may also answer 401, 403, 421 and 503, see [authentication](http-api.md#authentication) and
[errors](http-api.md#errors). Every POST takes an `Idempotency-Key`, see [requests that may be
repeated](http-api.md#requests-that-may-be-repeated).
"""
ALWAYS = {"401", "403", "421", "503"}
LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
    "pattern": "`{}`",
}


def served() -> Schema:
    """The document as a gateway answers it."""
    services = Services(**{field.name: MagicMock() for field in fields(Services)})
    services.jobs.spec_type = spec_model(action_types(load_connectors({})))  # type: ignore[misc]
    answers: list[Any] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": PATH,
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        answers.append(message)

    asyncio.run(create_app(services, GatewaySettings(), MagicMock())(scope, receive, send))
    document: Schema = orjson.loads(b"".join(answer.get("body", b"") for answer in answers))
    return document


def page() -> str:
    """The whole page."""
    document = served()
    operations = [
        "\n".join(_operation(method, path, operation))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = document["components"]["schemas"]
    models = ["\n".join(_model(name, schemas[name])) for name in sorted(schemas)]
    return "\n".join([HEAD, "## Operations\n", *operations, "## Models\n", *models]).rstrip() + "\n"


def _operation(method: str, path: str, operation: Schema) -> Iterator[str]:
    yield f"### {method.upper()} {path}\n\n{operation['summary']}.\n"
    body = operation.get("requestBody", {}).get("content", {})
    if body:
        kinds = ", ".join(f"{_type(kind['schema'])} as `{media}`" for media, kind in body.items())
        yield f"**Body**: {kinds}.\n"
    parameters = operation.get("parameters", [])
    if parameters:
        yield "| parameter | in | type | meaning |\n|---|---|---|---|"
        for told in parameters:
            schema = told["schema"]
            yield f"| `{told['name']}` | {told['in']} | {_field(schema)} | {_meaning(schema)} |"
        yield ""
    yield f"**Answers**: {'; '.join(_answers(operation['responses']))}.\n"


def _answers(responses: Schema) -> Iterator[str]:
    problems = []
    for status, response in sorted(responses.items()):
        if status.startswith("2"):
            content = response.get("content", {})
            kinds = [_type(kind["schema"]) for kind in content.values() if kind["schema"]]
            yield f"{status} {HTTPStatus(int(status)).phrase}" + "".join(f", {kind}" for kind in kinds)
        elif status not in ALWAYS:
            problems.append(status)
    if problems:
        yield f"{_link('Problem')} with {', '.join(problems)}"


def _model(name: str, schema: Schema) -> Iterator[str]:
    yield f"### {name}\n"
    if schema.get("description"):
        yield " ".join(schema["description"].split("\n\n")[0].split()) + "\n"
    if "enum" in schema or "const" in schema:
        yield f"One of {_type({**schema, 'title': ''})}.\n"
    if schema.get("properties"):
        yield "| field | type | default | meaning |\n|---|---|---|---|"
        required = schema.get("required", [])
        for field, told in schema["properties"].items():
            default = "required" if field in required else _value(told.get("default"))
            yield f"| `{field}` | {_field(told)} | {default} | {_meaning(told)} |"
        yield ""


def _field(schema: Schema) -> str:
    limits = [text.format(_bare(schema[key])) for key, text in LIMITS.items() if key in schema]
    return ", ".join([_type(schema), *limits])


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return _link(schema["$ref"].rsplit("/", 1)[1])
    if "const" in schema:
        return f"`{_bare(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    for several in ("oneOf", "anyOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_field(one) for one in schema[several]))
    kind = schema.get("type")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object":
        return "object"
    return {"null": "null", None: "any"}.get(kind, f"{kind}") + (
        f" ({schema['format']})" if "format" in schema else ""
    )


def _meaning(schema: Schema) -> str:
    told = schema.get("description") or next(
        (one["description"] for one in schema.get("anyOf", ()) if "description" in one), ""
    )
    return " ".join(told.split()).replace("|", "\\|")


def _value(value: Any) -> str:
    return "" if value is None else f"`{_bare(orjson.dumps(value).decode())}`"


def _bare(value: Any) -> str:
    return str(value).replace("|", "\\|")


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"
