"""The explorable ball-explorer computes what NumPy computes."""

import numpy as np
import pytest

from explorable_page import as_float, opened, set_slider

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("slope", [-3.0, 0.5, 4.0])
def test_the_number_follows_the_slider(open_page, slope):
    page = opened(open_page, "ball-explorer")
    set_slider(page, "slope", slope)
    assert as_float(page, "value") == pytest.approx(1 / (1 + np.exp(-slope)), abs=0.001)
