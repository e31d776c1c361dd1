"""Exercises of chapter 19, the case clinic: proofs, planted errors, and a question that can be answered."""

import operator
import re
from numbers import Real

import numpy as np

from bioimage_course.check import Failure, call, exercise
from bioimage_course.errors import InputError, nearest

SEEDS = (0, 1, 2)
"""Patients on whom a test is tried: the one that is shown, and two more with the same disease."""


@exercise(
    chapter="19",
    hints=(
        "Which of the specialist's questions can you answer with one line of code?",
        "The questions are in clinic.case(name).questions. A proof is a function of what is given that says "
        "True for the sick and False for the repaired one: evidence=lambda given: … . "
        "It may use whatever clinic.case(name).given() holds.",
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


def _proves_as_function(patient, evidence, word="patient", repaired="repaired one"):
    verdicts = {who: _truth(call(evidence, patient.given(*who))) for who in _ORDER}
    if not verdicts[0, True]:
        return f"your test acquits the {word} that you were shown."
    if all(verdicts.values()):
        return f"your test convicts the {repaired} as well: it would convict anybody."
    acquitted = [seed for seed in SEEDS if not verdicts[seed, True]]
    accused = [seed for seed in SEEDS if verdicts[seed, False]]
    if acquitted:
        return f"your test acquits another {word} with the same disease, given(seed={acquitted[0]})."
    if accused:
        return f"your test convicts a healthy one, given(seed={accused[0]}, sick=False)."
    return None


_ORDER = tuple((seed, sick) for seed in SEEDS for sick in ((True, False) if seed % 2 == 0 else (False, True)))
"""Who is shown when: not by turns, or a test that merely changes its mind at each call would be a proof."""


def _truth(answer):
    if isinstance(answer, np.ndarray) and answer.size != 1:
        raise Failure(
            f"your test must return True or False, not an array of the shape {answer.shape}: use .any(), "
            ".all() or a limit."
        )
    if answer is None:
        raise Failure("your test returned nothing; return True or False.")
    number = answer.item() if hasattr(answer, "item") else answer
    if not isinstance(number, Real) or np.isnan(number):
        said = "NaN" if isinstance(number, Real) else type(answer).__name__
        raise Failure(f"your test must return True or False, not {said}: compare a number with a limit.")
    return bool(number)


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


# --- a ward round ------------------------------

WARD = (
    "rings-around-objects",
    "too-good-to-be-true",
    "outlines-of-gaps",
    "more-than-i-see",
    "upgraded-and-unchanged",
)
"""One patient of each group."""


@exercise(
    chapter="19",
    hints=(
        "For which of the five can you answer the first of the specialist's questions without any code?",
        "clinic.case(name).given() and the same with sick=False stand for before and after: print what is "
        "different, then find a limit between the two.",
        "Every evidence is a function of what is given, such as lambda given: given.image.mean() > …; tiny "
        "ones do, because the disease is in one place.",
    ),
)
def ward_round(findings):
    """Convict five patients, one of each group: name -> (diagnosis, evidence)."""
    answer = call(findings)
    if not isinstance(answer, dict):
        raise Failure("Return a dictionary, name of the case -> (diagnosis, evidence).")
    missing = [name for name in WARD if name not in answer]
    if missing:
        raise Failure(f"{missing[0]} has not been seen yet.")
    for name in WARD:
        _convict(name, answer[name])
    return "Five patients, five proofs. A test that acquits the healthy is worth more than ten that convict."


def _convict(name, finding):
    if not isinstance(finding, tuple | list) or len(finding) != 2:
        raise Failure(f"{name}: a finding is a pair, (diagnosis, evidence).")
    diagnosis, evidence = finding
    patient = _patient(name)
    if _known(diagnosis) != patient.diagnosis:
        raise Failure(f"{name}: {_wrong(patient, diagnosis, convicting=False)}")
    if not callable(evidence):
        raise Failure(f"{name}: in this exercise evidence is a function that takes what is given.")
    problem = _proves(patient, evidence)
    if problem:
        raise Failure(f"{name}: the name is right, the proof is not yet: {problem}")


# --- code that a language model wrote ------------------------------


@exercise(
    chapter="19",
    hints=(
        "What would each script have to print for data of which you know the answer?",
        "clinic.script(name).given() runs a script and holds its variables. Which case of the clinic looks "
        "at such variables? Its test is clinic.case(name).test_of, a function that can be handed in.",
        "given(sick=False) runs the same script with one line repaired. Compare its variables with those of "
        "given(), from the first line on: the line that makes the first difference is the one.",
    ),
)
def planted_errors(charges):
    """Convict five scripts that run without complaint: name -> (wrong line, diagnosis, evidence)."""
    from bioimage_course import clinic

    answer = call(charges)
    scripts = clinic.scripts()
    if not isinstance(answer, dict):
        raise Failure("Return a dictionary, name of the script -> (line, diagnosis, evidence).")
    missing = [script.name for script in scripts if script.name not in answer]
    if missing:
        raise Failure(f"{missing[0]} has not been read yet.")
    for script in scripts:
        _charge(script, answer[script.name])
    return (
        "Five scripts that run, print a number and are wrong. None was found by reading alone: each was run "
        "on data whose answer is known, and a test told it from its repaired copy."
    )


def _charge(script, charge):
    """The proof is asked for first, so that nobody learns from a guess whether it was right."""
    if not isinstance(charge, tuple | list) or len(charge) != 3:
        raise Failure(f"{script.name}: a charge has three parts, (line, diagnosis, evidence).")
    line, diagnosis, evidence = charge
    line = _line_number(script, line)
    known = _known(diagnosis)
    if not callable(evidence):
        raise Failure(f"{script.name}: evidence is a function that takes what the script leaves behind.")
    problem = _proves_as_function(script, evidence, "script", "repaired script")
    if problem:
        raise Failure(f"{script.name}: no proof yet: {problem}")
    if known != script.diagnosis:
        raise Failure(f"{script.name}: your test convicts, but “{diagnosis}” is not what it has found.")
    if line not in (script.line, *script.also):
        raise Failure(f"{script.name}: the error is there, but line {line} does what it should.")


def _line_number(script, line):
    """The number as an integer, in whatever form of an integer it comes."""
    try:
        return operator.index(None if isinstance(line, bool | np.bool_) else line)
    except TypeError:
        raise Failure(f"{script.name}: line must be the number of one line, not {line!r}.") from None


# --- a question that can be answered ------------------------------

PARTS = ("goal", "happened", "code", "image", "versions")


@exercise(
    chapter="19",
    hints=(
        "What would you have to know to make the same mistake on your own computer?",
        "What you expected and what happened are two sentences with numbers; the code is the one line that "
        "fails, with its parameters; of the image, shape, type, range and pixel size; of the programs, their "
        "versions.",
        "Leave out what tells where your files are: folders with your name help nobody.",
    ),
)
def answerable(question):
    """Turn a hopeless question into one that can be answered: a dictionary of five parts."""
    answer = call(question)
    if not isinstance(answer, dict) or not all(isinstance(text, str) for text in answer.values()):
        raise Failure("Return a dictionary of texts.")
    empty = [part for part in PARTS if len(answer.get(part, "").strip()) < 10]
    if empty:
        raise Failure(f"“{empty[0]}” is missing or too short to help anybody.")
    for part, (pattern, advice) in _WANTED.items():
        if not re.search(pattern, answer[part], re.IGNORECASE):
            raise Failure(f"“{part}”: {advice}")
    if not re.search(_TYPES, answer["image"], re.IGNORECASE):
        raise Failure("“image”: give the type of its numbers as well, such as uint16.")
    if len(set(map(str.strip, answer.values()))) < len(answer):
        raise Failure("Two parts say the same: each answers a question of its own.")
    _no_private_paths(answer)
    return "Somebody who has never seen your screen can now make the mistake, and so find it."


_WANTED = {
    "goal": (r"\d|expect|should", "say what you expected to get, best with a number."),
    "happened": (
        r"\d|error|exception|nothing",
        "say what happened instead: a number, or the last line of the error.",
    ),
    "code": (r"\w+\(.*\)", "give the line that fails as it was run, with its parameters."),
    "image": (r"\d+\s*[,×x*]\s*\d+", "give the shape of the image, such as (1024, 1024)."),
    "versions": (r"\d+\.\d+", "give the version of the package, such as 4.0.6, and of Python."),
}
_TYPES = r"u?int(8|16|32)|float(32|64)|\d+[- ]bit"


def _no_private_paths(answer):
    for part, text in answer.items():
        if re.search(r"/(home|Users)/\w+|[A-Z]:\\\\?Users", text):
            raise Failure(
                f"“{part}” holds a path with your name in it: nobody needs it, and it stays in public."
            )
