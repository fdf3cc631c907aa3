#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Publishes a moving picture and a tone by WHIP with aiortc, until SIGTERM.
Insists on being the DTLS server (a=setup:passive), as FFmpeg's WHIP muxer does.
Says "published CALL", then "deleted STATUS".

usage: aiortc_publisher.py URL TOKEN CA-FILE"""
import asyncio
import math
import signal
import ssl
import struct
import sys
from fractions import Fraction
from urllib.parse import urljoin

import aiohttp
import av
from aiortc import (RTCPeerConnection, RTCSessionDescription,
                    VideoStreamTrack)
from aiortc.mediastreams import AudioStreamTrack

WIDTH, HEIGHT, RATE = 640, 360, 48000


class Picture(VideoStreamTrack):
    """A bright bar that moves across."""
    count = 0

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        at = self.count * 8 % WIDTH
        for index, plane in enumerate(frame.planes):
            row = bytearray([40 if index == 0 else 128]) * plane.line_size
            if index == 0:
                row[at:at + 64] = b"\xe0" * len(row[at:at + 64])
            plane.update(bytes(row) * plane.height)
        frame.pts, frame.time_base = pts, time_base
        self.count += 1
        return frame


class Tone(AudioStreamTrack):
    """440 Hz."""
    at = 0

    async def recv(self):
        await super().recv()  # keeps the pace
        frame = av.AudioFrame("s16", "stereo", 960)
        frame.sample_rate = RATE
        frame.time_base = Fraction(1, RATE)
        frame.pts = self.at
        frame.planes[0].update(b"".join(
            struct.pack("<hh", value, value) for value in (
                int(8000 * math.sin(2 * math.pi * 440 * n / RATE))
                for n in range(self.at, self.at + 960))))
        self.at += 960
        return frame


async def main(url, token, ca):
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    pc = RTCPeerConnection()
    pc.addTrack(Tone())
    pc.addTrack(Picture())
    await pc.setLocalDescription(await pc.createOffer())
    offer = pc.localDescription.sdp.replace("a=setup:actpass",
                                            "a=setup:passive")
    connector = aiohttp.TCPConnector(
        ssl=ssl.create_default_context(cafile=ca))
    async with aiohttp.ClientSession(
            connector=connector,
            headers={"Authorization": f"Bearer {token}"}) as http:
        async with http.post(
                url, data=offer,
                headers={"Content-Type": "application/sdp"}) as response:
            text = await response.text()
            if response.status != 201:
                sys.exit(f"refused {response.status} {text}")
            session = urljoin(url, response.headers["Location"])
            call = response.headers["Bluelight-Call"]
        await pc.setRemoteDescription(RTCSessionDescription(text, "answer"))
        print("published", call, flush=True)
        await stop.wait()
        async with http.delete(session) as response:
            print("deleted", response.status, flush=True)
    await pc.close()


if len(sys.argv) != 4:
    sys.exit(__doc__)
asyncio.run(main(*sys.argv[1:]))
