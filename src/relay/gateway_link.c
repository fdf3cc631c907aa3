/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "relay.gateway"
#include "relay/gateway_link.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/packet.h"
#include "rtc/stun.h"

#define CHECK_PREFERENCE 65535

/* The first group of pictures of a viewer who joins comes at once. */
#define RECEIVE_BUFFER_BYTES (1024 * 1024)

/* Datagrams from the worker in one go; then the others have their turn. */
#define BATCH 64

/* What is passed on unanswered before the worker is shown the way again. */
#define UNANSWERED 64

struct BlGatewayLink {
  const BlGatewayLinkCallbacks *callbacks;
  gpointer user_data;
  BlGatewayAgent *agent;
  bool gathered;
  bool used; /* anything but checks has passed */
  int kind;
  char *label;
  char *ufrag, *pwd;  /* ours */
  char *remote_ufrag; /* NULL: not connected yet */
  guint64 tie_breaker;
  int fd; /* connected to the worker */
  GSource *source;
  guint unanswered; /* by the worker, in a row */
};

/* ---- towards the worker ---- */

static void
send_to_worker (BlGatewayLink *l, const guint8 *data, gsize length)
{
  /* What doesn't fit is lost, as on any other way. */
  if (send (l->fd, data, length, 0) < 0 && errno != EAGAIN)
    bl_debug ("%s: to the worker: %s", l->label, g_strerror (errno));
}

static void
show_way (BlGatewayLink *l)
{
  BlStunCheck check = {
    .remote_ufrag = l->ufrag,
    .remote_pwd = l->pwd,
    .local_ufrag = l->remote_ufrag,
    .priority = bl_candidate_priority (BL_CANDIDATE_HOST, CHECK_PREFERENCE),
    .tie_breaker = l->tie_breaker,
  };
  guint8 datagram[BL_STUN_CHECK_BYTES];
  gsize length = bl_stun_write_check (&check, datagram);
  l->unanswered = 0;
  if (length > 0)
    send_to_worker (l, datagram, length);
}

static void
on_packet (const guint8 *data, gsize length, gpointer user_data)
{
  BlGatewayLink *l = user_data;
  if (l->fd < 0)
    return;
  if (!l->used || l->unanswered >= UNANSWERED)
    show_way (l);
  l->used = true;
  l->unanswered++;
  send_to_worker (l, data, length);
}

/* ---- towards the peer ---- */

static bool
is_stun (const guint8 *data, gsize length)
{
  return length > 0 && data[0] < 4; /* RFC 7983 */
}

static gboolean
on_readable (gint fd, GIOCondition condition, gpointer user_data)
{
  BlGatewayLink *l = user_data;
  guint8 datagram[BL_PACKET_CAPACITY];
  for (int i = 0; i < BATCH; i++) {
    ssize_t length = recv (fd, datagram, sizeof datagram, 0);
    /* A worker that isn't there reads as an error, once. */
    if (length <= 0)
      break;
    l->unanswered = 0;
    if (is_stun (datagram, (gsize)length))
      continue;
    l->used = true;
    bl_gateway_agent_send (l->agent, datagram, (gsize)length);
  }
  return G_SOURCE_CONTINUE;
}

/* ---- the agent ---- */

static void
on_gathered (gpointer user_data)
{
  BlGatewayLink *l = user_data;
  l->gathered = true;
  if (l->agent)
    l->callbacks->gathered (l, l->user_data);
}

static void
on_chosen (BlCandidateType local, gpointer user_data)
{
  BlGatewayLink *l = user_data;
  g_autofree char *pair = bl_gateway_agent_describe (l->agent);
  bl_info ("%s: full ICE: %s", l->label, pair ? pair : "no pair");
  l->kind = (int)local;
  l->callbacks->chosen (l, l->user_data);
  if (l->fd >= 0)
    show_way (l);
}

static const BlGatewayAgentCallbacks agent_callbacks = {
  .gathered = on_gathered,
  .chosen = on_chosen,
  .packet = on_packet,
};

