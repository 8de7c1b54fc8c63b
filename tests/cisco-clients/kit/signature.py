"""How a watcher checks that a callback is the hub's."""

import base64
import hashlib
import hmac


def signature(secret, text):
    """One signature as the header has it."""
    return "v1," + base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


def verified(hit, secret):
    """Whether one of the signatures is made with this secret, for this request."""
    identifier, stamp = hit.headers["webhook-id"], hit.headers["webhook-timestamp"]
    digest = hashlib.sha256(hit.target.encode()).hexdigest()
    expected = signature(secret, f"{identifier}.{stamp}.{digest}")
    return any(hmac.compare_digest(given, expected) for given in hit.headers["webhook-signature"].split())
