"""The case clinic: every case is ill, is healed by its repair, and cannot be guessed."""

import keyword
import warnings

import numpy as np
import pytest

from bioimage_course import check, clinic
from bioimage_course.check.exercises import ch19
from bioimage_course.errors import InputError

NAMES = [case.name for case in clinic.cases()]
AT_LEAST = 24  # what the chapter promises
RECORDED = {"no-card-was-found"}  # what a CPU cannot show: at most four


@pytest.fixture(params=NAMES, scope="module")
def patient(request):
    """All tests of one patient follow each other, so that its data are made once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's and cellpose's, when they are loaded
        yield clinic.case(request.param)


def test_there_are_enough_and_every_group_has_some():
    assert len(NAMES) >= AT_LEAST
    assert {case.group for case in clinic.cases()} == set(clinic.GROUPS)


# ---------------------------------------------------------------- every case


def test_the_test_convicts_the_sick_and_acquits_the_repaired(patient):
    for seed in ch19.SEEDS:
        assert patient.test_of(patient.given(seed)), (seed, patient.measured(patient.given(seed)))
        healthy = patient.given(seed, sick=False)
        assert not patient.test_of(healthy), (seed, patient.measured(healthy))


def test_the_repair_makes_the_number_better(patient):
    before, after = patient.before, patient.after
    assert np.isfinite([before, after]).all()
    if patient.better == "nearer":
        assert abs(after - patient.truth) < abs(before - patient.truth) / 1.9
    elif patient.better == "lower":
        assert after < 0.75 * before
    else:
        assert after > before + 0.05


def test_the_words_are_there(patient):
    assert patient.group in clinic.GROUPS and patient.better in ("higher", "lower", "nearer")
    assert (patient.better == "nearer") <= (patient.truth is not None)
    assert 2 <= len(patient.questions) <= 3
    assert all("?" in question or question.endswith(".") for question in patient.questions)
    assert (
        patient.symptom.endswith((".", "?")) and patient.cause.endswith(".") and patient.repair.endswith(".")
    )
    assert len(patient.keywords) >= 5
    assert not patient.recorded or patient.name in RECORDED
    assert all(part.isidentifier() or keyword.iskeyword(part) for part in patient.name.split("-"))


def test_name_and_symptom_do_not_give_the_diagnosis_away(patient):
    assert patient.diagnosis.lower() not in patient.symptom.lower()
    assert patient.name.replace("-", " ") not in patient.diagnosis.lower()


def test_what_is_done_to_a_patient_harms_no_later_one(patient):
    given = vars(patient.given())
    for value in given.values():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, np.ndarray):
                part[...] = 0
    assert patient.test_of(patient.given())


# ---------------------------------------------------------------- the exercise, on every case


def verdict(patient, diagnosis, evidence=None):
    return check.case.verdict(patient.name, diagnosis=diagnosis, evidence=evidence)


def test_diagnosis_and_proof_together_pass(patient):
    found = verdict(patient, patient.diagnosis, patient.test_of)
    assert found.passed, found
    assert patient.test[:40] in found.message


def test_a_guess_is_not_a_proof(patient):
    assert "lucky guess" in verdict(patient, patient.diagnosis).message
    for answer, words in (
        (True, "convict anybody"),
        (False, "acquits the patient"),
        (None, "returned nothing"),
    ):
        found = verdict(patient, patient.diagnosis, lambda given, answer=answer: answer)
        assert found.status == "failed" and words in found.message
    assert "can be guessed" in verdict(patient, patient.diagnosis, True).message


def test_wrong_diagnoses_fail_with_every_evidence(patient):
    others = [case.diagnosis for case in clinic.cases(patient.group) if case is not patient]
    for diagnosis in others:
        found = verdict(patient, diagnosis, patient.test_of)
        assert found.status == "failed" and "is not it" in found.message
        assert "Your evidence tells sick from healthy" in found.message
        assert patient.diagnosis not in found.message
    found = verdict(patient, others[0], lambda given: True)
    assert (
        found.status == "failed" and "is not it" in found.message and patient.diagnosis not in found.message
    )


def test_the_number_of_the_test_is_evidence_unless_it_could_be_guessed(patient):
    number = patient.measured(patient.given())
    found = verdict(patient, patient.diagnosis, number)
    assert found.passed == (number not in (0, 1, 2)), found
    assert verdict(patient, patient.diagnosis, number * 1.5 + 7.3).status == "failed"


# ---------------------------------------------------------------- mistakes of the learner


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("snaw",), "did you mean 'snow'"),
        ((7,), "no case 7"),
        (("snow", "byte ordre"), "did you mean 'byte order'"),
        (("snow", "the weather"), "clinic.diagnoses() lists all"),
        (("snow", 3), "must be text"),
        (("snow", "byte order", lambda given: given.image > 3), "not an array of the shape"),
        (("snow", "byte order", lambda given: given.picture.any()), "stopped with AttributeError"),
        (("snow", "byte order", "because it looks so"), "single str can be guessed"),
        (("snow", "byte order", float("nan")), "is not the number"),
    ],
)
def test_mistakes_get_a_sentence(arguments, words):
    arguments = (arguments[0], *(arguments[1:] or ["byte order"]))
    found = check.case.verdict(*arguments)
    assert found.status == "failed" and words in found.message, found


def test_an_untouched_starter_is_not_done_yet():
    assert check.case.verdict("snow").status == "open"
    assert check.case.verdict("snow", ..., ...).status == "open"


def test_a_diagnosis_may_be_written_in_capitals():
    snow = clinic.case("snow")
    assert verdict(snow, " Byte Order ", snow.test_of).passed


def test_a_proof_for_one_patient_only_is_none():
    snow = clinic.case("snow")
    this_one = snow.given().image
    message = verdict(snow, "byte order", lambda given: np.array_equal(given.image, this_one)).message
    assert "another patient with the same disease" in message
    healthy = snow.given(1, sick=False).image
    message = verdict(
        snow, "byte order", lambda given: snow.test_of(given) or np.array_equal(given.image, healthy)
    ).message
    assert "convicts a healthy one" in message


# ---------------------------------------------------------------- finding cases

QUESTIONS = {
    "cellpose returns 0 masks": "no-masks-at-all",
    "ran out of memory on a big slide": "the-kernel-dies",
    "my loss becomes nan": "loss-of-nothing",
    "ModuleNotFoundError but pip says already satisfied": "satisfied-but-not-found",
    "the masks are shifted relative to the image": "outlines-beside-cells",
    "resized label image has thin rings": "rings-around-objects",
    "colours are wrong, opencv": "blue-tissue",
    "stardist splits large nuclei into pieces": "crumbs",
    "false positives in blank images": "nuclei-in-an-empty-well",
    "p value very small with three wells": "significant-both-ways",
    "fine-tuning cellpose does not improve, few cells per image": "forty-images-for-nothing",
    "diameter in micron is too big": "giants",
    "seams and half cells at tile borders": "straight-edges",
    "cannot reproduce the published average precision": "half-of-the-paper",
    "AttributeError: module has no attribute": "no-attribute-imread",
    "predicts only background, black mask": "black-masks",
    # as people ask in public, in other words
    "own outlines in the GUI, but the exported mask is clumped into one blob": "one-large-cell",
    "saved label file gets darker towards the top, upper cells vanish": "black-when-saved",
    "cellpose misses square regions of a big tissue image, fails in parts like tiles": "patchwork",
    "nuclei model works for the DAPI channel but gives no masks for the red channel": "colours-to-grey",
    "GPU memory grows during training until the session crashes": "the-kernel-dies",
    "I followed the tutorial of stardist and my score is far from the one in the paper": "half-of-the-paper",
    "automatic segmentation is worse after fine-tuning micro-sam on my own images": "frozen-and-still-worse",
    "the model does not contain a segmentation decoder, my trained checkpoint": "loaded-without-complaint",
    "it segments the background and leaves the tissue out": "outlines-of-gaps",
    "3D segmentation misses nuclei that are visible in each plane": "pancakes",
    "prediction looks like the ground truth but the metrics are near zero": "one-large-cell",
    "tensorflow does not use my GPU, training runs on the CPU": "no-card-was-found",
}


@pytest.mark.parametrize("words", QUESTIONS)
def test_a_users_words_lead_to_the_case(words):
    assert QUESTIONS[words] in [case.name for case in clinic.search(words, most=3)]


def test_words_that_say_nothing_find_nothing():
    assert clinic.search("xyzzy") == [] and clinic.search("the of and") == []
    with pytest.raises(InputError, match="Search for words"):
        clinic.search(3)


def test_diagnoses_are_distinct_and_in_no_telling_order():
    assert clinic.diagnoses() == sorted(set(clinic.diagnoses()))
    assert len(clinic.diagnoses()) == len(NAMES)


def test_a_case_can_be_drawn_by_lot():
    assert clinic.random_case(3) is clinic.random_case(3)
    assert clinic.random_case(0, "data").group == "data"
    assert len({clinic.random_case(seed).name for seed in range(40)}) > 10
    with pytest.raises(InputError, match="Unknown group"):
        clinic.random_case(0, "weather")


def test_the_words_for_a_learner_hide_the_diagnosis():
    snow = clinic.case("snow")
    assert snow.symptom in repr(snow) and "160 × 160" in repr(snow)
    assert snow.diagnosis not in repr(snow) and snow.cause not in repr(snow)


def test_what_is_done_to_a_dictionary_harms_no_later_patient():
    clinic.case("giants").given().tags.clear()
    assert clinic.case("giants").given().tags["ResolutionUnit"] == 3


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("at the borders of the tiles the cells are cut with straight edges in QuPath", "straight-edges"),
        ("nuclei are split at the block boundaries of distributed cellpose", "straight-edges"),
        ("the image downsampled to 512 gives nice cells, in full resolution masks are ragged", "crumbs"),
        (
            "ResourceExhaustedError although the image is small, a training notebook is open",
            "the-kernel-dies",
        ),
        (
            "training on my own masks, which were upscaled and have odd values along borders",
            "rings-around-objects",
        ),
        ("micro-sam results are not as good as in the figure of the publication", "half-of-the-paper"),
        ("after retraining cellpose with my images it finds zero masks", "forty-images-for-nothing"),
        ("different masks on GPU than on CPU", "staircase"),
        ("stardist detects nuclei in the background where there are none", "nuclei-in-an-empty-well"),
    ],
)
def test_questions_of_public_threads_in_other_words(said, name):
    assert name in [case.name for case in clinic.search(said, 3)]
