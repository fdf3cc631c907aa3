#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sends a relay what a hostile network may: every packet that this machine
sends it again and again, the same packets with a bit turned (from the same
address, so that they look like the session's own), and random datagrams.

usage: flood.py INTERFACE RELAY PORT SECONDS RATE
Prints what it sent as one line of JSON.
"""
import json
import os
import random
import socket
import struct
import sys
import time

ETHERNET, UDP = 14, 17
# First bytes of STUN, DTLS, SRTP and SRTCP, and of nothing known.
FIRST_BYTES = [b"\0\1", b"\x16\xfe", b"\x17\xfe", b"\x80\x60", b"\x90\x6f",
               b"\x81\xc9", b"\x7f\x7f", b""]
KEPT = 2000


def udp_payload_at(frame, port, not_from):
    """Offset of the payload of an IPv4 UDP frame to `port`, or 0."""
    if frame[12:14] != b"\x08\0" or frame[ETHERNET + 9] != UDP:
        return 0
    at = ETHERNET + (frame[ETHERNET] & 15) * 4
    source, destination = struct.unpack_from(">HH", frame, at)
    return at + 8 if destination == port and source != not_from else 0


def turned(frame, at, rng):
    """A bit of the payload turned; the checksum says “none”, so it arrives."""
    copy = bytearray(frame)
    where = rng.randrange(at, len(copy))
    copy[where] ^= 1 << rng.randrange(8)
    copy[at - 2:at] = b"\0\0"
    return bytes(copy)


def main():
    interface, relay, port, seconds, rate = sys.argv[1:]
    port, rate = int(port), int(rate)
    rng = random.Random(1)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    wire.bind((interface, 0))
    wire.setblocking(False)
    plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    plain.bind(("", 0))
    random_port = plain.getsockname()[1]
    frames = []
    sent = {"replayed": 0, "turned": 0, "random": 0, "own": 0}
    started = time.monotonic()
    while (now := time.monotonic() - started) < float(seconds):
        try:
            while True:
                frame, address = wire.recvfrom(2048)
                if address[2] != socket.PACKET_OUTGOING:
                    continue
                at = udp_payload_at(frame, port, random_port)
                if at:
                    sent["own"] += 1
                    frames = frames[-KEPT:] + [(frame, at)]
        except BlockingIOError:
            pass
        due = int(now * rate) - sum(sent.values()) + sent["own"]
        try:
            for _ in range(max(due, 0) // 3):
                if frames:
                    frame, at = rng.choice(frames)
                    wire.send(frame)
                    wire.send(turned(frame, at, rng))
                    sent["replayed"] += 1
                    sent["turned"] += 1
                first = rng.choice(FIRST_BYTES)
                plain.sendto(first + os.urandom(rng.randrange(1, 1400)),
                             (relay, port))
                sent["random"] += 1
        except BlockingIOError:
            pass
        time.sleep(0.001)
    print(json.dumps(sent))


main()
