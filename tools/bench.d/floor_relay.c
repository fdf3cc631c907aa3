/* SPDX-License-Identifier: Apache-2.0
 *
 * The relay in the sender's place: a worker's hub without its thread, with a
 * publisher and viewers that have really connected to it. Decrypting what
 * comes in, the ring, the viewers' state, headers and encryption are the
 * relay's own; so is the send. What is not: epoll and the system call that
 * receives, once a frame. Time is simulated, 33 ms a frame.
 */
#include <err.h>
#include <string.h>

#include "base/clock.h"
#include "floor_private.h"
#include "link.h"
#include "relay/hub.h"
#include "rtc/demux.h"
#include "rtc/rtp.h"
#include "rtc/rtpext.h"
#include "secure/cert.h"

#define SOURCE         1
#define PUBLISHER      1
#define FRAME_US       (BL_SECOND / 30)
#define CLIENT_PORT    1000
#define WARM_UP_FRAMES 60
#define PT_VIDEO       102
#define PT_RTX         103

typedef struct {
  FloorRelay *relay;
  PeerLink link;
  BlNegotiated negotiated;
  char ufrag[16], pwd[32];
  BlPath path;
} Client;

typedef struct {
  Client *client; /* NULL: for the hub */
  BlPath path;
  size_t length;
  uint8_t bytes[BL_PACKET_CAPACITY];
} Datagram;

struct FloorRelay {
  BlHub *hub;
  BlUdp *udp; /* NULL: what is sent goes nowhere */
  BlCert *cert;
  BlDtlsContext *dtls;
  BlTime now;
  bool connecting;
  GQueue on_the_way; /* of Datagram, while connecting */
  unsigned n_clients;
  Client *clients; /* the publisher is the first */
  uint16_t seq;
  uint32_t timestamp;
  uint64_t packets;
  BlPacket *frame[FLOOR_PACKETS_A_FRAME]; /* come in, not yet taken */
};

static void
set_time (FloorRelay *r)
{
  bl_hub_set_time (r->hub, r->now,
                   bl_ntp_from_unix_us (1800000000 * BL_SECOND + r->now));
}

static void
client_sends (void *data, const uint8_t *bytes, size_t length)
{
  Client *client = data;
  Datagram *d = g_new (Datagram, 1);
  d->client = NULL;
  d->path = client->path;
  d->length = length;
  memcpy (d->bytes, bytes, length);
  g_queue_push_tail (&client->relay->on_the_way, d);
}

static void
to_client (FloorRelay *r, const BlPath *path, const uint8_t *bytes,
           size_t length)
{
  for (unsigned i = 0; i < r->n_clients; i++)
    if (bl_address_equal (&r->clients[i].path.peer, &path->peer)) {
      Datagram *d = g_new (Datagram, 1);
      d->client = &r->clients[i];
      d->length = length;
      memcpy (d->bytes, bytes, length);
      g_queue_push_tail (&r->on_the_way, d);
    }
}

static BlUdpSent
hub_sends (void *data, const BlPath *path, const uint8_t *bytes, size_t length,
           uint16_t segment_bytes)
{
  FloorRelay *r = data;
  BlUdpSent sent = { .status = BL_UDP_SENT, .whole = true, .bytes = length };
  if (r->connecting) {
    for (size_t at = 0; at < length; at += segment_bytes)
      to_client (r, path, bytes + at, MIN (segment_bytes, length - at));
    return sent;
  }
  /* Reports to the publisher: nobody listens there. */
  if (bl_address_port (&path->peer) == CLIENT_PORT)
    return sent;
  if (r->udp)
    sent = bl_udp_send (r->udp, path, bytes, length, segment_bytes);
  r->packets += (sent.bytes + segment_bytes - 1) / segment_bytes;
  return sent;
}

static void
hub_emits (void *data, const BlWorkerEvent *event)
{
}

static void
deliver (FloorRelay *r, const Datagram *d)
{
  if (!d->client) {
    BlPacket *packet = bl_packet_new (bl_hub_pool (r->hub));
    packet->length = (uint16_t)d->length;
    memcpy (packet->data, d->bytes, d->length);
    bl_hub_receive (r->hub, &d->path, packet);
    bl_packet_unref (&packet);
  } else if (bl_demux (d->bytes, d->length) == BL_DEMUX_STUN)
    peer_link_receive_stun (&d->client->link, d->bytes, d->length);
  else if (bl_demux (d->bytes, d->length) == BL_DEMUX_DTLS)
    peer_link_receive_dtls (&d->client->link, d->bytes, d->length);
}

