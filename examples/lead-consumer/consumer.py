"""Keeps a copy of a Tributary installation's leads, from the stream LEADS, with a cursor of its own.

The two files in the folder are all that it needs:

  leads.jsonl   one lead per line, as it is now
  cursor        the sequence of the last message that is in leads.jsonl

Both are replaced whole and synced to disk, the leads first. A death in between leaves a cursor that is too low, so
some messages are read again; each lead remembers the ids of its events, so none counts twice.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import nats
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

STREAM = "LEADS"
BATCH = 256
# Seconds to wait for messages before the connection is looked after again.
WAIT = 1.0
# The server forgets a consumer that nobody asks for so long; its place is in our cursor anyway.
FORGET_AFTER = 30.0


class Copy:
    """The leads and the cursor, in memory and on disk."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.leads_path = folder / "leads.jsonl"
        self.cursor_path = folder / "cursor"
        self.leads: dict[str, dict] = {}
        if self.leads_path.exists():
            for line in self.leads_path.read_text(encoding="utf-8").splitlines():
                lead = json.loads(line)
                self.leads[lead["lead"]] = lead
        self.cursor = int(self.cursor_path.read_text()) if self.cursor_path.exists() else 0

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


def read(message) -> CloudEvent:
    """The event in a message, checked by the CloudEvents SDK and against the message's own headers."""
    event = JSONFormat().read(CloudEvent, message.data)
    if (message.headers or {}).get("Nats-Msg-Id") != event.get_id():
        raise ValueError(f"the id of message {message.metadata.sequence.stream} is not that of its event")
    return event


async def subscribe(jetstream, copy: Copy, subject: str):
    """A reading of the stream from the message after the cursor on."""
    state = (await jetstream.stream_info(STREAM)).state
    if state.last_seq < copy.cursor:
        print(f"{STREAM} ends at {state.last_seq}, before the cursor {copy.cursor}: it was made anew", file=sys.stderr)
        copy.cursor = 0
    if 0 < copy.cursor + 1 < state.first_seq:
        print(f"messages up to {state.first_seq - 1} are no longer kept; the cursor was {copy.cursor}", file=sys.stderr)
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=copy.cursor + 1,
        ack_policy=AckPolicy.NONE,
        inactive_threshold=FORGET_AFTER,
        mem_storage=True,
        num_replicas=1,
    )
    return await jetstream.pull_subscribe(subject, stream=STREAM, config=config)


async def run(args, stop: asyncio.Event) -> None:
    copy = Copy(Path(args.folder))
    options = {"nkeys_seed": args.nkey} if args.nkey else {}
    connection = await nats.connect(args.url, name="lead-consumer", max_reconnect_attempts=-1, **options)
    try:
        jetstream = connection.jetstream()
        reading = None
        while not stop.is_set():
            try:
                reading = reading or await subscribe(jetstream, copy, args.subject)
                messages = await reading.fetch(BATCH, timeout=WAIT)
            except (NatsTimeoutError, asyncio.TimeoutError):
                if args.once:
                    return
                continue
            except nats.errors.Error as error:
                # The server was away, or forgot the consumer: our own cursor says where to go on.
                print(f"reading starts again: {error!r}", file=sys.stderr)
                reading = None
                await asyncio.sleep(WAIT)
                continue
            for message in messages:
                sequence = message.metadata.sequence.stream
                if sequence > copy.cursor:
                    copy.apply(read(message))
                    copy.cursor = sequence
            copy.save()
    finally:
        await connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="where leads.jsonl and cursor are")
    parser.add_argument("--url", default="nats://127.0.0.1:4222", help="the installation's NATS server")
    parser.add_argument("--nkey", help="file with the seed of the consumer's nkey")
    parser.add_argument("--subject", default="leads.>", help="which leads: leads.<tenant>.> for one tenant")
    parser.add_argument("--once", action="store_true", help="end when there is nothing more to read")
    args = parser.parse_args()

    async def until_stopped() -> None:
        stop = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        await run(args, stop)

    asyncio.run(until_stopped())


if __name__ == "__main__":
    main()
