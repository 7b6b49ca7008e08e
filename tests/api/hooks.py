"""Keeps the fuzzer from sawing off its own branch: it finds its own API client among the clients, and what changes
that client (another secret, fewer scopes, its end) is sent to a client that is not there."""

import os

import schemathesis

OWN = os.environ["CXC_TEST_FUZZER"]
NOBODY = "00000000-0000-7000-8000-000000000000"


@schemathesis.serializer("audio/wav")
def audio(context, value):
    """Bytes as they are: a recording is none to the fuzzer, and whatever else it makes up is refused."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.method.upper() in ("GET", "HEAD", "OPTIONS") or not case.path_parameters:
        return
    for name, value in case.path_parameters.items():
        if str(value).lower() == OWN:
            case.path_parameters[name] = NOBODY
