"""Checks one voter's proof file without ecoklit: python verify.py FILE ROOT POLICY.json KEY... (needs cryptography)

ROOT is the id of the election's root key; POLICY.json the published policy; KEY the key of the log, then those of its
witnesses. By the clauses (§) of events/SPEC.md: the registry's lines are signed and rightful from the root key down;
the log's signed checkpoint commits to each event; its author had the right to say it; the merge law makes of them the
status in the file. That nothing is missing, and each event has the form of its type, only `ecoklit audit` shows.
"""

# fmt: off
import base64
import hashlib
import json
import sys
import zlib
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

MAKES = {"kpu": "pantarlih pps ppk kpu operator", "ppk": "pantarlih pps operator", "pps": "pantarlih operator"}  # §8.2
AREA_DIGITS, RULING = {"pantarlih": 10, "pps": 10, "ppk": 6, "kpu": 4}, {"pps": 2, "ppk": 3, "kpu": 4}
TYPES = ("election_opened", "device_enrolled", "vouched", "assigned", "policy_set", "dots_lost")
HOW = {"in_person": 3, "family": 2, "video_call": 1, "document": 0}

class Bad(Exception):
    """The place in the file that does not hold, and why."""

def demand(fact: object, place: str, why: str) -> None:
    if not fact:
        raise Bad(place, why)

def canonical(value: Any) -> bytes:  # RFC 8785
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()

def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")

def raw(text: str) -> bytes:
    found = base64.b64decode((text + "=" * (-len(text) % 4)).replace("-", "+").replace("_", "/"), validate=True)
    if text not in (b64(found), base64.b64encode(found).decode()):
        raise ValueError("base64 that can be written in another way")
    return found

def name_of(key: Any) -> str:  # §1.4
    return base64.b32encode(sha(key["algorithm"].encode() + b"\0" + raw(key["public_key"]))[:10]).decode().lower()

