"""The store: outcomes by the digest of what was asked, in one SQLite file.

An outcome is bytes under a key; the store does not know what they mean.  Each row carries a digest
of its key and content.  A *claim* on a key says that somebody works on it.  It is a lease: it ends
by itself unless renewed, and at once when its process is found dead on this machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import socket
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from onewatt.errors import InputError

#: Marks an SQLite file as a store of onewatt ('1wat'), and the version of its tables.
APPLICATION, VERSION = 0x31776174, 1
#: How long a claim lasts without being renewed, and how often it is [s].
LEASE = 60.0
_PATIENCE = 60.0
_TABLES = (
    "CREATE TABLE outcomes (key TEXT PRIMARY KEY, content BLOB NOT NULL, digest TEXT NOT NULL)"
    " WITHOUT ROWID",
    "CREATE TABLE claims (key TEXT PRIMARY KEY, owner TEXT NOT NULL, expires REAL NOT NULL)"
    " WITHOUT ROWID",
)


class Store:
    """Outcomes in a file that several processes may share; None keeps them in memory.

    Parameters
    ----------
    path : str, Path or None
        The file; made if it does not exist.
    lease : float
        Seconds that a claim lasts without being renewed.
    clock : callable
        Returns the time [s]; the same for all processes that share the file.

    Raises
    ------
    InputError
        If the file is no store, is of another version or is damaged.

    Notes
    -----
    The file is in write-ahead mode: a process that is killed at any point leaves every outcome
    that it has put, and the next one to open it recovers them.  Beside it lie ``-wal`` and ``-shm``
    while it is in use; they belong to it.  It must not lie on a network drive, where SQLite's
    locks do not hold.

    Examples
    --------
    >>> with Store(None) as store:
    ...     store.claim("a"), store.put("a", b"found"), store.get("a")
    (True, None, b'found')
    """

    def __init__(
        self, path: str | Path | None, *, lease: float = LEASE,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.path = Path(path) if path is not None else None
        self.owner = f"{_place()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._lease, self._clock = lease, clock
        self._lock = threading.RLock()  # the heart beats in a thread of its own
        self._closed = threading.Event()
        self._heart: threading.Thread | None = None
        self._database = self._open()

    # -- opening ----------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        name = str(self.path) if self.path is not None else ":memory:"
        try:
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(
                name, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                f"store {name}: cannot be opened ({error}); expected a file in a folder that can "
                "be written to"
            ) from error
        # a flipped bit may leave no text; what is not the digest is found out anyway
        database.text_factory = _text
        try:
            self._prepare(database)
        except sqlite3.DatabaseError as error:
            database.close()
            raise self._damaged(error) from error
        except BaseException:
            database.close()
            raise
        return database

    def _prepare(self, database: sqlite3.Connection) -> None:
        """Make the tables, or refuse what is not a whole store."""
        database.execute("BEGIN IMMEDIATE")  # two processes may meet at a new file
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master")]
        application = int(database.execute("PRAGMA application_id").fetchone()[0])
        version = int(database.execute("PRAGMA user_version").fetchone()[0])
        if not tables and (application, version) == (0, 0):
            for table in _TABLES:
                database.execute(table)
            database.execute(f"PRAGMA application_id = {APPLICATION}")
            database.execute(f"PRAGMA user_version = {VERSION}")
        elif application != APPLICATION:
            raise InputError(
                f"store {self.path}: is an SQLite file of something else (tables "
                f"{', '.join(tables) or 'none'}); give the path of a store or of a new file"
            )
        elif version != VERSION:
            raise InputError(
                f"store {self.path}: found version {version}; expected {VERSION}. Use the onewatt "
                "that made it, or start a new file"
            )
        database.execute("COMMIT")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        found = [str(row[0]) for row in database.execute("PRAGMA quick_check")]
        if found != ["ok"]:
            raise self._damaged("; ".join(found[:3]))
        columns = {str(row[1]) for row in database.execute("PRAGMA table_info(outcomes)")}
        if columns != {"key", "content", "digest"}:
            raise self._damaged(f"table outcomes has columns {', '.join(sorted(columns))}")

    def _damaged(self, what: object) -> InputError:
        return InputError(
            f"store {self.path}: is damaged or no store ({what}). Nothing in it was changed. Put a "
            "copy in its place, or move it away with its -wal and -shm files and run again: what "
            "it held is worked out anew"
        )

    # -- outcomes ---------------------------------------------------------------------------

    def get(self, key: str) -> bytes | None:
        """Return the content under a key, or None.

        Warns
        -----
        RuntimeWarning
            If the row is damaged; it is dropped, so that its outcome is worked out anew.
        """
        with self._guarded() as database:
            row = database.execute(
                "SELECT content, digest FROM outcomes WHERE key = ?", (key,)
            ).fetchone()
            if row is None:
                return None
            content = bytes(row[0]) if isinstance(row[0], bytes) else b""
            if row[1] == _digest(key, content):
                return content
            database.execute("DELETE FROM outcomes WHERE key = ?", (key,))
        warnings.warn(
            f"store {self.path}: the outcome {key[:12]}... is damaged and is worked out anew; "
            "check the disk that the file lies on", RuntimeWarning, stacklevel=2,
        )  # fmt: skip
        return None

    def put(self, key: str, content: bytes, *, replace: bool = False) -> None:
        """Keep the content under a key and end the claim on it; the first one to come stays."""
        word = "REPLACE" if replace else "IGNORE"
        with self._guarded() as database, _transaction(database):
            database.execute(
                f"INSERT OR {word} INTO outcomes VALUES (?, ?, ?)",
                (key, content, _digest(key, content)),
            )
            database.execute("DELETE FROM claims WHERE key = ?", (key,))

    def __len__(self) -> int:
        """Return the number of outcomes."""
        with self._guarded() as database:
            return int(database.execute("SELECT COUNT(*) FROM outcomes").fetchone()[0])

    # -- claims -----------------------------------------------------------------------------

    def claim(self, key: str, *, again: bool = False) -> bool:
        """Say that this process works on a key, unless it is done or another one does.

        Parameters
        ----------
        key : str
            What to work on.
        again : bool
            Claim it although it is done.

        Returns
        -------
        bool
            Whether the key is this process' to work on.  A claim that has ended, or whose process
            is dead, is taken over.
        """
        now = self._clock()
        with self._guarded() as database, _transaction(database):
            done = database.execute("SELECT 1 FROM outcomes WHERE key = ?", (key,)).fetchone()
            if done is not None and not again:
                return False
            row = database.execute(
                "SELECT owner, expires FROM claims WHERE key = ?", (key,)
            ).fetchone()
            if (
                row is not None
                and row[0] != self.owner
                and self._holds(str(row[0]), float(row[1]), now)
            ):
                return False
            database.execute(
                "INSERT OR REPLACE INTO claims VALUES (?, ?, ?)",
                (key, self.owner, now + self._lease),
            )
        self._start_heart()
        return True

    @staticmethod
    def _holds(owner: str, expires: float, now: float) -> bool:
        return expires > now and not _is_dead(owner)

    def release(self, keys: Iterable[str] | None = None) -> None:
        """End the claims of this process, on some keys or on all."""
        with self._guarded() as database, _transaction(database):
            if keys is None:
                database.execute("DELETE FROM claims WHERE owner = ?", (self.owner,))
            else:
                database.executemany(
                    "DELETE FROM claims WHERE owner = ? AND key = ?",
                    [(self.owner, key) for key in keys],
                )

    def renew(self) -> None:
        """Let all claims of this process last a whole lease from now."""
        with self._guarded() as database:
            database.execute(
                "UPDATE claims SET expires = ? WHERE owner = ?",
                (self._clock() + self._lease, self.owner),
            )

    def _start_heart(self) -> None:
        if self._heart is None and self.path is not None:
            self._heart = threading.Thread(target=self._beat, name="onewatt-store", daemon=True)
            self._heart.start()

    def _beat(self) -> None:
        while not self._closed.wait(self._lease / 4):
            with contextlib.suppress(InputError, sqlite3.Error):
                self.renew()

    # -- the rest ---------------------------------------------------------------------------

    @contextlib.contextmanager
    def _guarded(self) -> Generator[sqlite3.Connection]:
        """Give the database to one thread at a time; say what is damaged."""
        with self._lock:
            try:
                yield self._database
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise InputError(f"store {self.path}: {error}") from error
                raise self._damaged(error) from error

    def close(self) -> None:
        """End the claims of this process and close the file."""
        if self._closed.is_set():
            return
        self._closed.set()
        with contextlib.suppress(InputError):
            self.release()
        if self._heart is not None:
            self._heart.join()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()


@contextlib.contextmanager
def _transaction(database: sqlite3.Connection) -> Generator[Any]:
    """Run statements all or nothing, with the right to write from the start."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield database
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _digest(key: str, content: bytes) -> str:
    return hashlib.sha256(key.encode() + b"\0" + content).hexdigest()


def _place() -> str:
    """Return the machine and the space of process numbers that this process is in."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    boot = Path("/proc/sys/kernel/random/boot_id")
    try:
        started = boot.read_text().strip()
    except OSError:
        started = ""
    text = f"{socket.gethostname()} {space} {started}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _is_dead(owner: str) -> bool:
    """Say whether the process of a claim is known to be dead; elsewhere only its lease tells."""
    place, _, rest = owner.partition(":")
    number = rest.partition(":")[0]
    if place != _place() or not number.isdigit():
        return False
    if int(number) == os.getpid():
        return False  # another store of this very process
    try:
        os.kill(int(number), 0)
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return True
    except (OSError, IndexError):
        return False  # it runs, and the rest of it may not be seen from here
    return state in "ZX"  # killed, and its parent has not asked yet
