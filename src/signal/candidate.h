/* SPDX-License-Identifier: Apache-2.0
 *
 * One ICE candidate as the value of an SDP attribute (RFC 8839 section 5.1):
 *   candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host
 * Plain values, bounded, no allocation. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A literal IPv4 or IPv6 address, or a name (mDNS) that ends in .local. */
#define BL_CANDIDATE_ADDRESS_SIZE 64

typedef enum {
  BL_CANDIDATE_HOST,
  BL_CANDIDATE_SRFLX,
  BL_CANDIDATE_PRFLX,
  BL_CANDIDATE_RELAY,
} BlCandidateType;

typedef enum {
  BL_CANDIDATE_UDP,
  BL_CANDIDATE_TCP_ACTIVE,
  BL_CANDIDATE_TCP_PASSIVE,
  BL_CANDIDATE_TCP_SO,
} BlCandidateTransport;

typedef struct {
  char foundation[33];
  uint16_t component; /* 1: RTP (and RTCP, with rtcp-mux) */
  BlCandidateTransport transport;
  uint32_t priority;
  char address[BL_CANDIDATE_ADDRESS_SIZE];
  uint16_t port;
  BlCandidateType type;
  char related_address[BL_CANDIDATE_ADDRESS_SIZE]; /* "" if not given */
  uint16_t related_port;
} BlCandidate;

typedef enum {
  BL_CANDIDATE_OK,
  BL_CANDIDATE_SHORT,     /* fewer fields than the grammar asks for */
  BL_CANDIDATE_NUMBER,    /* component, priority or port is out of range */
  BL_CANDIDATE_ADDRESS,   /* neither an IP address nor a host name */
  BL_CANDIDATE_TYPE,      /* no "typ", or none of host srflx prflx relay */
  BL_CANDIDATE_TRANSPORT, /* neither udp nor tcp: skip it, as RFC 8839 says */
  BL_CANDIDATE_LONG,      /* a field is longer than its bound */
} BlCandidateResult;

/* Reads "candidate:…"; a leading "a=" and unknown extension attributes are
 * allowed. `text` need not end at a NUL. */
BlCandidateResult bl_candidate_parse (const char *text, size_t length,
                                      BlCandidate *out_candidate);

/* What is wrong, in words, for a message. */
const char *bl_candidate_result_text (BlCandidateResult result);

/* "host", "srflx", "prflx", "relay". */
const char *bl_candidate_type_name (BlCandidateType type);

/* Enough for every candidate that bl_candidate_parse() can give. */
#define BL_CANDIDATE_TEXT_SIZE 320

/* Writes "candidate:…", without "a=", NUL-terminated. */
void bl_candidate_format (const BlCandidate *candidate,
                          char out_text[BL_CANDIDATE_TEXT_SIZE]);

/* The priority of RFC 8445 section 5.1.2.1 for component 1. A higher
 * `preference` wins among candidates of one type. */
uint32_t bl_candidate_priority (BlCandidateType type, uint16_t preference);
