"""Signs what Schemathesis sends as a station would (RFC 9421, RFC 9530)."""

import base64
import hashlib
import json
import secrets
import time
from urllib.parse import urlsplit

import requests
import schemathesis
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"schemathesis").digest())
PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


KEY_ID = base64url(hashlib.sha256(PUBLIC).digest())


class Signed(requests.auth.AuthBase):
    def __call__(self, request):
        url = urlsplit(request.url)
        for name in ("signature", "signature-input", "content-digest"):
            request.headers.pop(name, None)
        body = request.body
        if isinstance(body, str):
            body = body.encode()
        if body is not None:
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            request.headers["Content-Digest"] = f"sha-256=:{digest}:"
            if "Content-Type" not in request.headers:
                request.headers["Content-Type"] = "application/json"
        parts = [
            ("@method", request.method),
            ("@authority", url.netloc.lower()),
            ("@path", url.path or "/"),
            ("@query", "?" + url.query),
        ]
        for name in ("content-type", "content-digest", "idempotency-key"):
            if name in request.headers:
                value = request.headers[name]
                parts.append((name, (value.decode("latin-1") if isinstance(value, bytes) else value).strip()))
        covered = " ".join(f'"{name}"' for name, _ in parts)
        parameters = (
            f'({covered});created={int(time.time())};nonce="{secrets.token_hex(16)}"'
            f';keyid="{KEY_ID}";alg="ed25519";tag="photo-station-v1"'
        )
        base = "".join(f'"{name}": {value}\n' for name, value in parts) + f'"@signature-params": {parameters}'
        signature = base64.b64encode(KEY.sign(base.encode("latin-1", "replace"))).decode()
        request.headers["Signature-Input"] = f"sig1={parameters}"
        request.headers["Signature"] = f"sig1=:{signature}:"
        return request


schemathesis.auth.set_from_requests(Signed())


def enrol(url, code):
    body = {
        "activation_code": code,
        "station_name": "schemathesis",
        "public_key": base64url(PUBLIC),
        "software": "schemathesis",
    }
    reply = requests.post(
        f"{url}/v1/enrol",
        data=json.dumps(body),
        headers={"Content-Type": "application/json"},
        auth=Signed(),
        timeout=10,
    )
    reply.raise_for_status()


if __name__ == "__main__":
    import sys

    enrol(sys.argv[1], sys.argv[2])
