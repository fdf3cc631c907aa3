/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/ecncheck.h"

void
bl_ecncheck_on_sent (BlEcnCheck *c, BlTime now)
{
  if (!c->began) {
    c->began = true;
    c->began_us = now;
  }
  if (c->state == BL_ECNCHECK_TESTING && c->edge == 0
      && now - c->began_us > BL_ECNCHECK_SILENT_US)
    c->state = BL_ECNCHECK_FAILED;
}

static void
judge (BlEcnCheck *c)
{
  bool wiped_out = c->marked < c->arrived / 2;
  /* A queue that is as full as that all the time is none of ours to fill. */
  bool always = c->state == BL_ECNCHECK_TESTING && c->ce == c->arrived;
  c->state = wiped_out || always ? BL_ECNCHECK_FAILED : BL_ECNCHECK_CAPABLE;
  c->arrived = c->marked = c->ce = 0;
}

void
bl_ecncheck_on_feedback (BlEcnCheck *c, const BlPacketResult *results, size_t n)
{
  for (size_t i = 0; i < n && c->state != BL_ECNCHECK_FAILED; i++) {
    if (!results[i].received || results[i].seq <= c->edge)
      continue;
    c->edge = results[i].seq;
    c->arrived++;
    c->marked += results[i].ecn == BL_ECN_ECT1 || results[i].ecn == BL_ECN_CE;
    c->ce += results[i].ecn == BL_ECN_CE;
    if (c->arrived == BL_ECNCHECK_PACKETS)
      judge (c);
  }
}
