"""Keeps a copy of a Tributary installation's leads, from the stream LEADS, with a cursor of its own.

The two files in the folder are all that it needs:

  leads.jsonl   one lead per line, as it is now
  cursor        the sequence of the last message that is in leads.jsonl

Both are replaced whole and synced to disk, the leads first. A death in between leaves a cursor that is too low, so
some messages are read again; each lead remembers the ids of its events, so none counts twice.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import nats
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

EXIT_CODES = """exit codes:
  0  stopped by SIGINT or SIGTERM, or with --once: all is read
  1  given up: no server within --patience, the key refused, a file or message that cannot be read
  2  wrong arguments
"""

STREAM = "LEADS"
BATCH = 256
# Seconds to wait for messages before the connection is looked after again.
WAIT = 1.0
# The server forgets a consumer that nobody asks for so long; its place is in our cursor anyway.
FORGET_AFTER = 30.0
# Seconds between two tries to reach the server: doubled from the first to the second.
RETRY_MIN, RETRY_MAX = 1.0, 30.0
# Seconds within which a server that lives answers a ping.
ANSWER_WITHIN = 5
# Seconds for the connection to end in order.
CLOSE_WITHIN = 2.0


class GivenUp(Exception):
    """Why nothing can be done any more, in words for whoever started the program."""


class Copy:
    """The leads and the cursor, in memory and on disk."""

    def __init__(self, folder: Path):
        self.leads_path = folder / "leads.jsonl"
        self.cursor_path = folder / "cursor"
        self.leads: dict[str, dict] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self.leads_path.exists():
                for line in self.leads_path.read_text(encoding="utf-8").splitlines():
                    lead = json.loads(line)
                    self.leads[lead["lead"]] = lead
            self.cursor = int(self.cursor_path.read_text()) if self.cursor_path.exists() else 0
        except (OSError, ValueError, KeyError, TypeError) as error:
            remedy = "" if isinstance(error, OSError) else "; delete the folder to build the copy anew"
            raise GivenUp(f"the copy in {folder} cannot be read: {words(error)}{remedy}") from error

    def apply(self, event: CloudEvent) -> None:
        """Takes in one event. Taking it in again changes nothing."""
        kind, data = event.get_type(), event.get_data()
        if kind == "lead.erased":
            # The person asked to be forgotten: nothing is kept, not even that there was somebody.
            self.leads.pop(data["lead"], None)
            return
        empty = {"lead": data["lead"], "tenant": data["tenant"], "details": [], "events": []}
        lead = self.leads.setdefault(data["lead"], empty)
        if event.get_id() in lead["events"]:
            return
        lead["events"].append(event.get_id())
        for field in ("thread", "conversation", "channel", "account", "score"):
            if field in data:
                lead[field] = data[field]
        if "reasons" in data:
            lead["reasons"] = data["reasons"]
        for detail in data.get("details", []):
            # A detail that is told again carries what the customer now says about being contacted.
            known = [d for d in lead["details"] if (d["kind"], d["value"]) == (detail["kind"], detail["value"])]
            if known:
                known[0]["consent"] = detail["consent"]
            else:
                lead["details"].append(detail)
        if kind == "lead.joined":
            lead["joined_into"] = data["joined_into"]
        elif kind == "lead.parted":
            lead.pop("joined_into", None)
        # A type that this program does not know is noted as seen and otherwise passed over.

    def save(self) -> None:
        lines = [json.dumps(lead, ensure_ascii=False, sort_keys=True) for _, lead in sorted(self.leads.items())]
        replace(self.leads_path, "".join(line + "\n" for line in lines))
        replace(self.cursor_path, f"{self.cursor}\n")


def replace(path: Path, text: str) -> None:
    """The file holds the old text or the new one, whenever the power fails."""
    fresh = path.with_suffix(".new")
    # Personal data: nobody else may read it.
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def words(error: BaseException) -> str:
    """An error in one line; some have no text but their name."""
    if isinstance(error, (NatsTimeoutError, asyncio.TimeoutError)):
        return "no answer in time"
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return " ".join(part for part in (os.strerror(error.errno), error.filename and f"({error.filename})") if part)
    return " ".join(str(error).split()) or type(error).__name__


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def read(message) -> CloudEvent:
    """The event in a message, checked by the CloudEvents SDK and against the message's own headers."""
    sequence = message.metadata.sequence.stream
    try:
        event = JSONFormat().read(CloudEvent, message.data)
    except Exception as error:
        raise GivenUp(f"message {sequence} of {STREAM} is no CloudEvent: {words(error)}") from error
    if (message.headers or {}).get("Nats-Msg-Id") != event.get_id():
        raise GivenUp(f"the id of message {sequence} of {STREAM} is not that of its event")
    return event


