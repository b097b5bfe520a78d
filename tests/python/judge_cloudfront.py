"""Judges signed addresses of CloudFront by botocore's own signer and by `cryptography`.

Reads a JSON list of cases from the input: the unsigned `url`, the `signed` one, the PEM of the
private `key`, and `until`, `from`, `source` and `resource` as they were granted (null where they
were not; times in seconds since 1970). Prints one line for each thing that is wrong.
Ends with 77 where a package it needs is not installed.
"""

import base64
import json
import sys
from datetime import datetime, timezone
from urllib.parse import parse_qs, urlsplit

try:
    from botocore.signers import CloudFrontSigner
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
except ImportError as missing:
    print(f"{missing.name} is not installed")
    sys.exit(77)


def moment(seconds):
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)


def decode(text: str) -> bytes:
    return base64.b64decode(text.replace("-", "+").replace("_", "=").replace("~", "/"))


def judge(case: dict) -> list[str]:
    key = load_pem_private_key(case["key"].encode(), password=None)
    found = parse_qs(urlsplit(case["signed"]).query)
    key_pair_id = found["Key-Pair-Id"][0]
    signature = decode(found["Signature"][0])
    # The one part of its address that botocore does not make: it has no word for the hash.
    theirs = CloudFrontSigner(key_pair_id, lambda policy: signature)
    resource = case["resource"] or case["url"]
    policy = theirs.build_policy(
        resource, moment(case["until"]), moment(case["from"]), case["source"]
    )
    if "Policy" in found:
        expected = theirs.generate_presigned_url(case["url"], policy=policy)
    else:
        expected = theirs.generate_presigned_url(case["url"], date_less_than=moment(case["until"]))
    wrong = []
    if case["signed"] != f"{expected}&Hash-Algorithm=SHA256":
        wrong.append(f"botocore writes {expected}, not {case['signed']}")
    try:
        if isinstance(key, rsa.RSAPrivateKey):
            key.public_key().verify(signature, policy.encode(), padding.PKCS1v15(), SHA256())
        else:
            key.public_key().verify(signature, policy.encode(), ec.ECDSA(SHA256()))
    except InvalidSignature:
        wrong.append(f"the signature is not of botocore's policy {policy}")
    return wrong


for line in [line for case in json.load(sys.stdin) for line in judge(case)]:
    print(line)