/* Until nothing is on its way. */
static void
settle (FloorRelay *r)
{
  do {
    Datagram *d;
    set_time (r);
    while ((d = g_queue_pop_head (&r->on_the_way))) {
      deliver (r, d);
      g_free (d);
    }
    bl_hub_finish_turn (r->hub);
  } while (!g_queue_is_empty (&r->on_the_way));
}

static void
negotiate (Client *client, unsigned index, const BlFingerprint *fingerprint)
{
  BlNegotiated *n = &client->negotiated;
  n->video = (BlNegotiatedTrack){
    .present = true,
    .sends = index > 0,
    .pt = PT_VIDEO,
    .rtx_pt = PT_RTX,
    .clock_rate = 90000,
    .feedback = BL_FEEDBACK_NACK | BL_FEEDBACK_PLI | BL_FEEDBACK_TRANSPORT_CC,
    .ssrc = 1000 * index + 1,
    .rtx_ssrc = 1000 * index + 2,
    .mid = "0",
    .extensions.id = { [BL_RTP_EXT_MID] = 1,
                       [BL_RTP_EXT_ABS_SEND_TIME] = 2,
                       [BL_RTP_EXT_TRANSPORT_CC] = 3,
                       [BL_RTP_EXT_PLAYOUT_DELAY] = 4,
                       [BL_RTP_EXT_ABS_CAPTURE_TIME] = 5 },
  };
  memcpy (n->remote_fingerprint, fingerprint->bytes, BL_SDP_SHA256_BYTES);
  g_snprintf (client->ufrag, sizeof client->ufrag, "u%05u", index);
  g_snprintf (client->pwd, sizeof client->pwd, "password-of-client-%05u",
              index);
}

static void
connect_client (FloorRelay *r, unsigned index, struct in_addr to, uint16_t port,
                const BlFingerprint *fingerprint)
{
  Client *client = &r->clients[index];
  struct in6_addr *local = &client->path.local;
  client->relay = r;
  client->path.peer.in4 = (struct sockaddr_in){ AF_INET, port, to, { 0 } };
  client->path.peer.length = sizeof client->path.peer.in4;
  /* Loopback answers from where it was asked. */
  local->s6_addr[10] = local->s6_addr[11] = 0xff;
  memcpy (local->s6_addr + 12, &to, sizeof to);
  negotiate (client, index, fingerprint);

  BlSessionSetup setup
      = { .role = index > 0 ? BL_SESSION_VIEWER : BL_SESSION_PUBLISHER,
          .local_ufrag = client->ufrag,
          .local_pwd = client->pwd,
          .negotiated = &client->negotiated };
  bl_hub_add_session (r->hub, PUBLISHER + index, SOURCE, &setup);
  peer_link_init (&client->link, client_sends, client);
  peer_link_set_credentials (&client->link, client->ufrag, client->pwd, "c");
  peer_link_check (&client->link, true);
  settle (r);
  peer_link_start_dtls (&client->link, r->dtls, BL_DTLS_CLIENT, fingerprint);
  settle (r);
  if (!peer_link_is_up (&client->link))
    errx (1, "viewer %u cannot connect to the relay's hub", index);
}

/* H.264 as the source wants it: parameter sets in the first packet of an IDR,
 * then fragments of one slice. */
static void
write_payload (unsigned index, bool key, uint8_t *payload)
{
  static const uint8_t sets[]
      = { 0x78, 0,    8, 0x67, 0x42, 0xc0, 0x1f, 0xda, 0x05,
          0x07, 0xe4, 0, 4,    0x68, 0xce, 0x3c, 0x80 };
  bool first = index == (key ? 1 : 0);
  bool last = index == FLOOR_PACKETS_A_FRAME - 1;
  memset (payload, 0x55, FLOOR_PAYLOAD_BYTES);
  payload[0] = 0x7c;
  payload[1]
      = (uint8_t)((first ? 0x80 : 0) | (last ? 0x40 : 0) | (key ? 5 : 1));
  payload[2] = 0x88; /* first_mb_in_slice 0 */
  if (key && index == 0)
    memcpy (payload, sets, sizeof sets);
}

