/* SPDX-License-Identifier: Apache-2.0
 *
 * Between floor_sender (what a packet is) and floor_submit (how it leaves).
 */
#pragma once

#include <openssl/evp.h>
#include <stddef.h>
#include <sys/socket.h>

#include "floor.h"

struct io_uring;

/* The relay's hub in the sender's place. */
typedef struct FloorRelay FloorRelay;

typedef struct {
  EVP_CIPHER_CTX *cipher;
  uint8_t key[16], salt[12];
  uint32_t ssrc;
  uint16_t seq;
  int fd;
  socklen_t address_length; /* 0: the socket is connected */
  struct sockaddr_in6 address;
} FloorViewer;

typedef struct {
  const FloorViewer *viewer;
  const uint8_t *bytes;
  size_t length;
  bool many; /* packets: UDP_SEGMENT */
} FloorMessage;

struct FloorSender {
  const FloorVariant *variant;
  unsigned n_viewers;
  unsigned run;
  FloorViewer *viewers;
  uint8_t *pool;   /* packets that came in */
  uint8_t *buffer; /* packets on their way out */
  size_t at;
  FloorMessage *messages;
  unsigned n_messages;
  unsigned frame;
  uint32_t timestamp;
  uint64_t errors;
  struct in_addr local;
  unsigned incomplete; /* zerocopy sends whose buffer is still in use */
  struct io_uring *ring;
  FloorRelay *relay;
};

/* By FloorSubmit. */
extern void (*const floor_submit[]) (FloorSender *sender);

void floor_address (const FloorSender *sender, FloorViewer *viewer,
                    struct in_addr to, uint16_t port);
bool floor_open (FloorSender *sender, struct in_addr to, const char **out_why);
void floor_close (FloorSender *sender);
void floor_take_completions (FloorSender *sender);

/* All viewers are connected when it returns. */
FloorRelay *floor_relay_new (const FloorVariant *variant, unsigned n_viewers,
                             struct in_addr to, const FloorViewer *viewers);
/* Accepts NULL. */
void floor_relay_free (FloorRelay *relay);
/* A frame comes in from the publisher … */
void floor_relay_prepare (FloorRelay *relay);
/* … and goes out to all. */
void floor_relay_frame (FloorRelay *relay);
/* Packets sent since the start. */
uint64_t floor_relay_packets (const FloorRelay *relay);

/* Where its receiver listens, in network order. */
static inline uint16_t
floor_viewer_port (const FloorViewer *viewer)
{
  return ((const struct sockaddr_in *)&viewer->address)->sin_port;
}

static inline void
floor_prefetch (const FloorViewer *viewer)
{
  __builtin_prefetch (viewer->cipher);
  __builtin_prefetch ((const char *)viewer->cipher + 64);
}
