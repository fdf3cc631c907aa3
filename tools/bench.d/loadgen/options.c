/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <stdio.h>

static const char summary[]
    = "Loads a server with one source, which replays a recorded H.264 stream,\n"
      "and many viewers, and prints what they got: JSON in one line on "
      "stdout,\n"
      "a summary on stderr. docs/bench.md says how each figure is defined.\n\n"
      "  ours   --publish https://…/whip/ED --publish-token-file FILE\n"
      "         --watch https://…/whep/{call} --token-command 'COMMAND'\n"
      "  Janus  --rtp HOST:PORT --janus http://HOST:8088/janus --mountpoint "
      "1\n\n"
      "Exit status: 0 all viewers saw a whole keyframe, 1 some did not, or "
      "the\nsource did not get through; 2 wrong usage.";

static const char *
problem_of (const LgOptions *o)
{
  if (!o->stream)
    return "--stream FILE is needed";
  if (!o->publish == !o->rtp)
    return "give one of --publish URL and --rtp HOST:PORT";
  if (!o->watch == !o->janus)
    return "give one of --watch URL and --janus URL";
  if (o->viewers < 1 || o->viewers > 20000)
    return "--viewers is 1 to 20000";
  if (o->fps < 1 || o->fps > 240)
    return "--fps is 1 to 240";
  if (o->payload_bytes < 200 || o->payload_bytes > 1350)
    return "--payload is 200 to 1350";
  if (o->join_seconds < 0 || o->settle_seconds < 0 || o->seconds <= 0
      || o->seconds > 36000 || o->stay_seconds < 0 || o->pace_ms < 0)
    return "a time is out of range";
  return NULL;
}

bool
lg_options_parse (LgOptions *o, int argc, char **argv)
{
  *o = (LgOptions){ .viewers = 1,
                    .mountpoint = 1,
                    .join_seconds = 2,
                    .settle_seconds = 3,
                    .seconds = 10,
                    .fps = 30,
                    .payload_bytes = 1150,
                    .cpu = -1 };
  const GOptionEntry entries[] = {
    { "stream", 0, 0, G_OPTION_ARG_FILENAME, &o->stream,
      "H.264 as tools/bench stream makes it", "FILE" },
    { "publish", 0, 0, G_OPTION_ARG_STRING, &o->publish,
      "send it by WHIP to this address", "URL" },
    { "publish-token-file", 0, 0, G_OPTION_ARG_FILENAME, &o->publish_token_file,
      "Bearer token for that", "FILE" },
    { "rtp", 0, 0, G_OPTION_ARG_STRING, &o->rtp, "send it as plain RTP there",
      "HOST:PORT" },
    { "watch", 0, 0, G_OPTION_ARG_STRING, &o->watch,
      "watch by WHEP at this address; {call} is the call's id", "URL" },
    { "token-file", 0, 0, G_OPTION_ARG_FILENAME, &o->token_file,
      "Bearer token for that", "FILE" },
    { "token-command", 0, 0, G_OPTION_ARG_STRING, &o->token_command,
      "or the shell command that prints one, first word; $CALL is the call",
      "COMMAND" },
    { "janus", 0, 0, G_OPTION_ARG_STRING, &o->janus,
      "watch Janus's streaming plugin; its HTTP API", "URL" },
    { "mountpoint", 0, 0, G_OPTION_ARG_INT, &o->mountpoint, "its stream; 1",
      "ID" },
    { "ca", 0, 0, G_OPTION_ARG_FILENAME, &o->ca,
      "who signed the server's certificate (PEM); else the system's", "FILE" },
    { "viewers", 0, 0, G_OPTION_ARG_INT, &o->viewers, "how many; 1", "N" },
    { "join-seconds", 0, 0, G_OPTION_ARG_DOUBLE, &o->join_seconds,
      "their joins are spread over this; 2", "S" },
    { "settle-seconds", 0, 0, G_OPTION_ARG_DOUBLE, &o->settle_seconds,
      "then wait so long; 3", "S" },
    { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &o->seconds,
      "then measure so long; 10", "S" },
    { "stay-seconds", 0, 0, G_OPTION_ARG_DOUBLE, &o->stay_seconds,
      "each viewer leaves after a random time of this mean, and another comes; "
      "0: they stay",
      "S" },
    { "server-pid", 0, 0, G_OPTION_ARG_INT, &o->server_pid,
      "the server's process, for its CPU time, memory and threads", "PID" },
    { "cpu", 0, 0, G_OPTION_ARG_INT, &o->cpu, "run on this core only", "N" },
    { "fps", 0, 0, G_OPTION_ARG_INT, &o->fps, "pictures a second; 30", "N" },
    { "payload", 0, 0, G_OPTION_ARG_INT, &o->payload_bytes,
      "bytes of H.264 in a packet at most; 1150", "N" },
    { "pace-ms", 0, 0, G_OPTION_ARG_DOUBLE, &o->pace_ms,
      "spread a picture's packets over this; 0: a burst", "MS" },
    { "no-gro", 0, 0, G_OPTION_ARG_NONE, &o->no_gro,
      "receive each datagram by itself, without UDP_GRO", NULL },
    { "phases", 0, 0, G_OPTION_ARG_NONE, &o->phases,
      "say “phase NAME” on standard error as each begins", NULL },
    { "quiet", 0, 0, G_OPTION_ARG_NONE, &o->quiet, "no summary", NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  g_option_context_set_summary (context, summary);
  g_option_context_add_main_entries (context, entries, NULL);
  bool parsed = g_option_context_parse (context, &argc, &argv, &error);
  const char *problem = !parsed    ? error->message
                        : argc > 1 ? "too many words"
                                   : problem_of (o);
  if (problem)
    fprintf (stderr, "loadgen: %s; see --help\n", problem);
  return problem == NULL;
}

void
lg_options_clear (LgOptions *o)
{
  char *texts[] = { o->stream,        o->publish, o->publish_token_file,
                    o->rtp,           o->watch,   o->token_file,
                    o->token_command, o->janus,   o->ca };
  for (unsigned i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (texts[i]);
}
