/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/pathmeter.h"

#include "base/blassert.h"

#define NONE            INT64_MAX
#define LOSS_GAIN_SHIFT 7
#define ONE             65536

/* Feedback that comes more seldom is none. */
#define LONGEST_INTERVAL_US (250 * BL_MS)

void
bl_pathmeter_init (BlPathMeter *m)
{
  *m = (BlPathMeter){ .least_queue_us = NONE, .least_queue_before_us = NONE };
  for (unsigned i = 0; i < BL_PATHMETER_SPANS; i++)
    m->least_delay_us[i] = m->least_rtt_us[i] = NONE;
}

void
bl_pathmeter_on_sent (BlPathMeter *m, uint64_t seq, uint32_t bytes, BlTime now)
{
  bl_assert (seq > 0 && (m->last_sent == 0 || seq == m->last_sent + 1));
  if (m->last_sent == 0)
    m->highest_acked = m->loss_edge = seq - 1;
  if (bl_pathmeter_in_flight (m) == 0)
    m->progress_us = now;
  m->sent[seq % BL_PATHMETER_SENT] = (BlPathSent){
    .seq = seq, .sent_us = now, .sent_before = m->sent_bytes, .bytes = bytes
  };
  m->last_sent = seq;
  m->last_sent_us = now;
  m->sent_bytes += bytes;
}

static BlPathSent *
find_sent (BlPathMeter *m, uint64_t seq)
{
  BlPathSent *sent = &m->sent[seq % BL_PATHMETER_SENT];
  return seq > 0 && sent->seq == seq ? sent : NULL;
}

static BlTime
least (const BlTime *spans)
{
  BlTime found = NONE;
  for (unsigned i = 0; i < BL_PATHMETER_SPANS; i++)
    if (spans[i] < found)
      found = spans[i];
  return found;
}

static void
keep_least (BlTime *least_us, BlTime sample_us)
{
  if (sample_us < *least_us)
    *least_us = sample_us;
}

/* What is older than all spans is forgotten, however long nothing came. */
static void
turn_spans (BlPathMeter *m, BlTime now)
{
  if (!m->started)
    m->span_start_us = now;
  m->started = true;
  for (unsigned i = 0;
       i < BL_PATHMETER_SPANS && now - m->span_start_us >= BL_PATHMETER_SPAN_US;
       i++) {
    m->span = (m->span + 1) % BL_PATHMETER_SPANS;
    m->least_delay_us[m->span] = m->least_rtt_us[m->span] = NONE;
    m->span_start_us += BL_PATHMETER_SPAN_US;
  }
  if (now - m->span_start_us >= BL_PATHMETER_SPAN_US)
    m->span_start_us = now;
}

static void
note_rtt (BlPathMeter *m, BlTime rtt_us)
{
  if (m->rtt_us == 0)
    m->smoothed_rtt_us = rtt_us;
  m->rtt_us = rtt_us;
  /* What an outage held back takes seconds, and says nothing of what is sent
   * once its backlog has drained: that is believed at once. */
  bool drained = rtt_us < m->smoothed_rtt_us / 4;
  m->smoothed_rtt_us += (rtt_us - m->smoothed_rtt_us) / (drained ? 2 : 8);
  keep_least (&m->least_rtt_us[m->span], rtt_us);
}

/* Congestion control empties its own queue within a moment, so what stands for
 * a second, more or less the same, is the path's: jitter, or a new route. */
static void
learn_own_queue (BlPathMeter *m, BlTime standing_us, BlTime now)
{
  if (standing_us <= BL_PATHMETER_OWN_LEAST_US
      || standing_us > BL_PATHMETER_OWN_MOST_US) {
    m->own_queue_us = m->own_least_us = 0;
    return;
  }
  if (m->own_least_us == 0) {
    m->own_least_us = standing_us;
    m->own_start_us = now;
  }
  keep_least (&m->own_least_us, standing_us);
  if (now - m->own_start_us >= BL_PATHMETER_OWN_US) {
    m->own_queue_us = m->own_least_us;
    m->own_least_us = 0;
  }
}

