"""The stable problem types: rule -> what it means. They are part of the interface: added, never renamed.

Three sources: the classes of errors say what kind of refusal it is, the policy's rules carry their own citation and
fix, and the table below tells of the finer rules that callers meet. What is left is explained by its own document.
"""

from __future__ import annotations

from collections.abc import Mapping

from api.problems import STATUS
from domain.profiles.rules import RULES

FINER: Mapping[str, str] = {
    "idempotency-key-missing": "Every command needs an Idempotency-Key header: 1 to 255 printable ASCII characters.",
    "no-role": "You are signed in, but none of your groups is granted a role that counts for this sign-in.",
    "session-ended": "The session is over: signed out, idle for 30 minutes, 8 hours old, or ended by the provider.",
    "csrf": "A browser's unsafe call needs the X-CSRF-Token of its own session.",
    "position": "Min-Ledger-Position is a number from a Ledger-Position header.",
    "position-ahead": "The ledger has not come to this position: whoever asks followed another one.",
    "serial-ambiguous": "Certificates of several issuers have this serial; an id names one of them.",
    "ticket": "X-Ticket is the name of a ticket: 1 to 128 visible ASCII characters.",
    "form": "The body is not a readable HTML form.",
    "not-issued": "There is no certificate yet.",
    "problem-type": "There is no such problem type.",
    "not-found": "There is no such object, or none that you may see; which of the two is not told.",
    "internal-error": "Something went wrong here; whoever runs this backend finds it by the correlation id.",
    "sign-in-state": "The sign-in was not begun in this browser, was used, or is older than ten minutes.",
    "sign-in-rate": "This address signs in too often; after a minute it may again.",
    "unknown-provider": "No such identity provider is configured.",
    "grave-grant": "ROLE_SEC_OPS and ROLE_ADMIN are granted and withdrawn by ROLE_ADMIN only.",
    "grant-scope": "ROLE_DEVOPS is held for a team, every other role globally.",
    "machine-role": "A machine never holds ROLE_SEC_OPS or ROLE_ADMIN.",
    "targets-or-csr": "An order names targets on hosts, brings a CSR, or asks for a key made by the server.",
    "four-eyes": "Whoever requested something does not approve it, and nobody approves twice.",
    "approval-binding": "An approval names the hash of exactly what was read; this is another request.",
    "approval-expired": "The approval is older than it may be.",
    "reason-missing": "This act needs a reason.",
    "order-state": "The order's life has no such step from where it stands.",
    "key-algorithm-differs": "The key is of another kind than the order says.",
    "profile-retired": "Nothing more is issued by this profile.",
    "host-name": "The host's name is taken.",
    "team-name": "The team's name is taken.",
    "cursor": "This is not a cursor of this list.",
    "page-limit": "A page has 1 to 200 rows.",
    "conflict": "Others kept changing the same object.",
    "views-behind": "The read models have not caught up with the position that was asked for.",
    "clock-suspect": "The clock is in doubt: nothing is issued or renewed until a person says what time it is.",
    "restored-with-loss": "The ledger was restored from before what was published; two people decide how it goes on.",
    "epoch-state": "There is no such decision to take on the ledger's epochs now.",
    "clock-not-suspect": "Nobody doubts the clock, so there is nothing to confirm.",
    "half-recorded": "The act is recorded, what came of it is not; the backend ends it as failed within minutes.",
    "import-size": "A certificate is larger than what is read.",
    "import-syntax": "A file or a part of it cannot be read.",
    "import-kind": "A file or a part of it is of a kind that is not imported.",
    "import-too-many": "There is too much in one upload.",
    "import-too-costly": "Reading the files takes too much time or memory; an unusual number of rounds, for example.",
    "import-locked": "A key or a store needs a password that was not given.",
    "import-integrity": "No password proves that a Java key store is whole; its certificates were read nevertheless.",
    "import-authority": "An authority's certificate is kept only in the chain of a certificate below it.",
    "import-lonely-key": "A private key came without its certificate.",
    "import-known": "The certificate is in the inventory already; nothing was changed.",
    "import-own": "The certificate names an authority of ours as its issuer; what those issue is known.",
    "import-serial-taken": "Another certificate of the same issuer has this serial number.",
    "import-profile": "Targets need a profile by which the certificate is replaced.",
    "import-targets-one": "One place cannot serve several certificates.",
    "import-key-kind": "A private key is of a kind that is not read.",
    "import-key-not-kept": "The profile keeps no private keys.",
    "import-key-known": "The key is known already.",
    "import-base64": "A file's content is not base64.",
    "import-reader": "Files cannot be read now.",
    "transfer-to": "An offer names one receiving team, by its id or by its name.",
    "transfer-to-owner": "The team owns the certificate already.",
    "transfer-open": "An offer is open; it is withdrawn before another one is made.",
    "transfer-none": "No offer is open: there was none, it was answered, withdrawn, or is older than 7 days.",
    "transfer-installing": "The certificate is being installed on its owner's hosts; ownership moves afterwards.",
    "transfer-renewing": "A successor of the certificate is on its way for its owner.",
    "transfer-key-shared": "Another certificate of the owner has the same key; a key has one owner.",
    "certificate-moved": "The certificate belongs to another team by now.",
    "consent-by-person": "Consent to a transfer is given by a person, not by a machine.",
    "contact-address": "A contact is one mail address: a plain local part at a DNS name.",
    "foreign-issuer": "A foreign authority issued the certificate; only that authority revokes it.",
    "machine-reveal": "A key is revealed to people only, never to a machine.",
    "session-unconfirmed": "The identity provider cannot confirm the session, and a key is about to be seen.",
    "key-not-held": "The key store has no copy of this key: it never had one, or the copy was destroyed.",
    "reveal-state": "The reveal's life has no such step from where it stands.",
    "reveal-used": "A reveal is used once; whether its answer arrived or not, the key counts as seen.",
    "reveal-person": "A reveal is redeemed by whoever requested it.",
    "targets-need-signing": "Keys that only decrypt cannot be proven by a handshake, so they have no targets.",
    "delivery-count": "The key left too often for one task; a person asks for another attempt.",
    "key-password-gone": "The password was told already, is too old, or lost in a restart; fetch the key again.",
    "bulk-busy": "As many bulk calls as may be at once are being worked on; nothing of this one was begun.",
    "bulk-duplicate": "Another item of the same call asks for the same; the answer stands there.",
    "ledger-unavailable": "The ledger does not take entries; nothing was changed.",
    "outcome-unknown": "The ledger went away while it took an entry; it may be recorded, or not.",
}


def _classes() -> dict[str, str]:
    return {kind.rule: (kind.__doc__ or "").partition("\n")[0] for kind in STATUS}


def _policy() -> dict[str, str]:
    return {rule.name: f"Policy rule ({rule.citation}). What mends it: {rule.fix}." for rule in RULES}


PROBLEM_TYPES: Mapping[str, str] = dict(sorted({**_classes(), **_policy(), **FINER}.items()))
"""Rule -> what it means."""
