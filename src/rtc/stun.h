/* SPDX-License-Identifier: Apache-2.0
 *
 * An ICE-lite server's half of a connectivity check (RFC 8445 section 7.3,
 * RFC 8489 short-term credentials with FINGERPRINT), and a check for a path
 * that is to be woken. No state and no I/O: one datagram in, at most one
 * datagram out.
 *
 *   peek the ufrag → find the session → answer with its password → send the
 *   reply (if any) → only if the result is BL_STUN_OK may the sender's address
 *   be taken as the session's.
 *
 * A lite agent is always the controlled one: a peer that says ICE-CONTROLLED
 * gets 487 and will switch (section 7.3.1.1).
 *
 * Any thread. Any bytes: nothing here asserts on what was received.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

/* Fits every reply. */
#define BL_STUN_REPLY_BYTES 548

/* Longest ufrag or password (RFC 8839 section 5.4). */
#define BL_STUN_CREDENTIAL_MAX 256

typedef enum {
  BL_STUN_OK,                /* authentic; the reply is a success response */
  BL_STUN_IGNORED,           /* no binding request, no FINGERPRINT, garbage */
  BL_STUN_BAD_REQUEST,       /* 400: no USERNAME or no MESSAGE-INTEGRITY */
  BL_STUN_UNAUTHORIZED,      /* 401: another ufrag or password */
  BL_STUN_UNKNOWN_ATTRIBUTE, /* 420 */
  BL_STUN_ROLE_CONFLICT,     /* 487: authentic, but the peer is controlled */
} BlStunResult;

/* What an authentic request says. */
typedef struct {
  bool use_candidate; /* nominated: send media here */
  bool controlling;   /* ICE-CONTROLLING was there */
  uint32_t priority;  /* 0 if there was none */
} BlStunRequest;

/* A binding request's USERNAME up to the colon, which is our ufrag, before
 * anything is validated: for finding the session, nothing else. `out_ufrag`
 * borrows from `data`, is not NUL-terminated and has 1 to
 * BL_STUN_CREDENTIAL_MAX bytes. False if there is no such thing. */
bool bl_stun_peek_ufrag (const void *data, size_t length,
                         const char **out_ufrag, size_t *out_ufrag_length);

/* Validates a request against our `ufrag` and `password` (neither empty) and
 * builds the reply with `from` (IPv4 or IPv6) as XOR-MAPPED-ADDRESS.
 * `*out_reply_length` is 0 if nothing is to be sent. `out_request` is
 * written with BL_STUN_OK and BL_STUN_ROLE_CONFLICT only. */
BlStunResult bl_stun_answer (const void *data, size_t length, const char *ufrag,
                             const char *password, const BlAddress *from,
                             BlStunRequest *out_request,
                             uint8_t out_reply[BL_STUN_REPLY_BYTES],
                             size_t *out_reply_length);

/* What a check says of who sends it; all texts are borrowed. */
typedef struct {
  const char *remote_ufrag, *remote_pwd, *local_ufrag;
  uint64_t tie_breaker; /* of the agent, the same in all its checks */
  uint32_t priority;    /* of the peer-reflexive candidate it may make */
} BlStunCheck;

#define BL_STUN_CHECK_BYTES 640

/* A controlling agent's check that nominates the path it takes (RFC 8445
 * section 7.2.4). Its bytes, or 0 if the names are too long. */
size_t bl_stun_write_check (const BlStunCheck *check,
                            uint8_t out_data[BL_STUN_CHECK_BYTES]);
