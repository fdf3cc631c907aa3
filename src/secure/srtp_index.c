/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/srtp_index.h"

#include <string.h>

#include "base/blassert.h"

#define SEQ_CYCLE  0x10000
#define SEQ_MEDIAN 0x8000

int64_t
bl_srtp_window_guess (const BlSrtpWindow *window, uint16_t seq)
{
  if (window->end == 0)
    return seq;
  int64_t newest = window->end - 1;
  int step = seq - (uint16_t)newest;
  if (step > SEQ_MEDIAN)
    step -= SEQ_CYCLE;
  else if (step < -SEQ_MEDIAN)
    step += SEQ_CYCLE;
  return newest + step;
}

static uint64_t *
word_of (const BlSrtpWindow *window, int64_t index)
{
  return &window->used[(index & (window->n_bits - 1)) / 64];
}

static uint64_t
bit_of (int64_t index)
{
  return UINT64_C (1) << (index % 64);
}

bool
bl_srtp_window_is_fresh (const BlSrtpWindow *window, int64_t index)
{
  if (index < 0)
    return false;
  if (index >= window->end)
    return true;
  return index >= window->end - window->n_bits
         && !(*word_of (window, index) & bit_of (index));
}

void
bl_srtp_window_use (BlSrtpWindow *window, int64_t index)
{
  bl_assert (bl_srtp_window_is_fresh (window, index));
  if (index - window->end >= window->n_bits)
    memset (window->used, 0, window->n_bits / 8);
  else
    for (int64_t i = window->end; i <= index; i++)
      *word_of (window, i) &= ~bit_of (i);
  if (index >= window->end)
    window->end = index + 1;
  *word_of (window, index) |= bit_of (index);
}
