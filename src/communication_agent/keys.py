"""The installation's key: read or made once, and split into one key per use; what is sealed opens only where it belongs."""

import base64
import binascii
import os
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from communication_agent.config import Config
from communication_agent.errors import Problem

_FORMAT = b"\x01"
_ID, _NONCE = 8, 12  # bytes
_SHORTEST_PASSPHRASE = 20
_FEWEST_DIFFERENT = 10  # characters of a passphrase or bytes of a key; 32 random bytes have fewer once in 10**20
# Six letters or more never occur by chance in the text of a random key; shorter ones are looked for in passphrases only.
_PLACEHOLDER = re.compile(
    r"change[-_. ]?me|changeit|replace|placeholder|example|insert[-_. ]|your[-_. ]?(own|secret|key|pass)|passw|passphrase"
    r"|secret[-_. ]?key|default|0123456789|12345678|abcdefgh|qwerty|x{6,}|\.{6,}",
    re.IGNORECASE,
)
_SHORT_PLACEHOLDER = re.compile(r"x{4,}|\.{3,}|…|todo|fixme|dummy|sample", re.IGNORECASE)
_REMEDY = "make one with   openssl rand -base64 32   and set COMMUNICATION_AGENT_KEY, or unset it: then a key file is made"


@dataclass(frozen=True, slots=True)
class Key:
    """The subkeys of one secret; `id` names it in what it sealed and tells nothing about it."""

    id: bytes
    encryption: bytes = field(repr=False)
    signing: bytes = field(repr=False)
    hashing: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keys:
    """`current` seals and signs; `older` ones, newest first, still open what they sealed and accept what they signed."""

    current: Key
    older: tuple[Key, ...] = ()

    @property
    def all(self) -> tuple[Key, ...]:
        """The current one first."""
        return (self.current, *self.older)

    @property
    def key_id(self) -> str:
        """How the current key is called, in hex."""
        return self.current.id.hex()

    @property
    def hashing(self) -> bytes:
        """The oldest key's: a hash cannot be made anew from an address that was erased, so it outlives every rotation."""
        return self.all[-1].hashing


def load_keys(config: Config, additional: Sequence[str] = ()) -> Keys:
    """The key from COMMUNICATION_AGENT_KEY, else from the file HOME/key, which is made when it is missing.

    `additional` are older keys, newest first, in the same notation. Raises Problem CA-306 for a weak or unreadable one.
    """
    if config.communication_agent_key:
        current = derive(config.communication_agent_key.get_secret_value(), "COMMUNICATION_AGENT_KEY")
    else:
        current = derive(_key_file(config.home / "key"), "the key file")
    return Keys(current, tuple(derive(text, "an older key") for text in additional))


def derive(text: str, origin: str) -> Key:
    """A key from 32 bytes in hex or base64, or from a passphrase of 20 characters or more; raises Problem CA-306."""
    written = text.strip()
    root = _random_bytes(written)
    if _PLACEHOLDER.search(written) or (root is None and _SHORT_PLACEHOLDER.search(written)):
        raise _weak(origin, "it is a placeholder that everybody knows")
    if root is None:
        if len(written) < _SHORTEST_PASSPHRASE:
            raise _weak(origin, f"it has {len(written)} characters; a passphrase needs {_SHORTEST_PASSPHRASE}")
        root = written.encode()
    if len(set(root)) < _FEWEST_DIFFERENT:
        raise _weak(origin, "it repeats itself")
    secret = root if _random_bytes(written) else _stretched(root)
    return Key(
        _subkey(secret, b"key id")[:_ID], _subkey(secret, b"encryption"), _subkey(secret, b"signing"), _subkey(secret, b"hashing")
    )


def seal(keys: Keys, plain: bytes, context: str) -> bytes:
    """AES-256-GCM of `plain`, bound to `context` (a tenant id): format, key id and nonce stand in front."""
    head = _FORMAT + keys.current.id
    nonce = secrets.token_bytes(_NONCE)
    return head + nonce + AESGCM(keys.current.encryption).encrypt(nonce, plain, _bound(head, context))


def unseal(keys: Keys, sealed: bytes, context: str) -> bytes:
    """What was sealed for this `context`; raises Problem CA-306 when the key is another one or the bytes were altered."""
    head, nonce, box = sealed[: 1 + _ID], sealed[1 + _ID : 1 + _ID + _NONCE], sealed[1 + _ID + _NONCE :]
    key = next((key for key in keys.all if _FORMAT + key.id == head), None)
    if key is None:
        raise _wrong(context, f"they were encrypted with key {head[1:].hex()}, at hand is {keys.key_id}")
    try:
        return AESGCM(key.encryption).decrypt(nonce, box, _bound(head, context))
    except (InvalidTag, ValueError) as error:
        raise _wrong(context, "they were altered, or belong to somebody else") from error


def reseal(keys: Keys, sealed: bytes, context: str) -> bytes:
    """The same secret under the current key; the very same bytes when it is under that already."""
    if sealed.startswith(_FORMAT + keys.current.id):
        unseal(keys, sealed, context)
        return sealed
    return seal(keys, unseal(keys, sealed, context), context)


def _key_file(path: Path) -> str:
    """The text of the key file; of several processes that find none, one makes it and all read the same."""
    try:
        if not path.exists():
            _make_key_file(path)
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            raise Problem("CA-306", f"Others may read the key file {path}.", f"its mode is {mode:o}", f"chmod 600 {path}")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(
            "CA-306", f"The key file {path} cannot be read or made.", str(error), "set COMMUNICATION_AGENT_KEY or mend the file"
        ) from error


def _make_key_file(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = path.with_name(f"key.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # somebody else was faster: theirs counts
            os.link(own, path)
    finally:
        own.unlink(missing_ok=True)


def _random_bytes(written: str) -> bytes | None:
    """32 bytes, when the text is their hex or base64 (either alphabet, padded or not)."""
    with suppress(ValueError):
        if len(written) == 64:
            return bytes.fromhex(written)
    with suppress(binascii.Error, ValueError):
        if len(written) in {43, 44}:
            alphabet = written.rstrip("=").replace("-", "+").replace("_", "/")
            return base64.b64decode(alphabet + "=", validate=True)
    return None


def _stretched(passphrase: bytes) -> bytes:
    # The salt is ours, not the installation's: it has to be known before anything of the installation can be read.
    return Scrypt(salt=b"communication-agent key 1", length=32, n=2**15, r=8, p=1).derive(passphrase)


def _subkey(secret: bytes, use: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=b"communication-agent", info=use).derive(secret)


def _bound(head: bytes, context: str) -> bytes:
    return head + context.encode()


def _weak(origin: str, why: str) -> Problem:
    return Problem("CA-306", f"The encryption key in {origin} is too weak.", why, _REMEDY)


def _wrong(context: str, why: str) -> Problem:
    return Problem(
        "CA-306",
        f"The credentials of {context} cannot be decrypted.",
        why,
        "set COMMUNICATION_AGENT_KEY, or put back HOME/key, as it was when they were saved; or add the tenant again",
    )
