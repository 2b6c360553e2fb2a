"""What an installer says in many lines becomes one sentence: the texts are those of uv and pip on a bare Debian."""

import re

import pytest

from tools.installers import explain

UV_WITHOUT_COMPILER = """
error: Failed to build `needsc @ file:///home/reader/needsc`
  cause: Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit status: 1)
         [stderr]
         error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'
"""
PIP_WITHOUT_COMPILER = """
  building 'needsc' extension
  error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory
  ERROR: Failed building wheel for needsc
"""
PIP_WITHOUT_TRUST = """
Could not fetch URL: There was a problem confirming the ssl certificate: [X509: NO_CERTIFICATE_OR_CRL_FOUND]
ERROR: No matching distribution found for aiohttp==3.14.5
"""


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (
            UV_WITHOUT_COMPILER,
            "needsc has no ready-made wheel .* a C compiler is needed",
        ),
        (
            PIP_WITHOUT_COMPILER,
            "needsc has no ready-made wheel .* a C compiler is needed",
        ),
        ("error: Failed to build `x==1`\n  fatal error: ffi.h", "x has no ready-made wheel .* could not be built"),
        (PIP_WITHOUT_TRUST, "certificate of the package index is not trusted"),
        ("error: invalid peer certificate: UnknownIssuer", "set SSL_CERT_FILE"),
        ("error: Failed to fetch: dns error", "The package index does not answer"),
        ("error: No space left on device (os error 28)", "The disk is full"),
        ("error: Hash mismatch for `uv==1`", "is not the one that requirements.txt names"),
        ("something new\n\n", "could not be installed: something new"),
        ("", "no reason given"),
    ],
)
def test_a_failure_is_one_sentence_with_what_to_do(output: str, sentence: str) -> None:
    said = explain(output)
    assert len(said.splitlines()) == 1
    assert re.search(sentence, said), said
