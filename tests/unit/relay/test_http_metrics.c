/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /metrics: its form, its figures, and who may have it.
 */
#include <stdio.h>

#include "http_calls.h"
#include "openmetrics_check.h"
#include "relay/openmetrics.h"

static void
tell_stats (void)
{
  BlSourceStats source = {
    .source = fake_media ()->last_source,
    .live = TRUE,
    .rtt_us = 40000,
    .packets_out = 700,
    .nacks_in = 7,
  };
  source.tracks[BL_TRACK_VIDEO].packets = 90;
  source.tracks[BL_TRACK_AUDIO].lost = 3;
  BlWorkerStats stats
      = { .at_us = bl_clock_now (), .n_sources = 1, .sources = &source };
  stats.counters.packets_in = 1234;
  stats.counters.blocked_sends = 5;
  stats.counters.drops[BL_DROP_STUN] = 11;
  bl_histogram_add (&stats.counters.queue_us, 100);
  bl_histogram_add_many (&stats.counters.send_batch, 12, 3);
  const BlWorkerEvent event = { .kind = BL_WORKER_STATS, .stats = &stats };
  bl_registry_on_worker (fake_media ()->worker, &event, site.registry);
}

static void
get_metrics (Reply *out)
{
  const Ask ask = { .method = "GET", .path = "/metrics" };
  site_ask (&ask, out);
  ck_assert_uint_eq (out->status, 200);
}

static void
assert_line (const Reply *reply, const char *line)
{
  g_autofree char *whole = g_strdup_printf ("\n%s\n", line);
  ck_assert_msg (strstr (reply->body, whole) != NULL, "no “%s” in:\n%s", line,
                 reply->body);
}

START_TEST (metrics_say_what_workers_and_calls_have_counted)
{
  static const char *const lines[] = {
    "bluelight_worker_received_packets_total{worker=\"0\"} 1234",
    "bluelight_worker_blocked_sends_total{worker=\"0\"} 5",
    "bluelight_worker_dropped_packets_total{worker=\"0\",reason=\"stun\"} 11",
    "bluelight_worker_cpu_seconds_total{worker=\"0\"} 1.5",
    "bluelight_worker_calls{worker=\"0\"} 1",
    "bluelight_worker_sessions{worker=\"0\"} 1",
    "bluelight_worker_queue_seconds_bucket{worker=\"0\",le=\"6.4e-05\"} 0",
    "bluelight_worker_queue_seconds_bucket{worker=\"0\",le=\"0.000128\"} 1",
    "bluelight_worker_send_batch_packets_sum{worker=\"0\"} 36",
    "bluelight_call_info{worker=\"0\",call=\"1\",recording=\"1\"} 1",
    "bluelight_call_live{worker=\"0\",call=\"1\"} 1",
    "bluelight_call_sent_packets_total{worker=\"0\",call=\"1\"} 700",
    "bluelight_call_nacks_received_total{worker=\"0\",call=\"1\"} 7",
    "bluelight_call_rtt_seconds{worker=\"0\",call=\"1\"} 0.04",
    "bluelight_call_received_packets_total{worker=\"0\",call=\"1\","
    "track=\"video\"} 90",
    "bluelight_call_lost_packets_total{worker=\"0\",call=\"1\","
    "track=\"audio\"} 3",
    "bluelight_http_requests_total{status=\"2xx\"} 1",
    "bluelight_http_requests_total{status=\"4xx\"} 1",
  };
  g_auto (Reply) reply = { 0 };
  open_call ("ca/RTW-1", "call-1");
  tell_stats ();
  const Ask wrong = { .method = "GET", .path = "/nothing" };
  ck_assert_uint_eq (site_status (&wrong), 404);
  get_metrics (&reply);
  ck_assert_str_eq (reply_header (&reply, "Content-Type"), BL_OPENMETRICS_TYPE);
  for (gsize i = 0; i < G_N_ELEMENTS (lines); i++)
    assert_line (&reply, lines[i]);
}
END_TEST

