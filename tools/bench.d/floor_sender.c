/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "floor_private.h"

/* Packets as they come from a pool: 64 frames go round. */
#define FRAMES     64
#define SLOT_BYTES 2048
#define HUGE_BYTES (2 << 20)

static const uint8_t header_template[FLOOR_HEADER_BYTES] = {
  /* V=2, X, payload type 102 */
  0x90,
  102,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  /* one-byte extensions, 6 words */
  0xbe,
  0xde,
  0,
  6,
  0x10,
  '0', /* mid */
  0x22,
  0,
  0,
  0, /* abs-send-time */
  0x31,
  0,
  0, /* transport-cc */
  0x42,
  0,
  0,
  0, /* playout-delay */
  0x57,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0, /* abs-capture-time */
  0,
  0,
};

static void
put16 (uint8_t *at, uint16_t value)
{
  value = htons (value);
  memcpy (at, &value, sizeof value);
}

static void
put32 (uint8_t *at, uint32_t value)
{
  value = htonl (value);
  memcpy (at, &value, sizeof value);
}

static void
write_header (FloorSender *s, FloorViewer *viewer, bool last, uint8_t *at)
{
  memcpy (at, header_template, sizeof header_template);
  if (last)
    at[1] |= 0x80;
  put16 (at + 2, viewer->seq);
  put32 (at + 4, s->timestamp);
  put32 (at + 8, viewer->ssrc);
  put32 (at + 18, s->timestamp << 8);
  put16 (at + 23, viewer->seq);
  put32 (at + 30, s->timestamp);
}

/* RFC 7714 section 8.1: SSRC, roll-over counter and sequence number, salted. */
static void
make_iv (const FloorViewer *viewer, uint8_t iv[12])
{
  memset (iv, 0, 2);
  put32 (iv + 2, viewer->ssrc);
  put32 (iv + 6, 0);
  put16 (iv + 10, viewer->seq);
  for (int i = 0; i < 12; i++)
    iv[i] ^= viewer->salt[i];
}

static void
protect (FloorSender *s, FloorViewer *viewer, uint8_t *at,
         const uint8_t *payload, int length)
{
  EVP_CIPHER_CTX *cipher = viewer->cipher;
  uint8_t iv[12];
  int n;
  make_iv (viewer, iv);
  if (s->variant->rekey) {
    cipher = s->viewers[0].cipher;
    EVP_EncryptInit_ex (cipher, NULL, NULL, viewer->key, iv);
  } else
    EVP_EncryptInit_ex (cipher, NULL, NULL, NULL, iv);
  EVP_EncryptUpdate (cipher, NULL, &n, at, FLOOR_HEADER_BYTES);
  EVP_EncryptUpdate (cipher, at + FLOOR_HEADER_BYTES, &n, payload, length);
  EVP_EncryptFinal_ex (cipher, at + FLOOR_HEADER_BYTES + length, &n);
  EVP_CIPHER_CTX_ctrl (cipher, EVP_CTRL_AEAD_GET_TAG, FLOOR_TAG_BYTES,
                       at + FLOOR_HEADER_BYTES + length);
}

/* A packet of the frame for the viewer; its length. */
static unsigned
write_packet (FloorSender *s, FloorViewer *viewer, unsigned index, uint8_t *at)
{
  bool last = index == FLOOR_PACKETS_A_FRAME - 1;
  int length = last ? FLOOR_LAST_BYTES : FLOOR_PAYLOAD_BYTES;
  const uint8_t *payload
      = s->pool
        + (s->frame % FRAMES * FLOOR_PACKETS_A_FRAME + index) * SLOT_BYTES;

  write_header (s, viewer, last, at);
  if (!s->variant->no_copy) {
    memcpy (at + FLOOR_HEADER_BYTES, payload, length);
    payload = at + FLOOR_HEADER_BYTES;
  }
  if (!s->variant->no_cipher)
    protect (s, viewer, at, payload, length);
  viewer->seq++;
  return FLOOR_HEADER_BYTES + length + FLOOR_TAG_BYTES;
}

static void
submit (FloorSender *s)
{
  if (s->n_messages)
    floor_submit[s->variant->submit](s);
  s->n_messages = 0;
  if (!s->variant->zerocopy)
    s->at = 0;
}

/* Packets [first, first + n) of the frame as one message. */
static void
write_message (FloorSender *s, FloorViewer *viewer, unsigned first, unsigned n)
{
  FloorMessage *message = &s->messages[s->n_messages++];
  *message = (FloorMessage){ .viewer = viewer,
                             .bytes = s->buffer + s->at,
                             .many = n > 1 };
  for (unsigned i = first; i < first + n; i++)
    s->at += write_packet (s, viewer, i, s->buffer + s->at);
  message->length = s->buffer + s->at - message->bytes;
}