async def subscribe(jetstream, copy: Copy, subject: str):
    """A reading of the stream from the message after the cursor on."""
    state = (await jetstream.stream_info(STREAM)).state
    if state.last_seq < copy.cursor:
        say(f"{STREAM} ends at {state.last_seq}, before the cursor {copy.cursor}: it was made anew")
        copy.cursor = 0
    if 0 < copy.cursor + 1 < state.first_seq:
        say(f"messages up to {state.first_seq - 1} are no longer kept; the cursor was {copy.cursor}")
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=copy.cursor + 1,
        ack_policy=AckPolicy.NONE,
        inactive_threshold=FORGET_AFTER,
        mem_storage=True,
        num_replicas=1,
    )
    return await jetstream.pull_subscribe(subject, stream=STREAM, config=config)


async def connect(args, heard: list):
    """One connection, which ends when the server goes away: trying again is ours.

    The library tries a server at least twice, and tells of what it meets on the way by a call: it goes to `heard`.
    """

    async def hear(error: Exception) -> None:
        del heard[:-9]
        heard.append(error)

    options = {"nkeys_seed": args.nkey} if args.nkey else {}
    try:
        return await nats.connect(
            args.url,
            name="lead-consumer",
            error_cb=hear,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            **options,
        )
    except nats.errors.NoServersError as error:
        # It only says that nobody is left to try.
        raise heard[-1] if heard else error


async def follow(connection, copy: Copy, args, reached) -> None:
    """Reads until nothing more is there (--once), or for ever. Every error but GivenUp is worth another try."""
    reading = await subscribe(connection.jetstream(), copy, args.subject)
    reached()
    while True:
        try:
            messages = await reading.fetch(BATCH, timeout=WAIT)
        except (NatsTimeoutError, asyncio.TimeoutError):
            if not connection.is_connected:
                raise ConnectionError("the connection ended") from None
            # Silence is no end of the stream: the server has to answer.
            await connection.flush(timeout=ANSWER_WITHIN)
            if args.once:
                return
            continue
        for message in messages:
            sequence = message.metadata.sequence.stream
            if sequence > copy.cursor:
                try:
                    copy.apply(read(message))
                except (KeyError, TypeError) as error:
                    raise GivenUp(f"message {sequence} of {STREAM} is no event of a lead: {error!r}") from error
                copy.cursor = sequence
        try:
            copy.save()
        except OSError as error:
            raise GivenUp(f"the copy cannot be written: {words(error)}") from error