START_TEST (metrics_are_openmetrics_with_and_without_calls)
{
  g_auto (Reply) before = { 0 }, with = { 0 };
  get_metrics (&before);
  g_ptr_array_unref (openmetrics_check (before.body));
  open_call ("ca/RTW-1", "call-1");
  open_call ("ca/RTW-2", "call-2");
  tell_stats ();
  get_metrics (&with);
  g_ptr_array_unref (openmetrics_check (with.body));
}
END_TEST

/* The names in the first column of the tables of docs/metrics.md. */
static GPtrArray *
documented (void)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *text = NULL;
  ck_assert (g_file_get_contents (g_getenv ("BL_TEST_METRICS_DOC"), &text, NULL,
                                  NULL));
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line; line++) {
    if (g_str_has_prefix (*line, "| `"))
      g_ptr_array_add (names, g_strndup (*line + 3, strcspn (*line + 3, "`")));
  }
  return names;
}

static gboolean
has (GPtrArray *names, const char *name)
{
  return g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL);
}

START_TEST (each_metric_is_documented_and_each_documented_one_is_there)
{
  g_auto (Reply) reply = { 0 };
  get_metrics (&reply);
  g_autoptr (GPtrArray) given = openmetrics_check (reply.body);
  g_autoptr (GPtrArray) listed = documented ();
  ck_assert_uint_gt (listed->len, 0);
  for (guint i = 0; i < given->len; i++)
    ck_assert_msg (has (listed, given->pdata[i]), "%s is not in the documents",
                   (char *)given->pdata[i]);
  for (guint i = 0; i < listed->len; i++)
    ck_assert_msg (has (given, listed->pdata[i]), "%s is documented only",
                   (char *)listed->pdata[i]);
}
END_TEST

static double
heap_bytes (void)
{
  g_auto (Reply) reply = { 0 };
  get_metrics (&reply);
  const char *at = strstr (reply.body, "\nbluelight_heap_bytes ");
  ck_assert_ptr_nonnull (at);
  return g_ascii_strtod (at + strlen ("\nbluelight_heap_bytes "), NULL);
}

START_TEST (the_heap_is_what_was_asked_for_and_not_given_back)
{
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
  fprintf (stderr, "skipped: a sanitizer's heap is not glibc's\n");
  return;
#endif
  const double block = 8 << 20;
  double before = heap_bytes ();
  void *held = g_malloc ((gsize)block);
  double with = heap_bytes ();
  g_free (held);
  ck_assert_double_ge (with, before + block);
  ck_assert_double_lt (heap_bytes (), before + block / 2);
}
END_TEST

START_TEST (metrics_name_nobody)
{
  static const char *const secrets[]
      = { "call-1", "RTW-1", "north", "127.0.0.1", "192.0.2.1", "obs" };
  g_auto (Reply) reply = { 0 }, viewed = { 0 };
  open_call ("ca/RTW-1", "call-1");
  g_autofree char *token = site_token (BL_TOKEN_VIEW, "call-1", 3600);
  whep (token, "call-1", &viewed);
  ck_assert_uint_eq (viewed.status, 201);
  tell_stats ();
  get_metrics (&reply);
  for (gsize i = 0; i < G_N_ELEMENTS (secrets); i++)
    ck_assert_ptr_null (strstr (reply.body, secrets[i]));
  ck_assert_ptr_null (strstr (reply.body, token));
}
END_TEST

START_TEST (a_worker_that_does_not_answer_grows_old)
{
  g_auto (Reply) reply = { 0 };
  BlWorkerStats stats = { .at_us = bl_clock_now () - 100 * BL_SECOND };
  const BlWorkerEvent event = { .kind = BL_WORKER_STATS, .stats = &stats };
  bl_registry_on_worker (fake_media ()->worker, &event, site.registry);
  get_metrics (&reply);
  const char *name = "\nbluelight_worker_stats_age_seconds{worker=\"0\"} ";
  const char *line = strstr (reply.body, name);
  ck_assert_ptr_nonnull (line);
  double age_s = g_ascii_strtod (line + strlen (name), NULL);
  ck_assert_double_ge (age_s, 100);
}
END_TEST