static void
by_viewer (FloorSender *s)
{
  unsigned window = s->variant->window ? s->variant->window : 1;
  for (unsigned v = 0; v < s->n_viewers; v++) {
    if (s->variant->prefetch && v + 1 < s->n_viewers)
      floor_prefetch (&s->viewers[v + 1]);
    for (unsigned i = 0; i < FLOOR_PACKETS_A_FRAME; i += s->run) {
      unsigned left = FLOOR_PACKETS_A_FRAME - i;
      write_message (s, &s->viewers[v], i, left < s->run ? left : s->run);
    }
    if ((v + 1) % window == 0)
      submit (s);
  }
}

static void
by_packet (FloorSender *s)
{
  for (unsigned i = 0; i < FLOOR_PACKETS_A_FRAME; i++)
    for (unsigned v = 0; v < s->n_viewers; v++) {
      write_message (s, &s->viewers[v], i, 1);
      submit (s);
    }
}

void
floor_sender_prepare (FloorSender *s)
{
  if (s->relay)
    floor_relay_prepare (s->relay);
}

static unsigned
relay_frame (FloorSender *s)
{
  uint64_t before = floor_relay_packets (s->relay);
  floor_relay_frame (s->relay);
  return (unsigned)(floor_relay_packets (s->relay) - before);
}

unsigned
floor_sender_frame (FloorSender *s)
{
  if (s->relay)
    return relay_frame (s);
  s->frame++;
  s->timestamp += 3000;
  if (s->variant->by_packet)
    by_packet (s);
  else
    by_viewer (s);
  submit (s);
  if (s->variant->zerocopy)
    floor_take_completions (s);
  s->at = 0;
  return s->n_viewers * FLOOR_PACKETS_A_FRAME;
}

uint64_t
floor_sender_errors (const FloorSender *s)
{
  return s->errors;
}

static uint8_t *
map (const FloorVariant *variant, size_t bytes, const char **out_why)
{
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  if (variant->memory == FLOOR_POOL_HUGETLB)
    flags |= MAP_HUGETLB;
  bytes = (bytes + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES;
  uint8_t *at = mmap (NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (at == MAP_FAILED
      || (variant->memory == FLOOR_POOL_MADVISE
          && madvise (at, bytes, MADV_HUGEPAGE) < 0)) {
    *out_why = strerror (errno);
    return NULL;
  }
  /* Now, not while it is measured. */
  memset (at, 1, bytes);
  return at;
}

static void
viewer_init (FloorViewer *viewer, unsigned index)
{
  viewer->ssrc = 0x10000000 + index;
  viewer->seq = 1;
  RAND_bytes (viewer->key, sizeof viewer->key);
  RAND_bytes (viewer->salt, sizeof viewer->salt);
  viewer->cipher = EVP_CIPHER_CTX_new ();
  if (!viewer->cipher
      || !EVP_EncryptInit_ex (viewer->cipher, EVP_aes_128_gcm (), NULL,
                              viewer->key, NULL))
    errx (1, "no AES-128-GCM");
}

FloorSender *
floor_sender_new (const FloorVariant *variant, unsigned n_viewers,
                  struct in_addr to, const FloorReceivers *receivers,
                  const char **out_why)
{
  FloorSender *s = calloc (1, sizeof *s);
  s->variant = variant;
  s->n_viewers = n_viewers;
  s->run = variant->run ? variant->run : FLOOR_PACKETS_A_FRAME;
  s->viewers = calloc (n_viewers, sizeof *s->viewers);
  s->messages = calloc (n_viewers * FLOOR_PACKETS_A_FRAME, sizeof *s->messages);
  for (unsigned i = 0; i < n_viewers; i++) {
    viewer_init (&s->viewers[i], i);
    floor_address (s, &s->viewers[i], to,
                   floor_receivers_port (receivers, variant->gro, i));
  }
  s->pool = map (variant, FRAMES * FLOOR_PACKETS_A_FRAME * SLOT_BYTES, out_why);
  s->buffer = map (variant, (size_t)n_viewers * FLOOR_RUN_BYTES, out_why);
  if (!s->pool || !s->buffer || !floor_open (s, to, out_why)) {
    floor_sender_free (s);
    return NULL;
  }
  if (variant->relay)
    s->relay = floor_relay_new (variant, n_viewers, to, s->viewers);
  return s;
}

/* The process ends soon: its mappings go with it. */
void
floor_sender_free (FloorSender *s)
{
  floor_close (s);
  floor_relay_free (s->relay);
  for (unsigned i = 0; i < s->n_viewers; i++)
    EVP_CIPHER_CTX_free (s->viewers[i].cipher);
  free (s->viewers);
  free (s->messages);
  free (s);
}
