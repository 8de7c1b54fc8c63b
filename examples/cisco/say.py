"""Sets somebody's presence: python say.py joe AVAILABLE (or AWAY, BUSY, VACATION, UNAVAILABLE; DND, which beats what devices say)"""

import sys

from pws import Refused, Service


def main():
    """One state for one user, for an hour."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    user, state = sys.argv[1:]
    service = Service()
    try:
        key = service.login_user(service.login(), user)
        override = "true" if state == "DND" else "false"
        body = f"<presence>{state}</presence>"
        service.ask("PUT", f"/users/{user}/presence/basic", key, body, Presence_Override=override, Presence_Expiry="3600")
    except Refused as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