/* ---- who may read them ---- */

static const struct {
  const char *user; /* signed in, or */
  BlUserRole role;
  gboolean token; /* with a token, or neither */
  BlTokenKind kind;
  gint64 from_now_s;
  guint status;
} readers[] = {
  { NULL, 0, FALSE, 0, 0, 401 },
  { NULL, 0, TRUE, BL_TOKEN_METRICS, 3600, 200 },
  { NULL, 0, TRUE, BL_TOKEN_METRICS, -1, 401 },
  { NULL, 0, TRUE, BL_TOKEN_VIEW, 3600, 403 },
  { NULL, 0, TRUE, BL_TOKEN_PUBLISH, 3600, 403 },
  { "ann", BL_USER_CLINICIAN, FALSE, 0, 0, 403 },
  { "ivy", BL_USER_IT, FALSE, 0, 0, 200 },
};

START_TEST (metrics_are_for_it_and_for_tokens_made_for_them)
{
  g_autofree char *token
      = readers[_i].token
            ? site_token (readers[_i].kind, "", readers[_i].from_now_s)
            : NULL;
  g_autofree char *loopback
      = readers[_i].user ? site_cookie (readers[_i].user, readers[_i].role)
                         : NULL;
  /* The main door's cookie has another name. */
  g_autofree char *cookie
      = loopback
            ? g_strconcat ("__Host-bluelight", strchr (loopback, '='), NULL)
            : NULL;
  const Ask ask = { .door = BL_DOOR_MAIN,
                    .method = "GET",
                    .path = "/metrics",
                    .bearer = token,
                    .cookie = cookie };
  ck_assert_uint_eq (site_status (&ask), readers[_i].status);
}
END_TEST

static const struct {
  const char *method, *path;
} elsewhere[] = {
  { "GET", "/api/health" },       { "GET", "/api/calls" },
  { "GET", "/api/calls/call-1" }, { "GET", "/api/recordings" },
  { "GET", "/api/audit" },        { "POST", "/whep/call-1" },
  { "POST", "/whip/north" },      { "DELETE", "/session/x" },
};

START_TEST (a_token_for_metrics_is_good_for_nothing_else)
{
  g_autofree char *token = site_token (BL_TOKEN_METRICS, "", 3600);
  const Ask ask = { .door = BL_DOOR_MAIN,
                    .method = elsewhere[_i].method,
                    .path = elsewhere[_i].path,
                    .bearer = token };
  ck_assert_uint_eq (site_status (&ask), 403);
}
END_TEST

START_TEST (vehicles_have_no_metrics)
{
  const Ask ask = { .door = BL_DOOR_VEHICLE,
                    .method = "GET",
                    .path = "/metrics",
                    .certificate = "ca/RTW-1" };
  ck_assert_uint_eq (site_status (&ask), 404);
}
END_TEST

int
main (void)
{
  const SuiteTest tests[] = {
    { metrics_say_what_workers_and_calls_have_counted, 0 },
    { metrics_are_openmetrics_with_and_without_calls, 0 },
    { each_metric_is_documented_and_each_documented_one_is_there, 0 },
    { the_heap_is_what_was_asked_for_and_not_given_back, 0 },
    { metrics_name_nobody, 0 },
    { a_worker_that_does_not_answer_grows_old, 0 },
    { metrics_are_for_it_and_for_tokens_made_for_them, G_N_ELEMENTS (readers) },
    { a_token_for_metrics_is_good_for_nothing_else, G_N_ELEMENTS (elsewhere) },
    { vehicles_have_no_metrics, 0 },
  };
  if (!site_mint ())
    return EXIT_FAILURE;
  int status = run_table ("relay/http_metrics", tests, G_N_ELEMENTS (tests),
                          site_setup, site_teardown);
  site_unmint ();
  return status;
}