def signed(key: Any, signature: bytes, *lines: object) -> bool:  # §7.2
    message, public = "".join(f"{line}\n" for line in lines).encode(), raw(key["public_key"])
    try:
        if key["algorithm"] == "ed25519":
            ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        else:
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
            numbers = (int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"))
            point.verify(utils.encode_dss_signature(*numbers), message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return len(signature) == 64

def rights(lines: list[Any], device: str, officer: str, role: str) -> list[str]:  # the areas of a right, from there
    held = any(e["type"] == "device_enrolled" and (e["enrolled"], e["holder"]) == (device, officer) for e in lines)
    given = [e for e in lines if e["type"] == "assigned"]
    given = [e for e in given if (e["officer_assigned"], e["role_assigned"]) == (officer, role)]
    return [e["area"] for e in given if e.get("to_device") == device or ("to_device" not in e and held)]

def may_say(lines: list[Any], e: Any) -> bool:  # §8.2, §8.5
    codes = [c for c in lines if c["type"] == "vouched" and c["voucher"] == e["device"]]
    earlier = [b for b in lines if b["device"] == e["device"]]
    if codes and e["type"] == "device_enrolled":
        return not earlier and e["holder"] == codes[0]["officer_assigned"]
    if codes:  # a code enrols one device, once, and then gives it its right, once
        same = all(e.get(name) == codes[0][name] for name in ("officer_assigned", "role_assigned", "area"))
        return e["type"] == "assigned" and len(earlier) == 1 and e.get("to_device") == earlier[0]["enrolled"] and same
    areas = rights(lines, e["device"], e["officer"], e["role"])
    if e["role"] == "kpu" or e["type"] == "device_enrolled":
        return bool(areas) and e["role"] in MAKES
    made = e["type"] in ("assigned", "vouched") and e["role_assigned"] in MAKES.get(e["role"], "").split()
    return made and any(e["area"].startswith(area) for area in areas)

def take(proof: Any, number: int, lines: list[Any], keys: Any, root: str) -> None:  # §8: one line more of the registry
    at, line = f"registry {number + 1}", proof["registry"][number]
    e, by, type = line["registry"], line["registry"]["device"], line["registry"]["type"]
    keys.update({} if number else {root: e["root"]})
    demand(set(line) == {"registry", "signature"} and (type == TYPES[0]) == (number == 0), at, "it has another form")
    demand(type in TYPES and name_of(keys[by]) == by, at, "nobody who is known signed it")
    words = ("ecoklit-registry-v1", proof["election"], proof["regency"], by, e["seq"], b64(sha(canonical(e))))
    ours = (e["election"], e["regency"]) == words[1:3]
    demand(ours and signed(keys[by], raw(line["signature"]), *words), at, "it is not signed by its author")
    ends = [(b["seq"], b64(sha(canonical(b)))) for b in lines if b["device"] == by]
    seq, end = ends[-1] if ends else (0, b64(bytes(32)))
    demand(e["seq"] > seq + 1 or (e["seq"], e["prev"]) == (seq + 1, end), at, "it is out of its author's order")
    demand(by == root or may_say(lines, e), at, "its author had no right to say it")
    if type in ("device_enrolled", "vouched"):
        name = e["enrolled" if type == "device_enrolled" else "voucher"]
        demand(name not in keys and name_of(e["key"]) == name, at, "that key has a place already, or another name")
        keys[name] = e["key"]
    lines.append(e)

def entitled(lines: list[Any], e: Any) -> bool:  # §8.6
    operators = [o for o in lines if o.get("role_assigned") == "operator" and o.get("to_device") == e["device"]]
    named = [o for o in lines if (o.get("officer_assigned"), o.get("role_assigned")) == (e["officer"], e["role"])]
    typed = operators and any(o["type"] == "assigned" and e["tps"].startswith(o["area"]) for o in named)
    areas = rights(lines, e["device"], e["officer"], e["role"]) + [o["area"] for o in operators if typed]
    return any(e["tps"].startswith(area) for area in areas) and any(o.get("enrolled") == e["device"] for o in lines)

def effect(e: Any, policies: Any) -> Any:  # §2, §4.1, §5.2: level, what it writes, strength of its verdict
    how, to, kind = HOW.get(e.get("how"), -1), e.get("to"), e["type"]
    word = {"ruled": e.get("verdict", ""), "moved": "moved_away"}.get(kind, kind)
    said = f"{word}/{e['reason']}" if "reason" in e else word
    words = policies[e["policy"]].get(said, {"accepted": []})["accepted"]
    evidence = words.index(e["evidence"]) if e.get("evidence") in words else -1
    moves, settles = {"tps": to} if to else {}, {"verdict": said, "proposal": "-"}
    if kind == "ruled":
        level, weight = RULING[e["role"]], {"disqualified/duplicate": 5, "confirmed": 4}.get(said, 3)
        return level, {**(settles if said else {}), **moves}, (weight, level, -1, how)
    if kind == "reopened" or (kind == "moved" and to and (to[:10] == e["tps"][:10] or evidence >= 0)):
        return 1, {**settles, **moves, "verdict": "unvisited"}, (2, 1, -1, how)
    if kind in ("moved", "deceased", "disqualified"):
        return 1, settles if evidence >= 0 else {"proposal": said}, (1, 1, evidence, how)
    if kind in ("listed", "not_met"):
        level = int(kind == "not_met")
        return level, {} if level else {"verdict": "unvisited", "tps": e["tps"]}, (0, 0, -1, how)
    weight = 2 if kind == "found" and how == HOW["document"] else 4
    return 1, {**settles, "verdict": "confirmed", "tps": e["tps"]}, (weight, 1, -1, how)

def covers(f: Any, e: Any) -> bool:  # §3.10
    return f["clock"] != e["clock"] and all(f["clock"].get(device, 0) >= seq for device, seq in e["clock"].items())

def alive(events: list[Any], register: str, by: Any) -> list[Any]:  # §4.2
    writers = [e for e in events if register in by(e)[1]]
    return [e for e in writers if not any(covers(f, e) and by(f)[0] >= by(e)[0] for f in writers)]

def counts(e: Any, dots: Any, counted: list[Any], lost: Any, by: Any) -> bool:  # §3.4 to §3.6
    others, marks = sorted(dot for dot in e["clock"].items() if dot[0] != e["device"]), e.get("saw", [])
    there = [b64(sha(canonical(dots[dot]))[:16]) == mark if dot in dots else dot[1] > lost.get(dot[0], dot[1])
             for dot, mark in zip(others, marks, strict=False)]
    claim = ("ecoklit-voter-v1", e["election"], e["device"], e["seq"], e.get("person"))
    hex = sha("".join(f"{word}\n" for word in claim).encode()).hex()
    own = f"{hex[:8]}-{hex[8:12]}-8{hex[13:16]}-{'89ab'[int(hex[16], 16) & 3]}{hex[17:20]}-{hex[20:32]}"
    seen = [by(f)[1]["tps"] for f in counted if covers(e, f) and "tps" in by(f)[1]]
    latest = [by(f)[1]["tps"] for f in alive([f for f in counted if covers(e, f)], "tps", by)]
    on_roll = any(tps.startswith(e["tps"][:AREA_DIGITS[e["role"]]]) for tps in latest)
    placed = on_roll and (e["type"] != "reopened" or e.get("to", seen[0]) in seen)
    is_birth = e["type"] in ("listed", "new") and e["voter"] == own
    return e["clock"][e["device"]] == e["seq"] and len(others) == len(marks) and all(there) and (is_birth or placed)

def status(events: list[Any], by: Any) -> Any:  # §5
    said, won, who = {}, {}, {}
    for register in ("verdict", "tps", "proposal"):
        rivals = alive(events, register, by)
        best = [e for e in rivals if not 2 <= by(e)[0] < max(by(f)[0] for f in rivals)]
        best.sort(key=lambda e: (by(e)[2] if register == "verdict" else (by(e)[0], by(e)[2][3]), e["device"], e["seq"]))
        said[register], won[register] = {by(e)[1][register] for e in rivals}, by(best[-1])[1][register] if best else ""
        who[register] = "".join(f"{e['device']}:{e['seq']}" for e in best[-1:])
    verdict, _, reason = won["verdict"].partition("/")
    opinions = {"" if word in ("confirmed", "unvisited") else word for word in said["verdict"]}
    return {"conflicts": ["tps"] * (len(said["tps"]) > 1) + ["verdict"] * (len(opinions) > 1), "reason": reason or None,
            "on_list": verdict in ("confirmed", "unvisited"), "proposed": sorted(said["proposal"] - {"-"}),
            "tps": won["tps"], "tps_by": who["tps"], "verdict": verdict, "verdict_by": who["verdict"]}

def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:  # RFC 6962 §2.1.1
    if size == 1:
        return b"" if path or index else leaf
    half = 1 << (size - 1).bit_length() - 1
    if index < half:
        return sha(b"\1" + root_of(leaf, index, half, path[:-1]) + path[-1])
    return sha(b"\1" + path[-1] + root_of(leaf, index - half, size - half, path[:-1]))

def opened(data: bytes) -> Any:
    first, _, packed = data.partition(b"\n")
    demand(first == b"ecoklit-voter-proof-v1 " + b64(sha(packed)).encode(), "file", "a byte of it was changed")
    content = zlib.decompressobj().decompress(packed, 2_000_000)
    proof = json.loads(content, parse_float=raw)
    named = set(proof) == {"checkpoint", "election", "events", "regency", "registry", "status", "v", "voter"}
    each = {"event", "head", "index", "path"}
    named = named and all(set(e) == each and type(e["index"]) is int for e in proof["events"])
    demand(named and proof["v"] == 1 and canonical(proof) == content, "file", "it has another form")
    return proof

def checkpoint(note: str, keys: list[str]) -> tuple[int, bytes]:  # c2sp.org: signed-note, tlog-checkpoint, -cosignature
    text, _, rest = note.rpartition("\n\n")
    lines = [line.split(" ") for line in rest.split("\n")[:-1]]
    demand(rest.endswith("\n") and all(len(line) == 3 and line[0] == "—" for line in lines), "log", "it is no note")
    for name, id, key in (key.split("+", 2) for key in keys):
        kind, public = raw(key)[0], {"algorithm": "ed25519", "public_key": b64(raw(key)[1:])}
        made = b"".join(raw(line[2])[4:] for line in lines if line[1] == name and raw(line[2])[:4].hex() == id)
        time = ["cosignature/v1", f"time {int.from_bytes(made[:8], 'big')}"] if kind == 4 else []
        demand(signed(public, made[8 if time else 0:], *time, text), "log", f"{name} did not sign this checkpoint")
    origin, size, root = text.split("\n")[:3]
    demand(origin == keys[0].split("+")[0], "log", "it is another log's checkpoint")
    return int(size), raw(root)

def in_log(proof: Any, number: int, size: int, head: bytes, keys: Any) -> bool:
    one, before = proof["events"][number], proof["events"][:number]
    e, line = one["event"], canonical(one["event"])
    again = [f for f in before if f["event"]["device"] == e["device"] and f["event"]["seq"] == e["seq"]]
    again += [f for f in before if f["index"] >= one["index"]]
    same = (e["election"], e["tps"][:4], e["voter"]) == (proof["election"], proof["regency"], proof["voter"])
    if again or not same or root_of(sha(b"\0" + line), one["index"], size, [*map(raw, one["path"])]) != head:
        return False
    for after in one["head"]["after"] if one["head"] else ():  # the author's log, up to the head that it signed
        if (after["device"], after["seq"], after["prev"]) != (e["device"], e["seq"] + 1, b64(sha(canonical(e)))):
            return False
        e = after
    words = ("ecoklit-head-v1", proof["election"], e["device"], e["seq"], b64(sha(canonical(e))))
    return not one["head"] or signed(keys[e["device"]], raw(one["head"]["signature"]), *words)

def verify(data: bytes, root: str, policy: Any, log_keys: list[str]) -> Any:
    at = "file"
    try:
        proof = opened(data)
        lines: list[Any] = []
        keys: dict[str, Any] = {}
        for number in range(len(proof["registry"])):
            at = f"registry {number + 1}"
            take(proof, number, lines, keys, root)
        at = "log"
        size, head = checkpoint(proof["checkpoint"], log_keys)
        events = [one["event"] for one in proof["events"]]
        for number, e in enumerate(events):
            at = f"event {number + 1}"
            demand(in_log(proof, number, size, head, keys), at, "it is not in the log, or its head is not signed")
            demand(entitled(lines, e), at, "its author had no right to say it")
        def by(e: Any) -> Any:
            return effect(e, {policy["policy"]: policy["removals"]})
        counted: list[Any] = []
        lost, dots = {b["lost"]: b["after"] for b in lines if "lost" in b}, {(e["device"], e["seq"]): e for e in events}
        for e in sorted(events, key=lambda e: (sum(e["clock"].values()), sha(canonical(e)))):
            counted += [e] if counts(e, dots, counted, lost, by) else []
        for at, e in ((f"event {number}", e) for number, e in enumerate(events, 1)):
            demand(e in counted, at, "what its author saw is not there")
        at = "status"
        demand(status(counted, by) == proof["status"], at, "the events give another")
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, zlib.error) as error:
        raise Bad(at, f"it has another form ({type(error).__name__})") from None
    return proof

if __name__ == "__main__":
    try:
        with open(sys.argv[1], "rb") as file, open(sys.argv[3], "rb") as policy:
            found = verify(file.read(), sys.argv[2], json.load(policy), sys.argv[4:])
        print(json.dumps(found, indent=1, ensure_ascii=False) + "\nTERBUKTI · PROVED: " + found["voter"])
    except Bad as bad:
        sys.exit(f"TIDAK TERBUKTI · NOT PROVED: {bad.args[0]}: {bad.args[1]}")
