#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Watches a call by WHEP with aiortc until it has decoded 60 different
pictures and two seconds of sound; says what it saw as JSON and leaves.

usage: aiortc_viewer.py URL TOKEN CA-FILE"""
import asyncio
import json
import ssl
import sys
from urllib.parse import urljoin

import aiohttp
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

PICTURES, SOUND_S, WAIT_S = 60, 2, 25


class Seen:
    def __init__(self):
        self.pictures, self.different = 0, set()
        self.sound_s, self.loud = 0.0, False
        self.size = None
        self.enough = asyncio.Event()

    def take(self, frame):
        plane = bytes(frame.planes[0])
        if hasattr(frame, "width"):
            self.pictures += 1
            self.different.add(hash(plane))
            self.size = [frame.width, frame.height]
        else:
            self.sound_s += frame.samples / frame.sample_rate
            self.loud = self.loud or any(plane)
        if (len(self.different) >= PICTURES and self.sound_s >= SOUND_S
                and self.loud):
            self.enough.set()

    def report(self):
        return {"enough": self.enough.is_set(), "pictures": self.pictures,
                "different": len(self.different), "size": self.size,
                "sound_s": round(self.sound_s, 2), "loud": self.loud}


async def receive(track, seen):
    try:
        while True:
            seen.take(await track.recv())
    except MediaStreamError:
        pass


async def main(url, token, ca):
    seen, tasks = Seen(), []
    pc = RTCPeerConnection()
    pc.on("track", lambda track: tasks.append(
        asyncio.ensure_future(receive(track, seen))))
    pc.addTransceiver("audio", direction="recvonly")
    pc.addTransceiver("video", direction="recvonly")
    await pc.setLocalDescription(await pc.createOffer())
    headers = {"Authorization": f"Bearer {token}"}
    connector = aiohttp.TCPConnector(
        ssl=ssl.create_default_context(cafile=ca))
    async with aiohttp.ClientSession(connector=connector,
                                     headers=headers) as http:
        async with http.post(
                url, data=pc.localDescription.sdp,
                headers={"Content-Type": "application/sdp"}) as response:
            text, status = await response.text(), response.status
            if status != 201:
                print(json.dumps({"status": status, "why": text}))
                return
            session = urljoin(url, response.headers["Location"])
        await pc.setRemoteDescription(RTCSessionDescription(text, "answer"))
        try:
            await asyncio.wait_for(seen.enough.wait(), WAIT_S)
        except asyncio.TimeoutError:
            pass
        async with http.delete(session) as response:
            left = response.status
    await pc.close()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps({"status": status, "left": left, **seen.report()}))


if len(sys.argv) != 4:
    sys.exit(__doc__)
asyncio.run(main(*sys.argv[1:]))