class Tries:
    """How often the server was tried in vain, and until when it is tried."""

    def __init__(self, patience: float):
        self.patience = patience
        self.forget()

    def forget(self) -> None:
        self.since, self.count = None, 0

    def reached(self) -> None:
        if self.count:
            say("the stream is read again")
        self.forget()

    def failed(self, place: str, error: Exception) -> float:
        """Says so in one line; how long to wait before the next try."""
        now = time.monotonic()
        self.since = now if self.since is None else self.since
        self.count += 1
        wait = min(RETRY_MIN * 2 ** min(self.count - 1, 10), RETRY_MAX)
        left = self.since + self.patience - now if self.patience else wait
        if left <= 0:
            raise GivenUp(f"{place}: {words(error)}; given up after {self.patience:g} s (--patience)")
        wait = min(wait, left)
        end = f"for {self.patience:g} s in all" if self.patience else "without an end"
        next_try = f"the next in {wait:.0f} s, at most {RETRY_MAX:.0f} s apart"
        say(f"{place}: {words(error)}; try {self.count}, {next_try}, {end} (--patience {self.patience:g})")
        return wait


async def run(args) -> None:
    copy, tries = Copy(Path(args.folder)), Tries(args.patience)
    # Without user and password, which an address may hold.
    address = urlsplit(args.url)
    place = f"{address.hostname}:{address.port or 4222}"
    while True:
        connection, heard = None, []
        try:
            connection = await connect(args, heard)
            return await follow(connection, copy, args, tries.reached)
        except nats.js.errors.NotFoundError:
            wait = tries.failed(place, LookupError(f"there is no stream {STREAM} yet"))
        except (nats.errors.Error, OSError, asyncio.TimeoutError) as error:
            # What is forbidden is told beside the request, which then only times out.
            for met in (error, *heard):
                if "authorization violation" in str(met).lower() or "permissions violation" in str(met).lower():
                    remedy = "name the consumer's own key with --nkey"
                    raise GivenUp(f"{place} refuses us: {words(met)}; {remedy}") from error
            wait = tries.failed(place, error)
        finally:
            if connection is not None:
                # Nothing waits to be sent, so a close that fails loses nothing.
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(connection.close(), CLOSE_WITHIN)
        await asyncio.sleep(wait)


async def until_stopped(args) -> None:
    """Runs until the end or a signal. The files are written in one go, so stopping anywhere leaves them whole."""
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    work, stopped = asyncio.create_task(run(args)), asyncio.create_task(stop.wait())
    await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if work.done():
        return work.result()
    work.cancel()
    await asyncio.wait({work}, timeout=CLOSE_WITHIN)


def server(text: str) -> str:
    try:
        address = urlsplit(text if "://" in text else f"nats://{text}")
        sound = bool(address.hostname) and address.port != 0
    except ValueError:
        sound = False
    if not sound or address.scheme not in ("nats", "tls", "ws", "wss"):
        raise argparse.ArgumentTypeError("write an address such as nats://127.0.0.1:4222")
    return address.geturl()


def seed(text: str) -> str:
    """The path of a file that holds a seed. What it holds is never shown."""
    try:
        import nkeys

        nkeys.from_seed(bytearray(Path(text).read_bytes().strip())).wipe()
    except ImportError:
        raise argparse.ArgumentTypeError("a key needs another package: pip install 'nats-py[nkeys]'")
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text} cannot be read: {error.strerror}")
    except Exception:
        raise argparse.ArgumentTypeError(f"{text} holds no nkey's seed, a line that begins with SU")
    return text


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError("write a number of seconds, 0 for no end")
    return value


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="where leads.jsonl and cursor are; made if it is not there")
    default = "nats://127.0.0.1:4222"
    parser.add_argument("--url", type=server, default=default, help="the installation's NATS server (%(default)s)")
    parser.add_argument("--nkey", type=seed, help="file with the seed of the consumer's nkey")
    which = "which leads: leads.<tenant>.> for one tenant (%(default)s)"
    parser.add_argument("--subject", default="leads.>", help=which)
    parser.add_argument("--once", action="store_true", help="end when there is nothing more to read")
    parser.add_argument(
        "--patience", type=seconds, default=600.0, metavar="SECONDS",
        help="give up after so long without a server; 0 never does (%(default)g)",
    )
    args = parser.parse_args()
    try:
        asyncio.run(until_stopped(args))
    except GivenUp as why:
        say(f"consumer: {why}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
