"""Why a voter has its status: the least that gives it, and the file that proves it, by both verifiers."""

from __future__ import annotations

import json
import random
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import pytest

from ecoklit import verify_alone
from ecoklit.contract import data_path, policies
from ecoklit.core import canonical, ids
from ecoklit.core.entitlement import QUARANTINES, Admitted
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.excerpt import ExcerptFault, fold_excerpt
from ecoklit.core.registry import Registry, fold_registry
from ecoklit.core.voter import winners
from ecoklit.errors import EcoklitError
from ecoklit.services import voter_proof
from ecoklit.services.case import Case, Law, judged
from ecoklit.services.voter_proof import FIRST_WORD, ProofFault, SignedEnd
from ecoklit.services.why import Why, explained, is_rightful, lines_for
from ecoklit.testing import made_up_proofs
from ecoklit.testing.made_up_proofs import MadeUpLog, World, made_up_world, root_key, trusted
from ecoklit.testing.made_up_registry import MadeUpElection
from ecoklit.testing.phone import Person, Phone

SEEDS: Final = range(6)
MANIPULATIONS: Final = 1_000
POLICY: Final = json.loads(data_path("events", "policies", "2024-1.json").read_bytes())
KEYS: Final = [key.vkey for key in made_up_proofs.log_keys()]
ELECTION, TPS = "pilkada-2024", "9404012001001"
Content = dict[str, Any]


def whys(world: World) -> list[Why]:
    """The explanation of everybody who has a status in this world."""
    found = []
    for case in world.cases:
        try:
            found.append(explained(case, world.law))
        except EcoklitError as error:
            assert error.code == "unknown_voter"
    return found


def reason_of(case: Case, law: Law) -> object:
    found = judged(case, law)
    if found.status is None:
        return None
    verdict, place = winners(found.fold.judgement.counted)
    return found.status, verdict.held.hash, place.held.hash


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("lawful", [True, False])
def test_the_least_set_gives_the_status_and_no_less_does(seed: int, lawful: bool) -> None:
    """The events that are named give the voter's status by the same winners; without any one of them they do not."""
    world = made_up_world(seed, lawful=lawful)
    whole = {case.voter: case for case in world.cases}
    for why in whys(world):
        out = {hash: one.name for hash, one in judged(whole[why.case.voter], world.law).standings.items()}
        law = world.law._replace(
            keeps_out=lambda held, out=out: out[held.hash] if out[held.hash] in QUARANTINES else None
        )
        reason = reason_of(whole[why.case.voter], law)
        assert reason_of(why.case, law) == reason == (why.status, why.verdict_by.hash, why.place_by.hash)
        for one in why.case.admitted:
            without = why.case._replace(admitted=tuple(other for other in why.case.admitted if other is not one))
            assert reason_of(without, law) != reason


@pytest.mark.parametrize("seed", SEEDS)
def test_the_least_lines_give_the_rights_and_no_less_do(seed: int) -> None:
    """Without any one of the registry's lines that come along, but those of the opening and of a policy, some event's
    author had no right to say it, or some line's."""
    for world, why, proof in [*made_up_proofs.proofs([seed], lawful=True), *made_up_proofs.proofs([seed])]:
        lines = [canonical.encode(line) for line in proof.registry]
        assert stands(why, lines, root_key(world))
        for line in proof.registry[1:]:
            fewer = [other for other in lines if other != canonical.encode(line)]
            assert line["registry"]["type"] == "policy_set" or not stands(why, fewer, root_key(world))


def stands(why: Why, lines: list[bytes], root: str) -> bool:
    try:
        registry = fold_excerpt(ELECTION, "9404", lines, root)
    except ExcerptFault:
        return False
    return all(is_rightful(registry, held) for held in why.case.held)


def test_both_verifiers_take_what_was_proved() -> None:
    """Every proof that can be made of a random world is taken by both, and says the status that the whole has."""
    statuses = Counter[str]()
    for world, why, proof in [*made_up_proofs.proofs(SEEDS, lawful=True), *made_up_proofs.proofs(SEEDS)]:
        data = voter_proof.write(proof)
        found = verified(world, data)
        assert found.found.status == why.status
        assert verify_alone.verify(data, root_key(world), POLICY, KEYS)["voter"] == why.case.voter
        statuses[why.status.verdict] += 1
        statuses["conflicts"] += bool(why.status.conflicts)
    assert min(statuses[word] for word in ("confirmed", "unvisited", "deceased", "conflicts")) > 0, statuses


