"""The exercise of the case clinic: a diagnosis, and the proof of it."""

from numbers import Real

import numpy as np

from bioimage_course.check import Failure, call, exercise
from bioimage_course.errors import InputError, nearest

SEEDS = (0, 1, 2)
"""Patients on whom a test is tried: the one that is shown, and two more with the same disease."""


@exercise(
    chapter="19",
    hints=(
        "Which of the specialist's questions can you answer with one line of code? They stand in "
        "clinic.case(name).questions.",
        "A proof is a function of what is given that says True for the sick and False for the repaired one: "
        "evidence=lambda given: … . It may use whatever clinic.case(name).given() holds.",
        "Compare clinic.case(name).given() with clinic.case(name).given(sick=False): what is different "
        "between them, in a number? clinic.diagnoses() lists the diseases.",
    ),
)
def case(name, diagnosis=None, evidence=None):
    """Say what is wrong in a case of the clinic, and prove it.

    `evidence` is the number that convicts, or better a function that takes what is given, ``case.given()``,
    and says whether it is ill.
    """
    patient = _patient(name)
    if diagnosis is None:
        raise NotImplementedError
    right = _known(diagnosis) == patient.diagnosis
    if evidence is None:
        raise Failure(_without_evidence(patient, diagnosis))
    proven = _proves(patient, evidence)
    if not right:
        raise Failure(_wrong(patient, diagnosis, convicting=proven is None))
    if proven is not None:
        raise Failure(f"The name is right, the proof is not yet: {proven}")
    return (
        f"Convicted: {patient.cause} The repair: {patient.repair} It takes “{patient.outcome}” from "
        f"{patient.before:.3g} to {patient.after:.3g}. Our own line: {patient.test}"
    )


def _patient(name):
    from bioimage_course import clinic

    try:
        return clinic.case(name)
    except InputError as error:
        raise Failure(str(error)) from None


def _known(diagnosis):
    """The diagnosis as the clinic writes it."""
    from bioimage_course import clinic

    names = {text.lower(): text for text in clinic.diagnoses()}
    if not isinstance(diagnosis, str):
        raise Failure(f"diagnosis must be text, one of clinic.diagnoses(), not {type(diagnosis).__name__}.")
    if diagnosis.strip().lower() in names:
        return names[diagnosis.strip().lower()]
    near = nearest(diagnosis, names)
    advice = f"did you mean {' or '.join(map(repr, near))}?" if near else "clinic.diagnoses() lists all."
    raise Failure(f"The clinic knows no disease {diagnosis!r}; {advice}")


def _without_evidence(patient, diagnosis):
    """What is said to a name without a proof: the same to the right one and to a wrong one."""
    return (
        f"“{diagnosis}” may be right or a lucky guess: hand in evidence as well, a function that says True "
        f"for the sick and False for the repaired one. A specialist would ask: {patient.questions[0]}"
    )


def _wrong(patient, diagnosis, convicting):
    """Why a diagnosis is wrong: its own test acquits this patient, where that can be run."""
    from bioimage_course import clinic

    (other,) = (item for item in clinic.cases() if item.diagnosis == _known(diagnosis))
    reason = f"“{diagnosis}” is not it."
    if not _convicts(other, patient.given()):
        reason = f"“{diagnosis}” is not it: the test for that, `{other.test}`, acquits this one."
    if convicting:
        return f"{reason} Your evidence tells sick from healthy, though: what is it that it measures?"
    return f"{reason} A specialist would ask: {patient.questions[0]}"


def _convicts(other, given):
    """Whether another disease's test convicts; True too if it cannot be run, for then it does not acquit."""
    try:
        return other.test_of(given)
    except Exception:  # other names, other shapes: whatever the line stumbles over
        return True


def _proves(patient, evidence):
    """None if the evidence convicts, otherwise the sentence that says why not."""
    if callable(evidence):
        return _proves_as_function(patient, evidence)
    if isinstance(evidence, bool | np.bool_) or not isinstance(evidence, Real):
        return (
            f"a single {type(evidence).__name__} can be guessed; pass the test itself, a function that takes "
            "what is given and returns True or False."
        )
    return _proves_as_number(patient, float(evidence))


def _proves_as_function(patient, evidence):
    verdicts = {
        (seed, sick): _truth(call(evidence, patient.given(seed, sick)))
        for seed in SEEDS
        for sick in (True, False)
    }
    if not verdicts[0, True]:
        return "your test acquits the patient that you were shown."
    if all(verdicts.values()):
        return "your test convicts the repaired one as well: it would convict anybody."
    acquitted = [seed for seed in SEEDS if not verdicts[seed, True]]
    accused = [seed for seed in SEEDS if verdicts[seed, False]]
    if acquitted:
        return f"your test acquits another patient with the same disease, given(seed={acquitted[0]})."
    if accused:
        return f"your test convicts a healthy one, given(seed={accused[0]}, sick=False)."
    return None


def _truth(answer):
    if isinstance(answer, np.ndarray) and answer.size != 1:
        raise Failure(
            f"your test must return True or False, not an array of the shape {answer.shape}: use .any(), "
            ".all() or a limit."
        )
    if answer is None:
        raise Failure("your test returned nothing; return True or False.")
    return bool(answer)


def _proves_as_number(patient, number):
    right = patient.measured(patient.given())
    if right in (0, 1, 2):
        return "a number as small as the one in question can be guessed; pass the test itself, a function."
    if not np.isclose(number, right, rtol=0.01, atol=0):
        return (
            f"{number:.4g} is not the number that our test gives; another test may be as good: pass it as a "
            "function, and it will be tried on three sick and three healthy ones."
        )
    return None
