/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"

/* So a flood from one side can't hold up what is due on the other. */
#define READS_AT_ONCE 256

const char impair_rig_commands_help[]
    = "  [up|down] cut S    out for S seconds (forever: until restored)\n"
      "  [up|down] restore  ends that\n"
      "  [up|down] SETTINGS changes them from now on\n";

static void
watch (ImpairRig *rig, int fd)
{
  struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
  if (fd < 0 || epoll_ctl (rig->fd, EPOLL_CTL_ADD, fd, &event) != 0)
    g_error ("impair: can't watch a file: %s", g_strerror (errno));
}

ImpairRig *
impair_rig_new (int near_tun, int far_tun, uint64_t seed)
{
  ImpairRig *rig = g_new0 (ImpairRig, 1);
  rig->start_us = bl_clock_now ();
  rig->tuns[IMPAIR_UP] = near_tun;
  rig->tuns[IMPAIR_DOWN] = far_tun;
  rig->traces
      = g_ptr_array_new_with_free_func ((GDestroyNotify)impair_trace_free);
  rig->fd = epoll_create1 (EPOLL_CLOEXEC);
  rig->timer = timerfd_create (CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  watch (rig, rig->timer);
  for (unsigned way = 0; way < IMPAIR_N_WAYS; way++) {
    rig->lanes[way] = impair_lane_new (2 * seed + way, rig->start_us);
    watch (rig, rig->tuns[way]);
  }
  return rig;
}

void
impair_rig_free (ImpairRig *rig)
{
  if (!rig)
    return;
  for (unsigned way = 0; way < IMPAIR_N_WAYS; way++) {
    impair_lane_free (rig->lanes[way]);
    close (rig->tuns[way]);
  }
  close (rig->timer);
  close (rig->fd);
  g_ptr_array_unref (rig->traces);
  g_free (rig);
}

/* ---- packets ---- */

static void
take_in (ImpairRig *rig, ImpairWay way)
{
  uint8_t bytes[2 * IMPAIR_MAX_PACKET];
  BlTime now = bl_clock_now ();
  for (unsigned i = 0; i < READS_AT_ONCE; i++) {
    ssize_t n = read (rig->tuns[way], bytes, sizeof bytes);
    if (n <= 0)
      break; /* an interface that is down has nothing either */
    impair_lane_push (rig->lanes[way], bytes, (size_t)n, now);
  }
}

static void
give_out (ImpairRig *rig, ImpairWay way)
{
  const ImpairPacket *packet;
  while ((packet = impair_lane_pop (rig->lanes[way], bl_clock_now ())))
    if (write (rig->tuns[!way], packet->bytes, packet->length) < 0)
      impair_lane_refused (rig->lanes[way], packet->length);
}

static void
set_timer (ImpairRig *rig)
{
  BlTime next = MIN (impair_lane_next (rig->lanes[IMPAIR_UP]),
                     impair_lane_next (rig->lanes[IMPAIR_DOWN]));
  struct itimerspec spec = { 0 };
  if (next != BL_TIME_NEVER) {
    spec.it_value.tv_sec = (time_t)(next / BL_SECOND);
    spec.it_value.tv_nsec = (long)(next % BL_SECOND * 1000);
  }
  timerfd_settime (rig->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

void
impair_rig_work (ImpairRig *rig)
{
  uint64_t expirations;
  (void)!read (rig->timer, &expirations, sizeof expirations);
  for (ImpairWay way = 0; way < IMPAIR_N_WAYS; way++) {
    take_in (rig, way);
    give_out (rig, way);
  }
  set_timer (rig);
}

/* ---- settings ---- */

static bool
load_trace (ImpairRig *rig, ImpairSettings *settings, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;
  if (settings->trace || !settings->trace_path[0])
    return true;
  if (!g_file_get_contents (settings->trace_path, &text, &length, error))
    return false;
  ImpairTrace *trace = impair_trace_parse (text, length, error);
  if (!trace) {
    g_prefix_error (error, "%s: ", settings->trace_path);
    return false;
  }
  g_ptr_array_add (rig->traces, trace);
  settings->trace = trace;
  return true;
}

bool
impair_rig_set (ImpairRig *rig, ImpairWay way, const char *text, GError **error)
{
  ImpairSettings changed = rig->settings[way];
  if (!impair_settings_parse (&changed, text, error)
      || !load_trace (rig, &changed, error))
    return false;
  rig->settings[way] = changed;
  impair_lane_set (rig->lanes[way], &changed, bl_clock_now ());
  set_timer (rig);
  return true;
}

static bool
cut (ImpairRig *rig, ImpairWay way, const char *seconds, GError **error)
{
  char *end;
  BlTime now = bl_clock_now (), until = BL_TIME_NEVER;
  if (strcmp (seconds, "forever") != 0) {
    double s = g_ascii_strtod (seconds, &end);
    if (end == seconds || *end || !(s >= 0 && s < 1e6)) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "“%s” is no number of seconds", seconds);
      return false;
    }
    until = now + (BlTime)(s * BL_SECOND);
  }
  impair_lane_cut (rig->lanes[way], until, now);
  set_timer (rig);
  return true;
}

static bool
command_one (ImpairRig *rig, ImpairWay way, const char *rest, GError **error)
{
  if (g_str_has_prefix (rest, "cut "))
    return cut (rig, way, rest + strlen ("cut "), error);
  if (strcmp (rest, "restore") == 0)
    return cut (rig, way, "0", error);
  return impair_rig_set (rig, way, rest, error);
}

bool
impair_rig_command (ImpairRig *rig, const char *line, GError **error)
{
  g_autofree char *text = g_strstrip (g_strdup (line));
  const char *const names[] = { "up ", "down " };
  for (ImpairWay way = 0; way < IMPAIR_N_WAYS; way++)
    if (g_str_has_prefix (text, names[way]))
      return command_one (rig, way, text + strlen (names[way]), error);
  return command_one (rig, IMPAIR_UP, text, error)
         && command_one (rig, IMPAIR_DOWN, text, error);
}
