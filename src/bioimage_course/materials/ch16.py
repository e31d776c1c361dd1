"""Materials of chapter 16."""


def shelf():
    """Conditions of 24 images in the order of recording: three kinds, of very unequal number.

    Returns
    -------
    list of str
    """
    return ["control"] * 14 + ["drug A"] * 7 + ["drug B"] * 3
