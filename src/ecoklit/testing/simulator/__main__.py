"""`python -m ecoklit.testing.simulator`: worlds from numbers, and what became of the promises in them."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from textwrap import fill, indent

from ecoklit.testing.simulator.canaries import CANARIES
from ecoklit.testing.simulator.plan import KINDS, ORDINARY, plan_of
from ecoklit.testing.simulator.run import Outcome, run, run_all, shortest

CANARY_SEEDS_MAX = 200


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    if arguments.canaries:
        return _search_canaries(arguments)
    if arguments.seed is not None:
        return _show(arguments)
    return _swarm(arguments)


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:20}{(plant.__doc__ or '').strip()}" for name, plant in CANARIES.items())
    parser = argparse.ArgumentParser(
        prog="python -m ecoklit.testing.simulator",
        description="Run made-up worlds, each from one number: phones, offices, a bad network, machines that die. "
        "Safety is looked at after every deed; then all faults stop, and everything must come to one digest.",
        epilog=f"canaries, planted bugs that must be found:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, metavar="N", help="one world, told in sentences")
    parser.add_argument("--seeds", type=int, default=100, metavar="COUNT", help="so many worlds (100)")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the number of the first of them (0)")
    parser.add_argument("--only", type=_numbers, metavar="N,N,…", help="of the world --seed, these deeds alone")
    parser.add_argument(
        "--without", default="", metavar="KIND,…", help="of the world --seed, none of these faults or people"
    )
    parser.add_argument("--voters", type=int, metavar="N", help="of the world --seed, so many voters on each list")
    parser.add_argument("--as-it-is", action="store_true", help="do not look for a shorter story of what failed")
    parser.add_argument("--canary", choices=[*CANARIES], metavar="NAME", help="plant this bug first")
    parser.add_argument(
        "--canaries", action="store_true", help=f"find each planted bug within {CANARY_SEEDS_MAX} worlds"
    )
    return parser


def _numbers(text: str) -> list[int]:
    return [int(one) for one in text.split(",") if one]


def _show(arguments: argparse.Namespace) -> int:
    plan = plan_of(arguments.seed)
    left_out = arguments.without.split(",")
    plan = plan.without(kinds=left_out, people=left_out)
    if arguments.voters is not None:
        plan = plan._replace(voters=arguments.voters)
    if arguments.only is not None:
        plan = plan.only([deed for deed in plan.deeds if deed.nth in arguments.only])
    outcome = run(plan, canary=arguments.canary)
    if outcome.broken is None:
        _print_story(outcome)
        print(f"\nEvery promise was kept. trace {outcome.trace}")
        return 0
    _print_failure(outcome, arguments)
    return 1


def _swarm(arguments: argparse.Namespace) -> int:
    began = time.process_time()
    counts: Counter[str] = Counter()
    failed: list[Outcome] = []
    for outcome in run_all(range(arguments.first, arguments.first + arguments.seeds), canary=arguments.canary):
        counts += outcome.counts
        if outcome.broken is not None:
            failed.append(outcome)
            print(f"seed {outcome.plan.seed}: {outcome.broken}", flush=True)
    _print_summary(counts)
    spent = time.process_time() - began
    print(
        f"\n{arguments.seeds} worlds from {arguments.first} on, {len(failed)} failed; "
        f"{spent / arguments.seeds:.2f} s of CPU each"
    )
    if failed:
        _print_failure(failed[0], arguments)
    return 1 if failed else 0


def _print_summary(counts: Counter[str]) -> None:
    print("how often each thing happened:")
    for name in [*ORDINARY, *KINDS]:
        print(f"  {name:18}{counts[name]:>8}{'' if counts[name] else '   never: nothing is known of it'}")


def _print_failure(failed: Outcome, arguments: argparse.Namespace) -> None:
    if not arguments.as_it_is:
        print(
            f"\nseed {failed.plan.seed} fails ({failed.broken and failed.broken.check}): looking for a shorter story …",
            flush=True,
        )
        failed = shortest(failed, canary=arguments.canary)
    _print_story(failed)
    broken = failed.broken
    assert broken is not None
    print(f"\n{broken.check}:")
    print(indent(fill(broken.sentence, 110), "  "))
    print(f"\nagain: python -m ecoklit.testing.simulator {_again(failed, arguments)}")


def _again(outcome: Outcome, arguments: argparse.Namespace) -> str:
    plan, whole = outcome.plan, plan_of(outcome.plan.seed)
    left_out = [one for one in (*whole.kinds, *whole.people) if one not in (*plan.kinds, *plan.people)]
    words = [f"--seed {plan.seed}", "--as-it-is"]
    if left_out:
        words.append(f"--without {','.join(left_out)}")
    if plan.voters != whole.voters:
        words.append(f"--voters {plan.voters}")
    words.append(f"--only {','.join(str(deed.nth) for deed in plan.deeds)}")
    if arguments.canary:
        words.append(f"--canary {arguments.canary}")
    return " ".join(words)


def _print_story(outcome: Outcome) -> None:
    people = ", ".join(outcome.plan.people)
    print(f"\nWorld {outcome.plan.seed}: {people}; {outcome.plan.voters} voters on each of three lists.")
    for when, sentence in outcome.told:
        print(fill(f"{when}  {sentence}.", 118, initial_indent="  ", subsequent_indent=" " * 16))


def _search_canaries(arguments: argparse.Namespace) -> int:
    missed = []
    for name in [arguments.canary] if arguments.canary else CANARIES:
        for outcome in run_all(range(arguments.first, arguments.first + CANARY_SEEDS_MAX), canary=name):
            if outcome.broken is not None:
                print(f"{name:20}found in world {outcome.plan.seed}: {outcome.broken.check}", flush=True)
                break
        else:
            missed.append(name)
            print(f"{name:20}NOT FOUND in {CANARY_SEEDS_MAX} worlds", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
