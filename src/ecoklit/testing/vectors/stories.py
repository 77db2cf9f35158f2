# ruff: noqa: E501 - these are tables: a row stays on its line
"""The merge stories: what happened at the doors, and what the contract makes of it.

Each expectation was reasoned from the clauses that its `why` names, not taken from a program. Devices compare as strings, and the
phones happen to compare kpu < ppk2 < mallory < maria < ppk < liar < kpu2 < yosef < sari < pps2 < pps < budi.
"""

from __future__ import annotations

from ecoklit.testing.vectors.story import Story

HONEST = (
    Story(
        "imported-voter-is-unvisited",
        "A `listed` is a birth: it writes verdict, tps and the twelve fields (§2), and nobody has been there yet.",
        """
        birth   kpu   listed  tps=A1
        """,
        "birth unvisited A1 alive=birth",
    ),
    Story(
        "visit-confirms",
        "A `found` saw the list, so its verdict supersedes the list's; tps and fields of the list stay alive (§2, §4.2).",
        """
        birth   kpu   listed  tps=A1
        met     budi  found   how=in_person  after=birth
        """,
        "birth confirmed A1 alive=birth,met",
    ),
    Story(
        "visit-corrects-a-name",
        "Only the fields that `changed` names are written; the others keep the list's value (§2).",
        """
        birth   kpu   listed  tps=A1
        met     budi  found   how=in_person  name=Maria  after=birth
        """,
        "birth confirmed A1 alive=birth,met name=Maria salts=birth,met",
    ),
    Story(
        "field-is-emptied",
        "A value inside `changes` may be null: that is a value, and it wins like any other (§1.8).",
        """
        birth   kpu   listed  tps=A1  disability=visual
        met     budi  found   how=family  disability=-  after=birth
        """,
        "birth confirmed A1 alive=birth,met disability=- salts=birth,met",
    ),
    Story(
        "new-voter",
        "A `new` is a birth that confirms: met at the door, on no list (§2).",
        """
        fresh   budi  new     tps=A2  how=in_person  document=ktp_el
        """,
        "fresh confirmed A2 alive=fresh",
    ),
    Story(
        "two-officers-agree",
        "Neither saw the other; both writes stay alive, and one opinion is no conflict (§5.6).",
        """
        birth   kpu   listed  tps=A1
        first   budi  found   how=in_person  after=birth
        second  sari  found   how=family     after=birth
        """,
        "birth confirmed A1 alive=birth,first,second",
    ),
    Story(
        "two-officers-correct-differently",
        "Two names that did not know of each other: the one heard from the voter in person wins by strength of how, though its "
        "device is the smaller; the other is shown as a conflict of the field (§5.3, §5.6).",
        """
        birth   kpu   listed  tps=A1
        first   budi  found   how=family     name=Mary   after=birth
        second  sari  found   how=in_person  name=Maria  after=birth
        """,
        "birth confirmed A1 alive=birth,first,second name=Maria field_conflicts=name salts=birth,first,second",
    ),
    Story(
        "two-officers-correct-alike",
        "Two alive writes of one value are no conflict (§5.6); both salts are shown (§6.3).",
        """
        birth   kpu   listed  tps=A1
        first   budi  found   how=family     name=Maria  after=birth
        second  sari  found   how=in_person  name=Maria  after=birth
        """,
        "birth confirmed A1 alive=birth,first,second name=Maria salts=birth,first,second",
    ),
    Story(
        "equal-visits-greater-device",
        "Level and how are equal, so the greater device string decides: no wall clock is read (§5.3).",
        """
        birth   kpu   listed  tps=A1
        late    sari  found   how=in_person  name=Sarah   after=birth  at=2034-01-01T00:00:00Z
        early   budi  found   how=in_person  name=Zahra   after=birth  at=2014-01-01T00:00:00Z
        """,
        "birth confirmed A1 alive=birth,late,early name=Zahra field_conflicts=name salts=birth,late,early",
    ),
    Story(
        "seq-compares-as-a-number",
        "`alive` sorts the dots of a device by number: 9 before 10 (§6.2).",
        """
        b1      kpu   listed  tps=A1
        b2      kpu   listed  tps=A1
        b3      kpu   listed  tps=A1
        b4      kpu   listed  tps=A1
        b5      kpu   listed  tps=A1
        b6      kpu   listed  tps=A1
        b7      kpu   listed  tps=A1
        b8      kpu   listed  tps=A1
        b9      kpu   listed  tps=A1
        ruling  kpu   ruled   verdict=confirmed  of=b9
        """,
        """
        b1 unvisited A1 alive=b1
        b2 unvisited A1 alive=b2
        b3 unvisited A1 alive=b3
        b4 unvisited A1 alive=b4
        b5 unvisited A1 alive=b5
        b6 unvisited A1 alive=b6
        b7 unvisited A1 alive=b7
        b8 unvisited A1 alive=b8
        b9 confirmed A1 alive=b9,ruling
        """,
    ),
    Story(
        "removal-with-evidence",
        "A village letter is accepted for a death by policy 2024-1: a removal, off the list (§2.3).",
        """
        birth   kpu   listed    tps=A1
        gone    sari  deceased  evidence=village_letter  after=birth
        """,
        "birth deceased A1 alive=birth,gone",
    ),
    Story(
        "removal-without-evidence-is-a-proposal",
        "Without evidence a removal writes only `proposal`: the voter stays on the list (§2.3).",
        """
        birth   kpu   listed    tps=A1
        gone    sari  deceased  after=birth
        """,
        "birth unvisited A1 alive=birth,gone proposed=deceased",
    ),
    Story(
        "evidence-never-enough",
        "A photograph of a grave is known and never enough alone (§2.6).",
        """
        birth   kpu   listed    tps=A1
        gone    sari  deceased  evidence=grave_photo  death_date=2024-05-01  after=birth
        """,
        "birth unvisited A1 alive=birth,gone proposed=deceased",
    ),
    Story(
        "evidence-of-another-row",
        "A passport proves no death, but it is a word of the table: merely not accepted (§2.6).",
        """
        birth   kpu   listed    tps=A1
        gone    sari  deceased  evidence=passport  after=birth
        """,
        "birth unvisited A1 alive=birth,gone proposed=deceased",
    ),
    Story(
        "policy-of-another-office",
        "An event is judged under the policy that its author worked under: the same photograph is enough under another (§2.6, §1.5).",
        """
        birth   kpu   listed    tps=A1
        other   kpu   listed    tps=A1
        here    sari  deceased  evidence=grave_photo  after=birth
        there   sari  deceased  evidence=grave_photo  of=other  after=other  policy=2024-9
        """,
        """
        birth unvisited A1 alive=birth,here proposed=deceased
        other deceased A1 alive=other,there
        """,
        (
            {
                "policy": "2024-9",
                "title": "A policy of this story: a photograph of the grave is enough",
                "removals": {"deceased": {"accepted": ["grave_photo", "death_certificate"], "never_enough": []}},
            },
        ),
    ),
    Story(
        "visit-beside-removal",
        "Neither knew of the other: whoever was met at the door stays (weight 4 over 1), and both sides are shown (§5.2).",
        """
        birth   kpu   listed    tps=A1
        met     budi  found     how=in_person               after=birth
        gone    sari  deceased  evidence=death_certificate  after=birth
        """,
        "birth confirmed A1 alive=birth,met,gone conflicts=verdict",
    ),
    Story(
        "removal-that-knew-of-the-visit",
        "It saw the visit and has its standing, so the visit's verdict yields; the roll that it wrote does not (§4.2).",
        """
        birth   kpu   listed    tps=A1
        met     budi  found     how=in_person               after=birth
        gone    sari  deceased  evidence=death_certificate  after=met
        """,
        "birth deceased A1 alive=birth,met,gone",
    ),
    Story(
        "visit-that-knew-of-the-removal",
        "A later visit that saw the removal puts the voter back, without a conflict (§4.2).",
        """
        birth   kpu   listed    tps=A1
        gone    sari  deceased  evidence=death_certificate  after=birth
        met     budi  found     how=video_call              after=gone
        """,
        "birth confirmed A1 alive=birth,met",
    ),
    Story(
        "document-beside-removal",
        "Confirmed by document alone weighs 2: still above a field removal (§5.2).",
        """
        birth   kpu   listed    tps=A1
        paper   budi  found     how=document                after=birth
        gone    sari  deceased  evidence=death_certificate  after=birth
        """,
        "birth confirmed A1 alive=birth,paper,gone conflicts=verdict",
    ),
    Story(
        "two-removals-stronger-evidence",
        "Two removals that did not know of each other: the place of the evidence in its own row decides (transfer_letter 4 over "
        "village_letter 0), before the device (§5.2, §5.4).",
        """
        birth   kpu    listed    tps=A1
        gone    budi   deceased  evidence=village_letter                 after=birth
        away    maria  moved     to_area=N  evidence=transfer_letter     after=birth
        """,
        "birth moved_away A1 alive=birth,gone,away conflicts=verdict",
    ),
    Story(
        "two-reasons-are-two-opinions",
        "Both are disqualified, for different reasons: a conflict of verdict (§5.6).",
        """
        birth   kpu    listed        tps=A1
        army    budi   disqualified  reason=military  evidence=service_card  after=birth
        force   sari   disqualified  reason=police    evidence=service_card  after=birth
        """,
        "birth disqualified/military A1 alive=birth,army,force conflicts=verdict",
    ),
    Story(
        "moved-inside-the-village",
        "A move to another TPS of the village needs no evidence: the voter is to be visited there (§2.4).",
        """
        birth   kpu   listed  tps=A1
        moved   budi  moved   to=A2  after=birth
        """,
        "birth unvisited A2 alive=birth,moved",
    ),
    Story(
        "moved-and-met-there",
        "The officer of the new TPS saw the move, and finds the voter there: the place is written anew by who was met (§2, §3.6).",
        """
        birth   kpu    listed  tps=A1
        moved   budi   moved   to=A2  after=birth
        met     yosef  found   tps=A2  how=in_person  after=moved
        """,
        "birth confirmed A2 alive=birth,met",
    ),
    Story(
        "found-on-another-roll",
        "A `found` writes the roll that its author works on: of two visits on two rolls the one in person wins, in sight (§2, §5.3).",
        """
        birth   kpu    listed  tps=A1
        here    budi   found   tps=A1  how=family     after=birth
        there   sari   found   tps=A2  how=in_person  after=birth
        """,
        "birth confirmed A2 alive=birth,here,there conflicts=tps",
    ),
    Story(
        "moved-beside-a-visit",
        "A move inside the village that did not know of the visit: whoever was met stays confirmed, and the roll is where the voter "
        "was met, since a move says not how (§5.2, §5.3).",
        """
        birth   kpu    listed  tps=A1
        moved   budi   moved   to=A2  after=birth
        met     sari   found   how=video_call  after=birth
        """,
        "birth confirmed A1 alive=birth,moved,met conflicts=tps",
    ),
    Story(
        "moved-beside-a-document",
        "Both keep the voter and weigh 2; a document says how (0), a move does not (-1): confirmed, on the roll of the document, "
        "whatever the device (§5.2, §5.3, §5.4).",
        """
        birth   kpu    listed  tps=A1
        moved   budi   moved   to=A2  after=birth
        paper   maria  found   how=document  after=birth
        """,
        "birth confirmed A1 alive=birth,moved,paper conflicts=tps",
    ),
    Story(
        "strengths-of-how",
        "In person over family over video call over document, before the device (§5.4).",
        """
        one     kpu    listed  tps=A1
        two     kpu    listed  tps=A1
        three   kpu    listed  tps=A1
        paper   budi   found   how=document    name=Paper   of=one    after=one
        call    maria  found   how=video_call  name=Call    of=one    after=one
        call2   budi   found   how=video_call  name=Call    of=two    after=two
        family  maria  found   how=family      name=Family  of=two    after=two
        family2 budi   found   how=family      name=Family  of=three  after=three
        person  maria  found   how=in_person   name=Person  of=three  after=three
        """,
        """
        one confirmed A1 alive=one,paper,call name=Call field_conflicts=name salts=one,paper,call
        two confirmed A1 alive=two,call2,family name=Family field_conflicts=name salts=two,call2,family
        three confirmed A1 alive=three,family2,person name=Person field_conflicts=name salts=three,family2,person
        """,
    ),
    Story(
        "moved-to-another-village-without-evidence",
        "Beyond the village and unproven: a removal without evidence, so only a proposal; the roll is unchanged (§2.4).",
        """
        birth   kpu   listed  tps=A1
        moved   budi  moved   to=B1  after=birth
        """,
        "birth unvisited A1 alive=birth,moved proposed=moved_away",
    ),
    Story(
        "moved-to-another-village-with-evidence",
        "Accepted evidence for moved_away carries the voter to the other village of the regency (§2.4).",
        """
        birth   kpu   listed  tps=A1
        moved   budi  moved   to=B1  evidence=ktp_el  after=birth
        """,
        "birth unvisited B1 alive=birth,moved",
    ),
    Story(
        "moved-out-of-the-regency",
        "`to_area` names where to; with evidence it is a removal, and a `new` there is another voter (§2.4).",
        """
        birth   kpu   listed  tps=A1
        away    budi  moved   to_area=N  evidence=family_card  after=birth
        there   sari  new     tps=N1     how=in_person
        """,
        """
        birth moved_away A1 alive=birth,away
        there confirmed N1 alive=there
        """,
    ),
    Story(
        "moved-out-of-the-regency-without-evidence",
        "A family's word is never enough for a move away (§2.6).",
        """
        birth   kpu   listed  tps=A1
        away    budi  moved   to_area=93  evidence=family_statement  after=birth
        """,
        "birth unvisited A1 alive=birth,away proposed=moved_away",
    ),
    Story(
        "two-moves-and-a-ruling",
        "Two officers send one voter to two TPS; a pps that saw both rules on the place alone. Their verdicts stay alive, "
        "being of one opinion (§2, §5.3, §5.6).",
        """
        birth   kpu    listed  tps=A1
        one     budi   moved   to=A2  after=birth
        two     sari   moved   to=A3  after=birth
        ruling  pps    ruled   to=A3  after=one,two
        """,
        "birth unvisited A3 alive=birth,one,two,ruling",
    ),
    Story(
        "two-moves",
        "Two places for one voter: the greater device wins and the tps is in conflict; the voter stands on exactly one roll (§5.3).",
        """
        birth   kpu    listed  tps=A1
        one     budi   moved   to=A2  after=birth
        two     sari   moved   to=A3  after=birth
        """,
        "birth unvisited A2 alive=birth,one,two conflicts=tps",
    ),
    Story(
        "ruling-confirms-a-proposal",
        "A proposal changes nothing until somebody rules; the ruling also empties the proposal (§2.3).",
        """
        birth   kpu   listed    tps=A1
        gone    sari  deceased  after=birth
        ruling  pps   ruled     verdict=deceased  after=gone
        """,
        "birth deceased A1 alive=birth,ruling",
    ),
    Story(
        "ruling-on-the-place-keeps-the-proposal",
        "A ruling without a verdict writes only what it names: the proposal stays open (§2).",
        """
        birth   kpu   listed    tps=A1
        gone    sari  deceased  after=birth
        ruling  pps   ruled     to=A2  after=gone
        """,
        "birth unvisited A2 alive=birth,gone,ruling proposed=deceased",
    ),
    Story(
        "removal-empties-the-proposal",
        "A removal with evidence also writes the empty proposal over one that it saw (§2.3).",
        """
        birth   kpu   listed    tps=A1
        gone    sari  moved     to_area=N  after=birth
        proof   budi  deceased  evidence=village_letter  after=gone
        """,
        "birth deceased A1 alive=birth,proof",
    ),
    Story(
        "two-proposals",
        "Proposals are listed, sorted and without repetition, and never counted (§5.5).",
        """
        birth   kpu    listed    tps=A1
        gone    sari   deceased  after=birth
        again   yosef  deceased  evidence=family_statement  after=birth
        away    budi   moved     to=C1  after=birth
        """,
        "birth unvisited A1 alive=birth,gone,again,away proposed=deceased,moved_away",
    ),
    Story(
        "proposal-withdrawn",
        "A later visit by the same phone writes the empty proposal over its own (§2.1).",
        """
        birth   kpu   listed    tps=A1
        gone    sari  deceased  after=birth
        met     sari  found     how=in_person
        """,
        "birth confirmed A1 alive=birth,met",
    ),
    Story(
        "duplicate-is-always-a-ruling",
        "No evidence proves a duplicate: an officer can only propose it (§2.6).",
        """
        one     kpu   listed        tps=A1
        two     kpu   listed        tps=A1
        same    sari  disqualified  reason=duplicate  duplicate_of=two  evidence=family_card  of=one  after=one
        """,
        """
        one unvisited A1 alive=one,same proposed=disqualified/duplicate
        two unvisited A1 alive=two
        """,
    ),
    Story(
        "ruling-beside-visit",
        "A ruling that did not know of the visit does not take anybody off the list (weight 3 under 4); the conflict is shown (§5.2).",
        """
        birth   kpu   listed  tps=A1
        met     budi  found   how=family         after=birth
        ruling  kpu   ruled   verdict=deceased   after=birth
        """,
        "birth confirmed A1 alive=birth,met,ruling conflicts=verdict",
    ),
    Story(
        "ruling-that-knew-of-the-visit",
        "The office saw the visit and ruled against it: the visit yields (§4.2).",
        """
        birth   kpu   listed  tps=A1
        met     budi  found   how=in_person      after=birth
        ruling  pps   ruled   verdict=deceased   after=met
        """,
        "birth deceased A1 alive=birth,met,ruling",
    ),
    Story(
        "ruling-beside-a-document",
        "Found by document alone weighs 2: a ruling (3) that did not know of it decides, and the conflict is shown (§5.2).",
        """
        birth   kpu   listed  tps=A1
        paper   budi  found   how=document      after=birth
        ruling  pps   ruled   verdict=deceased  after=birth
        """,
        "birth deceased A1 alive=birth,paper,ruling conflicts=verdict",
    ),
    Story(
        "field-work-never-overturns-a-ruling",
        "A removal with evidence saw the ruling, but has not its standing: it stands beside it, and is a visible conflict (§4.2, §4.4).",
        """
        birth   kpu   listed    tps=A1
        ruling  pps   ruled     verdict=confirmed           after=birth
        gone    budi  deceased  evidence=death_certificate  after=ruling
        """,
        "birth confirmed A1 alive=birth,ruling,gone conflicts=verdict",
    ),
    Story(
        "visit-after-a-ruling",
        "A visit that saw the ruling does not supersede it, but outweighs it: whoever was met stays, in sight (§5.2).",
        """
        birth   kpu   listed  tps=A1
        ruling  pps   ruled   verdict=deceased  after=birth
        met     budi  found   how=in_person     after=ruling
        """,
        "birth confirmed A1 alive=birth,ruling,met conflicts=verdict",
    ),
    Story(
        "higher-office-wins",
        "Of alive rulings only those of the highest level take part; the lower one still shows as a conflict (§5.1, §5.6).",
        """
        birth   kpu   listed  tps=A1
        lower   pps   ruled   verdict=confirmed  after=birth
        higher  ppk   ruled   verdict=deceased   after=birth
        """,
        "birth deceased A1 alive=birth,lower,higher conflicts=verdict",
    ),
    Story(
        "lower-office-cannot-overturn",
        "The pps saw the ruling of the regency, but has less standing: both stand, the higher decides (§4.1, §4.2).",
        """
        birth   kpu   listed  tps=A1
        higher  kpu2  ruled   verdict=deceased   after=birth
        lower   pps   ruled   verdict=confirmed  after=higher
        """,
        "birth deceased A1 alive=birth,higher,lower conflicts=verdict",
    ),
    Story(
        "higher-office-that-knew",
        "A ruling of the regency that saw those below supersedes them, and nothing is left in conflict (§4.2).",
        """
        birth   kpu   listed  tps=A1
        lower   pps   ruled   verdict=deceased   after=birth
        middle  ppk   ruled   verdict=moved_away  after=birth
        higher  kpu2  ruled   verdict=confirmed  after=lower,middle
        """,
        "birth confirmed A1 alive=birth,higher",
    ),
    Story(
        "equal-offices",
        "Two rulings of one level and one weight: the greater device decides, pps over pps2 (§5.2).",
        """
        birth   kpu   listed  tps=A1
        one     pps   ruled   verdict=moved_away                    after=birth
        two     pps2  ruled   verdict=disqualified  reason=foreign  after=birth
        """,
        "birth moved_away A1 alive=birth,one,two conflicts=verdict",
    ),
    Story(
        "ruled-confirmed-outweighs-ruled-removed",
        "Two rulings of one level: ruled confirmed (4) outweighs any other but duplicate (3), whatever the device (§5.2).",
        """
        birth   kpu   listed  tps=A1
        one     pps   ruled   verdict=deceased   after=birth
        two     pps2  ruled   verdict=confirmed  after=birth
        """,
        "birth confirmed A1 alive=birth,one,two conflicts=verdict",
    ),
    Story(
        "ruled-duplicate-outweighs-the-visit",
        "A visit says nothing about being listed twice: weight 5 (§5.2). The larger id is struck (§2.5), and its place can be ruled "
        "onto the other.",
        """
        one     kpu   listed  tps=A1
        two     kpu   listed  tps=A2
        met     budi  found   how=in_person  of=one  after=one
        ruling  pps   ruled   verdict=disqualified  reason=duplicate  duplicate_of=two  of=one  after=one
        place   pps   ruled   to=A1  tps=A2  of=two  after=two
        """,
        """
        one disqualified/duplicate A1 alive=one,met,ruling conflicts=verdict
        two unvisited A1 alive=two,place
        """,
    ),
    Story(
        "ruling-on-a-name",
        "Fields have levels too: the ruling wins over the greater device and the stronger how, and the conflict is shown (§5.3).",
        """
        birth   kpu   listed  tps=A1
        met     budi  found   how=in_person  name=Maria  after=birth
        ruling  ppk   ruled   name=Mariana   after=birth
        """,
        "birth confirmed A1 alive=birth,met,ruling name=Mariana field_conflicts=name salts=birth,met,ruling",
    ),
    Story(
        "the-dead-do-not-return-by-import",
        "A re-listing that saw the removal has not its standing (0 under 1): the removal outweighs it, and the conflict shows it (§4.1).",
        """
        birth   kpu   listed    tps=A1
        gone    sari  deceased  evidence=death_certificate  after=birth
        again   kpu   listed    source=dpshp  of=birth  after=gone  name=Returned
        """,
        "birth deceased A1 alive=gone,again conflicts=verdict record=again salts=again",
    ),
    Story(
        "import-never-overwrites-field-work",
        "The later list replaces the earlier list, and stands beside the name heard at the door (§4.4).",
        """
        birth   kpu   listed  tps=A1
        met     budi  found   how=in_person  name=Maria  after=birth
        again   kpu   listed  source=dpshp  of=birth  after=met  name=Marya  rt=009
        """,
        "birth confirmed A1 alive=met,again record=again name=Maria field_conflicts=name salts=met,again",
    ),
    Story(
        "import-to-another-tps-beside-a-move",
        "The list of another office device says A3, the field says A2: field work wins by level, the tps is in conflict (§5.3).",
        """
        birth   kpu   listed  tps=A1
        moved   budi  moved   to=A2  after=birth
        again   kpu2  listed  tps=A3  of=birth  after=birth  name=Again
        """,
        "birth unvisited A2 alive=moved,again conflicts=tps record=again salts=again",
    ),
    Story(
        "two-lists-of-one-voter",
        "Two re-listings that did not know of each other: the greater device wins each register (§5.3).",
        """
        birth   kpu2  listed  tps=A1
        one     kpu   listed  tps=A2  of=birth  after=birth  name=One
        two     kpu2  listed  tps=A3  of=birth  name=Two
        """,
        "birth unvisited A3 alive=one,two conflicts=tps record=two field_conflicts=name salts=one,two",
    ),
    Story(
        "reopened-undoes-a-removal",
        "Nothing is erased: a `reopened` that saw the removal writes unvisited over it (§2).",
        """
        birth   kpu   listed    tps=A1
        gone    sari  deceased  evidence=village_letter  after=birth
        undo    sari  reopened
        """,
        "birth unvisited A1 alive=birth,undo",
    ),
    Story(
        "reopened-undoes-a-move",
        "`reopened.to` may go back to a value that a counted write of tps it covers has (§3.6).",
        """
        birth   kpu   listed    tps=A1
        moved   budi  moved     to=A2  after=birth
        undo    budi  reopened  tps=A2  to=A1
        """,
        "birth unvisited A1 alive=birth,undo",
    ),
    Story(
        "reopened-beside-a-visit",
        "A reopening that did not know of the visit leaves the voter confirmed, without conflict: both say that the voter stays (§5.6).",
        """
        birth   kpu   listed    tps=A1
        gone    sari  deceased  evidence=village_letter  after=birth
        undo    sari  reopened
        met     budi  found     how=in_person  after=birth
        """,
        "birth confirmed A1 alive=birth,undo,met",
    ),
    Story(
        "attempts",
        "A `not_met` writes no register; attempts is the sum of each phone's last count (§6.2).",
        """
        birth   kpu   listed   tps=A1
        one     budi  not_met  nth=1  after=birth
        two     budi  not_met  nth=2  why=refused
        other   sari  not_met  nth=1  why=unreachable  after=birth
        """,
        "birth unvisited A1 alive=birth,two,other attempts=3",
    ),
    Story(
        "last-attempt-by-seq",
        "The last attempt of a phone is that of its greatest seq, not of its greatest `nth` (§6.2).",
        """
        birth   kpu   listed   tps=A1
        one     budi  not_met  nth=7  after=birth
        two     budi  not_met  nth=2
        """,
        "birth unvisited A1 alive=birth,two attempts=2",
    ),
    Story(
        "office-of-the-district",
        "A ppk acts in its whole district, a kpu in its whole regency. Found by the ppk on a roll of B, the voter stands there (§2, §3.6).",
        """
        birth   kpu   listed  tps=A1
        middle  ppk   found   tps=B1  how=document    after=birth
        higher  kpu   ruled   tps=C1  verdict=confirmed  after=middle
        """,
        "birth confirmed B1 alive=birth,middle,higher",
    ),
    Story(
        "two-regencies-two-provinces",
        "Every area above a voter has a digest, up to the nation; an area without voters has none (§6.6).",
        """
        here    kpu   listed  tps=A1
        near    kpu2  listed  tps=N1
        far     ppk   new     tps=M1
        """,
        """
        here unvisited A1 alive=here
        near unvisited N1 alive=near
        far confirmed M1 alive=far
        """,
    ),
    Story(
        "off-the-list-is-still-on-the-roll",
        "A digest covers every voter whose tps it is, on the list or off (§6.5).",
        """
        stays   kpu   listed    tps=A1
        gone    kpu   listed    tps=A1
        left    budi  deceased  evidence=civil_registry  of=gone  after=gone
        """,
        """
        stays unvisited A1 alive=stays
        gone deceased A1 alive=gone,left
        """,
    ),
)

