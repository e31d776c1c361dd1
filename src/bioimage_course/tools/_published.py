"""Published models that a tool's own library downloads: one sentence where they cannot be had."""

import contextlib
import socket

from bioimage_course.compat import quiet
from bioimage_course.data import downloading, finding, network
from bioimage_course.errors import InputError, ToolUnavailableError


def load(name, make, *, here, host, folder, advice, bundle="REQUESTS_CA_BUNDLE"):
    """A published model, from the library's own cache or by its own download, whose progress is shown.

    Parameters
    ----------
    name : str
        Of the model, for the sentence.
    make : callable
        Gives the model, and downloads it if need be.
    here : bool
        Whether it has been downloaded.
    host : str
        From where it would be.
    folder : str
        Variable of the environment that names the library's cache.
    advice : str
        What works without: "tools.stardist.course_model() works without network".
    bundle : str
        As in `network.explain`.

    Raises
    ------
    ToolUnavailableError
        If it has never been downloaded and cannot be now, or is here and cannot be loaded.
    """
    if finding.offline() and not here:
        raise ToolUnavailableError(
            f"The model {name!r} has not been downloaded, and BIOIMAGE_COURSE_OFFLINE forbids it; {advice}."
        )
    try:
        with quiet() if here else contextlib.nullcontext(), _impatient():
            return make()
    except Exception as error:  # URL errors, broken archives, wrong hashes: the libraries raise many kinds
        trouble = network.explain(error, host, bundle)
        done = "loaded" if here else "downloaded"
        raise not_downloaded(f"The model {name!r}", trouble, folder, advice, done) from None


@contextlib.contextmanager
def _impatient():
    """Do not wait for ever for a server that has gone silent: urllib, by which Keras downloads, would."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(downloading.TIMEOUT[1])
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def not_downloaded(what, trouble, folder, advice, done="downloaded") -> ToolUnavailableError:
    """The error of a download that failed; the arguments are those of `load` and a `network.Trouble`."""
    remedy = f"let {folder} name one that can" if trouble.at_home else trouble.remedy
    return ToolUnavailableError(
        f"{what} could not be {done} ({trouble.reason}); {remedy}, or go on offline: {advice}."
    )


def chosen(model, by_default, by_name, kind, *abilities):
    """The model that an adapter was given: itself, by name, or none and therefore the default.

    Parameters
    ----------
    model : object, str or None
    by_default, by_name : callable
        Give the default model, and a published one by its name.
    kind : str
        What a model is, for the sentence: "StarDist2D model".
    abilities : str
        Attributes by which a model is known.

    Raises
    ------
    InputError
        If it is none of these.
    """
    if model is None:
        return by_default()
    if isinstance(model, str):
        return by_name(model)
    if not all(hasattr(model, ability) for ability in abilities):
        raise InputError(
            f"model must be a {kind}, the name of a published one or None, not {type(model).__name__}."
        )
    return model