def verified(world: World, data: bytes) -> voter_proof.Verified:
    return voter_proof.verify(voter_proof.read(data), root_key(world), trusted(), policies())


# --- manipulations ---------------------------------------------------------------------------------------------------


def test_a_thousand_manipulations_are_found_by_both_at_the_same_place() -> None:
    """Whatever is changed in a proof's contents, with the file's own hash made anew: both verifiers refuse it, and name
    the same place."""
    chance = random.Random(6)
    made = [*made_up_proofs.proofs(range(4), lawful=True), *made_up_proofs.proofs(range(2))]
    known = [(world, voter_proof.content_of(voter_proof.write(proof))) for world, _, proof in made]
    places = Counter[str]()
    for _ in range(MANIPULATIONS):
        world, content = chance.choice(known)
        changed = content
        while changed == content or is_same_said_otherwise(content, changed):
            changed = chance.choice(WAYS)(chance, content)
        data = packed(changed)
        with pytest.raises(ProofFault) as refused:
            verified(world, data)
        with pytest.raises(verify_alone.Bad) as refused_alone:
            verify_alone.verify(data, root_key(world), POLICY, KEYS)
        assert refused_alone.value.args[0] == refused.value.place, (refused.value, refused_alone.value)
        places[refused.value.place.split(" ")[0]] += 1
    assert set(places) == {"file", "registry", "log", "event", "status"}


def test_every_bit_of_a_file_matters() -> None:
    """A file with any one bit of it flipped, cut off anywhere, or with something behind it, is refused by both."""
    world, _, proof = next(made_up_proofs.proofs(SEEDS, lawful=True))
    data = voter_proof.write(proof)
    chance = random.Random(7)
    flips = [flipped(data, at, chance.randrange(8)) for at in range(len(data))]
    for changed in [*flips, *(data[:end] for end in range(0, len(data), 50)), data + b"\0"]:
        with pytest.raises(ProofFault, match="file"):
            voter_proof.read(changed)
        with pytest.raises(verify_alone.Bad):
            verify_alone.verify(changed, root_key(world), POLICY, KEYS)


def is_same_said_otherwise(content: bytes, changed: bytes) -> bool:
    """Registry lines in another order that gives the same rights say the same."""
    try:
        before, after = json.loads(content), json.loads(changed)
        return bool(
            sorted(map(str, before.pop("registry"))) == sorted(map(str, after.pop("registry"))) and before == after
        )
    except (ValueError, KeyError, TypeError):
        return False


def packed(content: bytes) -> bytes:
    body = zlib.compress(content)
    return b"%b %b\n%b" % (FIRST_WORD, ids.to_base64url(ids.sha256(body)).encode(), body)