static void
note_queue (BlPathMeter *m, BlTime queue_us, BlTime now)
{
  if (now - m->standing_start_us >= BL_PATHMETER_STANDING_US) {
    m->least_queue_before_us = m->least_queue_us;
    m->least_queue_us = NONE;
    m->standing_start_us = now;
  }
  m->queue_us = queue_us;
  keep_least (&m->least_queue_us, queue_us);
  BlTime standing_us = m->least_queue_before_us;
  keep_least (&standing_us, m->least_queue_us);
  learn_own_queue (m, standing_us, now);
  m->standing_queue_us
      = standing_us > m->own_queue_us ? standing_us - m->own_queue_us : 0;
}

static void
note_rate (BlPathMeter *m, BlTime now)
{
  BlTime span = now - m->rate_start_us;
  if (m->rate_start_us > 0 && span < BL_PATHMETER_RATE_US)
    return;
  if (m->rate_start_us > 0)
    m->delivered_bps = (m->arrived_bytes - m->rate_start_bytes) * 8 * BL_SECOND
                       / (uint64_t)span;
  m->rate_start_us = now;
  m->rate_start_bytes = m->arrived_bytes;
}

/* Silences are not intervals: they must not teach us to be patient. */
static void
note_progress (BlPathMeter *m, BlTime now)
{
  BlTime since = now - m->progress_us;
  if (since < m->interval_us)
    m->interval_us += (since - m->interval_us) / 2;
  else if (since < LONGEST_INTERVAL_US)
    m->interval_us += (since - m->interval_us) / 16;
  m->progress_us = now;
}

static void
count_losses (BlPathMeter *m, BlTime newest_sent_us, BlPathNews *news)
{
  while (m->loss_edge < m->highest_acked) {
    const BlPathSent *sent = find_sent (m, m->loss_edge + 1);
    if (sent && newest_sent_us - sent->sent_us < BL_PATHMETER_REORDER_US)
      break;
    m->loss_edge++;
    if (!sent)
      continue;
    news->lost_packets += !sent->acked;
    int32_t step = (sent->acked ? 0 : ONE) - (int32_t)m->loss_q16;
    m->loss_q16 += (uint32_t)(step / (1 << LOSS_GAIN_SHIFT));
  }
  m->lost_packets += news->lost_packets;
}

/* Marks what arrived; gives the newest of it, NULL if none is new. */
static const BlPathSent *
note_arrivals (BlPathMeter *m, const BlPacketResult *results, size_t n,
               BlPathNews *news, BlTime *out_delay_us)
{
  const BlPathSent *newest = NULL;
  for (size_t i = 0; i < n; i++) {
    BlPathSent *sent = find_sent (m, results[i].seq);
    if (!sent || sent->acked || !results[i].received)
      continue;
    sent->acked = true;
    news->arrived_packets++;
    m->arrived_bytes += sent->bytes;
    if (results[i].ecn == BL_ECN_CE) {
      news->ce_packets++;
      news->ce_bytes += sent->bytes;
    }
    BlTime delay_us = results[i].arrival_us - sent->sent_us;
    keep_least (&m->least_delay_us[m->span], delay_us);
    if (sent->seq > m->highest_acked) {
      m->highest_acked = sent->seq;
      newest = sent;
      *out_delay_us = delay_us;
    }
  }
  m->arrived_packets += news->arrived_packets;
  m->ce_packets += news->ce_packets;
  return newest;
}

BlPathNews
bl_pathmeter_on_feedback (BlPathMeter *m, const BlPacketResult *results,
                          size_t n, BlTime now)
{
  BlPathNews news = { 0 };
  BlTime delay_us = 0;

  turn_spans (m, now);
  const BlPathSent *newest = note_arrivals (m, results, n, &news, &delay_us);
  if (!newest)
    return news;

  uint64_t past = newest->sent_before + newest->bytes;
  news.progress = true;
  news.past_bytes = (uint32_t)(past - m->past_bytes);
  m->past_bytes = past;
  note_progress (m, now);
  note_rtt (m, now - newest->sent_us);
  note_queue (m, delay_us - least (m->least_delay_us), now);
  note_rate (m, now);
  count_losses (m, newest->sent_us, &news);
  return news;
}

BlTime
bl_pathmeter_silence (const BlPathMeter *m, BlTime now)
{
  return bl_pathmeter_in_flight (m) == 0 ? 0 : now - m->progress_us;
}

BlTime
bl_pathmeter_base_rtt (const BlPathMeter *m)
{
  BlTime found = least (m->least_rtt_us);
  return found == NONE ? m->smoothed_rtt_us : found;
}
