"""Reads a journal from docs/JOURNAL.md alone: one JSON object a line for each event.

reader.py JOURNAL.md DIRECTORY [KEY]    the key in hex
"""

import hashlib
import hmac
import json
import os
import re
import struct
import sys
import zlib


def tables(page):
    """The words and the events, as they stand in the page."""
    text = open(page, encoding="utf-8").read()
    words = {m[1]: m[2].split(", ") for m in re.finditer(r"^\| `(\w+)` \| ([\w, -]+) \|$", text, re.M)}
    events = {}
    for m in re.finditer(r"^\| (\d+) \| `(\w+)` \| (.+) \|$", text, re.M):
        events[int(m[1])] = (m[2], re.findall(r"(\w+) `([^`]+)`", m[3]))
    return words, events


def check_digests(event, block_size):
    """The digests of a write against its bytes, which are there in a durable journal."""
    data, digests = bytes.fromhex(event["payload"]), bytes.fromhex(event["digests"])
    offset, made = event["offset"], b""
    while data:
        length = block_size - offset % block_size
        made += hashlib.sha256(data[:length]).digest()
        data, offset = data[length:], offset + length
    assert made == digests, "the digests of the bytes"


class Frame:
    def __init__(self, body, seq, words, events):
        self.body, self.at, self.seq = body, 0, seq
        self.words, self.events = words, events
        self.numbers, self.registers, self.word_registers = {}, {}, {}
        self.texts, self.trace, self.trace_id, self.stride = [""], None, "", 0

    def take(self, length):
        assert self.at + length <= len(self.body), "a record ends before its time"
        self.at += length
        return self.body[self.at - length : self.at]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def number(self, predicted):
        if self.body[self.at : self.at + 2] == b"\x80\x00":
            self.at += 2
            value = struct.unpack("<d", self.take(8))[0]
            return int(value) if value.is_integer() else value
        z = self.varint()
        return predicted + (z // 2 if z % 2 == 0 else -((z + 1) // 2))

    def new_text(self):
        stored = self.varint()
        raw = self.take(stored // 2)
        return raw.decode("utf-8") if stored % 2 == 0 else raw.decode("utf-16-le", "surrogatepass")

    def text(self):
        index = self.varint()
        if index == 0:
            self.texts.append(self.new_text())
            return self.texts[-1]
        return self.texts[index - 1]

    def read_trace(self):
        kind = self.take(1)[0]
        if kind == 0:
            return None
        if kind == 3:
            self.trace_id = ""
            return {"traceId": self.text(), "spanId": self.text(), "flags": self.number(0)}
        if kind == 1:
            self.trace_id = self.take(16).hex()
        return {"traceId": self.trace_id, "spanId": self.take(8).hex(), "flags": self.take(1)[0]}

    def predicted_number(self, what):
        if what == "=at":
            return self.numbers.get("at", 0)
        if what == "=stride":
            offset = self.numbers.get("block", 0) * self.stride
            return offset if offset < 2**53 else 0
        register, _, step = what.partition("+")
        return self.numbers.get(register, 0) + int(step or 0)

    def field(self, notation, name, stored):
        kind, _, what = notation.partition(" ")
        if kind == "n":
            value = self.predicted_number(what)
            if stored:
                value = self.number(value)
            register = "offset" if what == "=stride" else name if what == "=at" else what.partition("+")[0]
            self.numbers[register] = value
            return value
        if kind == "c":
            return self.number(self.seq - 1) if stored else 0
        if kind == "f":
            return stored
        if kind == "t":
            if stored:
                self.registers[what] = self.text()
            return self.registers.get(what, "")
        if kind == "w":
            if stored:
                self.word_registers[what] = self.varint()
            return self.words[what][self.word_registers.get(what, 0)]
        if kind == "x":
            if stored:
                self.trace = self.read_trace()
            return self.trace
        if kind == "ln":
            values = [0]
            for _ in range(self.varint() if stored else 0):
                values.append(self.number(values[-1]))
            return values[1:]
        if kind == "v":
            return json.loads(what)
        if kind == "lt":
            return [self.text() for _ in range(self.varint() if stored else 0)]
        assert kind == "j" and stored, notation
        return json.loads(self.new_text())

    def event(self):
        name, fields = self.events[self.varint()]
        bits = self.varint()
        event = {"type": name, "seq": self.seq}
        for index, (field, notation) in enumerate(fields):
            event[field] = self.field(notation, field, bits >> index & 1 == 1)
        if name == "written":
            count = self.numbers["count"]
            self.stride = self.numbers["length"] // count if count else 0
            if bits >> 12 & 1:
                event["payload"] = self.take(self.varint()).hex()
            if bits >> 13 & 1:
                event["digests"] = self.take(self.varint()).hex()
        self.seq += 1
        return event


def segment(path, chain, digest, words, events):
    data = open(path, "rb").read()
    assert data[:8] == b"\x89CTJ\r\n\x1a\n", "the magic"
    version, flags, length = struct.unpack_from("<HHI", data, 8)
    assert version == 1, "the version"
    assert struct.unpack_from("<I", data, length - 4)[0] == zlib.crc32(data[: length - 4]), "the header's sum"
    tag = data[16:20]
    seq = struct.unpack_from("<Q", data, 40)[0]
    assert chain is None or data[72:104] == chain, "the chain goes on in the next segment"
    assert (flags & 1 == 1) == (digest.key is not None), "a key is given where there is one"
    described = json.loads(data[124 : length - 4])
    assert described["identity"] != "", "the identity"
    block_size = described["config"]["blockSize"]
    check = b"cachetrail journal key" + data[16:32]
    assert data[104:120] == (bytes(16) if digest.key is None else digest(check)[:16]), "the key's check"
    chain = digest(data[: length - 4])
    at = length
    while at < len(data):
        head = data[at : at + 112]
        assert head[:8] == b"CTJF" + tag, "a frame of this journal"
        first, count, body_length, least, greatest = struct.unpack_from("<QIIdd", head, 8)
        body = data[at + 112 : at + 112 + body_length]
        body_sum, head_sum = struct.unpack_from("<II", head, 104)
        assert zlib.crc32(head[:108]) == head_sum and zlib.crc32(body) == body_sum, "the frame's sums"
        assert head[40:72] == chain and first == seq, "the frame follows"
        chain = digest(head[:72] + body)
        assert head[72:104] == chain, "the frame's digest"
        frame = Frame(body, first, words, events)
        for _ in range(count):
            event = frame.event()
            assert least <= event["at"] <= greatest, "the frame's times"
            if event["type"] == "blockSizeChanged":
                block_size = event["to"]
            if "payload" in event and "digests" in event:
                check_digests(event, block_size)
            print(json.dumps(event))
        assert frame.at == len(body), "the frame ends with its last event"
        seq = first + count
        at += 112 + body_length
    return chain


class Digest:
    def __init__(self, key):
        self.key = key

    def __call__(self, data):
        return hashlib.sha256(data).digest() if self.key is None else hmac.new(self.key, data, "sha256").digest()


def main():
    words, events = tables(sys.argv[1])
    digest = Digest(bytes.fromhex(sys.argv[3]) if len(sys.argv) > 3 else None)
    chain = None
    for name in sorted(os.listdir(sys.argv[2])):
        if re.fullmatch(r"\d{8,}-\d{16}\.ctj", name):
            chain = segment(os.path.join(sys.argv[2], name), chain, digest, words, events)


main()
