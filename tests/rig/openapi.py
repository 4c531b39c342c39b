"""The description of the API: whether it is valid, and whether what is said
over the API is what it describes.

What the description does not name is a failure: a path, a status, a field of an
object, a query parameter, a header ETag on what has none.
"""

import copy
import json
import os
import re

import jsonschema

META = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schemas",
                    "openapi-3.1.json")
METHODS = ("get", "put", "post", "delete", "patch", "head")
PREFIX = "/api/v1"
# What any operation may answer; of 500 no test is content.
PROBLEMS = {400, 401, 403, 404, 405, 409, 412, 413, 421, 422, 428, 429, 503,
            507}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\Z")
FORMATS = jsonschema.FormatChecker(())
FORMATS.checks("date-time")(
    lambda value: not isinstance(value, str) or bool(TIME.match(value)))


def strict(schema):
    """Objects with named properties have no others."""
    if isinstance(schema, dict):
        for value in schema.values():
            strict(value)
        if isinstance(schema.get("properties"), dict) and not \
                {"allOf", "anyOf", "oneOf", "$ref"} & set(schema):
            schema.setdefault("additionalProperties", False)
    elif isinstance(schema, list):
        for value in schema:
            strict(value)
    return schema


class Description:
    """doc: as it was answered."""

    def __init__(self, doc):
        self.doc = strict(copy.deepcopy(doc))
        self.resolver = jsonschema.RefResolver("", self.doc)
        prefix = ""
        for server in doc.get("servers", ()):
            prefix = server["url"].rstrip("/")
        self.paths = []
        for template, item in self.doc["paths"].items():
            pattern = "".join(
                "[^/]+" if part.startswith("{") else re.escape(part)
                for part in re.split(r"(\{[^}]*\})", prefix + template))
            self.paths.append((re.compile(pattern + r"\Z"), template, item))
        # what is written out comes before what has parameters
        self.paths.sort(key=lambda p: p[1].count("{"))

    def operation(self, method, path):
        """(template, operation): both None if there is no such path,
        operation None if the path does not have that method."""
        for pattern, template, item in self.paths:
            if pattern.match(path):
                return template, item.get(method.lower())
        return None, None

    def resolve(self, thing):
        while "$ref" in thing:
            thing = self.resolver.resolve(thing["$ref"])[1]
        return thing

    def wrong(self, schema, value):
        """What is wrong with the value, or None."""
        validator = jsonschema.Draft202012Validator(
            schema, resolver=self.resolver, format_checker=FORMATS)
        error = jsonschema.exceptions.best_match(validator.iter_errors(value))
        return error and "%s at /%s: %.300s" % (
            error.message[:300], "/".join(map(str, error.absolute_path)),
            json.dumps(value))

    # --- what was asked

    def request_wrong(self, operation, query, body):
        """What the description does not allow in a request, or None."""
        known = {p["name"]: p["schema"] for p in
                 map(self.resolve, operation.get("parameters", ()))
                 if p["in"] == "query"}
        for name, value in query.items():
            if name not in known:
                return "no query parameter %s" % name
            said = self.wrong(known[name], typed(self.resolve(known[name]),
                                                 value))
            if said:
                return "query parameter %s: %s" % (name, said)
        taken = operation.get("requestBody")
        if body is None:
            return "a body is missing" if taken and \
                self.resolve(taken).get("required") else None
        if taken is None:
            return "it takes no body"
        content = self.resolve(taken)["content"]
        return self.wrong(content["application/json"]["schema"], body)

    # --- what was answered

    def answer_wrong(self, operation, answer):
        responses = operation["responses"]
        said = responses.get(str(answer.status))
        if said is None and answer.status in PROBLEMS:
            said = responses.get("default")
        if said is None:
            return "status %d is not described" % answer.status
        content = self.resolve(said).get("content")
        kind = answer.headers.get("content-type", "").split(";")[0]
        if not content:
            return "a body where none is described" if answer.body else None
        if kind not in content:
            return "content type %r is not described" % kind
        if kind.startswith("text/"):
            return None
        return self.wrong(content[kind]["schema"], answer.json)


def typed(schema, text):
    """A query parameter as its schema's type."""
    kinds = schema.get("type", "string")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "integer" in kinds and re.match(r"-?[0-9]+\Z", str(text)):
        return int(text)
    if "boolean" in kinds and text in ("true", "false"):
        return text == "true"
    return text


def document_wrong(doc):
    """Everything that is wrong with the description itself."""
    with open(META) as f:
        meta = json.load(f)
    found = ["%s at /%s" % (e.message[:300], "/".join(
        map(str, e.absolute_path)))
        for e in jsonschema.Draft202012Validator(meta).iter_errors(doc)]
    schemas = doc.get("components", {}).get("schemas", {})
    for name, schema in schemas.items():
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as e:
            found.append("schema %s: %s" % (name, e.message))
    refs = set(references(doc))
    found += ["nothing at %s" % r for r in refs if not there(doc, r)]
    found += ["schema %s is used nowhere" % name for name in schemas
              if "#/components/schemas/" + name not in refs]
    ids = []
    for path, item in doc.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                ids.append(item[method].get("operationId"))
                found += operation_wrong(method, path, item[method])
    found += ["operationId %s twice" % i for i in set(ids)
              if ids.count(i) > 1]
    return found


def operation_wrong(method, path, op):
    """Rules that the meta-schema does not know."""
    where = "%s %s: " % (method.upper(), path)
    named = set(re.findall(r"\{([^}]*)\}", path))
    described = {p["name"] for p in op.get("parameters", ())
                 if p.get("in") == "path"}
    if named != described:
        yield where + "path parameters %s, described %s" % (named, described)
    if not op.get("operationId"):
        yield where + "no operationId"
    if not (op.get("summary") or op.get("description")):
        yield where + "not a word of what it does"
    if not any(s.startswith("2") for s in op.get("responses", {})):
        yield where + "no success is described"


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def there(doc, reference):
    if not reference.startswith("#/"):
        return False
    for part in reference[2:].split("/"):
        part = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(doc, dict) or part not in doc:
            return False
        doc = doc[part]
    return True
