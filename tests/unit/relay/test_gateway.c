/* SPDX-License-Identifier: Apache-2.0
 *
 * Gates on loopback: a socket stands for the worker, an agent of libnice's for
 * the peer.
 */
#include "relay/gateway.h"

#include <nice/agent.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "rtc/stun.h"
#include "signal/link.h"
#include "suite.h"

#define HERE       "127.0.0.1"
#define PEER_UFRAG "peer"
#define PEER_PWD   "passwordofthepeersagent"
#define COMPONENT  1

static GPtrArray *servers;
static BlGateway *gateway;
static BlGate *gate;
static bool opened;

/* The worker: what it heard last, and from whom. */
static int worker;
static guint16 worker_port;
static guint8 heard[2048];
static gssize heard_bytes;
static BlAddress heard_from;

/* The peer. */
static NiceAgent *peer;
static guint stream;
static GString *peer_heard;
static bool peer_gathered;

/* ---- fixture ---- */

static void
open_worker (void)
{
  BlAddress address;
  bl_address_parse (HERE, 0, &address);
  worker = socket (AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  ck_assert_int_eq (bind (worker, &address.any, address.length), 0);
  ck_assert_int_eq (getsockname (worker, &address.any, &address.length), 0);
  worker_port = bl_address_port (&address);
}

static void
setup (void)
{
  servers = g_ptr_array_new ();
  opened = false;
  gate = NULL;
  open_worker ();
}

static void
start (const char *listen)
{
  g_autoptr (GError) error = NULL;
  const BlGatewayOptions options = { .servers = servers, .listen = listen };
  gateway = bl_gateway_new (&options, &error);
  ck_assert_msg (gateway != NULL, "%s", error ? error->message : "");
}

static void
teardown (void)
{
  g_clear_pointer (&gate, bl_gate_free);
  g_clear_pointer (&gateway, bl_gateway_free);
  g_clear_object (&peer);
  if (peer_heard)
    g_string_free (peer_heard, TRUE);
  peer_heard = NULL;
  close (worker);
  g_ptr_array_unref (servers);
}

static void
on_opened (BlGate *taken, gpointer user_data)
{
  opened = true;
  gate = taken;
}

static void
open_gate_for (bool publisher)
{
  opened = false;
  bl_gateway_open (gateway, publisher, on_opened, NULL);
  ck_assert (!opened);
  while (!opened)
    g_main_context_iteration (NULL, TRUE);
}

static void
open_gate (void)
{
  open_gate_for (true);
}

static gboolean
look_again (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

/* Runs the main loop until the worker hears a check, or something else. */
static void
worker_hears (bool check)
{
  guint timer = g_timeout_add (5, look_again, NULL);
  do {
    heard_from.length = sizeof heard_from.storage;
    heard_bytes = recvfrom (worker, heard, sizeof heard, 0, &heard_from.any,
                            &heard_from.length);
    if (heard_bytes < 0)
      g_main_context_iteration (NULL, TRUE);
  } while (heard_bytes <= 0 || (heard[0] < 4) != check);
  g_source_remove (timer);
}

/* The check that the worker heard is one for these credentials. */
static void
answer_check (const char *ufrag, const char *pwd)
{
  guint8 reply[BL_STUN_REPLY_BYTES];
  size_t reply_length;
  BlStunRequest request;
  ck_assert_int_eq (bl_stun_answer (heard, (size_t)heard_bytes, ufrag, pwd,
                                    &heard_from, &request, reply,
                                    &reply_length),
                    BL_STUN_OK);
  ck_assert (request.use_candidate && request.controlling);
  sendto (worker, reply, reply_length, 0, &heard_from.any, heard_from.length);
}

static void
on_peer_gathered (NiceAgent *agent, guint id, gpointer user_data)
{
  peer_gathered = true;
}

static void
on_peer_packet (NiceAgent *agent, guint id, guint component, guint length,
                gchar *data, gpointer user_data)
{
  g_string_append_len (peer_heard, data, length);
}

static void
start_peer (void)
{
  NiceAddress address;
  peer_heard = g_string_new (NULL);
  peer_gathered = false;
  peer = nice_agent_new_full (NULL, NICE_COMPATIBILITY_RFC5245,
                              NICE_AGENT_OPTION_REGULAR_NOMINATION);
  g_object_set (peer, "controlling-mode", TRUE, "ice-tcp", FALSE, "upnp", FALSE,
                NULL);
  stream = nice_agent_add_stream (peer, 1);
  g_signal_connect (peer, "candidate-gathering-done",
                    G_CALLBACK (on_peer_gathered), NULL);
  nice_agent_attach_recv (peer, stream, COMPONENT, NULL, on_peer_packet, NULL);
  nice_address_init (&address);
  ck_assert (nice_address_set_from_string (&address, HERE));
  nice_agent_add_local_address (peer, &address);
  nice_agent_set_local_credentials (peer, stream, PEER_UFRAG, PEER_PWD);
  ck_assert (nice_agent_gather_candidates (peer, stream));
  while (!peer_gathered)
    g_main_context_iteration (NULL, TRUE);
}

/* The peer takes the gate's answer. */
static void
lead_peer (const char *ufrag, const char *pwd)
{
  gsize n;
  const BlCandidate *candidates = bl_gate_candidates (gate, &n);
  GSList *list = NULL;
  for (gsize i = 0; i < n; i++) {
    char text[BL_CANDIDATE_TEXT_SIZE];
    bl_candidate_format (&candidates[i], text);
    g_autofree char *line = g_strconcat ("a=", text, NULL);
    list = g_slist_append (
        list, nice_agent_parse_remote_candidate_sdp (peer, stream, line));
  }
  nice_agent_set_remote_credentials (peer, stream, ufrag, pwd);
  ck_assert_int_gt (
      nice_agent_set_remote_candidates (peer, stream, COMPONENT, list), 0);
  g_slist_free_full (list, (GDestroyNotify)nice_candidate_free);
}

static const BlGatewayRemote remote = { .ufrag = PEER_UFRAG, .pwd = PEER_PWD };

/* A gate whose peer has reached the worker. */
static void
find_way (void)
{
  open_gate ();
  start_peer ();
  bl_gate_connect (gate, worker_port, "a test", &remote);
  lead_peer (bl_gate_ufrag (gate), bl_gate_pwd (gate));
  worker_hears (true);
  answer_check (bl_gate_ufrag (gate), bl_gate_pwd (gate));
  while (nice_agent_get_component_state (peer, stream, COMPONENT)
         != NICE_COMPONENT_STATE_READY)
    g_main_context_iteration (NULL, TRUE);
}

static void
open_way (void)
{
  start (HERE);
  find_way ();
}

/* ---- tests ---- */

START_TEST (a_gate_has_credentials_and_candidates_of_its_own)
{
  gsize n;
  start (HERE);
  open_gate ();
  ck_assert_uint_ge (strlen (bl_gate_ufrag (gate)), 4);
  ck_assert_uint_ge (strlen (bl_gate_pwd (gate)), 22);
  const BlCandidate *candidates = bl_gate_candidates (gate, &n);
  ck_assert_uint_eq (n, 1);
  ck_assert_str_eq (candidates[0].address, HERE);
  ck_assert_int_eq (candidates[0].type, BL_CANDIDATE_HOST);
  ck_assert_int_eq (candidates[0].foundation[0], 'g');
  ck_assert (bl_gateway_is_idle (gateway));
}
END_TEST

START_TEST (the_worker_is_shown_the_way_and_both_hear_each_other)
{
  open_way ();
  ck_assert_int_eq (nice_agent_send (peer, stream, COMPONENT, 5, "\x80ping"),
                    5);
  worker_hears (false);
  ck_assert_int_eq (heard_bytes, 5);
  ck_assert_mem_eq (heard, "\x80ping", 5);
  sendto (worker, "\x80pong", 5, 0, &heard_from.any, heard_from.length);
  while (peer_heard->len == 0)
    g_main_context_iteration (NULL, TRUE);
  ck_assert_str_eq (peer_heard->str, "\x80pong");
}
END_TEST

START_TEST (how_its_address_was_found_is_counted)
{
  BlGatewayStats stats;
  open_way ();
  bl_gateway_get_stats (gateway, &stats);
  ck_assert_uint_eq (stats.gates, 1);
  ck_assert_uint_eq (stats.chosen[BL_CANDIDATE_HOST], 1);
  ck_assert_uint_eq (stats.chosen[BL_CANDIDATE_RELAY], 0);
  g_clear_pointer (&gate, bl_gate_free);
  bl_gateway_get_stats (gateway, &stats);
  ck_assert_uint_eq (stats.gates, 0);
}
END_TEST

START_TEST (a_worker_that_is_silent_is_shown_the_way_again)
{
  open_way ();
  for (int i = 0; i < 200; i++)
    nice_agent_send (peer, stream, COMPONENT, 5, "\x80ping");
  worker_hears (true);
  answer_check (bl_gate_ufrag (gate), bl_gate_pwd (gate));
}
END_TEST

START_TEST (an_ice_restart_reaches_agent_and_worker)
{
  static const char ufrag[] = "another", pwd[] = "anotherpasswordofthegate";
  open_way ();
  bl_gate_restart (gate, ufrag, pwd, &remote);
  nice_agent_restart_stream (peer, stream);
  nice_agent_set_local_credentials (peer, stream, PEER_UFRAG, PEER_PWD);
  lead_peer (ufrag, pwd);
  worker_hears (true);
  answer_check (ufrag, pwd);
}
END_TEST

START_TEST (candidates_that_trickle_in_are_tried)
{
  start (HERE);
  open_gate ();
  start_peer ();
  bl_gate_connect (gate, worker_port, "a test", &remote);
  GSList *list = nice_agent_get_local_candidates (peer, stream, COMPONENT);
  g_autofree char *text
      = nice_agent_generate_local_candidate_sdp (peer, list->data);
  BlCandidate candidate;
  ck_assert_int_eq (bl_candidate_parse (text, strlen (text), &candidate),
                    BL_CANDIDATE_OK);
  g_slist_free_full (list, (GDestroyNotify)nice_candidate_free);
  /* The peer knows no candidate of ours: it hears of the gate by its checks. */
  nice_agent_set_remote_credentials (peer, stream, bl_gate_ufrag (gate),
                                     bl_gate_pwd (gate));
  bl_gate_add (gate, &candidate, 1);
  worker_hears (true);
  answer_check (bl_gate_ufrag (gate), bl_gate_pwd (gate));
}
END_TEST

START_TEST (a_gate_that_nothing_passes_is_given_up_and_another_not)
{
  open_way ();
  nice_agent_send (peer, stream, COMPONENT, 5, "\x80ping");
  worker_hears (false);
  bl_gate_settle (gate);
  g_autoptr (BlGate) used = g_steal_pointer (&gate);
  open_gate ();
  bl_gate_settle (gate);
  while (!bl_gate_is_settled (gate))
    g_main_context_iteration (NULL, TRUE);
  ck_assert (!bl_gate_is_settled (used));
  BlGatewayStats stats;
  bl_gateway_get_stats (gateway, &stats);
  ck_assert_uint_eq (stats.gates, 1);
}
END_TEST

START_TEST (without_an_address_there_is_no_gate)
{
  BlGatewayStats stats;
  start ("192.0.2.1");
  open_gate ();
  ck_assert_ptr_null (gate);
  bl_gateway_get_stats (gateway, &stats);
  ck_assert_uint_eq (stats.refused, 1);
  ck_assert_uint_eq (stats.gates, 0);
}
END_TEST

/* The gateway of a process that may have so many open files. */
static void
start_with_files (rlim_t files)
{
  struct rlimit before, few;
  getrlimit (RLIMIT_NOFILE, &before);
  few = before;
  few.rlim_cur = files;
  setrlimit (RLIMIT_NOFILE, &few);
  start (HERE);
  setrlimit (RLIMIT_NOFILE, &before);
}

/* Half of them is room for two gates: 3 descriptors each without a TURN server,
 * and for none that is found at all addresses and at TURN servers over TCP. */
#define FEW_FILES 16

START_TEST (no_more_gates_are_opened_than_descriptors_allow)
{
  start_with_files (FEW_FILES);
  open_gate ();
  g_autoptr (BlGate) first = g_steal_pointer (&gate);
  open_gate ();
  g_autoptr (BlGate) second = g_steal_pointer (&gate);
  ck_assert (first && second);
  open_gate ();
  ck_assert_ptr_null (gate);
  g_clear_pointer (&first, bl_gate_free);
  /* Its agent is a moment from its end. */
  while (!gate)
    open_gate ();
}
END_TEST

static int
count_descriptors (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  int n = 0;
  while (g_dir_read_name (dir))
    n++;
  return n;
}

static void
add_turn (guint16 port, const char *transport)
{
  g_autofree char *url
      = g_strdup_printf ("turn:" HERE ":%u?transport=%s", port, transport);
  g_ptr_array_set_free_func (servers, (GDestroyNotify)bl_ice_server_free);
  g_ptr_array_add (servers, bl_ice_server_new (url, "u", "p"));
}

/* TURN servers over TCP that never answer: each is connected to for as long as
 * the answer waits. */
START_TEST (a_gate_holds_as_many_descriptors_as_are_planned_for)
{
  BlAddress address;
  bl_address_parse (HERE, 0, &address);
  int silent = socket (AF_INET, SOCK_STREAM, 0);
  ck_assert_int_eq (bind (silent, &address.any, address.length), 0);
  ck_assert_int_eq (listen (silent, 16), 0);
  ck_assert_int_eq (getsockname (silent, &address.any, &address.length), 0);
  for (guint i = 0; i < BL_GATEWAY_MAX_TURN + 1; i++)
    add_turn (bl_address_port (&address), i == 1 ? "udp" : "tcp");
  /* One is by UDP, and the last one left out. */
  guint planned = 1 + bl_gateway_agent_descriptors (servers, 1);
  ck_assert_uint_eq (planned, 1 + 1 + 1 + BL_GATEWAY_MAX_TURN - 1);
  start (HERE);
  /* The first also opens what all share, and has its socket towards the worker
   * when the second is opened. */
  open_gate ();
  g_autoptr (BlGate) first = g_steal_pointer (&gate);
  int before = count_descriptors ();
  bl_gate_connect (first, worker_port, "a test", &remote);
  open_gate ();
  ck_assert_ptr_nonnull (gate);
  ck_assert_int_eq (count_descriptors () - before, (int)planned);
  close (silent);
}
END_TEST

START_TEST (without_descriptors_for_one_gate_the_relay_does_not_start)
{
  g_autoptr (GError) error = NULL;
  struct rlimit before, few;
  const BlGatewayOptions options = { .servers = servers, .listen = "" };
  add_turn (9, "tcp");
  getrlimit (RLIMIT_NOFILE, &before);
  few = before;
  few.rlim_cur = FEW_FILES;
  setrlimit (RLIMIT_NOFILE, &few);
  gateway = bl_gateway_new (&options, &error);
  setrlimit (RLIMIT_NOFILE, &before);
  ck_assert_ptr_null (gateway);
  ck_assert_ptr_nonnull (strstr (error->message, "raise that limit"));
}
END_TEST

START_TEST (a_gate_that_still_says_goodbye_keeps_its_place)
{
  start_with_files (FEW_FILES);
  open_gate ();
  BlGate *other = g_steal_pointer (&gate);
  find_way ();
  nice_agent_send (peer, stream, COMPONENT, 5, "\x80ping");
  worker_hears (false);
  g_clear_pointer (&gate, bl_gate_free);
  open_gate ();
  ck_assert_ptr_null (gate);
  while (!gate)
    open_gate ();
  bl_gate_free (other);
}
END_TEST

START_TEST (viewers_leave_half_of_the_gates_to_publishers)
{
  start_with_files (FEW_FILES);
  open_gate_for (false);
  g_autoptr (BlGate) viewer = g_steal_pointer (&gate);
  ck_assert_ptr_nonnull (viewer);
  open_gate_for (false);
  ck_assert_ptr_null (gate);
  open_gate ();
  ck_assert_ptr_nonnull (gate);
}
END_TEST

int
main (void)
{
  const SuiteTest tests[] = {
    { a_gate_has_credentials_and_candidates_of_its_own, 0 },
    { the_worker_is_shown_the_way_and_both_hear_each_other, 0 },
    { how_its_address_was_found_is_counted, 0 },
    { a_worker_that_is_silent_is_shown_the_way_again, 0 },
    { an_ice_restart_reaches_agent_and_worker, 0 },
    { candidates_that_trickle_in_are_tried, 0 },
    { a_gate_that_nothing_passes_is_given_up_and_another_not, 0 },
    { without_an_address_there_is_no_gate, 0 },
    { no_more_gates_are_opened_than_descriptors_allow, 0 },
    { a_gate_holds_as_many_descriptors_as_are_planned_for, 0 },
    { without_descriptors_for_one_gate_the_relay_does_not_start, 0 },
    { a_gate_that_still_says_goodbye_keeps_its_place, 0 },
    { viewers_leave_half_of_the_gates_to_publishers, 0 },
  };
  return run_table ("relay/gateway", tests, G_N_ELEMENTS (tests), setup,
                    teardown);
}