/* ---- the object ---- */

BlGatewayLink *
bl_gateway_link_new (const BlGatewayLinkOptions *options,
                     const BlGatewayLinkCallbacks *callbacks,
                     gpointer user_data, GError **error)
{
  BlGatewayLink *l = g_new0 (BlGatewayLink, 1);
  BlGatewayAgentOptions agent = {
    .servers = options->servers,
    .addresses = options->addresses,
    .ufrag = options->ufrag,
    .pwd = options->pwd,
  };
  l->callbacks = callbacks;
  l->user_data = user_data;
  l->fd = -1;
  l->kind = -1;
  l->ufrag = g_strdup (options->ufrag);
  l->pwd = g_strdup (options->pwd);
  l->tie_breaker = (guint64)g_random_int () << 32 | g_random_int ();
  l->agent = bl_gateway_agent_new (&agent, &agent_callbacks, l);
  if (l->agent)
    return l;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NETWORK_UNREACHABLE,
               "no address of this machine can be used for media");
  bl_gateway_link_free (l, NULL, NULL);
  return NULL;
}

void
bl_gateway_link_free (BlGatewayLink *link, void (*closed) (gpointer),
                      gpointer user_data)
{
  if (!link)
    return;
  bl_gateway_agent_free (link->agent, closed, user_data);
  if (link->source) {
    g_source_destroy (link->source);
    g_source_unref (link->source);
  }
  if (link->fd >= 0)
    close (link->fd);
  g_free (link->label);
  g_free (link->ufrag);
  g_free (link->pwd);
  g_free (link->remote_ufrag);
  g_free (link);
}

bool
bl_gateway_link_is_gathered (const BlGatewayLink *link)
{
  return link->gathered;
}

const BlCandidate *
bl_gateway_link_candidates (const BlGatewayLink *link, gsize *out_count)
{
  return bl_gateway_agent_candidates (link->agent, out_count);
}

static void
open_socket (BlGatewayLink *l, const BlAddress *worker)
{
  int bytes = RECEIVE_BUFFER_BYTES;
  l->fd = socket (worker->any.sa_family,
                  SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (l->fd < 0 || connect (l->fd, &worker->any, worker->length) < 0) {
    if (l->fd >= 0)
      close (l->fd);
    l->fd = -1;
    bl_warning ("%s: no socket towards the worker: raise the limit of open"
                " files",
                l->label);
    return;
  }
  setsockopt (l->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  l->source = g_unix_fd_source_new (l->fd, G_IO_IN);
  g_source_set_callback (l->source, G_SOURCE_FUNC (on_readable), l, NULL);
  g_source_attach (l->source, g_main_context_get_thread_default ());
}

void
bl_gateway_link_connect (BlGatewayLink *link, const BlAddress *worker,
                         const char *label, const BlGatewayRemote *remote)
{
  link->label = g_strdup (label);
  link->remote_ufrag = g_strdup (remote->ufrag);
  open_socket (link, worker);
  bl_gateway_agent_connect (link->agent, remote);
}

void
bl_gateway_link_add (BlGatewayLink *link, const BlCandidate *candidates,
                     gsize n_candidates)
{
  bl_gateway_agent_add (link->agent, candidates, n_candidates);
}

void
bl_gateway_link_restart (BlGatewayLink *link, const char *ufrag,
                         const char *pwd, const BlGatewayRemote *remote)
{
  g_free (link->ufrag);
  g_free (link->pwd);
  g_free (link->remote_ufrag);
  link->ufrag = g_strdup (ufrag);
  link->pwd = g_strdup (pwd);
  link->remote_ufrag = g_strdup (remote->ufrag);
  bl_gateway_agent_restart (link->agent, ufrag, pwd);
  bl_gateway_agent_connect (link->agent, remote);
}

bool
bl_gateway_link_is_used (const BlGatewayLink *link)
{
  return link->used;
}

int
bl_gateway_link_kind (const BlGatewayLink *link)
{
  return link->kind;
}
