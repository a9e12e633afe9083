"""Mail by SMTP submission with STARTTLS (RFC 6409, RFC 3207); nothing is ever sent in clear.

``smtplib`` speaks in a worker thread; a server that is slow on purpose is cut off after a whole time, not only after a
silent one.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from socket import SHUT_RDWR

from commands.notices.notice import Audience, Notice, plain
from commands.ports.keystore import Secret
from commands.ports.notices import Digest
from infra.notices.channel import OPERATORS, DeliveryFailed
from infra.notices.wording import body, subject

SILENT_S, WHOLE_S = 15.0, 60.0
GREETING = 220
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"

ContactOf = Callable[[str], str | None]
"""Returns a team's contact id; None where it named none."""
AddressOf = Callable[[str], str]
"""Returns the address of a contact id; empty where it was erased."""


@dataclass(frozen=True, slots=True)
class MailSettings:
    """The submission server and who writes to whom; ``ca_file`` is the bundle that its certificate must chain to."""

    host: str
    port: int
    sender: str
    operators: tuple[str, ...]
    ca_file: Path
    user: str = ""
    password: Secret | None = None


def tls_context(ca_file: Path) -> ssl.SSLContext:
    """Return the client's TLS context: this bundle and nothing else, the host's name checked, TLS 1.2 or 1.3."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.load_verify_locations(ca_file)
    return context


class Mail:
    """The channel. Teams are written to at their contact, everybody else at the operators' address."""

    name = "mail"

    def __init__(
        self,
        settings: MailSettings,
        *,
        contact_of: ContactOf,
        address_of: AddressOf,
        base_url: str,
        clock: Callable[[], datetime],
        whole_s: float = WHOLE_S,
    ) -> None:
        self._settings, self._base_url, self._clock = settings, base_url, clock
        self._contact_of, self._address_of = contact_of, address_of
        self._whole_s = whole_s
        tls_context(settings.ca_file)  # a bundle that cannot be read is told at the start, not at the first alarm

    def recipients(self, notice: Notice) -> Iterable[str]:
        """Return the owner's contact for the owner, the operators for the rest and for owners without a contact."""
        found = set()
        for one in notice.audience:
            owner = notice.team_id if one is Audience.OWNER else None
            found.add((self._contact_of(owner) if owner else None) or OPERATORS)
        return sorted(found)

    async def send(self, digest: Digest, notices: Sequence[Notice]) -> None:
        """Submit one message; its Message-ID is the same in every attempt."""
        known = "" if digest.recipient == OPERATORS else self._address_of(digest.recipient)
        to = (known,) if known else self._settings.operators
        try:
            submission = _Submission(self._settings, to, self._message(digest, notices, to))
        except ValueError:
            raise DeliveryFailed("an address of this message cannot stand in a mail's header") from None
        try:
            await asyncio.wait_for(asyncio.to_thread(submission.run), self._whole_s)
        except TimeoutError:
            submission.cut()
            raise DeliveryFailed("the mail server took too long") from None

    def _message(self, digest: Digest, notices: Sequence[Notice], to: tuple[str, ...]) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._settings.sender
        message["To"] = ", ".join(to)
        message["Subject"] = plain(subject(notices))
        message["Date"] = format_datetime(self._clock())
        message["Message-ID"] = f"<{digest.digest_id}@{self._settings.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is answered to us
        message.set_content(body(notices, self._base_url), cte="quoted-printable")
        return message


class _Submission:
    """One conversation with the server, which another thread may cut."""

    def __init__(self, settings: MailSettings, to: tuple[str, ...], message: EmailMessage) -> None:
        self._settings, self._to, self._message = settings, to, message
        self._smtp: smtplib.SMTP | None = None
        self._over = False

    def run(self) -> None:
        """Submit; raises DeliveryFailed with a sentence that tells no address."""
        try:
            self._talk()
        except smtplib.SMTPNotSupportedError:
            raise DeliveryFailed("the mail server offers no STARTTLS, and nothing is sent in clear") from None
        except ssl.SSLCertVerificationError as error:
            raise DeliveryFailed(f"the mail server's certificate is not believed: {error.verify_message}") from None
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            raise DeliveryFailed(f"the mail server refused the recipients: {codes}") from None
        except smtplib.SMTPResponseException as error:
            raise DeliveryFailed(f"the mail server answered {error.smtp_code}") from None
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise DeliveryFailed(f"the mail server cannot be spoken to: {type(error).__name__}") from None

    def _talk(self) -> None:
        settings = self._settings
        domain = settings.sender.rpartition("@")[2]
        with smtplib.SMTP(timeout=SILENT_S, local_hostname=domain) as smtp:
            self._smtp = smtp
            # starttls() verifies this name; only the constructor sets it, and would connect before cut() can reach it
            smtp._host = settings.host  # type: ignore[attr-defined]  # noqa: SLF001 - see above
            code, said = smtp.connect(settings.host, settings.port)
            if code != GREETING:
                raise smtplib.SMTPConnectError(code, said)
            smtp.ehlo()
            smtp.starttls(context=tls_context(settings.ca_file))
            smtp.ehlo()
            if settings.user and settings.password is not None:
                smtp.login(settings.user, settings.password.reveal().decode())
            if not self._over:
                smtp.send_message(self._message, settings.sender, self._to)

    def cut(self) -> None:
        """End the conversation at once, whatever it waits for."""
        self._over = True
        sock = getattr(self._smtp, "sock", None)
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(SHUT_RDWR)
