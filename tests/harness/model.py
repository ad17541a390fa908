"""The API model that botocore ships, as the judge: what a request may hold, and what an answer may say.

Nothing here names an operation except where the service differs on purpose; each such entry says why.
"""

import base64
import dataclasses
import json
import re
import string

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from harness import settings

SERVICE = botocore.session.get_session().get_service_model("kms")

# Every operation may answer these; the service model does not list them [KMS:API, common errors].
COMMON_ERRORS = {
    "AccessDeniedException",
    "DependencyTimeoutException",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "KMSInternalException",
    "MissingAuthenticationTokenException",
    "RequestEntityTooLargeException",
    "RequestTimeoutException",
    "SerializationException",
    "ServiceUnavailableException",
    "ThrottlingException",
    "UnknownOperationException",
    "UnrecognizedClientException",
    "ValidationException",
}
# Codes beside the model's own list, with the reason.
UNMODELLED = {
    ("CreateAlias", "NotAuthorizedException"): "recorded against AWS for names that begin with alias/aws/",
}


# Output shapes that are judged by another one, with the reason.
MIRRORED = {"CustomerMasterKeySpec": "KeySpec"}  # deprecated and frozen, while the member goes on repeating KeySpec


def operations() -> list[OperationModel]:
    return [SERVICE.operation_model(name) for name in sorted(SERVICE.operation_names)]


def lower_camel(name: str) -> str:
    return name[:1].lower() + name[1:]


# ---- requests -------------------------------------------------------------------------------------------------------

# Texts that fit the patterns of the model; the first that fits a shape is its example.
CANDIDATES = (
    "12345678-1234-1234-1234-123456789012",
    "us-east-1",
    "alias/example",
    "example",
    "https://example.com",
    "/kms/xks/v1",
    "ABCDEFGHIJKLMNOPQRSTUVWX",
    "A" * 43,
    "arn:aws:iam::000000000000:root",
    "arn:aws:s3:::example-bucket-name",
    "f" * 64,
    "1234567",
    "cluster-abcdefgh234",
    "000000000000",
    "com.amazonaws.vpce.us-east-1.vpce-svc-0123abcd",
)


def matches(pattern: str, text: str) -> bool:
    """A pattern of the model is about the whole text, whether it says so or not."""
    return re.fullmatch(pattern, text, re.ASCII) is not None


def constraint(shape: Shape, name: str, default):
    return shape.metadata.get(name, default)


def fits(shape: Shape, text: str) -> bool:
    pattern = constraint(shape, "pattern", None)
    long_enough = constraint(shape, "min", 0) <= len(text) <= constraint(shape, "max", len(text))
    return long_enough and (pattern is None or matches(pattern, text))


def example(shape: Shape):
    """A value, as JSON has it, that breaks no constraint of `shape`."""
    if isinstance(shape, StructureShape):
        return {name: example(member) for name, member in shape.members.items()}
    if isinstance(shape, ListShape):
        return [example(shape.member)] * max(1, constraint(shape, "min", 1))
    if isinstance(shape, MapShape):
        return {example(shape.key): example(shape.value)}
    match shape.type_name:
        case "string" if shape.enum:
            return shape.enum[0]
        case "string":
            text = next((text for text in CANDIDATES if fits(shape, text)), None)
            assert text is not None, f"no example of {shape.name} {shape.metadata}: add one to CANDIDATES"
            return text
        case "blob":
            return base64.b64encode(b"x" * max(1, constraint(shape, "min", 1))).decode()
        case "integer" | "long":
            return constraint(shape, "min", 1)
        case "boolean":
            return False
        case "timestamp":
            return 1_900_000_000
    raise AssertionError(f"no example of type {shape.type_name}")


@dataclasses.dataclass
class Broken:
    """A request body that breaks one rule, and what the answer must say about it."""

    body: dict
    error: str
    path: str
    says: str = ""
    hidden: bool = False

    def __str__(self):
        return f"{self.path}: {self.says or self.error}"


def broken_bodies(operation: OperationModel):
    """For every member of the operation's input, at every depth, one body for each rule that the member has."""
    shape = operation.input_shape
    if shape is None:
        return
    whole = example(shape)
    for value, path, error, says, hidden in broken_members(shape, whole, ""):
        yield Broken(value, error, path, says, hidden)


def broken_members(shape: StructureShape, whole: dict, prefix: str):
    for name, member in shape.members.items():
        path = prefix + lower_camel(name)
        if name in shape.required_members:
            absent = {other: value for other, value in whole.items() if other != name}
            yield absent, path, "ValidationException", "Member must not be null", False
        for value, inner, error, says, hidden in broken_values(member, whole[name], path):
            yield {**whole, name: value}, inner, error, says, hidden


def broken_values(shape: Shape, valid, path: str):
    """(value, path, error code, text, whether the value must not be quoted) for every way to break `shape`."""
    wrong_type = "x" if isinstance(shape, (StructureShape, MapShape)) else {}
    yield wrong_type, path, "SerializationException", "", False
    hidden = bool(shape.metadata.get("sensitive")) or shape.type_name == "blob"
    for value, says in broken_constraints(shape):
        yield value, path, "ValidationException", says, hidden
    if isinstance(shape, StructureShape):
        yield from broken_members(shape, valid, f"{path}.")
    if isinstance(shape, ListShape):
        for value, inner, *rest in broken_values(shape.member, valid[0], f"{path}.1.member"):
            yield [value, *valid[1:]], inner, *rest
    if shape.type_name == "blob":
        yield "*", path, "SerializationException", "", False