def flipped(data: bytes, at: int, bit: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def a_bit(chance: random.Random, content: bytes) -> bytes:
    return flipped(content, chance.randrange(len(content)), chance.randrange(8))


def a_piece(chance: random.Random, content: bytes) -> bytes:
    """Bytes dropped, doubled, or put elsewhere."""
    start = chance.randrange(len(content))
    piece, rest = content[start : start + chance.randint(1, 40)], content[:start] + content[start + 40 :]
    at = chance.randrange(len(rest))
    return chance.choice(
        [rest, content[:start] + piece + content[start:], rest[:at] + piece + rest[at:], content[:start]]
    )


def of_lists(chance: random.Random, content: bytes) -> bytes:
    """An event, a registry line or a hash of a path dropped, doubled, or exchanged for another."""
    said: Content = json.loads(content)
    one = chance.choice(said["events"])
    some = chance.choice([said["events"], said["registry"], one["path"], said["events"]])
    if some:
        at, other = chance.randrange(len(some)), chance.randrange(len(some))
        change: Callable[[], object] = chance.choice(
            [lambda: some.pop(at), lambda: some.insert(other, some[at]), lambda: some.__setitem__(at, some[other])]
        )
        # A line that sets a policy lets no event count: the file is weaker without it, and as true.
        before = [line["registry"]["type"] for line in said["registry"]].count("policy_set")
        change()
        if [line["registry"]["type"] for line in said["registry"]].count("policy_set") < before:
            return content
    return canonical.encode(said)


def of_words(chance: random.Random, content: bytes) -> bytes:
    """Another status, another voter, another number, another word of an event, another time or size of the log."""
    said: Content = json.loads(content)
    event = chance.choice(said["events"])["event"]
    line = chance.choice(said["registry"])["registry"]
    change: Callable[[], object] = chance.choice(
        [
            lambda: said["status"].update(verdict="deceased", on_list=False),
            lambda: said["status"].update(tps="9404012001009"),
            lambda: said["status"].update(on_list=not said["status"]["on_list"]),
            lambda: said["status"]["conflicts"].append("verdict"),
            lambda: said["status"]["proposed"].append("deceased"),
            lambda: said.update(voter="00000000-0000-8000-8000-000000000000"),
            lambda: said.update(v=2),
            lambda: said.update(regency="9405"),
            lambda: said.update(more=1),
            lambda: event.update(tps="9404012001009"),
            lambda: event.update(seq=event["seq"] + 1),
            lambda: event.update(officer="somebody"),
            lambda: line.update(officer="somebody"),
            lambda: line.update(seq=line["seq"] + 1),
            lambda: chance.choice(said["events"]).update(index=chance.randrange(60)),
            lambda: said.update(checkpoint=said["checkpoint"].replace("/9404", "/9405", 1)),
            lambda: said.update(checkpoint=said["checkpoint"].replace("w1", "w2", 1)),
        ]
    )
    change()
    return canonical.encode(said)


WAYS: Final = (a_bit, a_piece, of_lists, of_words, of_words, of_lists)


# --- signed ends -----------------------------------------------------------------------------------------------------


def test_an_authors_signature_comes_along_with_what_leads_to_it() -> None:
    """The head that a device signed after two more events vouches for the first, by both verifiers; a signature of
    another key, or a gap before it, is refused at the event."""
    election = MadeUpElection(ELECTION)
    kpu = Phone(ELECTION, 1, Person("kpu", "kpu"), TPS)
    election.assign(kpu.key, "kpu", "kpu", "9404")
    people = [kpu.say("listed", None, source="dp4-2024", person=person(name)) for name in ("SITI", "BUDI", "ANI")]
    head = json.loads(election.push(people).splitlines()[-1])
    lines = list(enumerate(election.registry, 1))
    registry = fold_registry(ELECTION, "9404", lines)
    case = Case(people[0].voter, (Admitted(people[0], len(lines)),), {}, ())
    why = explained(case, Law(registry, policies()))
    log = MadeUpLog([one.event_bytes for one in people])
    end = SignedEnd([one.event_bytes for one in people[1:]], head["signature"])
    proof = made(registry, why, lines, log, end)
    world = World(registry, lines, [case], log)
    data = voter_proof.write(proof)
    assert verified(world, data).signed == [True]
    verify_alone.verify(data, root_key(world), POLICY, KEYS)
    for bad in (end._replace(after=end.after[1:]), end._replace(after=()), end._replace(signature=signature_of(proof))):
        data = voter_proof.write(made(registry, why, lines, log, bad))
        with pytest.raises(ProofFault, match="event 1"):
            verified(world, data)
        with pytest.raises(verify_alone.Bad, match="event 1"):
            verify_alone.verify(data, root_key(world), POLICY, KEYS)


def made(registry: Registry, why: Why, lines: list[tuple[int, bytes]], log: MadeUpLog, end: SignedEnd) -> Any:
    (held,) = why.case.held
    logged = {held.hash: log.proof(held.event_bytes)}
    return voter_proof.make(why, registry, lines_for(why, registry, lines), logged, {held.hash: end})


def signature_of(proof: Any) -> str:
    return str(proof.registry[0]["signature"])


def person(name: str) -> dict[str, Any]:
    return {"record": dict.fromkeys(RECORD_FIELDS) | {"name": name}}


def test_a_stand_alone_verifier_can_be_read() -> None:
    """It imports nothing of ecoklit, and of other packages `cryptography` alone."""
    text = (data_path("events").parent / "src/ecoklit/verify_alone.py").read_text()
    imported = {line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imported <= {"base64", "hashlib", "json", "sys", "zlib", "typing", "cryptography"}