static BlPacket *
publish_packet (FloorRelay *r, unsigned index, bool key)
{
  bool last = index == FLOOR_PACKETS_A_FRAME - 1;
  uint8_t payload[FLOOR_PAYLOAD_BYTES];
  size_t length = last ? FLOOR_LAST_BYTES : FLOOR_PAYLOAD_BYTES;
  if (key && index == 0)
    length = 17;
  BlPacket *packet = bl_packet_new (bl_hub_pool (r->hub));
  BlWriter w = bl_writer (packet->data, BL_PACKET_CAPACITY);
  BlRtp header = { .payload_type = PT_VIDEO,
                   .marker = last,
                   .seq = r->seq,
                   .timestamp = r->timestamp,
                   .ssrc = r->clients[0].negotiated.video.ssrc };
  BlRtpExtValues ext = { .present = BL_RTP_EXT_BIT (BL_RTP_EXT_MID)
                                    | BL_RTP_EXT_BIT (BL_RTP_EXT_TRANSPORT_CC),
                         .transport_seq = r->seq++,
                         .mid = "0" };
  write_payload (index, key, payload);
  bl_rtp_ext_write (&w, &header, &r->clients[0].negotiated.video.extensions,
                    &ext, NULL);
  bl_writer_bytes (&w, payload, length);
  size_t bytes = bl_writer_length (&w);
  if (bl_srtp_protect_rtp (r->clients[0].link.srtp, packet->data, &bytes,
                           BL_PACKET_CAPACITY)
      != BL_SRTP_OK)
    errx (1, "cannot encrypt");
  packet->length = (uint16_t)bytes;
  return packet;
}

static void
publish (FloorRelay *r, bool key)
{
  r->timestamp += 3000;
  for (unsigned i = 0; i < FLOOR_PACKETS_A_FRAME; i++)
    r->frame[i] = publish_packet (r, i, key);
}

void
floor_relay_prepare (FloorRelay *r)
{
  publish (r, false);
}

void
floor_relay_frame (FloorRelay *r)
{
  r->now += FRAME_US;
  set_time (r);
  for (unsigned i = 0; i < FLOOR_PACKETS_A_FRAME; i++) {
    bl_hub_receive (r->hub, &r->clients[0].path, r->frame[i]);
    bl_packet_unref (&r->frame[i]);
  }
  /* A turn forwards a bounded number of packets. */
  do {
    bl_hub_finish_turn (r->hub);
    bl_hub_note_end (r->hub, r->now);
  } while (bl_hub_next_deadline (r->hub) <= r->now);
}

uint64_t
floor_relay_packets (const FloorRelay *r)
{
  return r->packets;
}

static void
connect_all (FloorRelay *r, struct in_addr to, const FloorViewer *viewers)
{
  BlFingerprint fingerprint;
  bl_cert_fingerprint (r->cert, &fingerprint);
  r->connecting = true;
  bl_hub_add_source (r->hub, SOURCE, 1, false);
  for (unsigned i = 0; i < r->n_clients; i++)
    connect_client (r, i, to,
                    i > 0 ? floor_viewer_port (&viewers[i - 1])
                          : htons (CLIENT_PORT),
                    &fingerprint);
  r->connecting = false;
}

FloorRelay *
floor_relay_new (const FloorVariant *variant, unsigned n_viewers,
                 struct in_addr to, const FloorViewer *viewers)
{
  FloorRelay *r = g_new0 (FloorRelay, 1);
  g_autoptr (GError) error = NULL;
  r->now = 1000 * BL_SECOND;
  r->n_clients = n_viewers + 1;
  r->clients = g_new0 (Client, r->n_clients);
  r->cert = bl_cert_new_self_signed ("floor", bl_clock_unix_us () / BL_SECOND,
                                     NULL);
  r->dtls = bl_dtls_context_new (r->cert, NULL);
  BlHubOptions options = { .max_sources = 1,
                           .max_sessions = r->n_clients,
                           .connect_us = 1000000 * BL_SECOND,
                           .silence_us = 1000000 * BL_SECOND,
                           .dtls = r->dtls,
                           .send = hub_sends,
                           .send_data = r,
                           .emit = hub_emits };
  r->hub = bl_hub_new (&options);
  if (!r->hub)
    errx (1, "no memory for a hub");
  connect_all (r, to, viewers);

  /* All viewers have joined when it is measured. */
  for (unsigned i = 0; i < WARM_UP_FRAMES; i++) {
    publish (r, i == 0);
    floor_relay_frame (r);
  }
  if (variant->submit != FLOOR_NOWHERE) {
    r->udp = bl_udp_new (NULL, 0, "", &error);
    if (!r->udp)
      errx (1, "%s", error->message);
  }
  return r;
}

/* The process ends soon: its memory goes with it. */
void
floor_relay_free (FloorRelay *r)
{
  if (r)
    bl_udp_free (r->udp);
}
