"""Schemas, types and vectors say the same: field by field, word by word (docs/decisions/0025)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from ecoklit.contract import data_path
from ecoklit.core import admission, causality, event, person, policy, registry_event, voter
from ecoklit.core.receipt import Receipt
from ecoklit.testing.vectors import shelf

BASE = "https://ecoklit.example/events/1/"


def _schemas(folder: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    root = data_path("events", "schemas", folder) if folder else data_path("events", "schemas")
    for entry in sorted(root.iterdir(), key=lambda entry: entry.name):
        name = f"{folder}/{entry.name}" if folder else entry.name
        if entry.is_dir():
            yield from _schemas(name)
        else:
            yield name, json.loads(entry.read_text(encoding="utf-8"))


SCHEMAS = dict(_schemas())
REGISTRY: Registry[Any] = Registry().with_resources(
    (BASE + name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(SCHEMAS[name], registry=REGISTRY)


def _fits(name: str, value: Any) -> bool:
    return _validator(name).is_valid(value)


# --- the schemas themselves ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name: str) -> None:
    """Every schema is one of draft 2020-12, under its own address, and everything that it refers to exists."""
    schema = SCHEMAS[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == BASE + name
    resolver = REGISTRY.resolver(base_uri=BASE + name)
    for reference in _references(schema):
        assert resolver.lookup(reference).contents is not None


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"]
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


# --- schema ⇔ type ------------------------------------------------------------------------------------------


def _resolved(schema: Any, base: str) -> Any:
    while isinstance(schema, dict) and "$ref" in schema:
        found = REGISTRY.resolver(base_uri=BASE + base).lookup(schema["$ref"])
        schema, base = found.contents, schema["$ref"].rpartition("/")[2].partition("#")[0] or base
    return schema


def _event_schema(kind: str) -> tuple[dict[str, Any], set[str]]:
    """The properties and the required fields of one type, with those of every event."""
    own, common = SCHEMAS[f"events/{kind}.schema.json"], SCHEMAS["events/common.schema.json"]
    properties = {
        name: value for name, value in {**common["properties"], **own["properties"]}.items() if value is not False
    }
    return properties, {*common["required"], *own["required"]}


@pytest.mark.parametrize("kind", event.EVENT_TYPES, ids=lambda kind: kind.kind)
def test_an_event_type_has_the_fields_of_its_schema(kind: type[event.AnyEvent]) -> None:
    """No field, and no optional field, is in one and not in the other; an event also needs what its rules demand."""
    properties, required = _event_schema(kind.kind)
    fields = {field.encode_name: field.required for field in msgspec.structs.fields(kind)}
    unused = {"saw"} if kind is event.New else set()  # a birth names nobody, so a `saw` is a bad clock
    assert set(properties) == {*fields, "type"} - unused
    demanded = {"person"} if kind in (event.Listed, event.New) else set()
    assert required == {name for name, needed in fields.items() if needed} | {"type"} | demanded


@pytest.mark.parametrize("kind", event.EVENT_TYPES, ids=lambda kind: kind.kind)
def test_an_event_type_has_the_words_of_its_schema(kind: type[event.AnyEvent]) -> None:
    """Every closed list has the same words in both; a role that a rule narrows is narrowed in the schema."""
    properties, _ = _event_schema(kind.kind)
    for field in msgspec.structs.fields(kind):
        words = _words(get_type_hints(kind)[field.name])
        if not words or field.encode_name not in properties:
            continue
        found = _words_of_schema(properties[field.encode_name], f"events/{kind.kind}.schema.json")
        if field.name == "role" and kind is event.Listed:
            words = {"kpu"}
        if field.name == "role" and kind is event.Ruled:
            words = words - {"pantarlih"}
        assert found == words, field.name


def _words(hint: Any) -> set[Any]:
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    return {word for part in get_args(hint) if part is not type(None) for word in _words(part)}


def _words_of_schema(schema: Any, base: str) -> set[Any]:
    if "$ref" in schema:
        target = schema["$ref"]
        return _words_of_schema(_resolved(schema, base), target.rpartition("/")[2].partition("#")[0] or base)
    if "const" in schema:
        return {schema["const"]}
    if "enum" in schema:
        return set(schema["enum"]) - {None}
    return _words_of_schema(schema["items"], "terms.schema.json") if "items" in schema else set()


def _object(schema: dict[str, Any], *path: str) -> dict[str, Any]:
    for name in path:
        schema = schema["properties"][name]
    return schema


STATE = SCHEMAS["state.schema.json"]
PERSON = SCHEMAS["person.schema.json"]


@pytest.mark.parametrize(
    ("struct", "schema"),
    [
        (person.Person, PERSON),
        (person.Record, _object(PERSON, "record")),
        (person.Changes, _object(PERSON, "changes")),
        (person.Visit, _object(PERSON, "visit")),
        (person.Location, _object(PERSON, "visit", "place")),
        (voter.Decision, _object(STATE, "decision")),
        (voter.Particulars, _object(STATE, "record")["oneOf"][1]),
        (policy.Evidence, SCHEMAS["policy.schema.json"]["properties"]["removals"]["additionalProperties"]),
        (event.Place, SCHEMAS["placed.schema.json"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_struct_has_the_fields_and_words_of_its_schema(struct: type[msgspec.Struct], schema: dict[str, Any]) -> None:
    """Fields, required ones and closed words are the same in both."""
    fields = msgspec.structs.fields(struct)
    assert set(schema["properties"]) == {field.encode_name for field in fields}
    assert set(schema.get("required", ())) == {field.encode_name for field in fields if field.required}
    for field in fields:
        words = _words(get_type_hints(struct)[field.name])
        if words:
            assert _words_of_schema(schema["properties"][field.encode_name], "terms.schema.json") == words


def test_the_receipt_has_the_fields_of_its_schema() -> None:
    """What the service answers is what the schema knows, and all that it requires."""
    schema = SCHEMAS["receipt.schema.json"]["properties"]["receipt"]
    fields = {field.encode_name for field in msgspec.structs.fields(Receipt)}
    assert fields == set(schema["properties"]) and fields - {"as_of", "erased"} == set(schema["required"])


def test_the_event_types_are_those_of_the_schema() -> None:
    """A type is in the dispatching schema, in the core and in a file of its own, or nowhere."""
    kinds = {kind.kind for kind in event.EVENT_TYPES}
    assert kinds == set(SCHEMAS["event.schema.json"]["properties"]["type"]["enum"])
    assert {f"events/{kind}.schema.json" for kind in kinds} == {
        name for name in SCHEMAS if name.startswith("events/") and "common" not in name
    }


def test_refusals_and_standings_have_the_names_of_the_schemas() -> None:
    """A name that a program gives is a name that the contract has."""
    assert list(admission.REFUSALS) == SCHEMAS["problem.schema.json"]["properties"]["code"]["enum"]
    receipt = SCHEMAS["receipt.schema.json"]["properties"]["receipt"]["properties"]
    standings = receipt["standings"]["items"]["properties"]["standing"]["enum"]
    names = {
        causality.PARKED,
        causality.WRONG_CAUSE,
        causality.NOT_ON_ROLL,
        causality.EQUIVOCATION,
        *causality.NEVER_READMITTED,
    }
    assert names <= set(standings)


@pytest.mark.parametrize("kind", get_args(registry_event.AnyRegistryEvent), ids=lambda kind: kind.__name__)
def test_a_registry_type_has_the_fields_and_words_of_its_schema(kind: type[msgspec.Struct]) -> None:
    """Fields, required ones and closed words of a registry event are the same in both."""
    schema = SCHEMAS["registry.schema.json"]["$defs"]
    own, common = schema[str(kind.__struct_config__.tag)], schema["event"]
    properties = {**common["properties"], **own["properties"]}
    fields = msgspec.structs.fields(kind)
    assert set(properties) == {*(field.encode_name for field in fields), "type"}
    assert {*common["required"], *own["required"]} == {f.encode_name for f in fields if f.required} | {"type"}
    for field in fields:
        words = _words(get_type_hints(kind)[field.name])
        if words and field.encode_name != "services":
            assert _words_of_schema(properties[field.encode_name], "registry.schema.json") == words, field.name


def test_the_registry_types_are_those_of_the_schema() -> None:
    """A registry type is in the schema's list, in its definitions, in SPEC §8.2 and in the core, or nowhere."""
    kinds = {str(kind.__struct_config__.tag) for kind in get_args(registry_event.AnyRegistryEvent)}
    schema = SCHEMAS["registry.schema.json"]["$defs"]
    assert kinds == set(schema["event"]["properties"]["type"]["enum"]) == {*schema} - {"key", "head", "event"}
    spec = data_path("events", "SPEC.md").read_text(encoding="utf-8")
    table = spec.partition("**8.2 Fields.**")[2].partition("8.3")[0]
    first = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    assert kinds == {name for cell in first for name in re.findall(r"`(\w+)`", cell)}


