/* SPDX-License-Identifier: Apache-2.0 */
#include "swarm.h"

#include <glib-unix.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "janus.h"
#include "whep.h"

#define TICK_MS       10
#define SOURCE_FRAMES 75 /* before the first viewer: an IDR is among them */
#define SOURCE_S      15 /* until then at most */
#define JOIN_S        20 /* after the last POST at most */
#define DRAIN_S       0.5
#define LEAVE_S       10
#define KEEP_S        25
#define NS            1e9

typedef enum {
  PHASE_SOURCE,
  PHASE_JOIN,
  PHASE_SETTLE,
  PHASE_MEASURE,
  PHASE_DRAIN,
  PHASE_LEAVE,
  PHASE_END,
} Phase;

static const char *const phase_names[] = {
  [PHASE_SOURCE] = "source", [PHASE_JOIN] = "join",
  [PHASE_SETTLE] = "settle", [PHASE_MEASURE] = "measure",
  [PHASE_DRAIN] = "drain",   [PHASE_LEAVE] = "leave",
  [PHASE_END] = "end",
};

/* A place in the load, filled by one viewer after the other. */
typedef struct {
  LgSwarm *swarm;
  LgMember *member;
  LgJanusViewer *janus;
  char *session_url;
  bool posted;      /* its answer is awaited */
  bool done;        /* its times are in the result */
  int64_t leave_ns; /* LG_NEVER */
} Place;

struct LgSwarm {
  const LgOptions *options;
  GMainLoop *main;
  BlCert *cert;
  BlDtlsContext *context;
  LgLoop *loop;
  LgStream *stream;
  LgSent *sent;
  LgShared shared;
  LgSource *source;
  PeerWhep *whip, *whep;
  char *source_url;
  LgJanus *janus;
  BlAddress janus_address;
  Place *places;
  GArray *answers, *connects, *owns, *keyframes;
  unsigned n_begun, n_leaving;
  Phase phase;
  int64_t phase_ns; /* since when; CLOCK_MONOTONIC */
  int64_t keep_ns;
  uint64_t bytes_from;
  int64_t own_cpu_from_us, busy_from_us;
  LgResult *result;
  char *first_error;
  GError *fatal;
};

static double
seconds_in_phase (const LgSwarm *s)
{
  return (double)(lg_clock_mono_ns () - s->phase_ns) / NS;
}

static void
enter (LgSwarm *s, Phase phase)
{
  s->phase = phase;
  s->phase_ns = lg_clock_mono_ns ();
  if (s->options->phases)
    fprintf (stderr, "phase %s\n", phase_names[phase]);
}

static void
give_up (LgSwarm *s, GError *error)
{
  if (s->fatal)
    g_error_free (error);
  else
    s->fatal = error;
  g_main_loop_quit (s->main);
}

static void
note_failure (LgSwarm *s, const char *why)
{
  s->result->failed++;
  if (!s->first_error)
    s->first_error = g_strdup (why);
}

/* ---- viewers ---- */

static void
on_whep_answer (char *text, char *session_url, GError *why, gpointer data)
{
  Place *p = data;
  g_autofree char *answer = text;
  g_autoptr (GError) error = why;
  p->posted = false;
  p->session_url = session_url;
  if (!answer || !lg_member_answer (p->member, answer, &error))
    note_failure (p->swarm, error->message);
}

static void
on_janus_asking (gpointer data)
{
  Place *p = data;
  lg_member_ask (p->member);
}

static char *
on_janus_offered (const char *offer, gpointer data)
{
  Place *p = data;
  g_autoptr (GError) error = NULL;
  char *answer
      = lg_member_accept (p->member, offer, &p->swarm->janus_address, &error);
  if (!answer)
    note_failure (p->swarm, error->message);
  return answer;
}

static void
on_janus_failed (const char *why, gpointer data)
{
  note_failure (((Place *)data)->swarm, why);
}

static void
begin_member (LgSwarm *s, Place *p)
{
  double stay = s->options->stay_seconds;
  p->swarm = s;
  p->member = lg_member_new (s->n_begun++, &s->shared);
  p->done = false;
  /* Between half and one and a half of the mean. */
  p->leave_ns
      = stay > 0 ? lg_clock_mono_ns ()
                       + (int64_t)(NS * stay * g_random_double_range (0.5, 1.5))
                 : LG_NEVER;
  if (s->janus) {
    p->janus = lg_janus_watch (s->janus, p);
    return;
  }
  g_autofree char *offer = lg_member_offer (p->member);
  p->posted = true;
  peer_whep_post (s->whep, offer, on_whep_answer, p);
}

