"""What a case of the clinic is, and how cases are found.

The cases themselves stand in ``data_cases.py``, ``training_cases.py`` and so on, one module a group.
"""

import functools
import importlib
import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from bioimage_course import arguments
from bioimage_course.errors import InputError, nearest

GROUPS = ("data", "training", "prediction", "evaluation", "environment")
"""Where the cause of a case lies, in the order in which one should look."""

_registry: dict[str, "Case"] = {}
_MODULES = tuple(f"{__package__}.{group}_cases" for group in GROUPS)


@dataclass(frozen=True, eq=False, repr=False)
class Case:
    """One thing that goes wrong, as data, with the two functions that show it.

    Attributes
    ----------
    name : str
        A nickname that says what is seen, not why.
    group : str
        One of `GROUPS`.
    symptom : str
        What the user says.
    questions : tuple of str
        What a specialist would ask, the most telling first.
    diagnosis, cause : str
        The disease in a few words, and how it makes the symptom.
    measure, guilty : str
        The test that convicts is one line, ``measure guilty``: an expression of what is given, and a
        comparison with a limit.
    repair : str
        What to do.
    outcome : str
        What the number counts that gets better, with its unit.
    better : {"higher", "lower", "nearer"}
        Where it goes with the repair; "nearer" to the `truth`.
    keywords : tuple of str
        Further words that people search for.
    make : callable
        ``make(seed, sick)`` gives a namespace of arrays and numbers: what the user would send.
    score : callable
        ``score(given)`` gives the number.
    truth : float or None
        What the number should be, where that is known.
    recorded : bool
        Written down, not reproduced: a CPU cannot show it.
    """

    name: str
    group: str
    symptom: str
    questions: tuple[str, ...]
    diagnosis: str
    cause: str
    measure: str
    guilty: str
    repair: str
    outcome: str
    better: str
    keywords: tuple[str, ...]
    make: Callable
    score: Callable
    truth: float | None = None
    recorded: bool = False

    def given(self, seed=0, sick=True):
        """What the user would send.

        Parameters
        ----------
        seed : int
            Another patient with the same disease.
        sick : bool
            False for the same after the repair.

        Returns
        -------
        SimpleNamespace
            A copy: whatever is done to it harms no later one.
        """
        found = _made(self.name, arguments.whole(seed, "seed", 0), bool(sick))
        return SimpleNamespace(**{key: _copy(value) for key, value in vars(found).items()})

    @property
    def test(self):
        """str: The test that convicts, one line of Python."""
        return f"{self.measure} {self.guilty}"

    @staticmethod
    def evaluate(line, given):
        """The value of a line that an author wrote, never of a learner's, with the names of what is given."""
        from scipy import ndimage
        from skimage import measure, registration

        from bioimage_course import metrics

        tools = {
            "np": np,
            "ndimage": ndimage,
            "measure": measure,
            "registration": registration,
            "metrics": metrics,
        }
        return eval(line, tools | vars(given))

    def measured(self, given):
        """The number that the test compares with its limit."""
        return float(self.evaluate(self.measure, given))

    def test_of(self, given):
        """Run the line: whether it convicts."""
        return bool(self.evaluate(self.test, given))

    @property
    def before(self):
        """float: The number that the user has."""
        return float(self.score(self.given()))

    @property
    def after(self):
        """float: The same number after the repair."""
        return float(self.score(self.given(sick=False)))

    def search_words(self):
        """Words by which the case is found, without endings: telling ones, and those of its explanation.

        Returns
        -------
        strong, weak : list of str
            Sorted; those of the symptom, the keywords and the diagnosis, and the others.
        """
        strong = _stems(f"{self.symptom} {' '.join(self.keywords)} {self.diagnosis}")
        weak = _stems(f"{self.cause} {self.repair} {' '.join(self.questions)} {self.outcome}")
        return sorted(strong), sorted(weak - strong)

    def __repr__(self):
        given = ", ".join(f"{key} {_brief(value)}" for key, value in vars(self.given()).items())
        return f"{self.name} ({self.group}): {self.symptom}\nGiven: {given}."


def case(name):
    """The case of that name.

    Parameters
    ----------
    name : str

    Returns
    -------
    Case

    Raises
    ------
    InputError
        With the nearest names.
    """
    _load()
    if isinstance(name, str) and name in _registry:
        return _registry[name]
    near = nearest(name, _registry) if isinstance(name, str) else []
    advice = f"did you mean {' or '.join(map(repr, near))}?" if near else "clinic.cases() lists all."
    raise InputError(f"The clinic has no case {name!r}; {advice}")