PERSONS = (
    Story(
        "erased-persons",
        "Without its person an event decides as before: `record` is null, and the digest is that of `erased-persons-control` (§1.7, §6.3).",
        """
        birth   kpu   listed  tps=A1  person=none
        met     budi  found   how=in_person  name=Maria  after=birth  person=none
        """,
        "birth confirmed A1 alive=birth,met record=none",
    ),
    Story(
        "erased-persons-control",
        "The same events with their persons: the decision bytes and every digest are the same.",
        """
        birth   kpu   listed  tps=A1
        met     budi  found   how=in_person  name=Maria  after=birth
        """,
        "birth confirmed A1 alive=birth,met name=Maria salts=birth,met",
    ),
    Story(
        "superseded-person-is-not-needed",
        "`record` needs the persons of alive field writes only: the first correction is superseded, so its person may be gone (§6.3).",
        """
        birth   kpu   listed  tps=A1
        first   budi  found   how=family     name=Mary   after=birth  person=none
        second  sari  found   how=in_person  name=Maria  after=first
        """,
        "birth confirmed A1 alive=birth,second name=Maria salts=birth,second",
    ),
    Story(
        "swapped-persons",
        "Two persons under the wrong events match neither hash: a fault of the copies, and both events count (§1.7).",
        """
        one     kpu   listed  tps=A1
        two     kpu   listed  tps=A1
        wrong1  one   copy    person=two  => bad_person
        wrong2  two   copy    person=one  => bad_person
        """,
        """
        one unvisited A1 alive=one
        two unvisited A1 alive=two
        """,
    ),
    Story(
        "person-comes-later",
        "A copy without its person, one with a wrong one, and the right one: in any order the right one completes the event (§1.6).",
        """
        birth   kpu    listed  tps=A1  person=none
        other   kpu    listed  tps=A1
        wrong   birth  copy    person=other  => bad_person
        right   birth  copy    person=right
        """,
        """
        birth unvisited A1 alive=birth
        other unvisited A1 alive=other
        """,
    ),
    Story(
        "changes-are-not-what-changed-says",
        "The hash is right, but the person's keys are not `changed`: the person is dropped for good, the event counts, and `record` "
        "stays null (§1.7).",
        """
        birth   kpu   listed  tps=A1
        met     budi  found   how=family  name=Maria  rt=004  changes=name  after=birth  => bad_person
        """,
        "birth confirmed A1 alive=birth,met record=none",
    ),
    Story(
        "misfit-word-in-a-record",
        "A sex that is no word of §2.7 is a bad person, never a bad event.",
        """
        birth   kpu   listed  tps=A1  sex=X  => bad_person
        """,
        "birth unvisited A1 alive=birth record=none",
    ),
)
HOSTILE = (
    Story(
        "wrong-cause-two-liars-naming-each-other",
        "Each names the other's event, and nobody can know the hash of an event that quotes one's own: both quote a made-up `saw`, "
        "so neither counts and the voter does not vanish (§3.3, §3.5).",
        """
        birth   kpu      listed    tps=A1
        first   liar     deceased  evidence=death_certificate  only=birth  also=mallory:1  => wrong_cause
        second  mallory  deceased  evidence=death_certificate  only=birth  also=liar:1  forge=liar  => wrong_cause
        """,
        "birth unvisited A1 alive=birth",
    ),
    Story(
        "one-liar-named-by-an-honest-phone",
        "The liar names a dot that does not exist yet; who saw the liar's event names it truly, and counts (§3.4: held, counted or not).",
        """
        birth   kpu   listed    tps=A1
        lie     liar  deceased  evidence=death_certificate  only=birth  also=budi:1  => wrong_cause
        met     budi  found     how=in_person  only=birth,lie
        """,
        "birth confirmed A1 alive=birth,met",
    ),
    Story(
        "time-bomb-waiting",
        "A removal that claims to have seen a visit of the future: its cause is not held, so it is parked and changes nothing (§3.4).",
        """
        birth   kpu   listed    tps=A1
        bomb    liar  deceased  evidence=death_certificate  only=birth  also=budi:2  => parked
        met     budi  found     how=in_person  after=birth
        """,
        "birth confirmed A1 alive=birth,met",
    ),
    Story(
        "time-bomb-defused",
        "The visit of the future comes, with a hash that the liar could not know: the bomb is a wrong cause (§3.5).",
        """
        birth   kpu   listed    tps=A1
        bomb    liar  deceased  evidence=death_certificate  only=birth  also=budi:2  => wrong_cause
        met     budi  found     how=in_person  after=birth
        again   budi  found     how=family
        """,
        "birth confirmed A1 alive=birth,again",
    ),
    Story(
        "ghost",
        "Events on a voter that nobody ever bore touch nothing: there is no counted write of tps to cover (§3.6).",
        """
        real    kpu   listed    tps=A1
        ghost   liar  found     how=in_person  voter=ghost  => not_on_roll
        again   liar  moved     to=A1          voter=ghost  => not_on_roll
        rule    kpu   ruled     verdict=confirmed  to=A1  voter=ghost  => not_on_roll
        """,
        "real unvisited A1 alive=real",
    ),
    Story(
        "birth-on-anothers-voter",
        "A `new` whose id is not its own is a bad event; a `listed` whose id is not its own is a re-listing, and this one saw nothing "
        "(§1.4, §2.2, §3.6).",
        """
        birth   kpu   listed  tps=A1
        steal   liar  new     tps=B1  of=birth  => bad_event
        seize   kpu2  listed  tps=B1  of=birth  => not_on_roll
        """,
        "birth unvisited A1 alive=birth",
    ),
    Story(
        "unseen-voter",
        "A removal with the best evidence by somebody who never saw the voter on a roll (§3.6).",
        """
        birth   kpu   listed    tps=A1
        blind   liar  deceased  evidence=death_certificate  => not_on_roll
        """,
        "birth unvisited A1 alive=birth",
    ),
    Story(
        "other-village",
        "A pantarlih acts on voters of its village only, a ppk of its district, whatever they saw (§3.6).",
        """
        birth   kpu   listed    tps=A1
        far     liar  deceased  tps=B1  evidence=death_certificate  after=birth  => not_on_roll
        farther ppk   deceased  tps=C1  evidence=death_certificate  after=birth  => not_on_roll
        office  pps   ruled     tps=B1  verdict=deceased  after=birth  => not_on_roll
        """,
        "birth unvisited A1 alive=birth",
    ),
    Story(
        "one-officer-of-another-village",
        "A history of two events, the second from the next village (§3.6).",
        """
        birth   kpu   listed    tps=A1
        far     liar  found     tps=B1  how=in_person  after=birth  => not_on_roll
        """,
        "birth unvisited A1 alive=birth",
    ),
    Story(
        "evidence-of-no-row",
        "A history of two events, the second with evidence that is no word of its policy (§2.6).",
        """
        birth   kpu   listed    tps=A1
        gone    sari  deceased  evidence=hearsay  after=birth  => bad_event
        """,
        "birth unvisited A1 alive=birth",
    ),
    Story(
        "right-hash-of-the-wrong-dot",
        "The author quotes the birth that it saw, and names a later dot of the same device, which nobody holds (§3.4).",
        """
        birth   kpu   listed    tps=A1
        lie     liar  deceased  evidence=death_certificate  only=  also=kpu:2  quote=birth  => parked
        """,
        "birth unvisited A1 alive=birth",
    ),
    Story(
        "right-hash-of-another-dot",
        "The dot named is held, but about somebody else; the hash quoted is that of the birth (§3.5).",
        """
        one     kpu   listed    tps=A1
        two     kpu   listed    tps=A1
        lie     liar  deceased  evidence=death_certificate  of=one  only=two  quote=one  => wrong_cause
        """,
        """
        one unvisited A1 alive=one
        two unvisited A1 alive=two
        """,
    ),
    Story(
        "gone-from-the-village",
        "The voter moved to B with evidence. Who saw the move acts in B and no more in A; who did not see it still acts in A, and B's "
        "officer who did not see it cannot act at all. The voter stands on one roll, where met in person; the other is in conflict (§3.6).",
        """
        birth   kpu    listed  tps=A1
        moved   budi   moved   to=B1  evidence=ktp_el  after=birth
        there   maria  found   tps=B1  how=in_person  after=moved
        early   mallory  found  tps=B1  how=in_person  after=birth  => not_on_roll
        late    yosef  found   tps=A1  how=family     after=moved  => not_on_roll
        unaware sari   found   tps=A1  how=family     after=birth
        """,
        "birth confirmed B1 alive=birth,there,unaware conflicts=tps",
    ),
    Story(
        "reopened-to-where-nobody-was",
        "`reopened.to` must be the value of a counted write of tps that it covers (§3.6).",
        """
        birth   kpu   listed    tps=A1
        undo    liar  reopened  to=A3  after=birth  => not_on_roll
        """,
        "birth unvisited A1 alive=birth",
    ),
    Story(
        "reopened-to-a-place-not-seen",
        "A3 is the value of a counted write, but not of one that this event covers (§3.6).",
        """
        birth   kpu   listed    tps=A1
        moved   budi  moved     to=A3  after=birth
        undo    sari  reopened  to=A3  after=birth  => not_on_roll
        """,
        "birth unvisited A3 alive=birth,moved",
    ),
    Story(
        "fork-in-the-past",
        "A cloned phone: two different events with one dot. Neither counts, and who saw one of them still counts (§3.5, §3.7).",
        """
        birth   kpu   listed    tps=A1
        left    liar  deceased  evidence=death_certificate  after=birth  => equivocation
        right   liar  found     how=in_person  seq=1  only=birth  => equivocation
        sawleft   sari   found  how=family  only=birth,left   branch=left
        sawright  yosef  found  how=video_call  only=birth,right  branch=right
        """,
        "birth confirmed A1 alive=birth,sawleft,sawright",
    ),
    Story(
        "fork-with-a-bad-twin",
        "Whatever else is wrong with one of them, two events hold the dot: the good one does not count either (§3.7).",
        """
        birth   kpu   listed  tps=A1
        good    liar  found   how=in_person  after=birth  => equivocation
        bad     liar  found   how=telepathy  seq=1  only=birth  => bad_event
        """,
        "birth unvisited A1 alive=birth",
    ),
    Story(
        "fork-about-two-voters",
        "A dot belongs to the device, not to the voter: a second event about somebody else forks it too (§3.7).",
        """
        one     kpu   listed  tps=A1
        two     kpu   listed  tps=A1
        left    liar  found   how=in_person  of=one  after=one  => equivocation
        right   liar  found   how=in_person  of=two  after=two  seq=1  => equivocation
        """,
        """
        one unvisited A1 alive=one
        two unvisited A1 alive=two
        """,
    ),
    Story(
        "fork-of-a-birth",
        "Two births of one dot are two voters, and neither has a state: every voter has a birth that counts (§3.6, §3.7).",
        """
        one     kpu   listed  tps=A1            => equivocation
        two     kpu   listed  tps=A1  seq=1     => equivocation
        met     budi  found   how=in_person  after=one  => not_on_roll
        """,
        "",
    ),
    Story(
        "fork-without-its-cause",
        "A forked event whose cause is missing is named equivocation, not parked: waiting cannot mend it (§3.8).",
        """
        birth   kpu   listed  tps=A1
        left    liar  found   how=in_person  only=birth  also=budi:7  => equivocation
        right   liar  found   how=family     only=birth  seq=1        => equivocation
        """,
        "birth unvisited A1 alive=birth",
    ),
    Story(
        "same-event-twice-is-no-fork",
        "Copies of one event, with and without its person, are one event (§1.6).",
        """
        birth   kpu    listed  tps=A1
        again   birth  copy    person=none
        third   birth  copy    person=right
        """,
        "birth unvisited A1 alive=birth",
    ),
    Story(
        "withheld-cause",
        "Somebody keeps back an event that one officer saw: that one is parked, and nothing else suffers (§3.4).",
        """
        birth   kpu    listed  tps=A1
        met     budi   found   how=family  after=birth
        seen    sari   deceased  evidence=death_certificate  after=met  also=liar:1  => parked
        more    yosef  found   how=in_person  after=birth
        """,
        "birth confirmed A1 alive=birth,met,more",
    ),
    Story(
        "withheld-cause-comes",
        "The event kept back arrives, first or last: the parked one is released by itself (§3.4).",
        """
        birth   kpu    listed    tps=A1
        kept    liar   moved     to=A2  after=birth
        met     budi   found     how=family  after=birth
        seen    sari   found     tps=A2  how=in_person  after=kept
        more    yosef  reopened  after=seen,met
        """,
        "birth unvisited A2 alive=birth,met,seen,more conflicts=tps",
    ),
    Story(
        "parked-on-another-device",
        "One parked event parks whoever names a dot that is not held, not whoever names the parked one: held is enough (§3.4).",
        """
        birth   kpu    listed  tps=A1
        wait    sari   found   how=in_person  only=birth  also=liar:3  => parked
        next    yosef  found   how=family     only=birth,wait
        """,
        "birth confirmed A1 alive=birth,next",
    ),
    Story(
        "falling-clock",
        "A phone cannot forget what it knew: its second event names less than its first (§3.2, §3.9).",
        """
        birth   kpu   listed    tps=A1
        met     sari  found     how=in_person  after=birth
        first   liar  not_met   nth=1  after=met
        second  liar  deceased  evidence=death_certificate  only=birth  => bad_clock
        """,
        "birth confirmed A1 alive=birth,met,first attempts=1",
    ),
    Story(
        "falling-clock-against-an-unknown-policy",
        "Events of an unknown policy count for the fall of a clock, bad events do not (§3.9).",
        """
        birth   kpu    listed   tps=A1
        met     sari   found    how=in_person  after=birth
        future  liar   not_met  nth=1  after=met  policy=2099-1  => unknown_policy
        fallen  liar   not_met  nth=2  only=birth  => bad_clock
        broken  maria  not_met  nth=0  after=met  => bad_event
        fine    maria  not_met  nth=1  only=birth
        """,
        "birth confirmed A1 alive=birth,met,fine attempts=1",
    ),
    Story(
        "falling-clock-that-names-an-older-dot",
        "Naming another phone lower than before is a fall; an event that is itself a bad clock does not bind the next (§3.9).",
        """
        birth   kpu   listed   tps=A1
        one     sari  not_met  nth=1  after=birth
        two     sari  not_met  nth=2
        first   liar  not_met  nth=1  after=two
        second  liar  not_met  nth=2  only=birth,one  => bad_clock
        third   liar  not_met  nth=3  only=birth,two
        """,
        "birth unvisited A1 alive=birth,two,third attempts=5",
    ),
    Story(
        "falling-clock-against-a-fork",
        "Forked events count for the fall: whichever branch a clock falls below, it is bad (§3.9).",
        """
        birth   kpu   listed   tps=A1
        met     sari  found    how=in_person  after=birth
        left    liar  not_met  nth=1  only=birth      => equivocation
        right   liar  not_met  nth=1  only=birth,met  seq=1  => equivocation
        second  liar  not_met  nth=2  only=birth      => bad_clock
        """,
        "birth confirmed A1 alive=birth,met",
    ),
    Story(
        "other-voters-do-not-make-a-clock-fall",
        "The clock is about one voter: what a phone knew of another voter is no matter (§3.1).",
        """
        one     kpu   listed   tps=A1
        two     kpu   listed   tps=A1
        met     sari  found    how=in_person  of=one  after=one
        first   budi  not_met  nth=1  of=one  after=met
        second  budi  not_met  nth=1  of=two  after=two
        """,
        """
        one confirmed A1 alive=one,met,first attempts=1
        two unvisited A1 alive=two,second attempts=1
        """,
    ),
    Story(
        "wrong-saw",
        "A `saw` that is not the hash of the dot named: the author never held it (§3.3, §3.5).",
        """
        birth   kpu   listed    tps=A1
        lie     liar  deceased  evidence=death_certificate  after=birth  forge=kpu  => wrong_cause
        """,
        "birth unvisited A1 alive=birth",
    ),
    Story(
        "saw-in-the-wrong-order",
        "Two true marks in the wrong order prove nothing (§3.3).",
        """
        birth   kpu   listed    tps=A1
        met     sari  found     how=in_person  after=birth
        gone    liar  deceased  evidence=death_certificate  after=met  saw=reversed  => wrong_cause
        """,
        "birth confirmed A1 alive=birth,met",
    ),
    Story(
        "saw-of-the-wrong-length",
        "`saw` has one entry for each other device: neither none, nor an empty list, nor one too many (§3.9).",
        """
        birth   kpu      listed   tps=A1
        none    liar     not_met  nth=1  after=birth  saw=none  => bad_clock
        empty   mallory  not_met  nth=1  after=birth  saw=[]    => bad_clock
        many    maria    not_met  nth=1  after=birth  saw=["AAAAAAAAAAAAAAAAAAAAAA","AAAAAAAAAAAAAAAAAAAAAA"]  => bad_clock
        nobody  yosef    not_met  nth=1  only=  saw=[]          => bad_clock
        """,
        "birth unvisited A1 alive=birth",
    ),
    Story(
        "own-entry",
        "`clock[device]` is the event's own seq: neither absent, nor lower, nor higher (§3.2).",
        """
        birth   kpu      listed   tps=A1
        absent  liar     not_met  nth=1  after=birth  own=-1  => bad_clock
        higher  mallory  not_met  nth=1  after=birth  own=2   => bad_clock
        zero    maria    not_met  nth=1  after=birth  own=0   => bad_clock
        """,
        "birth unvisited A1 alive=birth",
    ),
    Story(
        "new-that-names-others",
        "A `new` is always a birth, so nobody can have written about its voter before: naming others is a bad clock (§3.9).",
        """
        birth   kpu   listed  tps=A1
        fresh   liar  new     tps=A1  after=birth  => bad_clock
        """,
        "birth unvisited A1 alive=birth",
    ),
    Story(
        "cross-voter-cause",
        "The event quotes a true dot and a true hash, of another voter (§3.5).",
        """
        one     kpu   listed    tps=A1
        two     kpu   listed    tps=A1
        lie     liar  deceased  evidence=death_certificate  of=one  only=two  => wrong_cause
        """,
        """
        one unvisited A1 alive=one
        two unvisited A1 alive=two
        """,
    ),
    Story(
        "cross-regency",
        "One voter id in another regency: there the cause is wrong, and without it there is no roll (§3.5, §3.6, §4.2).",
        """
        birth   kpu   listed  tps=A1
        lie     liar  found   tps=N1  how=in_person  after=birth  => wrong_cause
        blind   mallory  moved  tps=N1  to=N1  => not_on_roll
        """,
        "birth unvisited A1 alive=birth",
    ),
    Story(
        "unknown-policy",
        "A policy that nobody knows cannot be judged: held, named, and never counted (§3.4).",
        """
        birth   kpu   listed    tps=A1
        later   sari  deceased  evidence=death_certificate  after=birth  policy=2099-1  => unknown_policy
        met     budi  found     how=document  after=later
        """,
        "birth confirmed A1 alive=birth,met",
    ),
    Story(
        "unknown-type-of-a-later-version",
        "An event of an unknown type is held as a bad event: who saw it can name it, and counts (§1.9, §3.4).",
        """
        birth   kpu   listed   tps=A1
        strange sari  married  after=birth  => bad_event
        met     budi  found    how=in_person  after=strange
        """,
        "birth confirmed A1 alive=birth,met",
    ),
    Story(
        "bad-events",
        "Faults of an event by itself, each one of §1.9 or §2: held, named, and out of the count.",
        """
        birth   kpu      listed   tps=A1
        rule    liar     ruled    verdict=deceased  after=birth  => bad_event
        list    budi     listed   of=birth  after=birth  => bad_event
        word    sari     deceased  evidence=hearsay  after=birth  => bad_event
        field   yosef    found    how=in_person  after=birth  set={"mood":"good"}  => bad_event
        null    maria    found    how=in_person  after=birth  set={"entry":null}  => bad_event
        both    mallory  moved    to=A2  to_area=N  after=birth  => bad_event
        """,
        "birth unvisited A1 alive=birth",
    ),
    Story(
        "bad-rulings",
        "A ruling names at least one thing, a reason with disqualified and only then, and moves nobody out of the regency (§2).",
        """
        birth   kpu   listed  tps=A1
        empty   pps   ruled   after=birth  => bad_event
        bare    pps2  ruled   verdict=disqualified  after=birth  => bad_event
        excess  ppk   ruled   verdict=deceased  reason=foreign  after=birth  => bad_event
        beyond  ppk2  ruled   to=N1  after=birth  => bad_event
        """,
        "birth unvisited A1 alive=birth",
    ),
    Story(
        "two-rulings-never-remove-both",
        "It is always the larger id that is struck: a ruling the other way round is a bad event (§2.5).",
        """
        one     kpu   listed  tps=A1
        two     kpu   listed  tps=A1
        right   pps   ruled   verdict=disqualified  reason=duplicate  duplicate_of=two  of=one  after=one
        wrong   ppk   ruled   verdict=disqualified  reason=duplicate  duplicate_of=one  of=two  after=two  => bad_event
        """,
        """
        one disqualified/duplicate A1 alive=one,right
        two unvisited A1 alive=two
        """,
    ),
    Story(
        "proposals-never-count",
        "However many officers propose, nobody leaves the list (§2.3, §5.5).",
        """
        birth   kpu      listed    tps=A1
        one     budi     deceased  after=birth
        two     sari     deceased  evidence=grave_photo  after=one
        three   yosef    deceased  evidence=family_statement  after=two
        four    maria    disqualified  reason=unknown  evidence=court_ruling  after=birth
        five    mallory  moved     to_area=M  after=birth
        """,
        "birth unvisited A1 alive=birth,three,four,five proposed=deceased,disqualified/unknown,moved_away",
    ),
    Story(
        "wall-clocks-say-nothing",
        "Ten years early, ten years late, another zone: `at` is evidence only, and the greater device still wins (§1.5, §5).",
        """
        birth   kpu   listed  tps=A1  at=2034-06-25T09:00:00+09:00
        first   budi  found   how=in_person  name=Budi  after=birth  at=2014-06-25T09:00:00Z
        second  sari  found   how=in_person  name=Sari  after=birth  at=2034-06-25T09:00:00-11:00
        """,
        "birth confirmed A1 alive=birth,first,second name=Budi field_conflicts=name salts=birth,first,second",
    ),
    Story(
        "hundredth-event",
        "At most 99 events of one device about one voter: the hundredth is a bad clock, whatever it says (§3.9).",
        "birth   kpu   listed  tps=A1\n"
        + "\n".join(f"n{nth}  liar  not_met  nth={nth}  after=birth" for nth in range(1, 100))
        + "\nlast  liar  deceased  evidence=death_certificate  after=birth  => bad_clock",
        "birth unvisited A1 alive=birth,n99 attempts=99",
    ),
)

STORIES = HONEST + PERSONS + HOSTILE