# --- schema ⇔ vectors and data ------------------------------------------------------------------------------


def _lines(name: str, *keys: str) -> list[Any]:
    return [pytest.param(case, id=f"{key}: {case['note']}") for key in keys for case in shelf.read(name)[key]]


@pytest.mark.parametrize(
    "case", [*_lines("events.json", "valid"), *_lines("persons.json", "valid"), *_lines("clocks.json", "valid")]
)
def test_a_valid_vector_fits_its_schema(case: dict[str, Any]) -> None:
    """What a reader takes, the schema takes."""
    assert _fits("envelope.schema.json", json.loads(case["line"]))


@pytest.mark.parametrize(
    "case", [*_lines("events.json", "bad_event", "malformed"), *_lines("persons.json", "bad_person")]
)
def test_an_invalid_vector_does_not_fit_its_schema(case: dict[str, Any]) -> None:
    """What the schema takes and a reader does not is marked as beyond the schema: nothing else is."""
    assert case["beyond_schema"] is _fits("envelope.schema.json", json.loads(case["line"]))


@pytest.mark.parametrize("key", ["bad_event", "malformed"])
def test_bad_events_are_placed_and_malformed_ones_are_not(key: str) -> None:
    """The schema of what is placed divides the held from the malformed."""
    for case in shelf.read("events.json")[key]:
        assert _fits("placed.schema.json", json.loads(case["line"])["event"]) is (key == "bad_event"), case["note"]


