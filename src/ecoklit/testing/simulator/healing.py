"""The peace after the days: all faults stop, everybody syncs, and all must come to one digest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ecoklit.core import entitlement, roll
from ecoklit.core.entitlement import Admitted
from ecoklit.core.registry import Registry, fold_registry
from ecoklit.core.replica import Replica
from ecoklit.core.wire import hold
from ecoklit.errors import EcoklitError
from ecoklit.field.client import Synced
from ecoklit.field.trouble import NotSaid, Stuck, TryLater
from ecoklit.services.reconcile import reconcile
from ecoklit.testing.simulator import checks
from ecoklit.testing.simulator.checks import Broken
from ecoklit.testing.simulator.hand import Hand
from ecoklit.testing.simulator.site import ELECTION, REGENCY

if TYPE_CHECKING:
    from ecoklit.testing.simulator.world import World

ROUNDS_MAX: Final = 9
"""A phone that has to make a new key needs three; whoever waits for it, two more."""

TRIES_MAX: Final = 8
WAIT_SECONDS: Final = 20.0
NEW_KEY: Final = ("equivocation", "overtaken", "gap")
"""What a phone is stuck with until it has a new key."""


def heal(world: World) -> None:
    """Stop every fault, let everybody sync until nothing is left to say, and look at all of it."""
    site = world.site
    world.is_calm = True
    world._cut_off = {}
    site.broker.set_away(False)
    site.broker.journal._faults.clear()
    site.broker.registry._faults.clear()
    site.store_faults.clear()
    site.is_database_away = False
    site.start_gateways()
    site.loop.pass_time(5.0)  # whatever is still on its way arrives
    site.start_projector()
    _rebuild_if_needed(world)
    world.tell("All faults stop")
    _demand_held(world)
    for _ in range(ROUNDS_MAX):
        if _is_quiet_round(world):
            break
    else:
        raise Broken("never_quiet", f"After {ROUNDS_MAX} rounds of syncs there is still something to say.")
    world.look(dear=True)
    _look_at_rolls(world)
    _look_at_phones(world)


def _rebuild_if_needed(world: World) -> None:
    for _ in range(TRIES_MAX):
        world.site.loop.pass_time(0.5)
        if not world.site.is_rebuild_needed:
            return
        world.tell(f"The roll is made anew: {world.rebuild()}")


def _demand_held(world: World) -> None:
    for _ in range(TRIES_MAX):
        answer = world.office.sync()
        if answer == "held":
            return
        world.site.loop.pass_time(0.5)
    raise Broken("office_refused", f"The office's own registry is not taken: {answer}.")


def _is_quiet_round(world: World) -> bool:
    before = _moment(world)
    news = [_settle(world, hand) for hand in _living(world)]
    _wait(world)
    _rebuild_if_needed(world)
    return not any(news) and _moment(world) == before


def _living(world: World) -> list[Hand]:
    return [hand for hand in [*world.hands.values()] if not hand.is_gone and hand.is_enrolled]


def _moment(world: World) -> tuple[object, ...]:
    broker = world.site.broker
    return (broker.journal.position, len(broker.registry.lines), world.site.live.checkpoint.revision)


def _settle(world: World, hand: Hand) -> bool:
    """One phone syncs; one that is stuck is given what it needs. Whether something is still to come of it."""
    try:
        done = sync(world, hand)
    except Stuck as stuck:
        if stuck.code not in NEW_KEY:
            raise Broken("stuck", f"{hand.name}'s phone is stuck for good ({stuck.code}): {stuck.message}") from stuck
        _give_new_key(world, hand)
        return True
    apart = [one.tps for one in done.compared if not one.same]
    world.tell(
        f"{hand.name} syncs: {done.sent} sent, {done.pulled} pulled{', differs at ' if apart else ''}{', '.join(apart)}"
    )
    return bool(apart)


def sync(world: World, hand: Hand) -> Synced:
    """A sync in peace; Broken when it does not come through."""
    for _ in range(TRIES_MAX):
        try:
            return hand.sync(world.loop.pass_time)
        except TryLater as error:
            world.loop.pass_time(max(0.5, error.seconds))
        except Stuck:
            raise
        except EcoklitError as error:
            raise Broken(
                "no_sync", f"{hand.name}'s phone cannot sync in peace ({error.code}): {error.message}"
            ) from error
    raise Broken("no_sync", f"{hand.name}'s phone is told to come later for ever.")


def _give_new_key(world: World, hand: Hand) -> None:
    try:
        said = hand.phone.reissue()
    except NotSaid as error:
        raise Broken(
            "not_said_again", f"{hand.name}'s phone is stuck, and cannot say its entries again: {error}"
        ) from error
    world.ledger.sign(hand.logs())
    world.office.enrol(hand.phone.identity().key, hand.officer, hand.role, hand.area)
    if hand.role == "operator":
        for officer in world.typed_for():
            world.office.say("assigned", area=world.places()[0], officer_assigned=officer, role_assigned="pantarlih",
                             to_device=hand.device)  # fmt: skip
    world._enrol(hand)
    world.tell(f"{hand.name} is given a new key, and says {len(said)} entries again")
    _demand_held(world)


def _wait(world: World) -> None:
    """Until the projector has caught up."""
    end = world.loop.time() + WAIT_SECONDS
    while world.loop.time() < end:
        world.loop.pass_time(0.2)
        if world.site.is_rebuild_needed or (world.site.caught_up() is not None):
            return
        checks.look(world)
    raise Broken("projector_behind", f"{WAIT_SECONDS:.0f} s after all faults the projector has not caught up.")


# --- one digest ------------------------------------------------------------------------------------------------------


def _look_at_rolls(world: World) -> None:
    """The live roll, one made anew, and a fold of the bare journal by the core's own replica."""
    live = _digests(world)
    world.note(f"digest {live.get(REGENCY, b'').hex()}")
    folded = roll.digests(roll.leaves(_replica(world).states()))
    for code in sorted({*live, *folded}):
        if live.get(code) != folded.get(code):
            raise Broken("fold_differs", f"The roll of {code} is not what a fold of the journal gives.")
    world.rebuild()
    if _digests(world) != live:
        raise Broken("roll_differs", "A roll made anew is not the live one.")