def cases(group=None):
    """All cases, group by group.

    Parameters
    ----------
    group : str, optional
        Only those of this one of `GROUPS`.

    Returns
    -------
    list of Case
    """
    _load()
    if group is not None:
        arguments.choice(dict.fromkeys(GROUPS), group, "group of cases")
    found = [item for item in _registry.values() if group in (None, item.group)]
    return sorted(found, key=lambda item: GROUPS.index(item.group))  # stable: in the order of the modules


def diagnoses():
    """What a diagnosis may be, in the alphabet's order, so that it says nothing about the cases'.

    Returns
    -------
    list of str
    """
    return sorted(item.diagnosis for item in cases())


def search(words, most=5):
    """Cases that fit what somebody says, the best first.

    Parameters
    ----------
    words : str
        A sentence or some words, in any order.
    most : int
        How many at most.

    Returns
    -------
    list of Case
    """
    if not isinstance(words, str):
        raise InputError(f"Search for words, such as 'zero masks', not for {words!r}.")
    asked, known = _stems(words), _how_common()
    ranked = sorted(((_fit(item, asked, known), item) for item in cases()), key=lambda pair: -pair[0])
    return [item for fit, item in ranked if fit > 0][: arguments.whole(most, "most")]


def random_case(seed=None, group=None):
    """A case drawn by lot, for a class.

    Parameters
    ----------
    seed : int, optional
        The same number draws the same case.
    group : str, optional
        Draw from this group only.

    Returns
    -------
    Case
    """
    drawn = cases(group)
    if seed is not None:
        seed = arguments.whole(seed, "seed", 0)
    if not drawn:
        raise InputError(f"There is no case in the group {group!r} yet.")
    return drawn[int(np.random.default_rng(seed).integers(len(drawn)))]


def register(group, *, score, questions, keywords="", better="higher", truth=None, recorded=False, **words):
    """Decorator: make a function ``make(seed, sick)`` a case, named like the function.

    Parameters
    ----------
    group : str
    score : callable
    questions : sequence of str
    keywords : str
        Comma between them.
    better, truth, recorded
        See `Case`.
    **words : str
        The other attributes of `Case`.
    """

    def decorate(make):
        name = make.__name__.replace("_", "-")
        words_of_search = tuple(word.strip() for word in keywords.split(",") if word.strip())
        _registry[name] = Case(
            name, group, make=make, score=score, questions=tuple(questions),
            keywords=words_of_search, better=better, truth=truth, recorded=recorded, **words,
        )  # fmt: skip
        return make

    return decorate


# ---------------------------------------------------------------- helpers


def _load():
    for module in _MODULES:
        importlib.import_module(module)


@functools.lru_cache(maxsize=512)
def _made(name, seed, sick):
    return _registry[name].make(seed, sick)


def _copy(value):
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, list | tuple):
        return type(value)(_copy(item) for item in value)
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return value


def _brief(value):
    if isinstance(value, np.ndarray):
        return f"<{' × '.join(map(str, value.shape))}, {value.dtype}>"
    if isinstance(value, list):
        return f"<list of {len(value)}>"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


_DULL = frozenset(
    "a an and are as at be but by can do does for from has have how i in is it its me my no not of on or our "
    "so than that the then there they this to too was we what when where which why with you your one all any "
    "each every some only also very get got using use am after before if im want need help".split()
)


def _stems(text):
    """Words without their endings, as far as a search needs it: "masks" finds "mask"."""
    words = set(re.findall(r"[a-z0-9µ]+", text.lower())) - _DULL
    return {re.sub(r"(?<=\w{3})(ies|es|s|ed|ing|y|e)$", "", word) for word in words}


@functools.cache
def _how_common():
    """In how many cases each word is found."""
    return Counter(word for item in cases() for words in item.search_words() for word in words)


def _fit(item, asked, known):
    """How well a case fits: rare words count more than common ones, those of the symptom more than others.

    Rounded, so that the page's search, which adds in another order, finds the same ties.
    """
    strong, weak = item.search_words()
    weight = {word: math.log(1 + len(_registry) / known[word]) for word in asked if known[word]}
    found = sum(weight.get(word, 0) for word in strong) + 0.3 * sum(weight.get(word, 0) for word in weak)
    return round(found, 6)