@pytest.mark.parametrize("one", shelf.read("registry.json")["lines"], ids=lambda one: str(one["position"]))
def test_a_registry_line_fits_its_schema(one: dict[str, Any]) -> None:
    """What is no bad event fits the schema, what is one does not; but that an election is opened once is beyond it."""
    line = json.loads(one["line"])
    beyond = line["registry"]["type"] == "election_opened"
    assert _fits("registry.schema.json", line) is (beyond or one["void"] != "bad_event")


@pytest.mark.parametrize(("folder", "name"), list(shelf.histories()))
def test_the_states_of_a_story_fit_their_schema(folder: str, name: str) -> None:
    """States and digests have the published form; so does every event that is no bad one."""
    story = shelf.read(folder, name)
    for line in story["states"]:
        _validator("state.schema.json").validate(json.loads(line))
    for code, digest in story["digests"].items():
        _validator("digest.schema.json").validate({"code": code, "digest": digest})
    for one in story["events"]:
        if one["standing"] not in ("bad_event", "bad_clock") and one["line_fault"] != "bad_person":
            _validator("envelope.schema.json").validate(json.loads(one["line"]))


@pytest.mark.parametrize("room", ["policies", "codebooks"])
def test_shipped_data_fits_its_schema(room: str) -> None:
    """Every policy and code book has the published form, and is named as its file."""
    kind = {"policies": "policy", "codebooks": "codebook"}[room]
    for entry in data_path("events", room).iterdir():
        content = json.loads(entry.read_text(encoding="utf-8"))
        _validator(f"{kind}.schema.json").validate(content)
        assert entry.name == f"{content[kind]}.json"