def _digests(world: World) -> dict[str, bytes]:
    from ecoklit.core.merkle import leaf_hash

    return roll.digests((row.tps, row.voter, leaf_hash(row.decision)) for row in world.site.live.voters.values())


def registry_of(world: World) -> Registry:
    return fold_registry(ELECTION, REGENCY, enumerate(world.site.broker.registry.lines, start=1))


def _replica(world: World) -> Replica:
    registry = registry_of(world)
    by_voter: dict[str, list[Admitted]] = {}
    for entry, (_, payload) in zip(world.ledger.entries(world), world.site.broker.journal.payloads, strict=True):
        held = hold(payload, None)
        if held.regency == REGENCY:
            by_voter.setdefault(held.voter, []).append(Admitted(held, entry.stamp))
    aside = {}
    for about in by_voter.values():
        aside.update(entitlement.quarantine_of(registry, about))
    replica = Replica(world.policies, entitlement.names_of(aside), registry.lost)
    replica.receive(one.held for about in by_voter.values() for one in about)
    return replica


def _look_at_phones(world: World) -> None:
    registry = registry_of(world)
    for hand in _living(world):
        done = sync(world, hand)
        refused = dict(done.refused)
        for place in hand.outbox.places():
            may = entitlement.may_read(registry, hand.device, place.tps)
            if (place.tps in refused) == may:
                raise Broken(
                    "not_let_in", f"{hand.name} may{'' if may else ' not'} read {place.tps}, and was told otherwise."
                )
        for one in done.compared:
            if not one.same:
                raise Broken("phone_differs", f"{hand.name}'s roll of {one.tps} is not the service's, and {one.why}.")
        _look_at_log(world, hand)
        for place in hand.outbox.places():
            if place.tps not in refused:
                _reconcile(world, hand, place.tps)


def _look_at_log(world: World, hand: Hand) -> None:
    """Every entry of the phone is in the journal, or was said again; and each that does not count is explained."""
    again = hand.outbox.said_again()
    outside = {one.held.hash for one in hand.phone.outside()}
    for held in hand.logs():
        entry = world.ledger.at(world, held.dot)
        if entry is None or entry.hash != held.hash:
            if held.dot not in again:
                raise Broken(
                    "entry_lost", f"Entry {held.seq} of {hand.name} ({held.device}) is nowhere at the service."
                )
            continue
        row = world.site.live.events[held.dot]
        if row.standing in entitlement.QUARANTINES and held.dot not in again and held.hash not in outside:
            raise Broken(
                "not_told",
                f"Entry {held.seq} of {hand.name} is set aside as {row.standing}, and the phone does not say so.",
            )


def _reconcile(world: World, hand: Hand, tps: str) -> None:
    site = world.site
    try:
        found = site.ask(reconcile(site.reader, world.policies, tps))
    except EcoklitError as error:
        raise Broken("no_reconcile", f"{tps} cannot be reconciled: {error}") from error
    terms = found.terms
    if hand.phone.terms(tps) != terms:
        raise Broken("terms_differ", f"{hand.name}'s terms of {tps} are not the service's, though the digests are one.")
    for one in (terms, hand.phone.terms(tps)):
        if len(one.listed) + len(one.new) + len(one.arrived) - len(one.departed) - len(one.removed) != len(one.on_list):
            raise Broken("terms", f"The line of {tps} does not add up.")
    for half in found.phones:
        bridge = half.bridge
        if bridge.on_phone - sum(_net(bridge)) != bridge.on_web or bridge.on_web != len(terms.on_list):
            raise Broken("bridge", f"The line of {half.device} at {tps} does not add up.")
        if bridge.unsent.net:
            raise Broken("bridge", f"{half.device} is said to have unsent entries at {tps}, and has none.")


def _net(bridge: object) -> Iterator[int]:
    for name in ("unsent", "quarantined", "parked", "since_contact"):
        yield getattr(bridge, name).net
