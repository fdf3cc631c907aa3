#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of the stun and h264_* targets into corpus/."""
import hashlib
import hmac
import re
import struct
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIXTURE = HERE.parent / "unit/rtc/data/two-groups.h264"
PASSWORD = b"VOkJxbRl1RmTxUk/WvJxBt"
COOKIE = bytes.fromhex("2112a442")
TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")


def write(target, name, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)


def message(kind, body, signed=True, fingerprint=True):
    def header(length):
        return struct.pack("!HH", kind, length) + COOKIE + TRANSACTION
    if signed:
        digest = hmac.new(PASSWORD, header(len(body) + 24) + body, hashlib.sha1)
        body += attribute(0x0008, digest.digest())
    if fingerprint:
        crc = zlib.crc32(header(len(body) + 8) + body) ^ 0x5354554E
        body += attribute(0x8028, struct.pack("!I", crc))
    return header(len(body)) + body


def stun():
    user = attribute(0x0006, b"evtj:h6vY")
    ice = attribute(0x0024, b"\x6e\0\1\xff")
    controlling, controlled = (
        attribute(kind, bytes(range(8))) for kind in (0x802A, 0x8029))
    write("stun", "controlling",
          message(1, user + ice + controlling + attribute(0x25, b"")))
    write("stun", "controlled", message(1, user + ice + controlled))
    write("stun", "unknown-attribute",
          message(1, user + attribute(0x1C, bytes(32)) + ice))
    write("stun", "many-unknown",
          message(1, user + b"".join(attribute(0x100 + i, b"") for i in range(300))))
    write("stun", "unsigned", message(1, user + ice, signed=False))
    write("stun", "bare", message(1, b"", signed=False, fingerprint=False))
    write("stun", "indication", message(0x11, b"", signed=False))
    write("stun", "response", message(0x101, attribute(0x20, bytes(8))))


def nals(stream):
    """The NAL units of an Annex B stream."""
    return [nal.rstrip(b"\0") for nal in re.split(b"\0\0\1", stream)[1:]]


def record(nal, marker, new_picture, size=200):
    """One NAL unit as the depayloader target's packets."""
    flag = 2 if new_picture else 0
    if len(nal) <= size:
        return bytes([flag | marker, len(nal)]) + nal
    out, body = b"", nal[1:]
    for at in range(0, len(body), size - 2):
        part = body[at:at + size - 2]
        last = at + size - 2 >= len(body)
        head = (0x80 if at == 0 else 0) | (0x40 if last else 0) | nal[0] & 0x1F
        out += bytes([flag | (marker and last), len(part) + 2,
                      nal[0] & 0x60 | 28, head]) + part
        flag = 0
    return out


def h264():
    pictures = FIXTURE.read_bytes().split(b"\0\0\0\1\x09")[1:]
    pictures = [b"\0\0\0\1\x09" + p for p in pictures]
    first = nals(pictures[0])
    sps, pps = (next(n for n in first if n[0] & 31 == t) for t in (7, 8))
    write("h264_sps", "x264-baseline", sps)
    for name, text in {
            "high-interlaced": "67640028acd94078044fde022000000300200000064"
                               "3e2c5b2c0",
            "high-444": "67f4001e919b281405ff138088000003000800000301e078b1"
                        "6cb0",
            "high-gray": "67640016f3650280f6c05b20000003002000000303c1e2c5b"
                         "2c0",
            "order-type-1": "6764001fada492492492494221" + "31cc731cc7" * 8
                            + "150e4220000445c22981407b20",
            "all-usability": "6742c01eda0280f6ffc0010000edc0404069400000030"
                             "04000000cb0"}.items():
        write("h264_sps", name, bytes.fromhex(text))

    write("h264_pay", "idr", pictures[0][:1500])
    write("h264_pay", "slices", pictures[3])
    write("h264_pay", "parameters", b"".join(
        b"\0\0\1" + n for n in (b"\x09\xf0", sps, pps, pps, sps, b"\x06\1\2",
                                b"\x0c\xff\xff", b"\x65" + bytes([7] * 150))))

    aggregate = b"\x78" + b"".join(
        struct.pack("!H", len(n)) + n for n in (sps, pps))
    write("h264_depay", "group", record(aggregate, 0, True)
          + record(b"\x65" + first[-1][1:500], 1, False)
          + b"".join(record(b"\x41" + bytes([0x9A] * n), 1, True)
                     for n in (5, 210, 450)))
    write("h264_depay", "losses", record(aggregate, 0, True)
          + bytes([4, 3, 0x7C, 0x05, 9, 0, 3, 0x7C, 0x45, 9])
          + bytes([2 | 8, 2, 0x41, 0x9A, 2 | 4 | 1, 2, 0x41, 0x1A])
          + bytes([2, 3, 0x5C, 0x81, 0x9A, 1, 3, 0x7C, 0x45, 1]))
    write("h264_depay", "too-large", b"".join(
        record(b"\x65" + bytes([0x88] * 900), i == 3, i == 0)
        for i in range(4)) + bytes([3, 2, 0x41, 0x9A]))


if __name__ == "__main__":
    stun()
    h264()
