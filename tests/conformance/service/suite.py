"""All that the port of the service promises. Whoever implements it takes these in, beside its own `kit`."""

from tests.conformance.service.begun import BegunConformance
from tests.conformance.service.changing import ChangingConformance
from tests.conformance.service.letter_lists import LetterListsConformance
from tests.conformance.service.letters import LettersConformance
from tests.conformance.service.lists import ListsConformance
from tests.conformance.service.refusals import RefusalsConformance
from tests.conformance.service.steering import (
    CancellingConformance,
    PausingConformance,
    SkippingConformance,
    TriggeringConformance,
)
from tests.conformance.service.submitting import (
    AheadConformance,
    CheckingConformance,
    NamesConformance,
    SubmittingConformance,
)


class TestRefusals(RefusalsConformance):
    pass


class TestBegun(BegunConformance):
    pass


class TestChanging(ChangingConformance):
    pass


class TestCancelling(CancellingConformance):
    pass


class TestPausing(PausingConformance):
    pass


class TestSkipping(SkippingConformance):
    pass


class TestTriggering(TriggeringConformance):
    pass


class TestLetters(LettersConformance):
    pass


class TestLetterLists(LetterListsConformance):
    pass


class TestLists(ListsConformance):
    pass


class TestSubmitting(SubmittingConformance):
    pass


class TestNames(NamesConformance):
    pass


class TestChecking(CheckingConformance):
    pass


class TestAhead(AheadConformance):
    pass
