"""Prints ids and cursors that the suite gives out, as JSON for fuzz_api_hooks.py: API address and token as arguments."""

import json
import sys
import urllib.request

API, TOKEN = sys.argv[1:]
# Values of one place at most: enough for several states of a conversation.
VALUES_MAX = 12


def ask(path):
    request = urllib.request.Request(f"{API}/api/v1/{path}", headers={"authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def column(page, name):
    return [item[name] for item in page["items"] if item.get(name)][:VALUES_MAX]


conversations = ask("conversations?page_size=50")
queue, leads, agents = ask("queue"), ask("leads"), ask("agents")
customers = [ask(f"customers?thread={thread}") for thread in column(leads, "thread")[:3]]
threads = column(queue, "thread") + column(conversations, "thread")
known = {
    "thread": threads[:VALUES_MAX],
    "n": [1],
    "tenure": [0, 1, 2],
    "agent": column(agents, "id"),
    "threads.from": column(agents, "id"),
    "agents.id": column(agents, "id"),
    "leads.id": column(leads, "id"),
    "customers.id": [customer for page in customers for customer in column(page, "id")],
    "after": [ask("leads/feed?limit=5")["next"]],
    "from": ["2026-01-01T00:00:00Z"],
    "to": ["2099-01-01T00:00:00Z"],
    "account": column(ask("accounts"), "id"),
    "page_size": [1, 20],
    "limit": [1, 100],
    "at_least": [""],
    # A long poll would wait for nothing.
    "wait_s": [0, 1],
}
for place in ("conversations", "leads", "knowledge"):
    known[f"{place}.cursor"] = [cursor for cursor in [ask(f"{place}?page_size=2").get("next")] if cursor]
empty = sorted(name for name, values in known.items() if not values)
if empty:
    sys.exit(f"the suite gave out no {', '.join(empty)}")
json.dump(known, sys.stdout)
