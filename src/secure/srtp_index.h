/* SPDX-License-Identifier: Apache-2.0
 *
 * Packet indices of SRTP and SRTCP (RFC 3711 section 3.3): what a sequence
 * number means, and which indices were used already. For both directions: a
 * receiver uses up an index when its packet is authentic (section 3.3.2), a
 * sender before it encrypts.
 *
 * An RTP index is 48 bits, ROC × 2^16 + SEQ; an SRTCP index 31. Whoever calls
 * sees to the upper bound.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BL_SRTP_RTP_INDEX_LAST  ((INT64_C (1) << 48) - 1)
#define BL_SRTP_RTCP_INDEX_LAST INT64_C (0x7fffffff)

/* The indices below `end` and not more than `n_bits` behind it that were used;
 * those further behind count as used. All zero: none was, whatever `used`. */
typedef struct {
  int64_t end;     /* one more than the newest; 0: none */
  unsigned n_bits; /* a power of two, 64 or more */
  uint64_t *used;  /* borrowed; a bit an index, modulo n_bits */
} BlSrtpWindow;

/* The index that is meant by this sequence number: the nearest to the newest,
 * as section 3.3.1 has it; before the first, SEQ itself (ROC 0). Negative if
 * the nearest lies before ROC 0. */
int64_t bl_srtp_window_guess (const BlSrtpWindow *window, uint16_t seq);

/* Neither used, nor too old to know, nor negative. */
bool bl_srtp_window_is_fresh (const BlSrtpWindow *window, int64_t index);

/* Uses up an index, which is fresh. */
void bl_srtp_window_use (BlSrtpWindow *window, int64_t index);
