"""Reasons: what a record tells again of a denial, and what it has to find out anew."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import attrs
import pytest

from escalation_policy import ESCALATE_TO_VIDEO, Facts, Login, Permission, Policy, Rule, VideoAccess
from escalation_policy.records import DecisionRecord, RecordedReason, record
from escalation_policy.records import _reasons as reasons_module
from escalation_policy.records._recording import _Same, _sheet
from escalation_policy.testing import a_request
from support import SAMPLE, Colour, Part, Sample, Size

NONE: Final = frozenset[str]()
AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@attrs.frozen
class Loose:
    """A request with a field that may be anything."""

    thing: object = None
    ratio: float = 0.5


LOOSE: Final = Facts(Loose)


def recorded(policy: Policy[Any], request: Any, **arguments: Any) -> DecisionRecord:
    """Records a decision that nobody has read."""
    return record(policy.decide(request), at=AT, id="d1", **arguments)


def interpreted(policy: Policy[Any], request: Any) -> tuple[RecordedReason, ...]:
    """Gives the reasons of a decision that somebody has read, which are all found out anew."""
    decision = policy.decide(request)
    assert decision.reasons
    return record(decision, at=AT, id="d1").reasons


def of(*conditions: Any) -> Policy[Any]:
    """Makes a policy of conditions."""
    return Policy("p", [Rule(f"r{number}", each) for number, each in enumerate(conditions)])


NAME: Final = SAMPLE(lambda r: r.name)
TEXT: Final = SAMPLE(lambda r: r.part.text)
FLAG: Final = SAMPLE(lambda r: r.flag)
NUMBER: Final = SAMPLE(lambda r: r.number)
LOST: Final = SAMPLE(lambda r: r.lost).then(lambda part: part.absent)


class TestReasonsThatComeAgain:
    """Denials for the same reasons have the very same ones."""

    @pytest.mark.parametrize(
        ("policy", "one", "two"),
        [
            (ESCALATE_TO_VIDEO, a_request(account_id="998"), a_request(account_id="999")),
            (ESCALATE_TO_VIDEO, a_request(login=Login.SAML), a_request(login=Login.SAML, agent_id="u9")),
            (of(NAME.equals("t") | FLAG.is_true()), Sample(name="u", flag=False), Sample(name="v", flag=False)),
            (of(FLAG.is_true() & NUMBER.equals(1)), Sample(flag=False), Sample(flag=False, name="u")),
        ],
        ids=["facts that are compared", "a fact that is shown", "joined by or", "joined by and"],
    )
    def test_where_requests_differ_in_what_no_reason_tells(self, policy: Any, one: Any, two: Any) -> None:
        """They are not found out again."""
        assert recorded(policy, one).reasons[0] is recorded(policy, two).reasons[0]

    def test_but_not_where_they_are_masked_otherwise(self) -> None:
        """Who asks for more sees more."""
        policy, request = of(NUMBER.equals(2)), Sample()
        masked, shown = (recorded(policy, request, reveal=reveal) for reveal in ([], ["number"]))
        assert ["masked", "1"] == [made.reasons[0].evidence[0].seen for made in (masked, shown)]


class TestReasonsThatDiffer:
    """Whatever a reason tells is never that of another request."""

    @pytest.mark.parametrize(
        ("condition", "requests"),
        [
            (
                SAMPLE(lambda r: r.size).equals(Size.SMALL) & FLAG.is_true(),
                [Sample(size=Size.LARGE), Sample(flag=False)],
            ),
            (
                SAMPLE(lambda r: r.colour).equals(Colour.RED),
                [Sample(colour=Colour.BLUE), Sample(colour=Colour.UNKNOWN)],
            ),
            (LOST.equals("t"), [Sample(), Sample(lost=Part()), Sample(lost=Part(absent="u"))]),
            (~LOST.is_set(), [Sample(), Sample(lost=Part(absent="u"))]),
            (NUMBER.one_of([0]), [Sample(), Sample(number=2), Sample(number=-(2**63)), Sample(number=2**63)]),
            (NAME.equals("t") & TEXT.equals("t"), [Sample(name="u"), Sample(part=Part(text="u"))]),
            ((NAME.equals("t") & TEXT.equals("t")) | ~FLAG.is_true(), [Sample(name="u"), Sample(part=Part(text="u"))]),
            (~SAMPLE(lambda r: r.names).is_set(), [Sample(), Sample(names=frozenset({"a"}))]),
            (~SAMPLE(lambda r: r.sizes).is_set(), [Sample(), Sample(sizes=frozenset(Size))]),
            (~LOOSE(lambda r: r.ratio).is_set(), [Loose(), Loose(ratio=0.0), Loose(ratio=-0.0)]),
            (~LOOSE(lambda r: r.thing).is_set(), [Loose(1), Loose(True), Loose(Size.SMALL), Loose("1")]),
            (LOOSE(lambda r: r.thing).satisfies("no", lambda _: False), [Loose(1), Loose(2), Loose("1")]),
        ],
        ids=["which", "unknown", "missing", "there", "ints", "and", "deep", "strs", "sizes", "ratio", "any", "opaque"],
    )
    def test_where_requests_differ_in_what_it_tells(self, condition: Any, requests: Iterable[Any]) -> None:
        """In whatever order they come."""
        policy, asked = of(condition), [*requests]
        for request in (*asked, *reversed(asked)):
            assert interpreted(policy, request) == recorded(policy, request).reasons

    def test_where_another_rule_is_not_met_either(self) -> None:
        """Nor is what is hidden behind it, and who acts next."""
        requests = [
            a_request(account_id="999"),
            a_request(intervention_agent_id="u9"),
            a_request(login=Login.SAML),
            a_request(login=Login.SAML, ringcentral=None),
            a_request(login=Login.SAML, ringcentral=None, ringcentral_account_id=None),
            a_request(permissions=()),
            a_request(permissions=[Permission.USE_EMOJI]),
            a_request(video=VideoAccess.UNKNOWN),
        ]
        for request in (*requests, *reversed(requests)):
            read = ESCALATE_TO_VIDEO.decide(request)
            assert read.reasons
            assert record(read, at=AT, id="d1") == recorded(ESCALATE_TO_VIDEO, request)


class TestMemory:
    """What is kept stays small, however many different reasons there are."""

    def test_of_reasons_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A number of a host's own can be any."""
        monkeypatch.setattr(reasons_module, "_REASONS", 3)
        policy = of(NUMBER.equals(0))
        kept = _sheet(_Same(policy), frozenset(["number"]), NONE).reasons._recorded.cache_info
        for number in range(1, 9):
            (reason,) = recorded(policy, Sample(number=number), reveal=["number"]).reasons
            assert str(number) == reason.evidence[0].seen
            assert 1 <= kept().currsize <= 3
