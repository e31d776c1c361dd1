"""Why something could not be fetched, in a few words, and what would help. For data and all tools."""

import os
from dataclasses import dataclass
from urllib.error import HTTPError

CONNECT = "connect to the internet"
LATER = "try again later"  # who was answered is connected already
ELSEWHERE = "try again later or in another network"  # a login page may have come in a file's place


@dataclass(frozen=True)
class Trouble:
    """What went wrong, what helps, whether another try may, and whether it is this machine's disk."""

    reason: str
    remedy: str = CONNECT
    again: bool = False
    at_home: bool = False


def explain(error: BaseException, host: str, bundle: str = "REQUESTS_CA_BUNDLE") -> Trouble:
    """Tell a failed download's causes apart: certificate, disk, server, network.

    Parameters
    ----------
    error : exception
        Of requests, pooch, urllib or a library that hides one of these inside its own.
    host : str
        Who was asked, for the sentence.
    bundle : str
        The variable from which the library reads the place of certificates: requests and pooch
        ``REQUESTS_CA_BUNDLE``, urllib ``SSL_CERT_FILE``.

    Returns
    -------
    Trouble
    """
    chain = _chain(error)
    text = " ".join(str(each) for each in chain)
    if "TLS CA certificate bundle" in text:
        named = next((name for name in (bundle, "CURL_CA_BUNDLE") if os.environ.get(name)), bundle)
        return Trouble(
            f"{named} names {os.environ.get(named)}, which is not there",
            f"let {named} name the file with your institution's certificate, or unset it",
        )
    if any(word in text.lower() for word in ("certificate_verify", "certificate verify", "[ssl", "[x509")):
        return Trouble(
            f"the certificate of {host} is not trusted; a proxy may be reading along",
            f"set {bundle} to the file with your institution's certificate",
        )
    for each in chain:
        if isinstance(each, OSError) and each.filename and each.strerror:
            place = f"{each.filename} cannot be written to ({each.strerror})"
            return Trouble(place, "choose a folder that can be written to", at_home=True)
    response = next((each.response for each in chain if getattr(each, "response", None) is not None), None)
    status, reason = (response.status_code, response.reason) if response is not None else (None, None)
    for each in chain:
        if isinstance(each, HTTPError):  # of urllib, which Keras uses; it counts among the URLErrors
            status, reason = each.code, " ".join(str(each.msg).split())
    if status is not None:
        return Trouble(f"{host} answered {status} {reason}", LATER, again=status >= 500 or status == 429)
    if "hash" in text and any(isinstance(each, ValueError) for each in chain):  # of pooch and Keras
        return Trouble(
            f"{host} sent another file than the published one (its hash differs)", ELSEWHERE, again=True
        )
    kinds = {kind.__name__ for each in chain for kind in type(each).__mro__}
    if kinds & {"ChunkedEncodingError", "ReadTimeoutError"} or "aborted" in text:
        return Trouble(f"{host} broke off in the middle", LATER, again=True)
    if "InvalidSchema" in kinds:
        return Trouble(f"{host} sends on to an address that is not of the web", LATER)
    names = {type(each).__name__ for each in chain}  # urllib3's refusals descend from its timeouts
    if names & {"ConnectTimeout", "ReadTimeout", "Timeout", "TimeoutError"} or "timed out" in text:
        return Trouble(f"{host} did not answer in time", LATER, again="ReadTimeout" in kinds)
    if kinds & {"ConnectionError", "URLError", "gaierror"} or "fetch failure" in text:  # the last is Keras's
        return Trouble(f"{host} cannot be reached")
    return Trouble(" ".join(f"{type(error).__name__}: {error}".split())[:120].rstrip(". "), LATER)


def _chain(error: BaseException | None) -> list[BaseException]:
    """The exception and all that caused it, also those that urllib and urllib3 keep inside."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and each not in found:
            found.append(each)
            waiting += [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]
    return found