def broken_constraints(shape: Shape):
    least, most = constraint(shape, "min", None), constraint(shape, "max", None)
    if shape.type_name in ("integer", "long"):
        if least is not None:
            yield least - 1, f"Member must have value greater than or equal to {least}"
        if most is not None:
            yield most + 1, f"Member must have value less than or equal to {most}"
        return
    make = maker(shape)
    if make is None:
        return
    if least is not None and least > 0:
        yield make(least - 1), f"Member must have length greater than or equal to {least}"
    if most is not None:
        yield make(most + 1), f"Member must have length less than or equal to {most}"
    if shape.type_name == "string" and shape.enum:
        yield "NO_SUCH_VALUE", "Member must satisfy enum value set: ["
    if pattern := constraint(shape, "pattern", None):
        yield off_pattern(shape), f"Member must satisfy regular expression pattern: {pattern}"


def maker(shape: Shape):
    """From a length to a value of that length, for shapes that have one."""
    if isinstance(shape, ListShape):
        return lambda length: [example(shape.member)] * length
    if shape.type_name == "blob":
        return lambda length: base64.b64encode(b"x" * length).decode()
    if shape.type_name == "string" and not shape.enum:
        filler = next((c for c in "aA1/" if matches(constraint(shape, "pattern", ".*"), c * 20)), "a")
        return lambda length: filler * length
    if shape.type_name == "string":
        return lambda length: "a" * length
    return None


def off_pattern(shape: Shape) -> str:
    pattern, length = constraint(shape, "pattern", ""), max(1, constraint(shape, "min", 1))
    for character in string.punctuation + " \u2603":
        if not matches(pattern, character * length):
            return character * length
    raise AssertionError(f"everything matches {pattern}")


ITEM = r"Value( null| '(?s:.*?)')? at '[^']+' failed to satisfy constraint: Member must [^;]+(; |$)"


def check_refusal(broken: Broken, error: str, message: str):
    """The answer to `broken` is the right exception, in the grammar of AWS's validation."""
    assert error == broken.error, f"{broken}: {error} {message[:200]}"
    if broken.error != "ValidationException":
        return
    head, _, items = message.partition(" detected: ")
    count = int(re.fullmatch(r"(\d+) validation errors?", head)[1])
    assert head.endswith("errors") == (count > 1), message[:200]
    subject = r"(Value| null|'.*')" if not broken.hidden else "Value"
    wanted = re.compile(f"{subject} at '{re.escape(broken.path)}' failed to satisfy constraint: {re.escape(broken.says)}", re.S)
    assert wanted.search(items), f"{broken}: {message[:300]}"


# ---- answers --------------------------------------------------------------------------------------------------------


def check_answer(operation: OperationModel, status: int, body: bytes):
    """Members, their types, and error codes are those of the model."""
    if status == 200:
        parsed = json.loads(body) if body else {}
        if operation.output_shape is None:
            assert parsed == {}, f"{operation.name} has no output shape and answered {parsed}"
        else:
            check_value(operation.output_shape, parsed, operation.name)
        return
    check_error(operation, json.loads(body))


def check_error(operation: OperationModel, parsed: dict):
    code = parsed["__type"]
    modelled = {shape.name for shape in operation.error_shapes}
    allowed = code in COMMON_ERRORS | modelled or (operation.name, code) in UNMODELLED or not_there(operation, code)
    assert allowed, f"{operation.name} answered {code}, which its model does not list"
    assert set(parsed) <= {"__type", "message"}, parsed


def not_there(operation: OperationModel, code: str) -> bool:
    """An operation that the service does not have yet answers so, whatever its model says."""
    return code == "UnsupportedOperationException" and not implemented(operation.name)


def implemented(name: str) -> bool:
    """Whether the documents say that the service has the operation."""
    text = (settings.ROOT / "docs" / "spec" / "operations.md").read_text()
    return re.search(rf"^\| {name} \| implemented \|", text, re.MULTILINE) is not None


TYPES = {"string": str, "blob": str, "boolean": bool, "timestamp": (int, float), "integer": int, "long": int}


def check_value(shape: Shape, value, path: str):
    if isinstance(shape, StructureShape):
        assert isinstance(value, dict), f"{path} is {value!r}"
        unknown = set(value) - set(shape.members)
        assert not unknown, f"{path} has members that the model does not know: {unknown}"
        for name, inner in value.items():
            check_value(shape.members[name], inner, f"{path}.{name}")
    elif isinstance(shape, ListShape):
        assert isinstance(value, list), f"{path} is {value!r}"
        for inner in value:
            check_value(shape.member, inner, f"{path}[]")
    elif isinstance(shape, MapShape):
        assert isinstance(value, dict), f"{path} is {value!r}"
    else:
        assert isinstance(value, TYPES[shape.type_name]), f"{path} is {value!r}"
        check_output_constraints(shape, value, path)


# AWS shows a grant without a name with an empty one, against its own model.
EMPTY_AT_AWS = {"ListGrants.Grants[].Name", "ListRetirableGrants.Grants[].Name"}


def check_output_constraints(shape: Shape, value, path: str):
    if value == "" and path in EMPTY_AT_AWS:
        return
    if shape.type_name == "blob":
        length = len(base64.b64decode(value, validate=True))
    elif shape.type_name == "string":
        length = len(value)
        shape = SERVICE.shape_for(MIRRORED.get(shape.name, shape.name))
        assert not shape.enum or value in shape.enum, f"{path} is {value}"
        pattern = constraint(shape, "pattern", None)
        assert pattern is None or matches(pattern, value), f"{path} is {value}, which {pattern} does not match"
    else:
        return
    assert constraint(shape, "min", 0) <= length <= constraint(shape, "max", length), f"{path} has length {length}"
