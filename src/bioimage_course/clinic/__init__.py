"""The case clinic: images and runs that went wrong, each with a test that convicts.

>>> from bioimage_course import clinic
>>> patient = clinic.case("two-cells-one-name")
>>> patient.group
'data'
>>> patient.test_of(patient.given())  # the one-line test: is this one ill?
True

For learners: `search` finds cases by words of a symptom, `case` gives one, its `given()` is what the user
would send, and ``check.case(name, diagnosis=…, evidence=…)`` tells a proof from a lucky guess.

For authors: a case is one function ``make(seed, sick)``, which returns what is given, ill or after the
repair, under the decorator `patients.register`, which holds the words, the test and the number that gets
better.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "figures": ["picture", "sheet", "table"],
        "patients": ["GROUPS", "Case", "case", "cases", "diagnoses", "random_case", "search"],
        "planted": ["Script", "script", "scripts"],
    },
)