static void
take_times (LgSwarm *s, Place *p)
{
  LgMember *m = p->member;
  if (p->done || m->connected_ns == LG_NEVER
      || m->judge.keyframe_ns == LG_NEVER)
    return;
  int64_t answer = m->answered_ns - m->asked_ns;
  int64_t connect = m->connected_ns - m->asked_ns;
  int64_t keyframe = m->judge.keyframe_ns - m->asked_ns;
  g_array_append_val (s->answers, answer);
  g_array_append_val (s->connects, connect);
  g_array_append_val (s->owns, m->own_ns);
  g_array_append_val (s->keyframes, keyframe);
  p->done = true;
}

static void
on_left (gpointer data)
{
  LgSwarm *s = data;
  s->n_leaving--;
}

static void
leave (LgSwarm *s, Place *p)
{
  if (!p->member || p->posted)
    return;
  if (p->member->session.link.closed)
    note_failure (s, "the server hung up on a viewer");
  lg_member_free (g_steal_pointer (&p->member));
  if (p->janus) {
    s->n_leaving++;
    lg_janus_leave (g_steal_pointer (&p->janus), on_left, s);
  } else if (p->session_url) {
    s->n_leaving++;
    peer_whep_delete (s->whep, p->session_url, on_left, s);
    g_clear_pointer (&p->session_url, g_free);
  }
}

static bool
serve_places (LgSwarm *s, BlTime now)
{
  bool keep = lg_clock_mono_ns () - s->keep_ns > KEEP_S * INT64_C (1000000000);
  bool all = true;
  if (keep)
    s->keep_ns = lg_clock_mono_ns ();
  for (int i = 0; i < s->options->viewers; i++) {
    Place *p = &s->places[i];
    if (!p->member) {
      all = false;
      continue;
    }
    lg_member_on_time (p->member, now);
    take_times (s, p);
    all = all && p->done;
    if (keep && p->janus)
      lg_janus_keep (p->janus);
    if (p->leave_ns <= lg_clock_mono_ns () && !p->posted
        && s->phase < PHASE_LEAVE) {
      leave (s, p);
      begin_member (s, p);
    }
  }
  return all;
}

/* Those whose time has come. */
static void
begin_due (LgSwarm *s)
{
  int viewers = s->options->viewers;
  double spread = s->options->join_seconds;
  while ((int)s->n_begun < viewers
         && seconds_in_phase (s) >= spread * s->n_begun / viewers)
    begin_member (s, &s->places[s->n_begun]);
}

/* ---- the phases ---- */

static bool
read_process (const LgSwarm *s, LgProcess *out)
{
  return s->options->server_pid > 0
         && lg_process_read (s->options->server_pid, out);
}

static int64_t
own_cpu_us (void)
{
  LgProcess own = { 0 };
  lg_process_read (getpid (), &own);
  return own.cpu_us;
}

static void
begin_measurement (LgSwarm *s)
{
  s->shared.from = s->sent->count;
  s->shared.to = UINT64_MAX;
  s->bytes_from = s->source->bytes;
  s->own_cpu_from_us = own_cpu_us ();
  s->busy_from_us = lg_machine_busy_us ();
  s->result->has_process = read_process (s, &s->result->from);
  enter (s, PHASE_MEASURE);
}

static void
end_measurement (LgSwarm *s)
{
  s->shared.to = s->sent->count;
  s->result->measured_ns = lg_clock_mono_ns () - s->phase_ns;
  s->result->has_process &= read_process (s, &s->result->to);
  s->result->own_cpu_us = own_cpu_us () - s->own_cpu_from_us;
  s->result->busy_us = lg_machine_busy_us () - s->busy_from_us;
  s->result->source_packets = s->shared.to - s->shared.from;
  s->result->source_bytes = s->source->bytes - s->bytes_from;
  enter (s, PHASE_DRAIN);
}

static void
begin_leaving (LgSwarm *s)
{
  enter (s, PHASE_LEAVE);
  s->result->joined = s->n_begun;
  for (int i = 0; i < s->options->viewers; i++)
    leave (s, &s->places[i]);
  if (s->source_url) {
    s->n_leaving++;
    peer_whep_delete (s->whip, s->source_url, on_left, s);
  }
}

