"""Chapter 20: the exercises tell right answers, usual mistakes and untouched starters apart."""

from exercise_cells import failure


def test_count_wrong_knows_the_usual_mistake():
    assert "comes back as it was" in failure("count_wrong", lambda x: x)


def test_answer_price_knows_the_usual_mistake():
    assert "comes back as it was" in failure("answer_price", lambda x: x)


def test_slope_by_trying_knows_the_usual_mistake():
    assert "comes back as it was" in failure("slope_by_trying", lambda x: x)


def test_roll_down_knows_the_usual_mistake():
    assert "comes back as it was" in failure("roll_down", lambda x: x)


def test_epoch_batches_knows_the_usual_mistake():
    assert "comes back as it was" in failure("epoch_batches", lambda x: x)


def test_find_rates_knows_the_usual_mistake():
    assert "comes back as it was" in failure("find_rates", lambda x: x)