def test_the_spec_prints_the_policy_that_is_shipped() -> None:
    """The table of evidence in SPEC §2.6 is policy 2024-1, row by row, in order of strength."""
    spec = data_path("events", "SPEC.md").read_text(encoding="utf-8")
    table = spec.partition("| known, never enough |")[2].partition("\n\n")[0]
    printed: dict[str, tuple[list[str], list[str]]] = {}
    for row in table.strip().splitlines()[1:]:
        names, accepted, known = (cell.strip() for cell in row.strip("|").split("|"))
        for name in names.split(", "):
            full = name if "/" not in name or name.startswith("disqualified") else f"disqualified{name}"
            printed[full] = (_list(accepted), _list(known))
    shipped = json.loads(data_path("events", "policies", "2024-1.json").read_text(encoding="utf-8"))["removals"]
    assert printed == {name: (row["accepted"], row["never_enough"]) for name, row in shipped.items()}


def _list(cell: str) -> list[str]:
    return [] if not cell or cell.startswith("(") else cell.split(", ")


def test_a_code_book_names_every_word_once() -> None:
    """A word has one code, is a candidate of one that joins several, or is said to have none."""
    properties = SCHEMAS["codebook.schema.json"]["properties"]
    for entry in data_path("events", "codebooks").iterdir():
        book = json.loads(entry.read_text(encoding="utf-8"))
        for column in ("tms", "disability"):
            words = set(properties[f"{column}_without_code"]["items"]["enum"])
            coded = [
                word for mark in book[column].values() for word in [mark["means"], *mark.get("one_of", ())] if word
            ]
            assert sorted([*coded, *book[f"{column}_without_code"]]) == sorted(words), entry.name


@pytest.mark.parametrize(
    "problem",
    [
        {"title": "Gap", "status": 409, "code": "gap", "detail": "Send from 3 on."},
        {
            "type": "about:blank",
            "title": "Late",
            "status": 409,
            "code": "late",
            "detail": "Nothing is refused for this.",
        },
        {"title": "Gap", "status": 409, "detail": "Send from 3 on.", "expected": 3},
    ],
    ids=["a gap that says not where", "a quarantine as a refusal", "no code"],
)
def test_an_unfinished_problem_does_not_fit(problem: dict[str, Any]) -> None:
    """A refusal says its code and what to do; a gap says the seq expected; a quarantine is no refusal."""
    assert not _fits("problem.schema.json", problem)


# --- the channels ------------------------------------------------------------------------------------------------


def test_the_channels_refer_to_what_exists() -> None:
    """Every reference of asyncapi.yaml leads somewhere, in the document or into a schema."""
    document = yaml.safe_load(data_path("events", "asyncapi.yaml").read_text(encoding="utf-8"))
    assert document["asyncapi"] == "3.0.0"
    references = list(_references(document))
    for reference in references:
        file, _, pointer = reference.partition("#")
        target = SCHEMAS[file.removeprefix("schemas/")] if file else document
        for step in filter(None, pointer.split("/")):
            target = target[step]
        assert target
    assert len(references) > 20


def test_the_channels_are_the_journals() -> None:
    """The subjects of SPEC §9 are those that the document describes, with each of their parameters."""
    channels = yaml.safe_load(data_path("events", "asyncapi.yaml").read_text(encoding="utf-8"))["channels"]
    spec = data_path("events", "SPEC.md").read_text(encoding="utf-8")
    for name in ("events", "persons", "request", "pull", "readRegistry"):
        address = channels[name]["address"]
        assert address.replace("{", "<").replace("}", ">") in spec
        assert set(channels[name]["parameters"]) == set(re.findall(r"{(\w+)}", address))