static char *
find_view_token (LgSwarm *s, GError **error)
{
  const LgOptions *o = s->options;
  g_autofree char *text = NULL;
  if (o->token_file && !g_file_get_contents (o->token_file, &text, NULL, error))
    return NULL;
  if (o->token_command) {
    const char *argv[] = { "sh", "-c", o->token_command, NULL };
    g_auto (GStrv) environment
        = g_environ_setenv (g_get_environ (), "CALL",
                            s->whip ? peer_whep_call (s->whip) : "", TRUE);
    int status;
    if (!g_spawn_sync (NULL, (char **)argv, environment, G_SPAWN_SEARCH_PATH,
                       NULL, NULL, &text, NULL, &status, error)
        || !g_spawn_check_wait_status (status, error))
      return NULL;
  }
  return text ? g_strndup (text, strcspn (text, " \t\r\n")) : g_strdup ("");
}

/* The server has the source: now there can be viewers. */
static bool
prepare_viewers (LgSwarm *s, GError **error)
{
  const LgOptions *o = s->options;
  static const LgJanusEvents events
      = { on_janus_asking, on_janus_offered, on_janus_failed };
  if (o->janus) {
    s->janus = lg_janus_new (o->janus, o->mountpoint, o->viewers, &events);
    return true;
  }
  g_autofree char *token = find_view_token (s, error);
  if (!token)
    return false;
  GString *url = g_string_new (o->watch);
  g_string_replace (url, "{call}", s->whip ? peer_whep_call (s->whip) : "", 0);
  s->whep = peer_whep_new (url->str, o->ca, *token ? token : NULL, error);
  g_string_free (url, TRUE);
  return s->whep != NULL;
}

static void
wait_for_source (LgSwarm *s)
{
  GError *error = NULL;
  if (lg_source_frames (s->source) >= SOURCE_FRAMES) {
    if (!prepare_viewers (s, &error)) {
      give_up (s, error);
      return;
    }
    read_process (s, &s->result->before);
    enter (s, PHASE_JOIN);
  } else if (seconds_in_phase (s) > SOURCE_S) {
    give_up (s, g_error_new (G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                             "the source could not connect in %d s", SOURCE_S));
  }
}

static void
next_phase (LgSwarm *s, bool all_complete)
{
  const LgOptions *o = s->options;
  switch (s->phase) {
  case PHASE_SOURCE:
    wait_for_source (s);
    break;
  case PHASE_JOIN:
    begin_due (s);
    if (all_complete || seconds_in_phase (s) > o->join_seconds + JOIN_S)
      enter (s, PHASE_SETTLE);
    break;
  case PHASE_SETTLE:
    if (seconds_in_phase (s) >= o->settle_seconds)
      begin_measurement (s);
    break;
  case PHASE_MEASURE:
    if (seconds_in_phase (s) >= o->seconds)
      end_measurement (s);
    break;
  case PHASE_DRAIN:
    if (seconds_in_phase (s) >= DRAIN_S)
      begin_leaving (s);
    break;
  case PHASE_LEAVE:
    if (s->n_leaving == 0 || seconds_in_phase (s) > LEAVE_S)
      enter (s, PHASE_END);
    break;
  case PHASE_END:
    g_main_loop_quit (s->main);
  }
}

static gboolean
on_tick (gpointer data)
{
  LgSwarm *s = data;
  BlTime now = bl_clock_now ();
  s->shared.real_less_mono_us = bl_clock_unix_us () - now;
  lg_source_on_time (s->source, now);
  next_phase (s, serve_places (s, now));
  return G_SOURCE_CONTINUE;
}

/* Early, but in order: what was measured so far counts. */
static gboolean
on_signal (gpointer data)
{
  LgSwarm *s = data;
  if (s->phase == PHASE_MEASURE)
    end_measurement (s);
  else if (s->phase < PHASE_MEASURE)
    give_up (s, g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "interrupted"));
  return G_SOURCE_CONTINUE;
}

/* ---- beginning and end ---- */

static void
on_whip_answer (char *text, char *session_url, GError *why, gpointer data)
{
  LgSwarm *s = data;
  g_autofree char *answer = text;
  GError *error = why;
  s->source_url = session_url;
  if (!answer || !lg_source_answer (s->source, answer, &error))
    give_up (s, error);
}

static bool
read_token (const char *file, char **out_token, GError **error)
{
  *out_token = NULL;
  if (!file)
    return true;
  if (!g_file_get_contents (file, out_token, NULL, error))
    return false;
  g_strstrip (*out_token);
  return true;
}

