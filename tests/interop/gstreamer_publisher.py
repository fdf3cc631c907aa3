#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Publishes a test picture and a tone by WHIP with GStreamer's webrtcbin,
until SIGTERM. Says "published CALL", then "deleted STATUS".

usage: gstreamer_publisher.py URL TOKEN CA-FILE"""
import signal
import ssl
import sys
import urllib.error
import urllib.request
from urllib.parse import urljoin

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

PIPELINE = """
webrtcbin name=peer bundle-policy=max-bundle
videotestsrc is-live=true pattern=ball
  ! video/x-raw,width=640,height=360,framerate=30/1
  ! x264enc tune=zerolatency speed-preset=superfast bitrate=800
      key-int-max=60
  ! video/x-h264,profile=constrained-baseline
  ! rtph264pay aggregate-mode=zero-latency config-interval=1
  ! application/x-rtp,media=video,encoding-name=H264,payload=96
  ! peer.
audiotestsrc is-live=true wave=ticks
  ! audioconvert ! audioresample ! opusenc inband-fec=true
  ! rtpopuspay ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97
  ! peer.
"""


class Publisher:
    def __init__(self, url, token, ca):
        self.url = url
        self.headers = {"Authorization": f"Bearer {token}"}
        self.tls = ssl.create_default_context(cafile=ca)
        self.location = None
        self.offering = False
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.parse_launch(PIPELINE)
        self.peer = self.pipeline.get_by_name("peer")
        for index in range(2):
            transceiver = self.peer.emit("get-transceiver", index)
            transceiver.set_property(
                "direction",
                GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
            transceiver.set_property("do-nack", True)
        self.peer.connect("on-negotiation-needed", self.on_negotiation)
        self.peer.connect("notify::ice-gathering-state", self.on_gathering)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.on_error)
        GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM,
                             self.on_terminate)

    def on_error(self, _bus, message):
        print("error", message.parse_error(), flush=True)
        self.loop.quit()

    def on_terminate(self):
        self.loop.quit()
        return False

    def on_negotiation(self, _peer):
        if not self.offering:
            self.offering = True
            self.peer.emit("create-offer", None,
                           Gst.Promise.new_with_change_func(self.on_offer))

    def on_offer(self, promise):
        # The description is borrowed from the reply, which has to live on.
        reply = promise.get_reply()
        offer = reply.get_value("offer")
        self.peer.emit("set-local-description", offer, Gst.Promise.new())

    def on_gathering(self, peer, _param):
        if (peer.get_property("ice-gathering-state")
                == GstWebRTC.WebRTCICEGatheringState.COMPLETE):
            GLib.idle_add(self.post)

    def request(self, method, url, body=None):
        headers = dict(self.headers)
        if body is not None:
            headers["Content-Type"] = "application/sdp"
        return urllib.request.urlopen(
            urllib.request.Request(url, body, headers, method=method),
            context=self.tls, timeout=10)

    def post(self):
        offer = self.peer.get_property("local-description").sdp.as_text()
        try:
            with self.request("POST", self.url, offer.encode()) as response:
                answer = response.read().decode()
                self.location = urljoin(self.url,
                                        response.headers["Location"])
                call = response.headers["Bluelight-Call"]
        except urllib.error.HTTPError as error:
            print("refused", error.code, error.read().decode(), flush=True)
            self.loop.quit()
            return False
        _, sdp = GstSdp.SDPMessage.new_from_text(answer)
        description = GstWebRTC.WebRTCSessionDescription.new(
            GstWebRTC.WebRTCSDPType.ANSWER, sdp)
        self.peer.emit("set-remote-description", description,
                       Gst.Promise.new())
        print("published", call, flush=True)
        return False

    def run(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        if self.location:
            with self.request("DELETE", self.location) as response:
                print("deleted", response.status, flush=True)
        self.pipeline.set_state(Gst.State.NULL)


if len(sys.argv) != 4:
    sys.exit(__doc__)
Gst.init(None)
Publisher(*sys.argv[1:]).run()