static bool
begin_source (LgSwarm *s, GError **error)
{
  const LgOptions *o = s->options;
  g_autofree char *token = NULL;
  s->source = g_new0 (LgSource, 1);
  s->source->loop = s->loop;
  s->source->stream = s->stream;
  s->source->sent = s->sent;
  s->source->fps = (unsigned)o->fps;
  s->source->payload_bytes = (unsigned)o->payload_bytes;
  s->source->pace_ns = (int64_t)(o->pace_ms * 1e6);
  g_autofree char *offer = lg_source_offer (s->source, s->cert, s->context);
  if (o->rtp) {
    BlAddress to;
    if (!bl_address_parse_port (o->rtp, &to)) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "“%s” is no address with a port", o->rtp);
      return false;
    }
    s->janus_address = to;
    return lg_source_start_plain (s->source, &to, error);
  }
  if (!read_token (o->publish_token_file, &token, error)
      || !(s->whip = peer_whep_new (o->publish, o->ca, token, error)))
    return false;
  peer_whep_post (s->whip, offer, on_whip_answer, s);
  return true;
}

static bool
prepare (LgSwarm *s, GError **error)
{
  const LgOptions *o = s->options;
  s->main = g_main_loop_new (NULL, FALSE);
  s->loop = lg_loop_new (!o->no_gro);
  s->sent = g_new0 (LgSent, 1);
  s->places = g_new0 (Place, (gsize)o->viewers);
  s->answers = g_array_new (FALSE, FALSE, sizeof (int64_t));
  s->connects = g_array_new (FALSE, FALSE, sizeof (int64_t));
  s->owns = g_array_new (FALSE, FALSE, sizeof (int64_t));
  s->keyframes = g_array_new (FALSE, FALSE, sizeof (int64_t));
  s->stream = lg_stream_load (o->stream, error);
  s->cert = bl_cert_new_self_signed ("loadgen", bl_clock_unix_us () / 1000000,
                                     error);
  if (!s->stream || !s->cert
      || !(s->context = bl_dtls_context_new (s->cert, error)))
    return false;
  s->shared = (LgShared){ .loop = s->loop,
                          .sent = s->sent,
                          .cert = s->cert,
                          .context = s->context,
                          .from = UINT64_MAX };
  s->keep_ns = lg_clock_mono_ns ();
  enter (s, PHASE_SOURCE);
  return begin_source (s, error);
}

static void
fill_result (LgSwarm *s)
{
  LgResult *r = s->result;
  r->shared = &s->shared;
  r->source = s->source;
  r->first_error = s->first_error;
  r->connects_ns = (int64_t *)(void *)s->connects->data;
  r->owns_ns = (int64_t *)(void *)s->owns->data;
  r->answers_ns = (int64_t *)(void *)s->answers->data;
  r->keyframes_ns = (int64_t *)(void *)s->keyframes->data;
  r->complete = s->keyframes->len;
}

LgSwarm *
lg_swarm_run (const LgOptions *options, LgResult *out_result, GError **error)
{
  LgSwarm *s = g_new0 (LgSwarm, 1);
  s->options = options;
  s->result = out_result;
  *out_result = (LgResult){ 0 };
  if (!prepare (s, error)) {
    lg_swarm_free (s);
    return NULL;
  }
  guint sources[] = { g_timeout_add (TICK_MS, on_tick, s),
                      g_unix_signal_add (SIGINT, on_signal, s),
                      g_unix_signal_add (SIGTERM, on_signal, s) };
  g_main_loop_run (s->main);
  for (unsigned i = 0; i < G_N_ELEMENTS (sources); i++)
    g_source_remove (sources[i]);
  if (s->fatal) {
    g_propagate_error (error, g_steal_pointer (&s->fatal));
    lg_swarm_free (s);
    return NULL;
  }
  fill_result (s);
  return s;
}

void
lg_swarm_free (LgSwarm *s)
{
  lg_janus_free (s->janus);
  peer_whep_free (s->whip);
  peer_whep_free (s->whep);
  /* What they cancelled ends in the main context, with places still there. */
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  for (int i = 0; s->places && i < s->options->viewers; i++) {
    lg_member_free (s->places[i].member);
    g_free (s->places[i].session_url);
  }
  if (s->source)
    lg_source_clear (s->source);
  lg_loop_free (s->loop);
  lg_stream_free (s->stream);
  bl_dtls_context_free (s->context);
  bl_cert_free (s->cert);
  g_clear_pointer (&s->answers, g_array_unref);
  g_clear_pointer (&s->connects, g_array_unref);
  g_clear_pointer (&s->owns, g_array_unref);
  g_clear_pointer (&s->keyframes, g_array_unref);
  g_clear_pointer (&s->main, g_main_loop_unref);
  g_free (s->places);
  g_free (s->source);
  g_free (s->sent);
  g_free (s->source_url);
  g_free (s->first_error);
  g_free (s);
}
